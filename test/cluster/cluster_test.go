// Package cluster is the gate for several instances: real dispatchers over a real Kafka are killed and frozen, Kafka is killed
// under them, and plugins die, in any order, while events come in. Nothing that was acknowledged is lost or done twice.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lazuli/client"
	"lazuli/event"
	"lazuli/event/eventtest"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/test/platform"
	"lazuli/test/servers"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

const (
	instances = 3
	prefix    = "gate"
	lease     = "10s"
)

var plugins = []string{"Alpha", "Beta", "Gamma", "Delta"}

// rounds is how often something is killed or frozen; LAZULI_LONG=1 (make test-long) asks for more.
func rounds() int {
	if os.Getenv("LAZULI_LONG") != "" {
		return 200
	}
	return 20
}

// gate is the cluster and what is known of its work.
type gate struct {
	t     *testing.T
	kafka *servers.KafkaServer
	store string
	nodes [instances]atomic.Pointer[platform.Up]

	mu        sync.Mutex
	published map[string]bool      // keys of acknowledged events
	ended     map[string]time.Time // "key plugin" → when a final status was acknowledged
	deaths    int
}

func TestClusterUnderFire(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LAZULI_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LAZULI_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	g := &gate{t: t, kafka: servers.StartKafka(t), store: filepath.Join(t.TempDir(), "store"), published: map[string]bool{}, ended: map[string]time.Time{}}
	for i := range g.nodes {
		g.start(i)
	}

	publishing, stopPublishing := context.WithCancel(t.Context())
	working, stopWorking := context.WithCancel(t.Context())
	var publishers, workers sync.WaitGroup
	for i := range 2 {
		publishers.Go(func() { g.publish(publishing, i, rand.New(rand.NewPCG(seed, uint64(100+i)))) })
	}
	for i, name := range plugins {
		for k := range 2 {
			workers.Go(func() { g.work(working, name, rand.New(rand.NewPCG(seed, uint64(200+2*i+k)))) })
		}
	}
	for round := range rounds() {
		pause(random)
		i := random.IntN(instances)
		switch n := random.IntN(10); {
		case round == 4 || n == 0 && round > 10 && rounds() > 20:
			t.Logf("round %d: Kafka is killed", round)
			g.kafka.Kill()
			pause(random)
			g.kafka.Start(t)
		case n < 1:
			t.Logf("round %d: instance %d freezes for longer than Kafka waits for it", round, i)
			up := g.nodes[i].Load()
			up.Signal(t, syscall.SIGSTOP)
			<-time.After(12 * time.Second)
			up.Signal(t, syscall.SIGCONT)
		case n < 4:
			t.Logf("round %d: instance %d is stopped in order", round, i)
			g.nodes[i].Load().Stop(t)
			g.start(i)
		default:
			t.Logf("round %d: instance %d is killed", round, i)
			g.nodes[i].Load().Kill()
			g.start(i)
		}
	}
	stopPublishing()
	publishers.Wait()
	g.awaitEnds()
	stopWorking()
	workers.Wait()
	g.checkLog()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.published) < 20*rounds() {
		t.Errorf("only %d events were acknowledged: the load is no load", len(g.published))
	}
	t.Logf("%d events for %d plugins; %d plugins died with a job", len(g.published), len(plugins), g.deaths)
}

func (g *gate) start(i int) {
	// One job in thousands kills three plugins, and would be a dead letter by then; here every job is to end.
	g.nodes[i].Store(platform.StartDispatch(g.t, g.kafka.Addr, g.store, "--topic-prefix", prefix, "--lease", lease, "--max-attempts", "100"))
}

// client speaks to a random instance, as behind a load balancer.
func (g *gate) client(r *rand.Rand) *client.Dispatcher {
	c, err := client.NewDispatcher(g.nodes[r.IntN(instances)].Load().Plugins, client.WithTries(1, time.Millisecond))
	if err != nil {
		panic(err) // an address that an instance told
	}
	return c
}

// publish posts events until ctx ends, and notes those that were acknowledged.
func (g *gate) publish(ctx context.Context, who int, r *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		ev := eventtest.Binary(eventtest.Content(fmt.Appendf(nil, "publisher %d, file %d", who, n), "text/plain"))
		c := g.client(r)
		answer, err := c.PostEventsOK(ctx, event.ModelBinary, ev)
		c.Close()
		if err == nil && len(answer.OK) == 1 {
			var kept event.Binary
			if err := json.Unmarshal(answer.OK[0], &kept); err != nil {
				g.t.Error(err)
				return
			}
			g.mu.Lock()
			g.published[kept.KafkaKey] = true
			g.mu.Unlock()
		}
		<-time.After(time.Duration(10+r.IntN(60)) * time.Millisecond) // the load of a small site, for as long as the test takes
	}
}

// work is a plugin: it polls, works and reports, and sometimes dies with a job.
func (g *gate) work(ctx context.Context, name string, r *rand.Rand) {
	consumer := client.Consumer{Name: name, Version: "1", Expedite: true, Live: true, Historic: true}
	for ctx.Err() == nil {
		asked := time.Now()
		c := g.client(r)
		answer, err := c.Poll(ctx, client.PollParams{Consumer: consumer, Deadline: 2 * time.Second})
		c.Close()
		if err != nil || len(answer.Events) == 0 {
			continue
		}
		var job event.Binary
		if err := json.Unmarshal(answer.Events[0], &job); err != nil {
			g.t.Error(err)
			return
		}
		g.mu.Lock()
		if at, done := g.ended[job.KafkaKey+" "+name]; done && at.Before(asked) {
			g.t.Errorf("%s got %s, whose end was acknowledged %s before it asked", name, job.Dequeued, asked.Sub(at))
		}
		dies := r.IntN(40) == 0
		if dies {
			g.deaths++
		}
		g.mu.Unlock()
		if dies {
			continue // its successor knows nothing of the job
		}
		g.finish(ctx, &job, name, r)
	}
}

// finish reports a job's end until somebody acknowledges it.
func (g *gate) finish(ctx context.Context, job *event.Binary, name string, r *rand.Rand) {
	input := *job
	input.Entity.Datastreams = nil
	status := &event.Status{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: event.Author{Category: "plugin", Name: name, Version: "1"}},
		Entity: event.StatusEntity{Input: input, Status: event.CompletedEmpty},
	}
	for ctx.Err() == nil {
		c := g.client(r)
		_, err := c.PostEvents(ctx, event.ModelStatus, status)
		c.Close()
		if err == nil {
			g.mu.Lock()
			g.ended[job.KafkaKey+" "+name] = time.Now()
			g.mu.Unlock()
			return
		}
	}
}

// awaitEnds waits until every acknowledged event has been ended by every plugin.
func (g *gate) awaitEnds() {
	for end := time.Now().Add(3 * time.Minute); ; {
		g.mu.Lock()
		missing, example := 0, ""
		for key := range g.published {
			for _, name := range plugins {
				if _, ok := g.ended[key+" "+name]; !ok {
					missing, example = missing+1, key+" by "+name
				}
			}
		}
		g.mu.Unlock()
		if missing == 0 {
			return
		}
		if time.Now().After(end) {
			for i := range g.nodes {
				g.t.Logf("instance %d: %s", i, g.nodes[i].Load().Stderr())
			}
			g.t.Fatalf("%d jobs have not ended, such as %s", missing, example)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// checkLog reads the log: every acknowledged event is in it, every job has one final status, and there are no dead letters.
func (g *gate) checkLog() {
	log, err := kafka.Open(g.t.Context(), kafka.Options{Brokers: []string{g.kafka.Addr}})
	if err != nil {
		g.t.Fatal(err)
	}
	defer log.Close()
	kept := map[string]bool{}
	for _, r := range g.read(log, "azul."+prefix+".samples.binary.sourced") {
		kept[string(r.Key)] = true
	}
	for key := range g.published {
		if !kept[key] {
			g.t.Errorf("the acknowledged event %s is not in the log", key)
		}
	}
	states := map[string]event.State{} // by key: what compaction leaves
	for _, r := range g.read(log, "azul."+prefix+".system.status") {
		if len(r.Value) == 0 {
			delete(states, string(r.Key))
			continue
		}
		var status event.Status
		if err := json.Unmarshal(r.Value, &status); err != nil {
			g.t.Error(err)
			continue
		}
		states[string(r.Key)] = status.Entity.Status
	}
	for key, state := range states {
		if state != event.CompletedEmpty {
			g.t.Errorf("status %s is %s in the end", key, state)
		}
	}
	if want := len(g.published) * len(plugins); len(states) < want {
		g.t.Errorf("%d jobs have a status, want at least %d", len(states), want)
	}
	open := map[string]bool{}
	for _, r := range g.read(log, "azul."+prefix+".system.dead") {
		open[string(r.Key)] = len(r.Value) > 0
	}
	for id, dead := range open {
		if dead {
			g.t.Errorf("dead letter %s", id)
		}
	}
}

func (g *gate) read(log eventlog.Log, topic string) []eventlog.Record {
	var all []eventlog.Record
	for at := int64(0); ; {
		page, err := log.Read(g.t.Context(), eventlog.Partition{Topic: topic}, at, eventlog.Limit{})
		if err != nil {
			g.t.Fatal(err)
		}
		all = append(all, page.Records...)
		if page.Next <= at {
			return all
		}
		at = page.Next
	}
}

// pause lets the load go on for a random while. It is the moment that is random; nothing waits for a state here.
func pause(r *rand.Rand) { <-time.After(time.Duration(100+r.IntN(2500)) * time.Millisecond) }
