package dispatcher

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lazuli/event"
)

// why returns one line for each consumer: its name, the state, and what else says why.
func (b *bench) why(positions ...string) string {
	b.t.Helper()
	code, body := b.call("GET", "/api/v1/explain?"+url.Values{"position": positions}.Encode(), nil)
	var answer explainAnswer
	if err := json.Unmarshal(body, &answer); code != http.StatusOK || err != nil {
		b.t.Fatalf("%d %s", code, body)
	}
	var lines []string
	for _, e := range answer.Jobs {
		line := e.Plugin + " " + e.State
		if e.Feed != "" {
			line += " " + e.Feed
		}
		if e.Rule != "" {
			line += " " + e.Rule + ": " + e.Detail
		}
		if e.Ahead > 0 {
			line += fmt.Sprintf(", %d ahead", e.Ahead)
		}
		if e.Worker != "" {
			line += " at " + e.Worker
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestExplain(t *testing.T) {
	const first, second = "azul.lazuli.src.binary.sourced/0/0", "azul.lazuli.src.binary.sourced/0/1"
	b := newBench(t)
	b.publish(b.file("src", "one"), b.file("src", "two"))
	b.look("Busy", "")
	b.look("Done", "")
	b.status(b.look("Done", ""), "Done", event.Completed)
	b.look("Images", "r-streams=content%2Cimage/%2Cdocument/")
	b.look("Small", "r-under-content-size=2")
	b.look("Enriched", "r-action=enriched")
	b.look("Denies", "d-action=sourced")
	b.look("Elsewhere", "r-source=other")
	if _, info := b.poll("Live", "r-live=true"); info.Fetched > 0 {
		t.Fatal("a live event")
	}
	want := strings.TrimSpace(`
Busy running historic
Denies skipped historic FilterConsumerRules-reject_event_type: the event is sourced, which the plugin does not want
Done running historic
Elsewhere skipped FilterConsumerRules-reject_source: it is of source src, and the plugin asks for other
Enriched skipped FilterConsumerRules-reject_event_type: the event is sourced, and the plugin asks for enriched
Images skipped historic FilterConsumerRules-reject_file_format: it has content text/plain, and the plugin asks for content of image/ or document/
Live still historic
Small skipped historic FilterConsumerRules-reject_content_too_large: the content has 3 bytes, and the plugin takes at most 2`)
	if got := b.why(first); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := b.why(second); !strings.Contains(got, "Busy waiting historic\n") || !strings.Contains(got, "Done ended historic\n") {
		t.Errorf("of the second event\n%s", got)
	}
	b.restart() // filters are known before anybody polls again
	if got := b.why(first); got != want {
		t.Errorf("after a restart\n%s\nwant\n%s", got, want)
	}
	if got := b.why("azul.lazuli.src.binary.sourced/0/7"); !strings.HasPrefix(got, "Busy absent\n") {
		t.Errorf("of an event that is not there\n%s", got)
	}
	if code, body := b.call("GET", "/api/v1/explain?position=nonsense", nil); code != 422 {
		t.Errorf("%d %s", code, body)
	}
}

func TestExplainCountsWhatIsAhead(t *testing.T) {
	b := newBench(t)
	b.look("P", "")
	for i := range 100 {
		b.publish(b.file("src", fmt.Sprint(i)))
	}
	if got := b.why("azul.lazuli.src.binary.sourced/0/99"); got != "P waiting live, 99 ahead" {
		t.Errorf("%q", got)
	}
	b.look("P", "")
	if got := b.why("azul.lazuli.src.binary.sourced/0/99"); got != "P waiting live, 98 ahead" {
		t.Errorf("%q", got)
	}
}

func TestExplainAsksEveryInstance(t *testing.T) {
	c := newCluster(t, 3)
	c.give(1, 0, 1)
	c.give(2, 2, 3)
	c.publish(c.file("src", "x"))
	for i := range 6 {
		c.mustPoll(fmt.Sprint("P", i), "x")
	}
	got := c.why("azul.lazuli.src.binary.sourced/0/0")
	if n := strings.Count(got, " running historic"); n != 6 || strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%s", got)
	}
}

// Another instance's consumers are told of as well, of however many events.
func TestExplainOfAnotherInstance(t *testing.T) {
	c := newCluster(t, 2)
	c.give(1, 0, 1, 2, 3)
	c.publish(c.file("src", "x"))
	c.mustPoll("P", "x")
	positions := make([]string, 3000)
	for i := range positions {
		positions[i] = fmt.Sprintf("azul.lazuli.src.binary.sourced/0/%d", i)
	}
	list, err := c.nodes[0].d.ExplainEverywhere(t.Context(), positions)
	if err != nil || len(list) != len(positions) || list[0].State != StateRunning {
		t.Fatalf("%d explanations, %v", len(list), err)
	}
}
