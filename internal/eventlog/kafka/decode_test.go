package kafka

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

// answer makes what Kafka answers for a partition with three batches of one record each, at offsets 0 to 2.
func answer(t testing.TB, codec kgo.CompressionCodec) kmsg.FetchResponseTopicPartition {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	l, err := Open(t.Context(), Options{Brokers: cluster.ListenAddrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.EnsureTopics(t.Context(), []eventlog.Topic{{Name: "t", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	writer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ProducerBatchCompression(codec))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for range 3 {
		r := &kgo.Record{Topic: "t", Key: []byte("key"), Value: bytes.Repeat([]byte("value"), 50), Headers: []kgo.RecordHeader{{Key: headerKey, Value: []byte("h")}}}
		if err := writer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	known := l.view.table.Load().byName["t"]
	request := fetchRequest(0, 1<<20)
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID = known.id
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.PartitionMaxBytes = 1 << 20
	rt.Partitions = append(rt.Partitions, rp)
	request.Topics = append(request.Topics, rt)
	response, err := request.RequestWith(t.Context(), l.client.Broker(int(known.partitions[0].leader)))
	if err != nil {
		t.Fatal(err)
	}
	return response.Topics[0].Partitions[0]
}

var (
	knownTopic     = &topic{inKafka: "t"}
	knownPartition = eventlog.Partition{Topic: "t"}
)

// TestDamagedBatch: a batch whose checksum is wrong ends a page, and then is reported with the offset where reading goes on.
func TestDamagedBatch(t *testing.T) {
	whole := answer(t, kgo.NoCompression())
	got, err := decode(&whole, knownPartition, knownTopic, 0)
	if err != nil || len(got.records) != 3 || got.next != 3 {
		t.Fatalf("%d records up to %d, %v; want 3", len(got.records), got.next, err)
	}
	damaged := whole
	damaged.RecordBatches = bytes.Clone(whole.RecordBatches)
	damaged.RecordBatches[len(damaged.RecordBatches)/2] ^= 1 // in the second of three
	if got, err = decode(&damaged, knownPartition, knownTopic, 0); err != nil || len(got.records) != 1 || got.next != 1 {
		t.Fatalf("%d records up to %d, %v; want the one in front of the damage", len(got.records), got.next, err)
	}
	_, err = decode(&damaged, knownPartition, knownTopic, 1)
	var corrupt *eventlog.CorruptError
	if !errors.As(err, &corrupt) || corrupt.From != 1 || corrupt.To != 2 {
		t.Fatalf("reading the damaged batch: %v, want that 1 to 2 is damaged", err)
	}
}

// FuzzDecode: whatever a broker answers, decoding ends with records behind the offset that was asked for, or an error.
func FuzzDecode(f *testing.F) {
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		f.Add(answer(f, codec).RecordBatches, int64(1))
	}
	f.Fuzz(func(t *testing.T, batches []byte, from int64) {
		from = max(from, 0)
		a := kmsg.FetchResponseTopicPartition{HighWatermark: 3, LastStableOffset: 3, RecordBatches: batches}
		got, err := decode(&a, knownPartition, knownTopic, from)
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) && (corrupt.From < from || corrupt.To <= corrupt.From) {
			t.Fatalf("damage from %d to %d when reading from %d", corrupt.From, corrupt.To, from)
		}
		if err != nil {
			return
		}
		if got.next < from {
			t.Fatalf("goes on at %d, before %d", got.next, from)
		}
		for _, r := range got.records {
			if r.Position.Offset < from {
				t.Fatalf("record %d when reading from %d", r.Position.Offset, from)
			}
		}
	})
}
