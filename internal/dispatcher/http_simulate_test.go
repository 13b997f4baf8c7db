package dispatcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

func TestSimulate(t *testing.T) {
	b := newBench(t)
	ask := func(ev *event.Binary, want string) {
		t.Helper()
		code, body := b.call("POST", "/api/v2/event/simulate", ev)
		if code != 200 || string(body) != `{"consumers":[`+want+`]}` {
			t.Errorf("%d %s\nwant %s", code, body, want)
		}
	}
	row := func(name, trigger string) string {
		return fmt.Sprintf(`{"name":%q,"version":"1","filter_out":%t,"filter_out_trigger":%q}`, name, trigger != "", trigger)
	}
	ev := b.file("src", "content")
	ask(ev, "")
	for name, query := range map[string]string{
		"All": "", "Big": "&r-over-content-size=1000", "Small": "&r-under-content-size=2", "Deep": "&r-action=extracted",
		"Else": "&r-source=other", "Text": "&r-streams=text", "Other": "&d-self=true",
	} {
		b.pollModel("binary/active", "name="+name+"&version=1&deadline=1&r-live=true"+query)
	}
	b.pollModel("plugin/passive", "name=Ingest&version=1&deadline=1&r-live=true")
	rows := []string{
		row("All", ""), row("Big", skipTooSmall), row("Deep", skipEventType), row("Else", skipSource), row("Ingest", ""),
		row("Other", ""), row("Small", skipTooLarge), row("Text", skipStream),
	}
	ask(ev, strings.Join(rows, ","))
	for range 10 {
		ev.Source.Path = append(ev.Source.Path, ev.Source.Path[0])
	}
	ask(ev, strings.Join(rows, ",")) // eleven is the limit of simulate, also for active consumers
	b.restart()
	ask(ev, strings.Join(rows, ","))
	ev.Source.Path = append(ev.Source.Path, ev.Source.Path[0])
	_, body := b.call("POST", "/api/v2/event/simulate", ev)
	if n := strings.Count(string(body), skipDeep); n != 7 {
		t.Errorf("%d consumers pass over an event that is too deep, want all seven of binaries: %s", n, body)
	}
	if n := len(b.records("azul.lazuli.system.plugin")); n != 0 {
		t.Errorf("%d events were published", n)
	}
	b.clock.advance(23 * time.Hour)
	b.pollModel("binary/active", "name=All&version=1&deadline=1&r-live=true")
	b.clock.advance(2 * time.Hour)
	ev.Source.Path = ev.Source.Path[:1]
	ask(ev, row("All", ""))
}

func TestSimulateRefuses(t *testing.T) {
	b := newBench(t)
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "{", "a list": "[]", "old": `{"model_version":5}`, "not valid": `{"model_version":6,"author":{"name":"x"}}`,
	} {
		code, answer := b.call("POST", "/api/v2/event/simulate", body)
		if code != 422 || !strings.Contains(string(answer), `"detail":"`) {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
}
