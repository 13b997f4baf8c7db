package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
	"lazuli/internal/eventlog/kafka"
)

// fake starts a Kafka inside the test, which speaks the protocol but keeps nothing on disk.
func fake(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// open opens a log that the test closes.
func open(t testing.TB, opts kafka.Options) *kafka.Log {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := kafka.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// runSuite gives every test of the suite a namespace of its own on one Kafka.
func runSuite(t *testing.T, brokers []string) {
	var number atomic.Int64
	namespaces := make(map[eventlog.Log]string)
	start := func(t *testing.T, namespace string) eventlog.Log {
		l := open(t, kafka.Options{Brokers: brokers, Namespace: namespace})
		namespaces[l] = namespace
		return l
	}
	eventlogtest.Run(t, eventlogtest.Subject{
		Open: func(t *testing.T) eventlog.Log { return start(t, namespace(&number)) },
		Reopen: func(t *testing.T, l eventlog.Log) eventlog.Log {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return start(t, namespaces[l])
		},
	})
}

func namespace(number *atomic.Int64) string {
	return fmt.Sprintf("suite-%d-%d.", time.Now().UnixNano(), number.Add(1)) // on a Kafka that other processes use as well
}

func TestSuiteOnFake(t *testing.T) { runSuite(t, fake(t).ListenAddrs()) }
