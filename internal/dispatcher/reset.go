package dispatcher

import (
	"context"
	"fmt"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// reset makes a consumer begin anew, as if it had never polled: what is in the log now is its historic feed. Its progress is
// replaced in one append, so that a crash leaves the old consumer or the new one. Jobs that are out are forgotten: the statuses
// of what was handed out before the birth change nothing.
func (d *Dispatcher) reset(ctx context.Context, id identity) error {
	d.births.Lock()
	defer d.births.Unlock()
	c, s, err := d.known(id)
	if c == nil || err != nil {
		return err // who is not known begins anew anyway
	}
	if err := d.findTails(ctx); err != nil {
		return err
	}
	ends := d.endsFor(c)
	topic := d.names.system(topicProgress)
	d.progress.writing.Lock() // no record of the old consumer may come after
	defer d.progress.writing.Unlock()
	c.mu.Lock()
	c.resetting = true // what it handed out while the log takes its time would be younger than the new one
	born := c.rebirth(d.now())
	records := []eventlog.Record{d.progress.birth(id, born, ends)}
	var groups []string
	for f := range c.cells {
		groups = append(groups, c.group(feed(f)))
		for _, cl := range c.cells[f] {
			records = append(records, eventlog.Record{Topic: topic, Key: []byte(cellKey(c.key, cl))})
		}
	}
	for _, b := range c.once.buckets {
		records = append(records, eventlog.Record{Topic: topic, Key: []byte(onceKey(c.key, b.number))})
	}
	c.mu.Unlock()
	for i := range records {
		records[i].PartitionKey = []byte(id.base())
	}
	if err := d.own.Append(ctx, s.number, records); err != nil {
		c.mu.Lock()
		c.resetting = false
		c.wakeAll()
		c.mu.Unlock()
		return fmt.Errorf("reset the consumer %s: %w", c.key, err)
	}
	d.withdrawOne(c)
	fresh := d.newConsumer(id, s)
	fresh.born = born
	if !d.admit(fresh, ends) {
		return errNotOwned
	}
	for _, group := range groups {
		if err := d.log.DeleteGroup(ctx, group); err != nil {
			d.logger.Warn("forget the offsets of a consumer that was reset", "group", group, "err", err)
		}
	}
	d.logger.Info("a consumer begins anew", "consumer", c.key)
	return nil
}

// endsFor returns the border between the historic and the live feed of a consumer that is born now.
func (d *Dispatcher) endsFor(c *consumer) map[eventlog.Partition]int64 {
	ends := map[eventlog.Partition]int64{}
	d.mu.Lock()
	defer d.mu.Unlock()
	for part, t := range d.tails {
		if c.reads(part.Topic) {
			ends[part] = t.end.Load()
		}
	}
	return ends
}

// withdrawOne takes one consumer out of service: its polls are answered, and nothing more is handed out.
func (d *Dispatcher) withdrawOne(c *consumer) {
	d.mu.Lock()
	delete(d.consumers, c.key)
	for _, t := range d.tails {
		t.unsubscribe([]*consumer{c})
	}
	d.mu.Unlock()
	d.unregisterCells([]*consumer{c})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone, c.replaced = true, true
	c.wakeAll()
}

// rebirth returns when a consumer that is reset now is born: in a second after every hand-out so far, also when the last reset was
// in this second or the clock was set back. The caller holds c.mu.
func (c *consumer) rebirth(now time.Time) time.Time {
	last := now
	if c.born.After(last) {
		last = c.born
	}
	for f := range c.cells {
		for _, cl := range c.cells[f] {
			for _, j := range cl.jobs {
				if j.since.After(last) {
					last = j.since
				}
			}
		}
	}
	return last.Truncate(time.Second).Add(time.Second)
}

// before tells whether a job was handed out before the consumer was born: before it was reset.
func (c *consumer) before(id event.JobID) bool { return id.Unix < c.born.Unix() }
