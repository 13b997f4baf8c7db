package dispatcher

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// close returns the records that close the letters of jobs which end well by some of the items: of the job itself, of that
// which it tries again, and of others that its consumer had of the same event.
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
		for _, letter := range l.about(ctx, id) {
			if !slices.Contains(ids, letter.ID) && l.d.worksFor(letter.Consumer, id, &status.Entity.Input) {
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

// about reads the open letters about an event and a plugin version. There are none for almost every job.
func (l *letters) about(ctx context.Context, id event.JobID) (found []DeadLetter) {
	l.mu.Lock()
	var offsets []int64
	for _, letter := range l.of[pair(id)] {
		offsets = append(offsets, l.at[letter])
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

// pair names an event and a plugin version.
func pair(id event.JobID) letterID { return newLetterID(id.Key + "." + id.Consumer) }

// pairOf is pair for the ID of a letter, which is a job's without attempt and time, or an insert's, which has none.
func pairOf(letter string) (letterID, bool) {
	id, ok := event.ParseJobID(letter + "-1.0")
	return pair(id), ok
}
