package kafka_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
)

func ensure(t testing.TB, l eventlog.Log, topics ...eventlog.Topic) {
	t.Helper()
	if err := l.EnsureTopics(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, l eventlog.Log, records ...eventlog.Record) []eventlog.Position {
	t.Helper()
	positions, err := l.Append(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return positions
}

func rec(topic, key, value string) eventlog.Record {
	return eventlog.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// readAll reads partition 0 of a topic to its end.
func readAll(t testing.TB, l eventlog.Log, topic string) []string {
	t.Helper()
	var got []string
	for next := int64(0); ; {
		page, err := l.Read(t.Context(), eventlog.Partition{Topic: topic}, next, eventlog.Limit{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			got = append(got, string(r.Value))
		}
		if page.Next <= next {
			return got
		}
		next = page.Next
	}
}

// client is a program that is not ours.
func client(t testing.TB, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addrs...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// refuseProduce makes every write to a topic fail with an error, until allow is called.
func refuseProduce(cluster *kfake.Cluster, topic string, with *kerr.Error) (allow func()) {
	var allowed atomic.Bool
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if allowed.Load() {
			return nil, nil, false
		}
		cluster.KeepControl()
		request := r.(*kmsg.ProduceRequest)
		id := cluster.TopicInfo(topic).TopicID
		if !slices.ContainsFunc(request.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.TopicID == id || t.Topic == topic }) {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range request.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, with.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			response.Topics = append(response.Topics, rt)
		}
		return response, nil, true
	})
	return func() { allowed.Store(true) }
}

// TestTheLastRecordFollowsTheOthers: results are acknowledged before their status is sent.
func TestTheLastRecordFollowsTheOthers(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "results", Partitions: 1}, eventlog.Topic{Name: "status", Partitions: 1})
	refuseProduce(cluster, "results", kerr.TopicAuthorizationFailed)
	if _, err := l.Append(t.Context(), []eventlog.Record{rec("results", "", "r"), rec("status", "", "done")}); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("append: %v, want that the results were refused", err)
	}
	if got := readAll(t, l, "status"); len(got) > 0 {
		t.Errorf("the status %q is in the log, and its results are not", got)
	}
	appendTo(t, l, rec("status", "", "another"))
}

// TestBrokerIsBehind: a broker that has not heard that a topic is no longer compacted refuses records without a key.
func TestBrokerIsBehind(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	allow := refuseProduce(cluster, "t", kerr.InvalidRecord)
	if _, err := l.Append(t.Context(), []eventlog.Record{rec("t", "", "never")}); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("append where the broker keeps refusing: %v, want ErrInvalid", err)
	}
	time.AfterFunc(50*time.Millisecond, allow)
	appendTo(t, l, rec("t", "", "one"), rec("t", "", "two"))
	if got := readAll(t, l, "t"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the log has %q", got)
	}
}

// TestOthersRecords: what other programs wrote is read without a header, whatever headers they give it.
func TestOthersRecords(t *testing.T) {
	addrs := fake(t).ListenAddrs()
	l := open(t, kafka.Options{Brokers: addrs})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	other := client(t, addrs, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	records := []*kgo.Record{
		{Topic: "t", Key: []byte("k"), Value: []byte("v")},
		{Topic: "t", Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}, {Key: "lazuli", Value: nil}}, Value: []byte("v")},
		{Topic: "t", Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}, {Key: "lazuli", Value: []byte("h")}}},
	}
	if err := other.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	page, err := l.Read(t.Context(), eventlog.Partition{Topic: "t"}, 0, eventlog.Limit{})
	if err != nil || len(page.Records) != 3 {
		t.Fatalf("%d records, %v", len(page.Records), err)
	}
	for i, want := range []string{"", "", "h"} {
		if got := string(page.Records[i].Header); got != want {
			t.Errorf("record %d has header %q, want %q", i, got, want)
		}
	}
	if page.Records[2].Value != nil {
		t.Error("a tombstone came back with a value")
	}
}

// TestTransactionsOfOthers: what was aborted is not read, and reading gets past it and past the markers.
func TestTransactionsOfOthers(t *testing.T) {
	addrs := fake(t).ListenAddrs()
	l := open(t, kafka.Options{Brokers: addrs})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	other := client(t, addrs, kgo.TransactionalID("other"))
	for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := other.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, l, "t"); !slices.Equal(got, []string{"0", "2"}) {
		t.Errorf("read %q, want 0 and 2", got)
	}
	b, err := l.Bounds(t.Context(), eventlog.Partition{Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := l.Read(t.Context(), eventlog.Partition{Topic: "t"}, b.End-2, eventlog.Limit{}) // the aborted one
	if err != nil || len(page.Records) != 0 || page.Next != b.End {
		t.Errorf("behind the last record came %+v, %v; want nothing, and to go on at %d", page, err, b.End)
	}
}

// TestCut: records that Kafka deleted from the front are a gap.
func TestCut(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	for i := range 10 {
		appendTo(t, l, rec("t", "", fmt.Sprint(i)))
	}
	if err := cluster.DeleteRecords("t", 0, 6); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, l, "t"); !slices.Equal(got, []string{"6", "7", "8", "9"}) {
		t.Errorf("read %q", got)
	}
	if b, err := l.Bounds(t.Context(), eventlog.Partition{Topic: "t"}); err != nil || b != (eventlog.Bounds{Start: 6, End: 10}) {
		t.Errorf("bounds %v, %v", b, err)
	}
}

// TestLeadersMove: reading, appending and watching go on when other brokers lead.
func TestLeadersMove(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	other := client(t, cluster.ListenAddrs(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	watch := l.Watch(t.Context())
	var want []string
	for i := range 6 {
		if err := cluster.MoveTopicPartition("t", 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
		appendTo(t, l, rec("t", "", fmt.Sprint("ours ", i)))
		if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: fmt.Append(nil, "other ", i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint("ours ", i), fmt.Sprint("other ", i))
		for end(t, l) < int64(len(want)) {
			<-watch
		}
	}
	if got := readAll(t, l, "t"); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// end is the end of partition t/0 as Topics tells it.
func end(t testing.TB, l eventlog.Log) int64 {
	t.Helper()
	topics, err := l.Topics(t.Context())
	if err != nil || len(topics) != 1 {
		t.Fatal(topics, err)
	}
	return topics[0].Bounds[0].End
}

// TestOtherProcesses: one process learns of topics, partitions and records of another.
func TestOtherProcesses(t *testing.T) {
	addrs := fake(t).ListenAddrs()
	a, b := open(t, kafka.Options{Brokers: addrs}), open(t, kafka.Options{Brokers: addrs})
	watch := b.Watch(t.Context())
	ensure(t, a, eventlog.Topic{Name: "t", Partitions: 1})
	appendTo(t, a, rec("t", "", "1"))
	if got := readAll(t, b, "t"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the other process reads %q", got)
	}
	for end(t, b) < 1 {
		<-watch
	}
	ensure(t, a, eventlog.Topic{Name: "t", Partitions: 7})
	var keyed eventlog.Record
	for i := 0; eventlog.PartitionFor(keyed.Key, 7) < 5; i++ {
		keyed = rec("t", fmt.Sprint(i), "2")
	}
	at := appendTo(t, a, keyed)[0]
	if page, err := b.Read(t.Context(), at.Partition, 0, eventlog.Limit{}); err != nil || len(page.Records) != 1 {
		t.Errorf("a partition that another process made: %v, %v", page, err)
	}
}

// TestReconcile: a topic that others made is brought in line, and what cannot be is only a warning.
func TestReconcile(t *testing.T) {
	cluster := fake(t)
	if err := cluster.CreateTopic("t", 3, map[string]string{"cleanup.policy": "delete", "max.message.bytes": "1000"}); err != nil {
		t.Fatal(err)
	}
	said := new(lines)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs(), Logger: said.logger()})
	wanted := eventlog.Topic{Name: "t", Partitions: 2, Compact: true, Retention: time.Hour}
	ensure(t, l, wanted)
	for _, want := range []string{"cleanup.policy=\"delete -> compact,delete\"", "retention.ms=\"604800000 -> 3600000\"", "more partitions", "max.message.bytes=\"1000 -> "} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the log does not say %s, but:\n%s", want, said)
		}
	}
	topics, err := l.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted.Partitions = 3
	if topics[0].Topic != wanted {
		t.Errorf("the topic is %+v, want %+v", topics[0].Topic, wanted)
	}
	appendTo(t, l, rec("t", "k", strings.Repeat("x", 5000)))

	var writes atomic.Int64
	cluster.Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		switch kmsg.Key(r.Key()) {
		case kmsg.CreateTopics, kmsg.CreatePartitions, kmsg.IncrementalAlterConfigs, kmsg.AlterConfigs:
			writes.Add(1)
		}
		return nil, nil, false
	})
	wanted.Partitions = 2
	ensure(t, l, wanted)
	if n := writes.Load(); n > 0 {
		t.Errorf("ensuring the same again wrote %d times", n)
	}
}

// TestOperatorsSettings: what an operator wants of a topic is set, but for what the log relies on, and other replicas than wanted
// are a warning.
func TestOperatorsSettings(t *testing.T) {
	said := new(lines)
	l := open(t, kafka.Options{Brokers: fake(t).ListenAddrs(), Logger: said.logger()})
	wanted := eventlog.Topic{Name: "t", Partitions: 1, Compact: true}
	ensure(t, l, wanted)
	wanted.Kafka = &eventlog.KafkaTopic{Replicas: 7, Settings: map[string]string{
		"segment.bytes": "5000000", "retention.ms": "1", "cleanup.policy": "delete", "no.such.setting": "1"}}
	ensure(t, l, wanted)
	if text := said.String(); !strings.Contains(text, `-> 5000000`) || !strings.Contains(text, "another number of replicas") ||
		strings.Contains(text, "cleanup.policy=") || strings.Contains(text, "no.such") {
		t.Errorf("the log says:\n%s", text)
	}
	topics, err := l.Topics(t.Context())
	wanted.Kafka = nil
	if err != nil || topics[0].Topic != wanted {
		t.Errorf("the topic is %+v, %v", topics, err)
	}
}

// lines collects what a log says.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
