// Package kafka is the event log on Apache Kafka, for platforms of several machines. It owns how records, topics and groups
// look there (docs/formats.md) and knows nothing of events. Begin with Open.
//
// A file for each part: append.go, read.go, topics.go (making them and bringing them in line), view.go (what this process knows
// of the cluster), tail.go (how it learns of new records), groups.go.
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"lazuli/internal/eventlog"
)

// Options say how a Log reaches Kafka.
type Options struct {
	Brokers  []string // host:port of some of them
	ClientID string   // what Kafka's own logs and quotas call this process; "" means lazuli
	TLS      *tls.Config
	SASL     []sasl.Mechanism

	// Only makes topics whose names begin otherwise invisible: on a Kafka that others use as well, their topics cost nothing
	// then. It does not hide groups.
	Only string
	// Namespace stands in front of every topic's and group's name in Kafka and of no name outside; the log sees nothing else.
	Namespace string
	// Replicas of topics that the log makes; 0 means three, or as many as there are brokers if these are fewer. A topic with
	// one replica is synced on every write, for nobody else has the records.
	Replicas int16

	Logger *slog.Logger
}

const (
	// patience bounds every call: one that Kafka did not answer by then has failed.
	patience = 10 * time.Second
	// attempt bounds one try to reach a broker, and its answer to one request.
	attempt = 5 * time.Second
)

// errAway is what calls return when Kafka does not answer.
var errAway = fmt.Errorf("%w: nothing from Kafka within %v", eventlog.ErrAway, patience)

// Log is an eventlog.Log on Kafka.
//
// Topics answers from what this process saw last, which is a few milliseconds old while Kafka answers; records of this
// process are always in it. All other methods ask Kafka. Record.Time is the clock of the broker, in milliseconds.
// Records that other programs wrote have no header. A topic's offsets have gaps where transactions ended.
//
// With one replica, the offsets that Commit keeps survive a crash of Kafka but not a power cut.
type Log struct {
	opts     Options
	client   *kgo.Client // appends, reads, administration
	admin    *kadm.Client
	logger   *slog.Logger
	view     *view
	cache    cache
	lanes    lanes
	watchers eventlog.Watchers
	tails    *tails

	mu     sync.Mutex // with closed, for calls
	closed bool
	calls  sync.WaitGroup // what was begun and has not ended
}

// Open connects to Kafka and learns what topics there are.
func Open(ctx context.Context, opts Options) (*Log, error) {
	if opts.ClientID == "" {
		opts.ClientID = "lazuli"
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := kgo.NewClient(append(opts.connection(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(planned{}),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchMaxBytes(maxBatchBytes),
		kgo.MaxBufferedRecords(maxBufferedRecords),
		kgo.MaxBufferedBytes(maxBufferedBytes),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(patience),
		kgo.ProduceRequestTimeout(attempt),
		kgo.AllowIdempotentProduceCancellation(), // bounded time; the contract of Append allows for a lost answer
	)...)
	if err != nil {
		return nil, fmt.Errorf("set up the client of Kafka: %w", err)
	}
	l := &Log{opts: opts, client: client, admin: kadm.NewClient(client), logger: opts.Logger}
	l.view = newView(l)
	what := "open the log on Kafka at " + strings.Join(opts.Brokers, ", ")
	if _, err := call(ctx, l, what, func(ctx context.Context) (any, error) { return nil, l.view.refresh(ctx) }); err != nil {
		client.Close()
		return nil, err
	}
	if l.tails, err = startTails(l); err != nil {
		client.Close()
		return nil, err
	}
	return l, nil
}

// connection returns what every client of the log has in common.
func (o *Options) connection() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID(o.ClientID),
		kgo.DialTimeout(attempt),
		kgo.RetryTimeout(patience),
		kgo.RequestTimeoutOverhead(attempt),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(time.Minute),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(clientLogger{o.Logger}),
	}
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS))
	}
	if len(o.SASL) > 0 {
		opts = append(opts, kgo.SASL(o.SASL...))
	}
	return opts
}

// Watch implements eventlog.Log.
func (l *Log) Watch(ctx context.Context) <-chan struct{} { return l.watchers.Add(ctx) }

// Close implements eventlog.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		l.calls.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience): // their callers have gone; the client's end is theirs as well
	}
	l.tails.stop()
	l.watchers.Close()
	l.client.Close()
	<-ended
	return nil
}

// call runs a method of the log, unless the log is closed, and bounds its time: fn goes on alone when the client of Kafka does
// not come back in time, and what it still finds out is lost.
func call[T any](ctx context.Context, l *Log, what string, fn func(context.Context) (T, error)) (T, error) {
	var none T
	ended, err := l.begin(ctx)
	if err != nil {
		return none, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, patience, errAway)
	type outcome struct {
		value T
		err   error
	}
	outcomes := make(chan outcome, 1)
	go func() {
		defer ended()
		defer cancel()
		value, err := fn(bounded)
		outcomes <- outcome{value, trouble(bounded, err)}
	}()
	var got outcome
	select {
	case got = <-outcomes:
	case <-bounded.Done():
		select { // the client may know why
		case got = <-outcomes:
		case <-time.After(lastWord):
			got.err = trouble(bounded, context.Cause(bounded))
		}
	}
	if got.err != nil {
		return none, explain(what, got.err)
	}
	return got.value, nil
}

// lastWord is how long call waits for what the client says to the end of its time.
const lastWord = 100 * time.Millisecond

// begin lets a call in, and returns what ends it.
func (l *Log) begin(ctx context.Context) (ended func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, eventlog.ErrClosed
	}
	l.calls.Add(1)
	return l.calls.Done, nil
}

// explain says what failed, but for damage, which says it itself.
func explain(what string, err error) error {
	if corrupt := (*eventlog.CorruptError)(nil); errors.As(err, &corrupt) {
		return corrupt
	}
	return fmt.Errorf("%s: %w", what, err)
}

// trouble says in the terms of eventlog what the client reports. ctx is that of the call.
func trouble(ctx context.Context, err error) error {
	var refused *kerr.Error
	var network *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refusal(refused, err)
	case errors.Is(err, kgo.ErrClientClosed):
		return eventlog.ErrClosed
	case errors.Is(err, kgo.ErrRecordTimeout), context.Cause(ctx) == errAway:
		return fmt.Errorf("%w: %v", errAway, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %v", errAway, err) // of a connection, not the caller's
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w", eventlog.ErrAway, err)
	}
	return err
}

// refusal translates an error that a broker answered with.
func refusal(refused *kerr.Error, err error) error {
	switch refused {
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return fmt.Errorf("%w: %v", eventlog.ErrNoTopic, err)
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return fmt.Errorf("%w: %v", eventlog.ErrTooLarge, err)
	case kerr.InvalidRecord, kerr.InvalidTopicException, kerr.InvalidGroupID:
		return fmt.Errorf("%w: %v", eventlog.ErrInvalid, err)
	case kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.FencedInstanceID:
		return fmt.Errorf("%w: %v", eventlog.ErrFenced, err)
	}
	return err
}

// clientLogger hands on what the client of Kafka warns of. It tries again by itself, so that its errors are warnings here.
type clientLogger struct{ logger *slog.Logger }

func (clientLogger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (c clientLogger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	c.logger.Warn("Kafka: "+msg, keyvals...)
}
