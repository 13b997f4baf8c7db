package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"lazuli/internal/eventlog"
)

// Sole is the right to write under a name, which one process has at a time: the last that asked for it. Methods may be
// called from many goroutines; appends go one after the other.
//
// It rests on Kafka's transactional ids. Whoever holds the name next can read all that was appended under it before.
type Sole struct {
	log    *Log
	client *kgo.Client
	busy   chan struct{} // has a token during an append, which has the rest for itself

	gone error // why nothing can be written any more
	open bool  // a transaction that failed has not been ended
}

// Sole takes the right to write under a name from whoever has it. From then on that one's appends fail with
// eventlog.ErrFenced, including those that are under way. (They also do when Kafka gave up a transaction that was cut short by
// trouble for half a minute. Who still has the partition then asks for the right again.)
func (l *Log) Sole(ctx context.Context, name string) (*Sole, error) {
	return call(ctx, l, "take over writing as "+name, func(ctx context.Context) (*Sole, error) {
		client, err := kgo.NewClient(append(l.opts.connection(),
			kgo.RequiredAcks(kgo.AllISRAcks()),
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerLinger(linger/10),
			kgo.ProducerBatchMaxBytes(maxBatchBytes),
			kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
			kgo.ProduceRequestTimeout(attempt),
			kgo.TransactionalID(l.opts.Namespace+name),
			kgo.TransactionTimeout(3*patience),
		)...)
		if err != nil {
			return nil, err
		}
		err = coordinated(ctx, func() error {
			_, _, err := client.ProducerID(ctx) // ends what the one before has under way, and locks it out
			return err
		})
		if err != nil {
			client.Close()
			return nil, err
		}
		return &Sole{log: l, client: client, busy: make(chan struct{}, 1)}, nil
	})
}

// Append is Log.Append for one partition, whatever the records' keys are: all records or none. They can be read soon
// after it returns.
func (s *Sole) Append(ctx context.Context, at eventlog.Partition, records []eventlog.Record) ([]eventlog.Position, error) {
	what := "append to " + at.String()
	records, err := clone(records)
	if err != nil {
		return nil, explain(what, err)
	}
	return call(ctx, s.log, what, func(ctx context.Context) ([]eventlog.Position, error) {
		t, err := s.log.view.find(ctx, at)
		if err != nil {
			return nil, err
		}
		p := &part{at: at, ctx: context.Background()}
		for i := range records {
			r := &records[i]
			if r.Topic != at.Topic {
				return nil, fmt.Errorf("%w: record %d is for topic %s", eventlog.ErrInvalid, i, r.Topic)
			}
			if t.Compact && len(r.Key) == 0 {
				return nil, fmt.Errorf("record %d: %w: a record in a compacted topic needs a key", i, eventlog.ErrInvalid)
			}
			p.records = append(p.records, p.encode(r, t))
		}
		if len(records) == 0 {
			return nil, nil
		}
		return s.transact(ctx, p)
	})
}

// transact writes the records in one transaction.
func (s *Sole) transact(ctx context.Context, p *part) ([]eventlog.Position, error) {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.busy }()
	// It is not left half done: Kafka, or the next owner, ends it.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 2*patience, errAway)
	defer cancel()
	if err := s.write(ctx, p.records); err != nil {
		if errors.Is(err, eventlog.ErrFenced) {
			s.gone = err
		}
		return nil, err
	}
	positions := make([]eventlog.Position, len(p.records))
	for i, r := range p.records {
		positions[i] = eventlog.Position{Partition: p.at, Offset: r.Offset}
	}
	return positions, nil
}

// write begins a transaction, writes the records and commits. What went wrong the last time is cleared away first.
func (s *Sole) write(ctx context.Context, records []*kgo.Record) error {
	if s.gone != nil {
		return s.gone
	}
	if s.open {
		if err := s.abort(ctx); err != nil {
			return err
		}
	}
	if err := s.client.BeginTransaction(); err != nil {
		return fenced(err)
	}
	s.open = true
	if err := s.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return errors.Join(fenced(err), s.abort(ctx))
	}
	if err := s.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return errors.Join(fenced(err), s.abort(ctx))
	}
	s.open = false
	return nil
}

// abort ends the transaction without its records.
func (s *Sole) abort(ctx context.Context) error {
	if err := s.client.AbortBufferedRecords(ctx); err != nil {
		return fenced(err)
	}
	if err := s.client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return fenced(err)
	}
	s.open = false
	return nil
}

// fenced marks the errors by which Kafka refuses a producer that another one with its transactional id followed.
func fenced(err error) error {
	for _, refused := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.InvalidTxnState} {
		if errors.Is(err, refused) {
			return fmt.Errorf("%w: %w", eventlog.ErrFenced, err)
		}
	}
	return err
}

// Close gives the right up. Nothing is under way any more when it returns.
func (s *Sole) Close() {
	s.busy <- struct{}{}
	s.client.Close()
}
