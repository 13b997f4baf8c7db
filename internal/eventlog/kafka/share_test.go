package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/test/servers"
)

// member is a process that takes part in a share, and what it was told.
type member struct {
	*kafka.Share
	told chan string
}

const shared = 8 // partitions

func join(t *testing.T, l *kafka.Log, session time.Duration) *member {
	t.Helper()
	m := &member{told: make(chan string, 100)}
	var err error
	m.Share, err = l.Share(t.Context(), "dispatch", "progress", session, kafka.ShareEvents{
		Gained: func(p []int32) { m.told <- fmt.Sprint("gained ", len(p)) },
		Lost:   func(p []int32, taken bool) { m.told <- fmt.Sprint("lost ", len(p), " ", taken) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Leave)
	return m
}

// next waits until the member is told something.
func (m *member) next(t *testing.T) string {
	t.Helper()
	select {
	case said := <-m.told:
		return said
	case <-time.After(time.Minute):
		t.Fatal("the member is told nothing")
		return ""
	}
}

func (m *member) want(t *testing.T, want string) {
	t.Helper()
	if said := m.next(t); said != want {
		t.Fatalf("the member was told %q, want %q", said, want)
	}
}

// testShare: partitions are shared out, given back on leaving, and never with two members at once.
func testShare(t *testing.T, brokers []string) {
	var number atomic.Int64
	opts := kafka.Options{Brokers: brokers, Namespace: namespace(&number)}
	l, other := open(t, opts), open(t, opts)
	ensure(t, l, eventlog.Topic{Name: "progress", Partitions: shared, Compact: true, Churn: true})
	a := join(t, l, 0)
	a.want(t, "gained 8")
	if until := time.Until(a.ValidUntil()); until <= 0 || until > kafka.DefaultSession/2 {
		t.Errorf("what was gained is valid for %v, want up to half a session", until)
	}
	b := join(t, other, 0)
	a.want(t, "lost 4 false")
	b.want(t, "gained 4")
	both := slices.Sorted(slices.Values(append(a.Owned(), b.Owned()...)))
	if !slices.Equal(both, []int32{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("one has %v, the other %v", a.Owned(), b.Owned())
	}
	a.Leave()
	a.want(t, "lost 4 false")
	b.want(t, "gained 4")
	if got := b.Owned(); len(got) != shared || len(a.Owned()) > 0 {
		t.Errorf("the one that stayed has %v, the one that left %v", got, a.Owned())
	}
}

func TestShareOnFake(t *testing.T)  { testShare(t, fake(t).ListenAddrs()) }
func TestShareOnKafka(t *testing.T) { testShare(t, []string{servers.Kafka(t)}) }

// TestShareTaken: a member that Kafka threw out knows at once, and joins again.
func TestShareTaken(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "progress", Partitions: shared})
	m := join(t, l, 0)
	m.want(t, "gained 8")
	var thrownOut atomic.Int64
	cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if thrownOut.Add(1) < 4 { // kept for the next too: both senders of heartbeats hear of it
			cluster.KeepControl()
		}
		response := r.ResponseKind().(*kmsg.HeartbeatResponse)
		response.ErrorCode = kerr.UnknownMemberID.Code
		return response, nil, true
	})
	m.want(t, "lost 8 true")
	m.want(t, "gained 8")
	if len(m.Owned()) != shared {
		t.Errorf("it has %v", m.Owned())
	}
}

// TestShareSilence: what a member has is valid no longer than half a session after the last heartbeat that was answered.
func TestShareSilence(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "progress", Partitions: shared})
	const session = 6 * time.Second
	m := join(t, l, session)
	m.want(t, "gained 8")
	release := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	silent := time.Now()
	expired := time.NewTimer(session/2 + 100*time.Millisecond) // the half session itself is what is tried
	defer expired.Stop()
	<-expired.C
	if until := m.ValidUntil(); until.After(silent.Add(session / 2)) {
		t.Errorf("valid until %v after Kafka fell silent, want at most half a session", until.Sub(silent))
	}
	close(release)
}

// testSole: the former holder of a name can write no more, and the next sees all that it wrote.
func testSole(t *testing.T, brokers []string) {
	var number atomic.Int64
	opts := kafka.Options{Brokers: brokers, Namespace: namespace(&number)}
	l := open(t, opts)
	ensure(t, l, eventlog.Topic{Name: "progress", Partitions: 2, Compact: true})
	at := eventlog.Partition{Topic: "progress", Index: 1}
	write := func(s *kafka.Sole, value string) error {
		_, err := s.Append(t.Context(), at, []eventlog.Record{rec("progress", "a", value), rec("progress", "b", value)})
		return err
	}
	read := func() (got []string) {
		for next := int64(0); ; {
			page, err := l.Read(t.Context(), at, next, eventlog.Limit{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Records {
				got = append(got, string(r.Key)+string(r.Value))
			}
			if page.Next <= next {
				return got
			}
			next = page.Next
		}
	}
	first, err := l.Sole(t.Context(), "progress-1")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := errors.Join(write(first, "1"), write(first, "2")); err != nil {
		t.Fatal(err)
	}
	second, err := open(t, opts).Sole(t.Context(), "progress-1")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got, want := read(), []string{"a1", "b1", "a2", "b2"}; !slices.Equal(got, want) {
		t.Errorf("the new holder reads %q, want %q", got, want)
	}
	for range 2 {
		if err := write(first, "late"); !errors.Is(err, eventlog.ErrFenced) {
			t.Errorf("the former holder's write: %v, want %v", err, eventlog.ErrFenced)
		}
	}
	if err := write(second, "3"); err != nil {
		t.Fatal(err)
	}
	third, err := l.Sole(t.Context(), "progress-1")
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if got, want := read(), []string{"a1", "b1", "a2", "b2", "a3", "b3"}; !slices.Equal(got, want) {
		t.Errorf("in the end there is %q, want %q", got, want)
	}
	if _, err := third.Append(t.Context(), at, []eventlog.Record{{Topic: "progress"}}); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("a record without a key in a compacted topic: %v", err)
	}
	if _, err := third.Append(context.Background(), at, nil); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

func TestSoleOnFake(t *testing.T)  { testSole(t, fake(t).ListenAddrs()) }
func TestSoleOnKafka(t *testing.T) { testSole(t, []string{servers.Kafka(t)}) }

// TestSoleGoesOn: an append that Kafka refuses leaves nothing, and the next works.
func TestSoleGoesOn(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	s, err := l.Sole(t.Context(), "writer")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := eventlog.Partition{Topic: "t"}
	allow := refuseProduce(cluster, "t", kerr.TopicAuthorizationFailed)
	if _, err := s.Append(t.Context(), at, []eventlog.Record{rec("t", "", "refused")}); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("append: %v, want that it was refused", err)
	}
	allow()
	for i := range 3 {
		if _, err := s.Append(t.Context(), at, []eventlog.Record{rec("t", "", fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, l, "t"); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("read %q", got)
	}
}
