package dispatcher

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"lazuli/event"
)

// simulated is what one consumer would do with an event (protocol 1.5).
type simulated struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Out     bool   `json:"filter_out"`
	Trigger string `json:"filter_out_trigger"` // the filter and its rule, "" if it would get the event
}

type simulateAnswer struct {
	Consumers []simulated `json:"consumers"`
}

// simulateFor is how long after its last poll a consumer still counts. Those that were known at the start count as long after it.
const simulateFor = 24 * time.Hour

const simulatePath = "/api/v2/event/simulate"

// simulate is POST /api/v2/event/simulate: which consumers, of all instances and models, would pass over a binary event by its
// depth and their rules. Nothing is published.
func (d *Dispatcher) simulate(w http.ResponseWriter, r *http.Request) {
	body, err := d.readBody(w, r, d.opts.MaxPostBytes)
	if err != nil {
		d.writeFailure(w, r, "read the event", err)
		return
	}
	ev, err := event.Decode(event.ModelBinary, body)
	if err == nil {
		err = ev.Validate()
	}
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "bad event", err.Error())
		return
	}
	list := d.simulated(ev)
	if !d.passedOn(r) && d.peers != nil {
		for _, address := range d.peers.others() {
			theirs, err := d.peers.simulate(r.Context(), address, body)
			if err != nil {
				d.writeFailure(w, r, "simulate", fmt.Errorf("ask the instance at %s: %w", address, err))
				return
			}
			list = append(list, theirs...)
		}
	}
	slices.SortFunc(list, func(a, b simulated) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Trigger, b.Trigger))
	})
	writeJSON(w, http.StatusOK, simulateAnswer{list})
}

// simulated asks the consumers of this instance.
func (d *Dispatcher) simulated(ev event.Event) []simulated {
	routing, now := event.Route(ev), d.now()
	list := []simulated{}
	for _, c := range d.all() {
		c.mu.Lock()
		f, last := c.filter, c.lastPoll
		if len(c.waiters) > 0 {
			last = now
		}
		c.mu.Unlock()
		if last.Before(d.began) {
			last = d.began
		}
		if f.model == "" || now.Sub(last) >= simulateFor {
			continue // nobody asked for long, or ever
		}
		f.maxDepth, f.expiry = passiveMaxDepth, func(string) time.Duration { return 0 }
		reason := f.skip(&routing, c.Name, now)
		list = append(list, simulated{c.Name, c.Version, reason != passed, reason})
	}
	return list
}

func (p *peers) simulate(ctx context.Context, address string, body []byte) ([]simulated, error) {
	res, err := p.send(ctx, http.MethodPost, address, simulatePath, "", bytes.Clone(body))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer simulateAnswer
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	err = json.NewDecoder(io.LimitReader(res.Body, maxAnswerBytes)).Decode(&answer)
	return answer.Consumers, err
}
