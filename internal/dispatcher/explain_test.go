package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestExplainRetries: a job that was given up and is tried again is waited for.
func TestExplainRetries(t *testing.T) {
	const at = "azul.lazuli.src.binary.sourced/0/0"
	b := newBench(t)
	pending := func() (list []string) {
		jobs, _, err := b.d.Pending(t.Context(), []string{at})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			list = append(list, j.Plugin+" "+j.State+" "+j.Feed)
		}
		return list
	}
	wants := func(when, state, waitedFor string) {
		t.Helper()
		if got := b.why(at); got != "Other running historic\n"+state {
			t.Errorf("%s: %q, want %q", when, got, state)
		}
		if got := strings.Join(pending(), ", "); got != waitedFor {
			t.Errorf("%s: waited for %q, want %q", when, got, waitedFor)
		}
	}
	b.publish(b.file("src", "poison"), b.file("src", "more"))
	b.look("Other", "")
	b.look("P", "")
	b.look("P", "")
	for range 3 {
		b.clock.advance(2 * time.Minute)
		b.d.reap(t.Context())
		b.look("P", "")
		b.look("P", "")
	}
	b.d.reap(t.Context())
	b.look("Other", "")
	wants("given up", "P ended historic", "Other running historic")
	ids := b.openLetters()
	if len(ids) != 2 {
		t.Fatalf("dead letters %q", ids)
	}
	for _, id := range []string{ids[1], ids[0]} {
		if err := b.d.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	wants("before a poll", "P waiting retry, 1 ahead", "Other running historic, P waiting retry")
	first := b.look("P", "worker=w")
	wants("looked at", "P waiting retry", "Other running historic, P waiting retry")
	job := b.look("P", "")
	wants("out", "P running retry", "Other running historic, P running retry")
	b.restart()
	b.look("Other", "")
	b.look("P", "")
	wants("out, after a restart", "P running retry", "Other running historic, P running retry")
	b.status(first, "P", event.Completed)
	b.status(job, "P", event.Completed)
	wants("done", "P ended historic", "Other running historic")
}

// TestExplainRetryThatNobodyNeeds: the job ended well after somebody had it tried again, and does not go out.
func TestExplainRetryThatNobodyNeeds(t *testing.T) {
	const at = "azul.lazuli.src.binary.sourced/0/0"
	b := newBench(t)
	b.publish(b.file("src", "slow"))
	late := b.kill("P", "slow")
	if err := b.d.Retry(t.Context(), b.openLetters()[0]); err != nil {
		t.Fatal(err)
	}
	if got := b.why(at); got != "P waiting retry" {
		t.Errorf("tried again: %q", got)
	}
	b.status(late, "P", event.Completed)
	if err := b.d.letters.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.why(at); got != "P ended historic" {
		t.Errorf("after the late success: %q", got)
	}
}

// TestExplainWithoutAnInstance: the others answer, and say who did not.
func TestExplainWithoutAnInstance(t *testing.T) {
	c := newCluster(t, 3)
	c.give(1, 0, 1)
	c.give(2, 2, 3)
	c.publish(c.file("src", "x"))
	for i := range 6 {
		c.mustPoll(fmt.Sprint("P", i), "x")
	}
	gone, others := c.nodes[2].d.opts.Address, 0
	for _, consumer := range c.nodes[1].d.all() {
		if consumer.Model == event.ModelBinary {
			others++
		}
	}
	if others == 0 || others == 6 {
		t.Fatalf("%d of 6 consumers belong to one instance", others)
	}
	c.nodes[2].server.Close()
	const at = "azul.lazuli.src.binary.sourced/0/0"
	code, body := c.call("POST", "/api/v1/explain", explainRequest{Positions: []string{at}})
	var answer explainAnswer
	if err := json.Unmarshal(body, &answer); code != http.StatusOK || err != nil {
		t.Fatalf("%d %s", code, body)
	}
	if len(answer.Jobs) != others || len(answer.Silent) != 1 || answer.Silent[0].Instance != gone || answer.Silent[0].Error == "" {
		t.Errorf("%s", body)
	}
	jobs, silent, err := c.d.Pending(t.Context(), []string{at})
	if err != nil || len(jobs) != others || len(silent) != 1 {
		t.Errorf("pending: %v %v %v", jobs, silent, err)
	}
}

// TestExplainOfManyPositions: more than a URL holds, and than one request may ask.
func TestExplainOfManyPositions(t *testing.T) {
	c := newCluster(t, 2)
	c.give(1, 0, 1, 2, 3)
	c.publish(c.file("src", "x"))
	c.mustPoll("P", "x")
	var positions []string
	for range 3000 {
		positions = append(positions, "azul.lazuli.src.binary.sourced/0/0")
	}
	list, silent, err := c.d.ExplainEverywhere(t.Context(), positions)
	if err != nil || len(silent) > 0 || len(list) != 3000 {
		t.Fatalf("%d answers, %v, %v", len(list), silent, err)
	}
	jobs, silent, err := c.d.Pending(t.Context(), positions)
	if err != nil || len(silent) > 0 || len(jobs) != 3000 || jobs[0].State != StateRunning {
		t.Errorf("%d jobs, %v, %v", len(jobs), silent, err)
	}
	if code, body := c.call("POST", "/api/v1/explain", explainRequest{Positions: positions[:501]}); code != 422 || !strings.Contains(string(body), "the limit is 500") {
		t.Errorf("too many: %d %s", code, body)
	}
	if code, _ := c.call("POST", "/api/v1/explain", `{"positions":["`+strings.Repeat("x", 1<<20)+`"]}`); code != 413 {
		t.Errorf("too large: %d", code)
	}
	for _, body := range []string{"", "[]", `{"positions":["nonsense"]}`} {
		if code, _ := c.call("POST", "/api/v1/explain", body); code != 422 {
			t.Errorf("%s: %d", body, code)
		}
	}
}

// TestExplainBetweenOwners: consumers that change hands are waited for, and so are their polls, which may take a moment to follow.
func TestExplainBetweenOwners(t *testing.T) {
	const at = "azul.lazuli.src.binary.sourced/0/0"
	c := newCluster(t, 2)
	c.give(0, 0, 1, 2)
	c.publish(c.file("src", "x"))
	jobs, silent, err := c.d.Pending(t.Context(), []string{at})
	if err != nil || len(jobs) != 0 || len(silent) != 1 || silent[0].Instance != "the future owner of 1 of 4 parts of the consumers" {
		t.Errorf("with a part that nobody owns: %v %v %v", jobs, silent, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.d.AwaitOwners(over); err == nil || !strings.HasPrefix(err.Error(), "1 of 4 parts") {
		t.Errorf("await owners: %v", err)
	}
	c.give(0, 3)
	if err := c.d.AwaitOwners(t.Context()); err != nil {
		t.Error(err)
	}
	pending := func(when string, want ...string) {
		t.Helper()
		jobs, silent, err := c.d.Pending(t.Context(), []string{"azul.lazuli.src.binary.sourced/0/1"})
		var got []string
		for _, j := range jobs {
			got = append(got, j.Plugin)
		}
		if err != nil || len(silent) > 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v %v", when, got, silent, err)
		}
	}
	c.status(c.mustPoll("P", "x"), "P", event.Completed)
	c.settle()
	c.clock.advance(activeFor)
	c.publish(c.file("src", "y"))
	pending("nobody works")
	c.give(1, everyPartition...)
	if err := c.d.AwaitOwners(t.Context()); err != nil { // until it has heard of the new one
		t.Fatal(err)
	}
	pending("moved", "P")
	c.clock.advance(arrivalTime)
	pending("moved, and nobody came")
}
