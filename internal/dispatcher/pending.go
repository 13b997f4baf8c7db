package dispatcher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// PendingJob is a job of an event that has not ended.
type PendingJob struct {
	Plugin   string
	Version  string
	State    string // "waiting" or "running"
	Since    time.Time
	Position string // of the event, "topic/partition/offset"
}

// Pending returns the jobs of some events, given as "topic/partition/offset", that have not ended, sorted by plugin. Only
// consumers for which somebody works count: a plugin that is not running would be waited for in vain.
func (d *Dispatcher) Pending(ctx context.Context, positions []string) ([]PendingJob, error) {
	var list []PendingJob
	now := d.now()
	consumers := d.alive(now)
	for _, text := range positions {
		pos, err := parsePosition(text)
		if err != nil {
			return nil, err
		}
		for _, c := range consumers {
			if c.Model != event.ModelBinary {
				continue
			}
			job, ok, err := c.pending(ctx, pos, now)
			if err != nil {
				return nil, err
			}
			if ok {
				job.Position = text
				list = append(list, job)
			}
		}
	}
	slices.SortFunc(list, func(a, b PendingJob) int {
		return strings.Compare(a.Plugin+"\x00"+a.Version+"\x00"+a.Position, b.Plugin+"\x00"+b.Version+"\x00"+b.Position)
	})
	return list, nil
}

// alive returns the consumers for which somebody works: a poll waits or did lately, or a job is out with somebody who will
// poll again when it is done.
func (d *Dispatcher) alive(now time.Time) []*consumer {
	working := map[*consumer]bool{}
	for _, c := range d.all() {
		c.mu.Lock()
		if len(c.waiters) > 0 || now.Sub(c.lastPoll) < aliveFor {
			working[c] = true
		}
		for f := range c.cells {
			for _, cl := range c.cells[f] {
				for _, j := range cl.jobs {
					if j.out {
						working[c] = true
						for _, other := range j.company {
							working[other] = true
						}
					}
				}
			}
		}
		c.mu.Unlock()
	}
	return slices.Collect(maps.Keys(working))
}

// aliveFor is how long after its last poll a consumer counts as one for which somebody works.
const aliveFor = time.Minute

func (c *consumer) pending(ctx context.Context, pos eventlog.Position, now time.Time) (PendingJob, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := PendingJob{Plugin: c.Name, Version: c.Version, State: "waiting"}
	for f, on := range c.feeds {
		if !on {
			continue
		}
		for _, cl := range c.cells[f] {
			if cl.part != pos.Partition || pos.Offset < cl.start || pos.Offset >= cl.until {
				continue
			}
			if j := cl.jobs[pos.Offset]; j != nil {
				if j.out {
					p.State, p.Since = "running", j.since
				}
				return p, true, nil
			}
			if pos.Offset < cl.high || cl.ended[pos.Offset] {
				continue
			}
			entries, _, err := c.d.pages.from(ctx, cl.part, c.Model, pos.Offset, pos.Offset+1)
			if err != nil {
				return p, false, err
			}
			if len(entries) > 0 && entries[0].offset == pos.Offset && !entries[0].bad &&
				c.filter.skip(&entries[0].routing, c.Name, now) == passed {
				return p, true, nil
			}
		}
	}
	return p, false, nil
}

// parsePosition reads "topic/partition/offset".
func parsePosition(text string) (eventlog.Position, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		partition, err1 := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil {
			return eventlog.Position{Partition: eventlog.Partition{Topic: parts[0], Index: int32(partition)}, Offset: offset}, nil
		}
	}
	return eventlog.Position{}, fmt.Errorf("%q is not topic/partition/offset", text)
}
