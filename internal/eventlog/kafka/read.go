package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

const (
	// What a fetch asks Kafka for: at least this much, so that small pages in a row come out of one answer…
	minFetchBytes = 64 << 10
	// …but not much more than so many records of this size.
	guessedRecordBytes = 4 << 10
	// readCommitted hides records of transactions that are not committed.
	readCommitted = 1
)

// Read implements eventlog.Log.
func (l *Log) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	return call(ctx, l, fmt.Sprintf("read %s at offset %d", p, offset), func(ctx context.Context) (eventlog.Page, error) {
		return l.read(ctx, p, max(offset, 0), limit.WithDefaults())
	})
}

func (l *Log) read(ctx context.Context, p eventlog.Partition, from int64, limit eventlog.Limit) (eventlog.Page, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		t, err := l.view.find(ctx, p)
		if err != nil {
			return eventlog.Page{}, err
		}
		from = max(from, t.partitions[p.Index].start.Load()) // what is cut off may be in the cache still
		at := place{t.id, p.Index}
		if page, ok := l.cache.page(at, from, limit); ok {
			if len(page.Records) > 0 {
				return page, nil
			}
			from = page.Next
			continue
		}
		others, land := l.cache.board(at, from)
		if others != nil {
			select {
			case <-others:
				continue
			case <-ctx.Done():
				return eventlog.Page{}, context.Cause(ctx)
			}
		}
		fetched, err := l.fetch(ctx, t, p, from, limit)
		if err == nil {
			l.cache.put(fetched)
		}
		land()
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange):
			b, err := l.measure(ctx, t, p)
			if err != nil {
				return eventlog.Page{}, err
			}
			if from >= b.End {
				return eventlog.Page{Next: from}, nil
			}
			from = max(from, b.Start)
		case errors.Is(err, errMoved):
			if err := l.view.refresh(ctx); err != nil {
				return eventlog.Page{}, err
			}
			if err := wait(ctx, pause); err != nil {
				return eventlog.Page{}, err
			}
		case err != nil:
			return eventlog.Page{}, err
		case fetched.next <= from:
			return eventlog.Page{Next: from}, nil // the end
		case len(fetched.records) > 0:
			page, left := eventlog.Page{Next: from}, limit.Bytes
			fetched.fill(&page, &left, limit.Records)
			return page, nil
		default:
			from = fetched.next // markers of transactions, or what compaction left of a batch
		}
	}
}

// errMoved means that another broker leads the partition, or nobody does at the moment.
var errMoved = errors.New("the partition has no leader that is known")

// fetch asks the leader for records from an offset on, without waiting for new ones.
func (l *Log) fetch(ctx context.Context, t *topic, p eventlog.Partition, from int64, limit eventlog.Limit) (*block, error) {
	leader := t.partitions[p.Index].leader
	if leader < 0 {
		return nil, errMoved
	}
	size := int32(min(max(min(limit.Bytes, limit.Records*guessedRecordBytes), minFetchBytes), messageBytes))
	request := fetchRequest(0, size)
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p.Index, from, size
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID, rt.Partitions = t.inKafka, t.id, append(rt.Partitions, rp)
	request.Topics = append(request.Topics, rt)

	response, err := l.client.Broker(int(leader)).RetriableRequest(ctx, request)
	if err != nil {
		return nil, err
	}
	answer := response.(*kmsg.FetchResponse)
	if moved(answer.ErrorCode) {
		return nil, errMoved
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 || answer.Topics[0].Partitions[0].Partition != p.Index {
		return nil, errors.New("the answer is for another partition")
	}
	return decode(&answer.Topics[0].Partitions[0], p, t, from)
}

// fetchRequest makes a request outside a session that waits up to so long for new records.
func fetchRequest(waiting time.Duration, size int32) *kmsg.FetchRequest {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis = int32(waiting.Milliseconds())
	request.MinBytes = 1
	request.MaxBytes = size
	request.IsolationLevel = readCommitted
	request.SessionEpoch = -1
	return request
}

// decode takes the records out of an answer. Damage behind good records waits for the next call.
func decode(answer *kmsg.FetchResponseTopicPartition, p eventlog.Partition, t *topic, from int64) (*block, error) {
	if moved(answer.ErrorCode) {
		return nil, errMoved
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, err
	}
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, IsolationLevel: kgo.ReadCommitted(), Topic: t.inKafka, Partition: p.Index}
	fetched, next := kgo.ProcessFetchPartition(opts, answer, decompressor, nil)
	got := &block{place: place{t.id, p.Index}, from: from, next: max(next, from), records: make([]eventlog.Record, 0, len(fetched.Records))}
	for _, r := range fetched.Records {
		if r.Offset >= from {
			got.records = append(got.records, record(r, p))
		}
	}
	if fetched.Err != nil && len(got.records) == 0 {
		return nil, &eventlog.CorruptError{Partition: p, From: got.next, To: behindBatch(answer, got.next), Cause: fetched.Err}
	}
	return got, nil
}

// decompressor is safe for concurrent use.
var decompressor = kgo.DefaultDecompressor()

// record translates a record of the client, whose bytes it shares.
func record(r *kgo.Record, p eventlog.Partition) eventlog.Record {
	e := eventlog.Record{
		Topic:    p.Topic,
		Value:    r.Value,
		Position: eventlog.Position{Partition: p, Offset: r.Offset},
		Time:     r.Timestamp,
	}
	if len(r.Key) > 0 {
		e.Key = r.Key
	}
	for _, h := range r.Headers {
		if h.Key == headerKey && len(h.Value) > 0 {
			e.Header = h.Value
			break
		}
	}
	return e
}

// behindBatch returns the first offset behind the batch that holds an offset, as the frames of the batches say (KIP-98:
// base offset, 8 bytes; length, 4; …; last offset delta at byte 23). If these make no sense, it is the next offset.
func behindBatch(answer *kmsg.FetchResponseTopicPartition, at int64) int64 {
	const head = 27
	for in := answer.RecordBatches; len(in) >= head; {
		base, length := int64(binary.BigEndian.Uint64(in)), int64(int32(binary.BigEndian.Uint32(in[8:])))
		last := base + int64(int32(binary.BigEndian.Uint32(in[23:])))
		if base >= 0 && last >= at && last < max(answer.HighWatermark, at+1) {
			return last + 1
		}
		if length < 0 || length+12 > int64(len(in)) {
			break
		}
		in = in[length+12:]
	}
	return at + 1
}

// Bounds implements eventlog.Log.
func (l *Log) Bounds(ctx context.Context, p eventlog.Partition) (eventlog.Bounds, error) {
	return call(ctx, l, "bounds of "+p.String(), func(ctx context.Context) (eventlog.Bounds, error) {
		t, err := l.view.find(ctx, p)
		if err != nil {
			return eventlog.Bounds{}, err
		}
		return l.measure(ctx, t, p)
	})
}

// measure asks for the bounds of a partition: the end first, so that the start cannot be past it.
func (l *Log) measure(ctx context.Context, t *topic, p eventlog.Partition) (eventlog.Bounds, error) {
	const newest, oldest = -1, -2 // KIP-79
	type answer struct {
		offset int64
		err    error
	}
	ends := make(chan answer, 1)
	go func() {
		end, err := l.offsetFor(ctx, t, p, newest)
		ends <- answer{end, err}
	}()
	start, err := l.offsetFor(ctx, t, p, oldest)
	end := <-ends
	if err := errors.Join(err, end.err); err != nil {
		return eventlog.Bounds{}, err
	}
	if t.partitions[p.Index].reach(end.offset) {
		l.watchers.Wake()
	}
	return eventlog.Bounds{Start: start, End: max(start, end.offset)}, nil
}

func (l *Log) offsetFor(ctx context.Context, t *topic, p eventlog.Partition, timestamp int64) (int64, error) {
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp = p.Index, timestamp
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = t.inKafka, append(rt.Partitions, rp)
	request := kmsg.NewPtrListOffsetsRequest()
	request.IsolationLevel = readCommitted
	request.Topics = append(request.Topics, rt)
	answer, err := request.RequestWith(ctx, l.client)
	if err != nil {
		return 0, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, errors.New("the answer is for another partition")
	}
	got := answer.Topics[0].Partitions[0]
	return got.Offset, kerr.ErrorForCode(got.ErrorCode)
}
