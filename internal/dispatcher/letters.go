package dispatcher

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// DeadLetter is the value of a record in the topic of dead letters; its key is ID.
type DeadLetter struct {
	ID       string    `json:"id"` // of the job, whatever the attempt
	SHA256   string    `json:"sha256"`
	Consumer string    `json:"consumer"`
	Plugin   string    `json:"plugin"`
	Version  string    `json:"version"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
	Position string    `json:"position"` // of the event: "topic/partition/offset"
	Time     time.Time `json:"time"`
}

// letters knows where each dead letter lies. Every instance follows the topic.
//
// A letter is closed, by a tombstone, when its consumer ends a job of its event, or of the same submitted again, well after all: by a late status, because
// somebody had it tried again (Retry), or because the file was submitted again; see letters_close.go. The job that a retry makes is
// another one, with another id; the key of its record is the letter's ID.
type letters struct {
	d *Dispatcher

	mu   sync.Mutex
	next int64
	at   map[letterID]openLetter
	of   map[letterID][]letterID // open letters, by file and plugin version; see pair
}

// openLetter is what is kept in memory of a letter.
type openLetter struct {
	offset int64 // of the record
	pair   letterID
}

// letterID stands for an ID in memory.
type letterID [16]byte

func newLetterID(id string) letterID {
	sum := sha256.Sum256([]byte(id))
	return letterID(sum[:16])
}

func (l *letters) partition() eventlog.Partition {
	return eventlog.Partition{Topic: l.d.names.system(topicDead)}
}

// catchUp reads what is in the topic now.
func (l *letters) catchUp(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		page, err := l.d.log.Read(ctx, l.partition(), l.next, eventlog.Limit{Records: 1000, Bytes: 4 << 20})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			l.next = max(corrupt.To, l.next+1)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the dead letters: %w", err)
		}
		for i := range page.Records {
			r := &page.Records[i]
			l.apply(string(r.Key), r)
		}
		if page.Next <= l.next {
			return nil
		}
		l.next = page.Next
	}
}

// apply takes in a letter, or the tombstone that closes it. The caller holds l.mu.
func (l *letters) apply(key string, r *eventlog.Record) {
	id := newLetterID(key)
	if had, ok := l.at[id]; ok {
		delete(l.at, id)
		if l.of[had.pair] = slices.DeleteFunc(l.of[had.pair], func(o letterID) bool { return o == id }); len(l.of[had.pair]) == 0 {
			delete(l.of, had.pair)
		}
	}
	if len(r.Value) == 0 {
		return
	}
	var letter DeadLetter
	if err := json.Unmarshal(r.Value, &letter); err != nil {
		l.d.logger.Error("a dead letter is not readable", "at", r.Position, "err", err)
	}
	open := openLetter{r.Position.Offset, pair(letter.SHA256, letter.Plugin+"."+letter.Version)}
	l.at[id] = open
	l.of[open.pair] = append(l.of[open.pair], id)
}

// find returns where a letter lies.
func (l *letters) find(id string) (offset int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	letter, ok := l.at[newLetterID(id)]
	return letter.offset, ok
}

// open tells whether a letter is there and not closed.
func (l *letters) open(id letterID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.at[id]
	return ok
}

// letterOf returns the ID of a job's dead letter; record is the job's.
func letterOf(id event.JobID, record *eventlog.Record) string {
	if id.Feed == feedRetry.letter() {
		return string(record.Key)
	}
	return id.Run()
}

// eventKey returns the key of the event in a record: its key, but in the topic of retries what that begins with.
func eventKey(record *eventlog.Record) string {
	key, _, _ := strings.Cut(string(record.Key), ".")
	return key
}

// statusKey is the key of the status of a run by an author.
func statusKey(run, author string) string {
	st := &event.Status{Head: event.Head{Author: event.Author{Name: author}}}
	st.Entity.Input.Dequeued = run + "-1.0"
	if err := event.KeysV2.Assign(st); err != nil {
		panic(fmt.Sprintf("make the key of a status: %v", err)) // only binary events can fail
	}
	return st.KafkaKey
}

// The errors of Retry that are not the log's.
var (
	ErrNoLetter  = errors.New("there is no such dead letter")
	ErrEventGone = errors.New("the event is no longer in the log: submit the file again")
)

// read returns a letter that is open now; ErrNoLetter.
func (l *letters) read(ctx context.Context, id string) (letter DeadLetter, err error) {
	if err := l.catchUp(ctx); err != nil {
		return letter, err
	}
	offset, ok := l.find(id)
	if !ok {
		return letter, ErrNoLetter
	}
	record, err := l.d.load(ctx, l.partition(), offset)
	if errors.Is(err, errGone) {
		return letter, ErrNoLetter
	}
	if err == nil {
		err = json.Unmarshal(record.Value, &letter)
	}
	if err != nil {
		return letter, fmt.Errorf("read the dead letter: %w", err)
	}
	return letter, nil
}

// Retry has the job of a dead letter tried again: its consumer gets it before live work, with a fresh count of attempts.
// While it waits, asking again changes nothing. When it ends well the letter is closed, otherwise it stays.
func (d *Dispatcher) Retry(ctx context.Context, id string) error {
	letter, err := d.letters.read(ctx, id)
	if err != nil {
		return err
	}
	if letter.Position == "" {
		return ErrEventGone // of an insert
	}
	job, err := d.at(ctx, letter.Position)
	if err != nil {
		return err
	}
	entry := readEntry(job, event.ModelBinary)
	if entry.bad {
		return ErrEventGone
	}
	entry.routing.Settings, entry.routing.Input, entry.routing.Run = letter.Consumer, "", ""
	again := eventlog.Record{Topic: d.names.system(topicRetry), Key: []byte(letter.ID), Header: entry.routing.Append(nil), Value: job.Value}
	positions, err := d.log.Append(ctx, []eventlog.Record{again})
	if err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	d.noteEnds(positions)
	return nil
}

// Event returns the value of the record at a position, "topic/partition/offset"; ErrEventGone.
func (d *Dispatcher) Event(ctx context.Context, position string) ([]byte, error) {
	record, err := d.at(ctx, position)
	if err != nil {
		return nil, err
	}
	return record.Value, nil
}

// at is load for a position in text. The error is ErrEventGone when nothing is there.
func (d *Dispatcher) at(ctx context.Context, position string) (*eventlog.Record, error) {
	pos, err := parsePosition(position)
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	record, err := d.load(ctx, pos.Partition, pos.Offset)
	if errors.Is(err, errGone) || errors.Is(err, eventlog.ErrNoTopic) {
		return nil, ErrEventGone
	}
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	return record, nil
}
