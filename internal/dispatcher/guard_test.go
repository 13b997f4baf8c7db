package dispatcher

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/security"
)

// levels are labels with two classifications.
func levels(t testing.TB) *security.Scheme {
	t.Helper()
	c := security.Default()
	c.Labels.Classification.Options = append(c.Labels.Classification.Options, security.Classification{Name: "SECRET", Priority: 50})
	s, err := security.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// labelled is a file with a label.
func (b *bench) labelled(content, label string) *event.Binary {
	f := b.file("src", content)
	f.Source.Security = label
	return f
}

func TestMaxSecurity(t *testing.T) {
	b := newBench(t)
	b.opts.Security = levels(t)
	b.restart()
	b.publish(b.labelled("one", "SECRET"), b.labelled("two", "TOP SECRET"), b.labelled("three", "official//tlp:green"),
		b.labelled("four", "OFFICIAL TLP:AMBER+STRICT"), b.labelled("five", ""))
	got, info := b.poll("P", "max-security=OFFICIAL+TLP:CLEAR&"+allFeeds)
	if got == nil || got.Source.Security != "official//tlp:green" || info.Filtered != 3 || info.Filters[skipSecurity] != 3 {
		t.Fatalf("got %+v, %+v", got, info)
	}
	if got, _ := b.poll("P", "max-security=OFFICIAL+TLP:CLEAR&"+allFeeds); got == nil || got.Source.Security != "" {
		t.Fatalf("got %+v; what has no label passes", got)
	}
	if got := b.look("Q", "max-security=secret"); got == nil || got.Source.Security != "SECRET" {
		t.Errorf("up to SECRET: %+v", got)
	}
	for _, want := range []string{"SECRET", "TOP SECRET"} {
		if got := b.look("R", ""); got == nil || got.Source.Security != want {
			t.Errorf("without max-security: %+v, want %s", got, want)
		}
	}
	why := b.why("azul.lazuli.src.binary.sourced/0/1")
	if want := `P skipped historic FilterSecurity-max_security: its label is "TOP SECRET", and the plugin may have at most OFFICIAL TLP:CLEAR`; !strings.Contains(why, want) {
		t.Errorf("%s\nwant %s", why, want)
	}
}

func TestMaxSecurityMustBeALabel(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"binary/active", "binary/passive", "status/passive"} {
		code, body := b.call("GET", "/api/v2/event/"+path+"?name=P&version=1&r-live=true&deadline=0&max-security=COSMIC", nil)
		if want := `max-security: label \"COSMIC\": unknown label \"COSMIC\"`; code != http.StatusUnprocessableEntity || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, want 422 with %s", path, code, body, want)
		}
	}
}

func TestMaxSecurityOfModels(t *testing.T) {
	b := newBench(t)
	b.opts.Security = levels(t)
	b.restart()
	download := func(label string) *event.Download {
		d := &event.Download{Head: b.file("src", "x").Head, Source: b.labelled("x", label).Source, Action: "requested"}
		d.Entity.Hash = strings.Repeat("a", 64)
		return d
	}
	if _, err := b.d.Publish(t.Context(), download("SECRET"), download("OFFICIAL")); err != nil {
		t.Fatal(err)
	}
	events, info := b.pollModel("download/passive", "name=P&version=1&count=9&deadline=1&r-live=true&r-historic=true&max-security=OFFICIAL")
	var got event.Download
	if len(events) != 1 || json.Unmarshal(events[0], &got) != nil || got.Source.Security != "OFFICIAL" || info.Filters[skipSecurity] != 1 {
		t.Errorf("downloads: %s, %+v", events, info)
	}
	job := b.labelled("job", "SECRET")
	b.publish(job)
	b.status(b.look("S", ""), "S", event.Completed)
	if events, _ := b.pollModel("status/passive", "name=P&version=1&count=9&deadline=1&r-live=true&r-historic=true&max-security=OFFICIAL"); len(events) != 1 {
		t.Errorf("%d statuses, which have no label of their own", len(events))
	}
}

// TestLowerMaxSecurityHoldsForWhatIsReady: jobs that an earlier poll's filter let through do not go out under a lower one,
// whether they are in memory or come back from the log, wait for the first time or again.
func TestLowerMaxSecurityHoldsForWhatIsReady(t *testing.T) {
	b := newBench(t)
	b.opts.Security = levels(t)
	b.restart()
	b.publish(b.labelled("one", "SECRET"), b.labelled("two", "SECRET"), b.labelled("three", "SECRET"), b.labelled("four", "OFFICIAL"))
	if got := b.look("P", ""); got == nil || got.Source.Security != "SECRET" {
		t.Fatalf("got %+v", got)
	}
	b.clock.advance(b.opts.Lease + time.Second) // the job that is out waits again
	b.d.reap(t.Context())
	b.restart()
	if got := b.look("P", "max-security=OFFICIAL"); got == nil || got.Source.Security != "OFFICIAL" {
		t.Fatalf("got %+v, want the one below", got)
	}
	if got := b.look("P", "max-security=OFFICIAL"); got != nil {
		t.Fatalf("got %+v", got)
	}
}

// TestOtherLabelsHoldForWhatIsReady: the configuration changes while the dispatcher is down.
func TestOtherLabelsHoldForWhatIsReady(t *testing.T) {
	b := newBench(t)
	b.opts.Security = levels(t)
	b.restart()
	b.publish(b.labelled("one", "SECRET"), b.labelled("two", "SECRET"))
	const query = "max-security=SECRET"
	if b.look("P", query) == nil {
		t.Fatal("no job")
	}
	c := security.Default()
	c.Labels.Classification.Options = []security.Classification{{Name: "SECRET", Priority: 1}, {Name: "OFFICIAL", Priority: 2}}
	c.Labels.Caveat.Options = []security.Caveat{{Name: "EYES ONLY"}}
	other, err := security.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.opts.Security = other
	b.restart()
	if got := b.look("P", query); got == nil {
		t.Fatal("what was allowed and is allowed did not come")
	}
	plain, err := security.New(security.Default()) // without SECRET: the stored filter is not understood, nor is the label
	if err != nil {
		t.Fatal(err)
	}
	b.opts.Security = plain
	b.restart()
	b.publish(b.labelled("three", "SECRET"))
	if got := b.look("P", "max-security=OFFICIAL"); got != nil {
		t.Fatalf("got %+v, whose label is unknown", got)
	}
}

// TestPollsTakeByTheirOwnMaxSecurity: a poll that may have less takes nothing by a filter that may have more.
func TestPollsTakeByTheirOwnMaxSecurity(t *testing.T) {
	b := newBench(t)
	b.publish(b.labelled("one", "OFFICIAL TLP:AMBER+STRICT"))
	if b.look("P", "max-security=OFFICIAL+TLP:AMBER%2BSTRICT&r-streams=nothing") != nil {
		t.Fatal("the filter let something through")
	}
	var c *consumer
	for _, c = range b.d.consumers {
	}
	low, err := newGuard(b.d.opts.Security, "OFFICIAL")
	if err != nil {
		t.Fatal(err)
	}
	b.publish(b.labelled("two", "OFFICIAL"))
	c.filter.streams = nil
	jobs, err := c.take(t.Context(), &demand{count: 1, until: b.clock.Now().Add(time.Minute), limit: low.limit(), skipped: map[string]int{}})
	if len(jobs) > 0 || err != errRival {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	jobs, err = c.take(t.Context(), &demand{count: 1, until: b.clock.Now().Add(time.Minute), limit: c.filter.security.limit(), skipped: map[string]int{}})
	if len(jobs) != 1 || err != nil {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	c.giveBack(jobs, false)
}

func TestFiltersDifferByMaxSecurity(t *testing.T) {
	s := levels(t)
	hash := func(text string) string {
		f := filter{model: event.ModelBinary, maxDepth: 10}
		if text != "" {
			g, err := newGuard(s, text)
			if err != nil {
				t.Fatal(err)
			}
			g.skips("OFFICIAL") // what is remembered is no part of it
			f.security = g
		}
		return f.hash()
	}
	if hash("") == hash("OFFICIAL") || hash("OFFICIAL") == hash("SECRET") || hash("official") != hash("OFFICIAL") {
		t.Error(hash(""), hash("OFFICIAL"), hash("SECRET"), hash("official"))
	}
}

func TestSecurityComesAfterDepthAndBeforeRules(t *testing.T) {
	g, err := newGuard(levels(t), "OFFICIAL")
	if err != nil {
		t.Fatal(err)
	}
	f := filter{model: event.ModelBinary, maxDepth: 10, expiry: anySource{}.Expiry, sources: []string{"src"}, security: g}
	for _, c := range []struct {
		routing event.Routing
		want    string
	}{
		{event.Routing{Source: "shortlived", Submitted: time.Unix(0, 1), Depth: 11, Security: "SECRET"}, skipExpired},
		{event.Routing{Source: "other", Depth: 11, Security: "SECRET"}, skipDeep},
		{event.Routing{Source: "other", Security: "SECRET"}, skipSecurity},
		{event.Routing{Source: "other", Security: "OFFICIAL"}, skipSource},
		{event.Routing{Source: "src", Security: "OFFICIAL"}, passed},
	} {
		if got := f.skip(&c.routing, "P", time.Now()); got != c.want {
			t.Errorf("%+v: %q, want %q", c.routing, got, c.want)
		}
	}
	for model, want := range map[event.Model]string{event.ModelDownload: skipSecurity, event.ModelPlugin: passed} {
		f.model = model
		if got := f.skip(&event.Routing{Model: model, Source: "other", Depth: 11, Security: "SECRET"}, "P", time.Now()); got != want {
			t.Errorf("%s: %q, want %q", model, got, want)
		}
	}
}

func TestGuardRemembersLittle(t *testing.T) {
	g, err := newGuard(levels(t), "OFFICIAL")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxKnown {
		if !g.skips(fmt.Sprintf("LABEL %d", i)) {
			t.Fatalf("label %d passes", i)
		}
		if len(g.known) > maxKnown {
			t.Fatalf("%d decisions", len(g.known))
		}
	}
	before := len(g.known)
	if !g.skips(strings.Repeat("x", security.MaxText+1)) || len(g.known) != before {
		t.Error("a label without end is kept, or passes")
	}
	for _, text := range []string{"OFFICIAL", "OFFICIAL", ""} { // the second time from memory
		if g.skips(text) {
			t.Errorf("%q is skipped", text)
		}
	}
	var none *guard
	if none.skips("SECRET") || none.denies("SECRET") {
		t.Error("no guard keeps something")
	}
}

func BenchmarkSkipBySecurity(b *testing.B) {
	g, err := newGuard(levels(b), "OFFICIAL")
	if err != nil {
		b.Fatal(err)
	}
	f := filter{model: event.ModelBinary, maxDepth: 10, expiry: func(string) time.Duration { return 0 }, security: g}
	r, now := &event.Routing{Source: "src", Security: "SECRET TLP:GREEN"}, time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if f.skip(r, "P", now) != skipSecurity {
			b.Fatal("passed")
		}
	}
}
