package dispatcher

import (
	"context"
	"fmt"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// A download job is a request that an active poll for downloads got. No status reports it: it ends when its plugin publishes what
// became of it, a download event of the same source and hash; or, because plugins pass over requests without a word, when the
// plugin has taken another job since and downloadTime is over. A request of which nothing was heard otherwise goes out again. There
// are no dead letters of downloads.
//
// The requests and what became of them are in one topic of one partition, so what ends a job stands behind it.
type downloads struct{ follower }

// downloadTime is the lease of a download job: the service that is asked may be slow.
const downloadTime = 10 * time.Minute

const downloadRequested = "requested"

func newDownloads(d *Dispatcher) *downloads {
	s := &downloads{}
	s.follower = follower{d: d, topic: d.names.system(string(event.ModelDownload)), apply: d.endDownload}
	return s
}

// begin makes the follower start at the end: what came before is replayed for each shard that is taken over.
func (s *downloads) begin(ctx context.Context) error {
	b, err := s.d.log.Bounds(ctx, eventlog.Partition{Topic: s.topic})
	if err != nil {
		return fmt.Errorf("find the end of the downloads: %w", err)
	}
	s.next = positions{b.End}
	return nil
}

// replay applies what stands behind whatever consumers have not ended.
func (s *downloads) replay(ctx context.Context, consumers []*consumer) error {
	from := int64(-1)
	for _, c := range consumers {
		if low, ok := c.inheritedDownloads(); ok && (from < 0 || low < from) {
			from = low
		}
	}
	if from < 0 {
		return nil
	}
	behind := follower{d: s.d, topic: s.topic, apply: s.apply, next: positions{from}}
	return behind.catchUp(ctx)
}

// inheritedDownloads tells from where on a download consumer has requests that another life of the dispatcher may have handed out.
func (c *consumer) inheritedDownloads() (low int64, ok bool) {
	if c.Model != event.ModelDownload {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inheritedLow()
}

// inheritedLow is inheritedDownloads for who holds c.mu.
func (c *consumer) inheritedLow() (low int64, ok bool) {
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			if l := cl.low(); l < min(cl.inherited, cl.until) && (!ok || l < low) {
				low, ok = l, true
			}
		}
	}
	return low, ok
}

// endDownload ends the jobs that a download event is the outcome of.
func (d *Dispatcher) endDownload(r *eventlog.Record) {
	author := readEntry(r, event.ModelDownload).routing.Author
	for _, c := range d.all() {
		if c.Model != event.ModelDownload || c.Name != author {
			continue
		}
		about, ok := requested(r, false)
		if !ok {
			return
		}
		c.outcome(about, r.Position.Offset)
	}
}

// outcome ends the jobs that were handed out before an outcome. Which of the inherited ones were nobody knows until they are looked
// at, so it is remembered for them.
func (c *consumer) outcome(about letterID, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			for _, j := range cl.jobs {
				if j.about == about && j.offset < offset {
					cl.end(j.offset)
				}
			}
		}
	}
	if _, ok := c.inheritedLow(); !ok {
		c.outcomes = nil
		return
	}
	if c.outcomes == nil {
		c.outcomes = map[letterID]int64{}
	}
	c.outcomes[about] = offset
	c.d.progress.poke()
}

// requested names source and hash of a download event, if it is a request, or if it is an outcome.
func requested(r *eventlog.Record, request bool) (about letterID, ok bool) {
	ev, err := event.DecodeRecord(event.ModelDownload, r.Value)
	if err != nil {
		return letterID{}, false
	}
	dl := ev.(*event.Download)
	return newLetterID(dl.Source.Name + "\x00" + dl.Entity.Hash), (dl.Action == downloadRequested) == request
}

// showDownload notes that a download job goes to a client, or says no: it has ended meanwhile. What is no request ends with the answer.
func (c *consumer) showDownload(j *job, record *eventlog.Record) bool {
	about, ok := requested(record, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isOpen(j) {
		return false
	}
	if ok && c.outcomes[about] > j.offset && j.offset < j.cell.inherited {
		j.cell.end(j.offset)
		return false
	}
	j.shown, j.leased = true, ok
	if ok {
		j.about = about
	}
	return true
}

// expireDownload is what a download job's lease ends in. The caller holds c.mu.
func (c *consumer) expireDownload(j *job) {
	if c.lastTake.After(j.since) || c.d.now().Sub(j.begun) > maxJobTime {
		j.cell.end(j.offset) // passed over
		return
	}
	c.d.metrics.redeliveries.Inc()
	j.cell.back(j, time.Time{})
}
