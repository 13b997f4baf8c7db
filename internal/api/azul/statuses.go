package azul

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/index"
)

// The states that statuses do not have and that are computed: a job waits, the plugin's filter leaves the file out, a plugin that works on
// it has not been heard of for longer than heartbeatLost.
const (
	stateQueued      = "queued"
	statePrefiltered = "prefiltered"
	stateLost        = "heartbeat-lost"
	heartbeatLost    = 2 * time.Minute
)

// statuses tells of each plugin the newest word on the file, and where the file stands with those that have not said any.
func (s *Server) statuses(ctx context.Context, c *call, in *SHA256Input) (items[statusEvent], error) {
	none := items[statusEvent]{}
	sha := strings.ToLower(in.SHA256)
	list, _, err := s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{})
	if err != nil {
		return none, err
	}
	said, err := s.Index.Statuses(ctx, c.reader, sha)
	if err != nil {
		return none, err
	}
	plugins, err := s.Index.Plugins(ctx, c.reader)
	if err != nil {
		return none, err
	}
	positions := make([]string, len(list))
	for i := range list {
		positions[i] = list[i].Position
	}
	standing, err := s.Dispatcher.Standing(ctx, positions)
	if err != nil {
		return none, err
	}
	out := newestStatuses(said, s.Now())
	out = append(out, unsaid(sha, out, plugins, standing, s.Now())...)
	for i := range out {
		c.label(out[i].Security)
	}
	slices.SortStableFunc(out, func(x, y statusEvent) int {
		return cmp.Or(strings.Compare(x.Author.Name, y.Author.Name), strings.Compare(y.Timestamp, x.Timestamp))
	})
	return items[statusEvent]{append([]statusEvent{}, out...)}, nil
}

// newestStatuses takes of each plugin the newest status, and counts how many of its jobs were done. list is the newest first.
func newestStatuses(list []index.StatusDocument, now time.Time) []statusEvent {
	var out []statusEvent
	at := map[string]int{}
	for i := range list {
		d := &list[i]
		n, there := at[d.Author.Name]
		if !there {
			n = len(out)
			at[d.Author.Name] = n
			e := statusOf(d)
			if event.State(d.State) == event.Heartbeat && now.Sub(d.Timestamp) > heartbeatLost {
				e.Entity.Status = stateLost
			}
			out = append(out, e)
		}
		if event.State(d.State).Success() {
			out[n].Completed++
		}
	}
	return out
}

// unsaid makes statuses of plugins that have said nothing: they have the file before them, or their filter leaves it out.
// Only plugins that the reader knows are told of.
func unsaid(sha string, said []statusEvent, plugins []index.Plugin, standing []Standing, now time.Time) []statusEvent {
	byName := map[[2]string]*index.Plugin{}
	for i := range plugins {
		byName[[2]string{plugins[i].Name, plugins[i].Version}] = &plugins[i]
	}
	best := map[string]statusEvent{}
	for _, st := range standing {
		p := byName[[2]string{st.Plugin, st.Version}]
		if p == nil || slices.ContainsFunc(said, func(e statusEvent) bool { return e.Author.Name == st.Plugin }) {
			continue
		}
		state := ""
		switch st.State {
		case "waiting", "running":
			state = stateQueued
		case "skipped":
			state = statePrefiltered
		}
		if old, there := best[st.Plugin]; state == "" || there && old.Entity.Status == stateQueued {
			continue
		}
		e := statusEvent{Timestamp: stamp(now), Author: author{p.Security, p.Category, p.Name, p.Version}, Security: p.Security,
			Entity: statusEntity{Status: state, Message: st.Detail}}
		e.Entity.Input.Entity.SHA256 = sha
		best[st.Plugin] = e
	}
	var out []statusEvent
	for _, e := range best {
		out = append(out, e)
	}
	return out
}
