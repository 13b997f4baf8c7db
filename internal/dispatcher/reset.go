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
	born := d.now().Truncate(time.Second).Add(time.Second) // after every job that was handed out so far
	topic := d.names.system(topicProgress)
	c.mu.Lock()
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
	d.progress.writing.Lock() // no record of the old consumer may come after
	defer d.progress.writing.Unlock()
	if err := d.own.Append(ctx, s.number, records); err != nil {
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

// before tells whether a job was handed out before the consumer was born: before it was reset.
func (c *consumer) before(id event.JobID) bool { return id.Unix < c.born.Unix() }
