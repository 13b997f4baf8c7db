// Package eventlog is the log: topics with partitions, durable appends, reads by offset, and the committed offsets of
// consumer groups. It knows nothing of events; a record is a key, a value and a header.
//
// Implementations pass the suite in eventlogtest. Begin with Log; Open gives the embedded one, which keeps everything in
// one directory (keys.go says how).
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Log is the truth of the platform. All methods may be called at the same time from many goroutines.
//
// Errors that stay when the call is tried again: ErrNoTopic for a topic or partition that does not exist, ErrInvalid for
// arguments that no log takes, ErrTooLarge for a record over MaxRecordBytes or an Append over MaxAppendBytes, ErrClosed
// after Close, *CorruptError for stored bytes that no longer match their checksum, *NewerError for a log written by a
// newer release, ErrFenced for a write whose right another process has taken over. Any other error is trouble of the back
// end and may be tried again (ErrFull when there is no space).
type Log interface {
	// EnsureTopics creates what is missing and brings what exists in line (retention, cleanup, more partitions; never
	// fewer). Calling it again with the same is cheap and writes nothing. Topics that are not named stay as they are.
	// With more partitions, keys may move to another one from then on; their older records stay where they are.
	EnsureTopics(ctx context.Context, topics []Topic) error

	// Topics lists every topic with its partitions' bounds, sorted by name.
	Topics(ctx context.Context) ([]TopicState, error)

	// Append keeps all records and returns where each is, in the same order. When it returns nil they survive a power cut.
	// Records of one call that go to the same partition lie there in the given order. A record's partition is chosen by its
	// key (PartitionFor), or by PartitionKey. In a compacted topic a record needs a key and replaces the one with the same key, at once or some
	// time later: readers may meet both, the newer one last.
	//
	// A call with invalid records keeps none. After trouble of the back end the embedded log has kept none. A log of several
	// machines may have kept some, or even all when only the answer was lost; but the last record of a call is there only
	// if all others are. So what completes the others, such as the status of their job, goes last, and trying
	// again gives at worst the same records twice.
	//
	// If ctx ends while the records wait for their turn, none is kept. Once they are being written, Append waits for the
	// outcome. The slices are the caller's again when Append returns.
	Append(ctx context.Context, records []Record) ([]Position, error)

	// Read returns records of a partition from offset on, oldest first, without waiting: an empty Page means that
	// there is nothing between offset and the end. Offsets may have gaps (compaction, retention); Page.Next is where to
	// go on, is past every gap that was seen and never less than offset. An offset before the start reads from the start.
	// A *CorruptError names the bad stretch; reading goes on at its To.
	Read(ctx context.Context, p Partition, offset int64, limit Limit) (Page, error)

	// Bounds returns the first offset that is kept and the offset that the next record will get.
	Bounds(ctx context.Context, p Partition) (Bounds, error)

	// Watch returns a channel that gets a token whenever an end moved or a topic was made since the last token was
	// taken; it never blocks the log and never loses the last change. Stop it by cancelling ctx.
	Watch(ctx context.Context) <-chan struct{}

	// Commit keeps, durably, the offsets of a consumer group: the next offset to read in each partition. Partitions that
	// are not named keep theirs. All are kept or none.
	Commit(ctx context.Context, group string, offsets map[Partition]int64) error
	// Committed returns what Commit kept; a group that does not exist has no offsets.
	Committed(ctx context.Context, group string) (map[Partition]int64, error)
	// Groups lists the names of all groups, sorted.
	Groups(ctx context.Context) ([]string, error)
	// DeleteGroup forgets a group. Forgetting an unknown one is not an error.
	DeleteGroup(ctx context.Context, group string) error

	// Close waits for appends under way and releases the log.
	Close() error
}

// Partition names one partition of a topic.
type Partition struct {
	Topic string
	Index int32
}

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Index) }

// Position is where a record lies.
type Position struct {
	Partition
	Offset int64
}

// Topic describes a topic that should exist.
type Topic struct {
	Name       string
	Partitions int32         // at least 1
	Compact    bool          // keep only the newest record of each key
	Retention  time.Duration // delete records older than this, compacted topic or not; 0 keeps them

	// Churn says that the topic's keys are written again all the time. It is a hint to a log that compacts late to do it
	// more often; Topics does not report it.
	Churn bool

	// Kafka is what an operator wants of the topic on Kafka; nil is nothing. Other logs do not look at it, and Topics does not
	// report it.
	Kafka *KafkaTopic
}

// KafkaTopic is what only Kafka has of a topic. What it refuses is a warning.
type KafkaTopic struct {
	Replicas int16             // when the topic is made; 0 is the log's default
	Settings map[string]string // Kafka's own, such as segment.bytes; those that the rest of a Topic decides stay as they are
}

// Bounds of a partition: Start is the first offset that may hold a record, End the one that the next record gets.
type Bounds struct{ Start, End int64 }

// TopicState is a topic that exists.
type TopicState struct {
	Topic
	Bounds []Bounds // one for each partition, by index
}

// Record is one entry of the log. Header is a small blob that readers may use instead of decoding Value; the log does not
// look into it. A nil Value is a tombstone: in a compacted topic it removes the record with its key, and stays in its place
// as a record of its own, so that readers learn of it. An empty Value that is not nil is a value like any other, and comes
// back as one; an empty Key or Header comes back as nil.
type Record struct {
	Topic  string
	Key    []byte
	Header []byte
	Value  []byte

	// PartitionKey chooses the partition in place of Key, so that records with different keys lie together. It is not kept. A
	// key must always come with the same one.
	PartitionKey []byte

	// Set by the log; Append ignores both. Time is when the record was appended; within a partition it never goes back,
	// whatever the clock did.
	Position Position
	Time     time.Time
}

// Limit bounds a Read. A page holds at least one record if there is one, whatever its size.
type Limit struct {
	Records int // 0 means 1,000
	Bytes   int // keys, headers and values together; 0 means 1 MiB
}

// Page is what one Read found. The records are the caller's to keep.
type Page struct {
	Records []Record
	Next    int64
}

// MaxRecordBytes bounds key, header and value of a record together; MaxAppendBytes all records of one Append.
const (
	MaxRecordBytes = 16 << 20
	MaxAppendBytes = 256 << 20
)

// The errors of a Log; see there.
var (
	ErrNoTopic  = errors.New("no such topic or partition")
	ErrInvalid  = errors.New("not valid for the log")
	ErrClosed   = errors.New("the log is closed")
	ErrTooLarge = fmt.Errorf("larger than the log takes: %d bytes a record, %d bytes an append", MaxRecordBytes, MaxAppendBytes)
	ErrFull     = errors.New("no space left for the log")
	ErrFenced   = errors.New("another process took over the right to write")
	ErrAway     = errors.New("the log does not answer") // it goes on by itself, and calls succeed again
)

// CorruptError tells that stored records of a partition cannot be read.
type CorruptError struct {
	Partition Partition
	From, To  int64 // offsets from From up to, not including, To
	Cause     error // names the file
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("log: %s is damaged from offset %d up to %d: %v", e.Partition, e.From, e.To, e.Cause)
}
func (e *CorruptError) Unwrap() error { return e.Cause }

// NewerError tells that the data was written by a newer release.
type NewerError struct{ Have, Know int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the log has format %d and this release knows up to %d: start a newer release on it", e.Have, e.Know)
}
