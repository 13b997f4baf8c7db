package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

// cluster is several dispatchers on one log. The test says who owns what.
type cluster struct {
	*bench // its dispatcher is the first instance's
	nodes  []*node

	mu    sync.Mutex
	owner map[int32]*node
}

// node is one instance, and its Ownership.
type node struct {
	c      *cluster
	d      *Dispatcher
	server *httptest.Server
	moves  chan move
	ended  chan struct{}

	mu     sync.Mutex
	frozen bool
}

type move struct {
	partitions []int32
	gain       bool
	done       chan struct{}
}

const clusterPartitions = 4

func newCluster(t *testing.T, instances int) *cluster {
	parallel(t)
	b := &bench{t: t, dir: t.TempDir(), clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}}
	b.opts = Options{Sources: anySource{}, Lease: time.Minute, Now: b.clock.Now}
	var err error
	b.openLog()
	if b.store, err = blob.OpenFS(b.dir + "/store"); err != nil {
		t.Fatal(err)
	}
	c := &cluster{bench: b, owner: map[int32]*node{}}
	for range instances {
		c.join()
	}
	c.use(0)
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.leave()
		}
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
		if err := b.log.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// use makes the bench's helpers talk to one instance.
func (c *cluster) use(i int) { c.d, c.server = c.nodes[i].d, c.nodes[i].server }

func (c *cluster) join() *node {
	c.t.Helper()
	n := &node{c: c, moves: make(chan move), ended: make(chan struct{})}
	n.server = httptest.NewUnstartedServer(nil)
	opts := c.opts
	opts.Registry, opts.Ownership, opts.Address = nil, n, "http://"+n.server.Listener.Addr().String()
	log := c.log
	if c.aroundLog != nil {
		log = c.aroundLog(log)
	}
	var err error
	if n.d, err = New(c.t.Context(), log, c.store, opts); err != nil {
		c.t.Fatal(err)
	}
	n.server.Config.Handler, n.server.Config.MaxHeaderBytes = c.watched(n.d.Handler()), 64<<10 // as package serve
	n.server.Start()
	c.nodes = append(c.nodes, n)
	return n
}

// leave stops an instance in order.
func (n *node) leave() {
	select {
	case <-n.ended:
		return
	default:
	}
	if err := n.d.Close(context.Background()); err != nil {
		n.c.t.Error(err)
	}
	n.server.Close()
}

// vanish ends an instance without a word.
func (n *node) vanish() {
	n.c.mu.Lock()
	for p, owner := range n.c.owner {
		if owner == n {
			delete(n.c.owner, p)
		}
	}
	n.c.mu.Unlock()
	n.leave() // what it writes now is refused
}

func (n *node) Partitions() int32 { return clusterPartitions }

func (n *node) Holds() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.frozen
}

func (n *node) Run(ctx context.Context, gained, lost func([]int32)) {
	defer close(n.ended)
	for {
		select {
		case <-ctx.Done():
			lost([]int32{0, 1, 2, 3})
			return
		case m := <-n.moves:
			if m.gain {
				gained(m.partitions)
			} else {
				lost(m.partitions)
			}
			close(m.done)
		}
	}
}

func (n *node) Append(ctx context.Context, partition int32, records []eventlog.Record) error {
	n.c.mu.Lock()
	owner := n.c.owner[partition]
	n.c.mu.Unlock()
	if owner != n {
		return ErrFenced
	}
	for i := range records {
		if to := eventlog.PartitionFor(records[i].PartitionKey, clusterPartitions); to != partition {
			return fmt.Errorf("a record for partition %d would go to %d", partition, to)
		}
	}
	_, err := n.c.log.Append(ctx, records)
	return err
}

func (n *node) tell(gain bool, partitions ...int32) {
	m := move{partitions, gain, make(chan struct{})}
	n.moves <- m
	<-m.done
}

// give makes partitions belong to an instance, which is told before the new owner in an orderly move.
func (c *cluster) give(to int, partitions ...int32) {
	c.t.Helper()
	for _, p := range partitions {
		c.mu.Lock()
		from := c.owner[p]
		c.mu.Unlock()
		if from != nil && from.Holds() {
			from.tell(false, p)
		}
		c.seize(to, p)
	}
}

// seize makes a partition belong to an instance, whatever its former owner thinks.
func (c *cluster) seize(to int, partition int32) {
	c.t.Helper()
	c.mu.Lock()
	c.owner[partition] = c.nodes[to]
	c.mu.Unlock()
	c.nodes[to].tell(true, partition)
	c.nodes[to].awaitReady(c.t, partition)
}

// awaitReady returns when an instance serves a partition.
func (n *node) awaitReady(t *testing.T, partition int32) {
	t.Helper()
	for {
		n.d.mu.Lock()
		s, moved := n.d.shards[partition], n.d.ownersMoved
		ready := s != nil && s.ready
		n.d.mu.Unlock()
		if ready {
			return
		}
		select {
		case <-moved:
		case <-t.Context().Done():
			t.Fatal("the instance did not become the owner")
		}
	}
}

// settle applies every status that is in the log, at every instance.
func (c *cluster) settle() {
	c.t.Helper()
	for _, n := range c.nodes {
		if err := n.d.statuses.catchUp(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
}

var everyPartition = []int32{0, 1, 2, 3}

func TestPollsReachTheOwner(t *testing.T) {
	c := newCluster(t, 2)
	c.give(1, everyPartition...)
	c.use(0) // it owns nothing
	c.publish(c.file("src", "one"), c.file("src", "two"))
	job := c.mustPoll("P", "one")
	c.status(job, "P", event.Completed) // to the instance that owns nothing
	c.settle()
	c.status(c.mustPoll("P", "two"), "P", event.Completed)
	c.settle()
	c.clock.advance(time.Hour)
	c.nodes[1].d.reap(t.Context())
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 || !info.Ready {
		t.Fatalf("%+v", info)
	}
}

func TestOrderlyMoveKeepsJobsInFlight(t *testing.T) {
	c := newCluster(t, 2)
	c.give(0, everyPartition...)
	c.publish(c.file("src", "done"), c.file("src", "out"), c.file("src", "waiting"))
	done, out := c.mustPoll("P", "done"), c.mustPoll("P", "out")
	c.status(done, "P", event.Completed)
	c.give(1, everyPartition...)
	c.status(c.mustPoll("P", "waiting"), "P", event.Completed)
	c.settle()
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 {
		t.Fatal("a job is out twice")
	}
	c.status(out, "P", event.Completed)
	c.settle()
	c.clock.advance(time.Hour)
	c.nodes[1].d.reap(t.Context())
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 {
		t.Fatal("an ended job is out again")
	}
}

func TestOwnerThatVanishesLosesNothing(t *testing.T) {
	c := newCluster(t, 2)
	c.opts.flushEvery = time.Hour
	n := c.join() // no record of its progress but births
	c.give(2, everyPartition...)
	c.use(0)
	c.publish(c.file("src", "one"), c.file("src", "two"))
	one := c.mustPoll("P", "one")
	c.status(one, "P", event.Completed)
	two := c.mustPoll("P", "two")
	n.vanish()
	for _, p := range everyPartition {
		c.seize(1, p)
	}
	again := c.mustPoll("P", "two") // out twice, once for the change of owner
	c.status(two, "P", event.Completed)
	c.status(again, "P", event.Completed)
	c.settle()
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 {
		t.Fatal("an ended job is out again")
	}
}

func TestFrozenOwnerHandsOutNothing(t *testing.T) {
	c := newCluster(t, 2)
	c.give(0, everyPartition...)
	c.publish(c.file("src", "one"))
	if _, info := c.poll("P", "r-live=true"); info.Fetched != 0 {
		t.Fatal("the consumer has no live event")
	}
	frozen := c.nodes[0]
	frozen.mu.Lock()
	frozen.frozen = true
	frozen.mu.Unlock()
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 {
		t.Fatal("an owner that may have been replaced handed a job out")
	}
	for _, p := range everyPartition {
		c.seize(1, p)
	}
	c.use(1)
	job := c.mustPoll("P", "one")
	if err := frozen.d.progress.flush(t.Context(), true); err != nil && !isFenced(err) {
		t.Fatal(err)
	}
	c.status(job, "P", event.Completed)
	c.settle()
	if _, info := c.poll("P", allFeeds); info.Fetched != 0 {
		t.Fatal("an ended job is out again")
	}
}

func TestWorkerPollsConsumersOfSeveralOwners(t *testing.T) {
	c := newCluster(t, 3)
	c.give(1, 0, 1)
	c.give(2, 2, 3)
	var consumers []string
	owners := map[int32]bool{}
	for i := range 6 {
		name := fmt.Sprint("P", i)
		consumers = append(consumers, "name="+name+"&version=1&"+allFeeds)
		owners[c.d.shardOf(identity{Name: name, Version: "1", Model: event.ModelBinary})/2] = true
	}
	if len(owners) != 2 {
		t.Fatal("the consumers have one owner; take other names")
	}
	c.use(0)
	c.publish(c.file("src", "x"))
	var served []int
	for range 6 {
		got := c.workerPoll("w1", consumers)
		if got.Event == nil {
			t.Fatalf("no job; served so far: %v", served)
		}
		served = append(served, got.Consumer)
	}
	slices.Sort(served)
	if !slices.Equal(served, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("served %v", served)
	}
	if got := c.workerPoll("w1", consumers); got.Event != nil {
		t.Errorf("a seventh job: %+v", got)
	}
	if code, body := c.call("DELETE", "/api/v1/workers/w1?state=error-out-of-memory", nil); code != 200 || string(body) != `{"ended":6}` {
		t.Errorf("the death of a worker: %d %s", code, body)
	}
}

func TestPollWaitsForAnOwner(t *testing.T) {
	c := newCluster(t, 2)
	c.publish(c.file("src", "x"))
	if _, info := c.poll("P", allFeeds); info.Ready || info.Fetched != 0 || info.NotReady != "expedite,live,historic" {
		t.Fatalf("nobody owns anything, and the answer is %+v", info)
	}
	got := make(chan *event.Binary)
	go func() {
		ev, _ := c.poll("P", allFeeds+"&deadline=30")
		got <- ev
	}()
	for _, p := range everyPartition {
		c.give(1, p)
	}
	if ev := <-got; ev == nil {
		t.Fatal("the poll ended without the event")
	}
}

func TestVanishedClientOfAnotherInstanceGivesItsJobBack(t *testing.T) {
	c := newCluster(t, 2)
	c.give(1, everyPartition...)
	c.publish(c.file("src", "x"))
	res, err := c.nodes[1].d.peers.send(t.Context(), "GET", c.nodes[1].d.opts.Address,
		"/api/v2/event/binary/active?name=P&version=1&"+allFeeds, "token", nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	const token = "token"
	if code, body := c.callAt(1, "POST", "/api/v1/answers/"+token+"?outcome=left"); code != 204 {
		t.Fatalf("%d %s", code, body)
	}
	c.mustPoll("P", "x")
	if code, _ := c.callAt(1, "POST", "/api/v1/answers/"+token+"?outcome=left"); code != 404 {
		t.Errorf("the same answer twice: %d", code)
	}
}

func isFenced(err error) bool { return errors.Is(err, ErrFenced) }

func (c *cluster) callAt(i int, method, path string) (int, []byte) {
	c.t.Helper()
	before, server := c.d, c.server
	defer func() { c.d, c.server = before, server }()
	c.use(i)
	return c.call(method, path, nil)
}

func (b *bench) workerPoll(worker string, consumers []string) pollAnswer {
	b.t.Helper()
	code, body := b.call("POST", "/api/v1/poll", map[string]any{"worker": worker, "deadline": 1, "consumers": consumers})
	var got pollAnswer
	if err := json.Unmarshal(body, &got); code != 200 || err != nil {
		b.t.Fatalf("%d %s: %v", code, body, err)
	}
	return got
}
