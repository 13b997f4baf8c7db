package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// close returns the records that close the letters of jobs which end well by some of the items: of the job itself, of that
// which it tries again, and of others that its consumer had of the same event, or of the same file submitted in the same way before.
//
// The error that the dispatcher published in the plugin's name goes with the letter of a retried job. That of a late job is
// replaced by the job's own status, and that of a job of an older record stays, so that it is never found open again.
func (l *letters) close(ctx context.Context, items []*item) []eventlog.Record {
	var records []eventlog.Record
	for _, it := range items {
		status, ok := it.ev.(*event.Status)
		if !ok || !status.Entity.Status.Success() && status.Entity.Status != event.OptOut {
			continue
		}
		id, ok := event.ParseJobID(status.Entity.Input.Dequeued)
		if !ok || !strings.HasPrefix(id.Consumer, status.Author.Name+".") {
			continue // a pusher's, or a sub-plugin's
		}
		ids := []string{id.Run()}
		if id.Feed == feedRetry.letter() {
			letter, err := l.retried(ctx, id)
			if err != nil {
				continue // tried again meanwhile: the newer one closes it
			}
			ids = []string{letter}
			records = append(records, eventlog.Record{Topic: l.d.names.system(string(event.ModelStatus)), Key: []byte(statusKey(letter, status.Author.Name) + suffixDead)})
		}
		for _, letter := range l.about(ctx, id, &status.Entity.Input) {
			if !slices.Contains(ids, letter.ID) && l.d.worksFor(letter.Consumer, id, &status.Entity.Input) && l.d.again(ctx, &letter, id, &status.Entity.Input) {
				ids = append(ids, letter.ID)
			}
		}
		for _, letter := range ids {
			if _, dead := l.find(letter); dead {
				records = append(records, eventlog.Record{Topic: l.d.names.system(topicDead), Key: []byte(letter)})
			}
		}
	}
	return records
}

// retried returns the ID of the letter that a job tries again.
func (l *letters) retried(ctx context.Context, id event.JobID) (string, error) {
	record, err := l.d.load(ctx, eventlog.Partition{Topic: l.d.names.system(topicRetry), Index: id.Partition}, id.Offset)
	if err != nil {
		return "", err
	}
	return string(record.Key), nil
}

// about reads the open letters about a file and a plugin version. There are none for almost every job.
func (l *letters) about(ctx context.Context, id event.JobID, input *event.Binary) (found []DeadLetter) {
	l.mu.Lock()
	var offsets []int64
	for _, letter := range l.of[pair(input.Entity.SHA256, id.Consumer)] {
		offsets = append(offsets, l.at[letter].offset)
	}
	l.mu.Unlock()
	for _, offset := range offsets {
		var letter DeadLetter
		record, err := l.d.load(ctx, l.partition(), offset)
		if err == nil && json.Unmarshal(record.Value, &letter) == nil {
			letter.ID = string(record.Key)
			found = append(found, letter)
		}
	}
	return found
}

// again tells whether a job's input is the event of a letter about the same file: by its key, or but for the time at which it was
// submitted, which is in the key. What is no longer in the log can only be submitted again, and counts as that.
func (d *Dispatcher) again(ctx context.Context, letter *DeadLetter, id event.JobID, input *event.Binary) bool {
	if job, ok := event.ParseJobID(letter.ID + "-1.0"); !ok || job.Key == id.Key {
		return ok // not that of a child that could not be added
	}
	record, err := d.at(ctx, letter.Position)
	if err != nil {
		return errors.Is(err, ErrEventGone)
	}
	ev, err := event.DecodeRecord(event.ModelBinary, record.Value)
	if err != nil {
		return false
	}
	before, now := *ev.(*event.Binary), *input
	before.Source.Timestamp = now.Source.Timestamp
	return len(before.Source.Path) > 0 && len(now.Source.Path) > 0 && event.KeysV2.Descriptor(&before) == event.KeysV2.Descriptor(&now)
}

// worksFor tells whether a job is one of a consumer, given by its key: plugins of one name and version may be several consumers.
// The job's id has the hash of its cell, and that is made of the consumer, the feed and the topic.
func (d *Dispatcher) worksFor(consumer string, id event.JobID, input *event.Binary) bool {
	f := feed(strings.IndexByte(feedLetters, id.Feed))
	topic := d.names.binary(input.Source.Name, input.Action)
	switch {
	case f >= feedCount: // no consumer's
		return false
	case f == feedExpedite:
		topic = d.names.system(topicExpedite)
	case f == feedRetry:
		topic = d.names.system(topicRetry)
	}
	return cellHash(consumer, f, topic) == id.Cell
}

// pair names a file and a plugin version, "name.version".
func pair(sha256, plugin string) letterID { return newLetterID(sha256 + " " + plugin) }
