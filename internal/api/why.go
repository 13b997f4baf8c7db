package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/event"
	"lazuli/internal/index"
)

// Explanation is where one event stands with one consumer, as the dispatcher says it.
type Explanation struct {
	Plugin   string `json:"plugin"`
	Version  string `json:"version"`
	Consumer string `json:"consumer"`
	Position string `json:"position"`
	Feed     string `json:"feed,omitempty"`
	State    string `json:"state"`  // waiting, running, skipped, ended, still, absent
	Active   bool   `json:"active"` // somebody works for the consumer

	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail,omitempty"`

	Ahead     int64     `json:"ahead,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`

	Worker  string    `json:"worker,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Lease   time.Time `json:"lease_ends,omitzero"`
	Attempt int       `json:"attempt,omitempty"`
	Failed  int       `json:"failed,omitempty"`
}

// Why answers why a plugin did or did not run on a file: its most telling event, and what the last job came to.
type Why struct {
	Explanation
	Sentence string        `json:"sentence"`
	Status   *index.Status `json:"status,omitempty"`
	Others   []Explanation `json:"others,omitempty"` // of the file's other events
}

// WhyAnswer is what every instance that answers says of its plugins.
type WhyAnswer struct {
	Plugins []Why    `json:"plugins"`
	Silent  []Silent `json:"silent,omitempty"`
}

type whyList struct {
	SHA256 string `json:"sha256"`
	WhyAnswer
}

type whyInput struct {
	Hash   string `path:"hash" doc:"SHA-256, SHA-1 or MD5"`
	Plugin string `query:"plugin" doc:"only this one"`
}

func (a *API) why(ctx context.Context, in *whyInput) (*struct{ Body whyList }, error) {
	b, err := a.Index.Binary(ctx, readerOf(ctx), in.Hash)
	if err != nil {
		return nil, a.problem(err)
	}
	answer, err := a.Why(ctx, b)
	if err != nil {
		return nil, a.problem(err)
	}
	if in.Plugin != "" {
		answer.Plugins = slices.DeleteFunc(answer.Plugins, func(w Why) bool { return !strings.EqualFold(w.Plugin, in.Plugin) })
		if len(answer.Plugins)+len(answer.Silent) == 0 {
			return nil, huma.Error404NotFound(fmt.Sprintf("no plugin %q is registered or has polled", in.Plugin))
		}
	}
	return &struct{ Body whyList }{whyList{b.SHA256, answer}}, nil
}

// rank orders the states of an event by how much they tell.
var rank = map[string]int{"running": 0, "waiting": 1, "ended": 2, "skipped": 3, "still": 4, "absent": 5, unpolled: 6, part: 7}

// States of plugins that registered and never polled: of a part of another plugin that does, and of others.
const (
	unpolled = "unpolled"
	part     = "part"
)

// Why says of every plugin that polls or is registered why it did or did not run on a file, by name, the newest version first.
func (a *API) Why(ctx context.Context, b *index.Binary) (WhyAnswer, error) {
	all, silent, err := a.Dispatcher.Explain(ctx, positions(b))
	if err != nil {
		return WhyAnswer{}, err
	}
	registered, err := a.Index.Plugins(ctx, readerOf(ctx))
	if err != nil {
		return WhyAnswer{}, err
	}
	shown := shownAmong(readerOf(ctx), registered)
	all = slices.DeleteFunc(all, func(e Explanation) bool { return !shown(e.Plugin, e.Version) })
	list := []Why{}
	byConsumer := map[string]int{}
	known := map[string]bool{}
	order := map[string]int{} // of events by what they are: one that brings content says most
	for _, e := range b.Events {
		order[e.Position] = slices.Index(event.Actions, event.Action(e.Action))
	}
	slices.SortStableFunc(all, func(x, y Explanation) int {
		return cmp.Or(cmp.Compare(rank[x.State], rank[y.State]), cmp.Compare(order[x.Position], order[y.Position]))
	})
	for _, e := range all {
		known[e.Plugin+" "+e.Version] = true
		if i, ok := byConsumer[e.Consumer]; ok {
			list[i].Others = append(list[i].Others, e)
			continue
		}
		byConsumer[e.Consumer] = len(list)
		list = append(list, Why{Explanation: e})
	}
	for _, p := range registered {
		if !known[p.Name+" "+p.Version] {
			e := Explanation{Plugin: p.Name, Version: p.Version, State: unpolled}
			if whole := wholeOf(p.Name, p.Version, known); whole != "" {
				e.State, e.Detail = part, "is a part of "+whole+", which asks for its work"
			}
			list = append(list, Why{Explanation: e})
		}
	}
	for i := range list {
		w := &list[i]
		for j := range b.Statuses {
			if st := &b.Statuses[j]; st.Plugin == w.Plugin && st.Version == w.Version {
				w.Status = st
			}
		}
		if w.Status != nil && rank[w.State] > rank["ended"] {
			w.State = "ended" // a job of an event that is no longer there, or that the filter took before
		}
		w.Sentence = w.sentence()
	}
	slices.SortFunc(list, func(x, y Why) int {
		return cmp.Or(strings.Compare(x.Plugin, y.Plugin), strings.Compare(y.Version, x.Version), strings.Compare(x.Consumer, y.Consumer))
	})
	return WhyAnswer{list, silent}, nil
}

// wholeOf is the plugin that polls of which one is a part: parts are named PLUGIN-PART. "" if there is none.
func wholeOf(name, version string, polls map[string]bool) string {
	for i := range name {
		if name[i] == '-' && polls[name[:i]+" "+version] {
			return name[:i]
		}
	}
	return ""
}

// sentence says it in words.
func (w *Why) sentence() string {
	var text string
	switch w.State {
	case "running":
		text = "has it since " + w.Since.UTC().Format("15:04:05 UTC")
		if w.Worker != "" {
			text += " at " + w.Worker
		}
		if w.Attempt > 1 {
			text += fmt.Sprintf(", hand-out %d", w.Attempt)
		}
	case "waiting":
		text = "has it next"
		if w.Ahead > 0 {
			text = fmt.Sprintf("has at most %d events before it", w.Ahead)
		}
		if !w.NotBefore.IsZero() {
			text = "tries again after " + w.NotBefore.UTC().Format("15:04:05 UTC")
		}
		if w.Failed > 0 {
			text += fmt.Sprintf("; %d attempts came to nothing", w.Failed)
		}
		if w.Detail != "" {
			text += "; " + w.Detail
		}
	case "ended":
		if w.Status == nil {
			return "is done with it, and left no status"
		}
		text = fmt.Sprintf("%s, %.2f s, %s", w.Status.State, w.Status.Runtime, w.Status.Timestamp.UTC().Format("2006-01-02 15:04:05 UTC"))
		if said := cmp.Or(w.Status.Message, w.Status.Error); said != "" {
			text += ": " + said
		}
		return text
	case "skipped", part:
		return w.Detail
	case "still":
		text = w.Detail
	case "absent":
		return "the event is no longer in the log"
	case unpolled:
		return "is registered and has never asked for work"
	}
	if !w.Active {
		text += "; nobody runs it now"
	}
	return text
}
