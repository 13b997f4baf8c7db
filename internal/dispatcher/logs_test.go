package dispatcher

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/test/servers"
)

// The whole suite runs on every log: on the embedded one by itself, on the others by TestOnKfake and TestOnKafka, which run
// this program again with logKind set.
const logKind = "LAZULI_DISPATCHER_LOG"

// parallel lets a test run beside the others: each has a log of its own.
func parallel(t *testing.T) {
	if _, already := inParallel.LoadOrStore(t, true); !already {
		t.Parallel()
	}
}

var inParallel sync.Map // of *testing.T

// openLog opens the test's log, or opens it again.
func (b *bench) openLog() {
	b.t.Helper()
	var err error
	switch kind := os.Getenv(logKind); kind {
	case "":
		b.log, err = eventlog.Open(b.dir+"/log", eventlog.Options{})
	case "kfake":
		if b.brokers == nil {
			cluster, err := kfake.NewCluster()
			if err != nil {
				b.t.Fatal(err)
			}
			b.t.Cleanup(cluster.Close)
			b.brokers = cluster.ListenAddrs()
		}
		b.log, err = b.openKafka()
	case "kafka":
		b.brokers = []string{servers.Kafka(b.t)}
		b.log, err = b.openKafka()
	default:
		b.t.Fatalf("%s=%s is not a kind of log", logKind, kind)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

var namespaces atomic.Int64

func (b *bench) openKafka() (eventlog.Log, error) {
	if b.namespace == "" {
		b.namespace = fmt.Sprintf("dispatcher-%d-%d.", time.Now().UnixNano(), namespaces.Add(1))
		b.t.Cleanup(b.dropTopics) // after the log is closed
	}
	return kafka.Open(context.Background(), kafka.Options{Brokers: b.brokers, Namespace: b.namespace,
		Logger: slog.New(slog.DiscardHandler)})
}

// dropTopics removes the test's topics: the tests that follow list all that the broker has, and it answers late when there are thousands.
func (b *bench) dropTopics() {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	all, err := admin.ListTopics(ctx)
	if err != nil {
		b.t.Errorf("list topics to remove: %v", err)
		return
	}
	mine := slices.DeleteFunc(all.Names(), func(name string) bool { return !strings.HasPrefix(name, b.namespace) })
	if _, err := admin.DeleteTopics(ctx, mine...); err != nil {
		b.t.Errorf("remove topics: %v", err)
	}
}

// onKafka tells whether the test's log compacts later, if ever.
func onKafka() bool { return os.Getenv(logKind) != "" }

func TestOnKfake(t *testing.T) { runOn(t, "kfake") }

func TestOnKafka(t *testing.T) {
	servers.Kafka(t) // skips where there is none, and keeps it running
	runOn(t, "kafka")
}

func runOn(t *testing.T, kind string) {
	if onKafka() {
		t.Skip("it is what is running")
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.timeout", "10m", "-test.parallel", "12", // they wait more than they work; with more, one broker is slow to make all their topics
		"-test.skip", "^(TestModel|TestModelReplays|TestCellModel|TestTenThousandConsumersOfWhichTenPoll)$") // these bring a log of their own, or are about HTTP
	cmd.Env = append(os.Environ(), logKind+"="+kind)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("the suite on %s: %v\n%s", kind, err, out)
	}
}
