package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"go.uber.org/goleak"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
)

// TestTailAsksForWhatChanged: following a thousand partitions costs no more than what changes in them.
func TestTailAsksForWhatChanged(t *testing.T) {
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	other := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "many", Partitions: 1000})
	var asked, most, requests atomic.Int64
	cluster.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		named := int64(0)
		for _, t := range r.(*kmsg.FetchRequest).Topics {
			named += int64(len(t.Partitions))
		}
		asked.Add(named)
		requests.Add(1)
		most.Store(max(most.Load(), named))
		return nil, nil, false
	})
	watch := l.Watch(t.Context())
	const rounds = 50
	for range rounds {
		at := appendTo(t, other, rec("many", "key", "x"))[0]
		for topics(t, l)[0].Bounds[at.Index].End <= at.Offset {
			<-watch
		}
	}
	// Two processes, three brokers: each session begins with all that its broker leads, once.
	if got := asked.Load(); got > 2*1000+10*rounds {
		t.Errorf("%d requests named %d partitions, one of them %d; want each once and then what changed", requests.Load(), got, most.Load())
	}
}

func topics(t testing.TB, l eventlog.Log) []eventlog.TopicState {
	t.Helper()
	states, err := l.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// TestOnly: topics of others on the same Kafka are not seen, and cannot be made.
func TestOnly(t *testing.T) {
	addrs := fake(t).ListenAddrs()
	all := open(t, kafka.Options{Brokers: addrs})
	ensure(t, all, eventlog.Topic{Name: "azul.a.t", Partitions: 1}, eventlog.Topic{Name: "azul.b.t", Partitions: 1})
	l := open(t, kafka.Options{Brokers: addrs, Only: "azul.a."})
	if got := topics(t, l); len(got) != 1 || got[0].Name != "azul.a.t" {
		t.Errorf("it sees %v", got)
	}
	if err := l.EnsureTopics(t.Context(), []eventlog.Topic{{Name: "azul.b.u", Partitions: 1}}); err == nil {
		t.Error("it makes a topic that it does not see")
	}
}

// TestDeletedTopic: a topic that an operator deletes is gone for the log as well, and one that is made again is another one.
func TestDeletedTopic(t *testing.T) {
	t.Parallel() // it waits, mostly
	cluster := fake(t)
	l := open(t, kafka.Options{Brokers: cluster.ListenAddrs()})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	appendTo(t, l, rec("t", "", "old"))
	watch := l.Watch(t.Context())
	if err := cluster.DeleteTopic("t"); err != nil {
		t.Fatal(err)
	}
	for len(topics(t, l)) > 0 {
		<-watch
	}
	if _, err := l.Append(t.Context(), []eventlog.Record{rec("t", "", "x")}); !errors.Is(err, eventlog.ErrNoTopic) {
		t.Errorf("append to a deleted topic: %v", err)
	}
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	appendTo(t, l, rec("t", "", "new"))
	if got := readAll(t, l, "t"); !slices.Equal(got, []string{"new"}) {
		t.Errorf("read %q", got)
	}
}

// TestCloseLeavesNothing: no goroutine outlives the log.
func TestCloseLeavesNothing(t *testing.T) {
	cluster := fake(t)
	before := goleak.IgnoreCurrent()
	l, err := kafka.Open(context.Background(), kafka.Options{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 3})
	appendTo(t, l, rec("t", "", "x"))
	m, err := l.Share(t.Context(), "g", "t", 0, kafka.ShareEvents{Gained: func([]int32) {}, Lost: func([]int32, bool) {}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Sole(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	m.Leave()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cluster.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).run"))
}

// TestNobodyThere: opening says which brokers it tried, within bounded time.
func TestNobodyThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	l, err := kafka.Open(ctx, kafka.Options{Brokers: []string{"127.0.0.1:1"}})
	if err == nil {
		l.Close()
		t.Fatal("a Kafka that is not there was opened")
	}
	if !errors.Is(err, eventlog.ErrAway) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Error(err)
	}
}

// TestSignIn: a Kafka that wants a name and a password is used with them, and refuses others.
func TestSignIn(t *testing.T) {
	addrs := fake(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "lazuli", "secret")).ListenAddrs()
	signIn := func(password string) []sasl.Mechanism {
		return []sasl.Mechanism{scram.Auth{User: "lazuli", Pass: password}.AsSha256Mechanism()}
	}
	l := open(t, kafka.Options{Brokers: addrs, SASL: signIn("secret")})
	ensure(t, l, eventlog.Topic{Name: "t", Partitions: 1})
	appendTo(t, l, rec("t", "", "x"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the client tries again for a while
	defer cancel()
	if l, err := kafka.Open(ctx, kafka.Options{Brokers: addrs, SASL: signIn("guess")}); err == nil {
		l.Close()
		t.Error("a wrong password was let in")
	}
}
