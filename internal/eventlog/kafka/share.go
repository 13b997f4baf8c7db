package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

// Share is this process's membership in a group of processes that share out the partitions of a topic among them: one process
// has a partition at a time, and moves are as few as can be (cooperative-sticky). Nothing is read; having a partition
// is what counts.
type Share struct {
	log     *Log
	client  *kgo.Client
	group   string
	session time.Duration
	events  ShareEvents
	valid   atomic.Pointer[time.Time]
	stop    func()

	mu    sync.Mutex
	owned map[int32]bool
}

// ShareEvents are told one at a time, in order.
type ShareEvents struct {
	// Gained tells of partitions that this process has from now on.
	Gained func(partitions []int32)
	// Lost tells of partitions that this process has no longer once Lost returns: nobody else has them until then, so that
	// what must be written can be written, for at most a minute. If they were taken because Kafka has not heard of this process
	// for a session, others may have them already.
	Lost func(partitions []int32, taken bool)
}

// DefaultSession is how long Kafka waits for a heartbeat until it gives the partitions of a process to others.
const DefaultSession = 10 * time.Second

// rebalancePatience is how long Lost may take.
const rebalancePatience = time.Minute

// Share joins a group over a topic that exists. session is how long a process may be silent; 0 means DefaultSession, and Kafka
// refuses less than 6 seconds. Gained follows soon.
func (l *Log) Share(ctx context.Context, group, name string, session time.Duration, events ShareEvents) (*Share, error) {
	if err := eventlog.CheckGroup(group); err != nil {
		return nil, err
	}
	if session <= 0 {
		session = DefaultSession
	}
	t, err := call(ctx, l, "share "+name, func(ctx context.Context) (*topic, error) { return l.view.topic(ctx, name) })
	if err != nil {
		return nil, err
	}
	s := &Share{log: l, group: l.opts.Namespace + group, session: session, events: events, owned: make(map[int32]bool)}
	s.valid.Store(&time.Time{})
	begun := make(chan struct{}) // the client calls back before this function has it
	s.client, err = kgo.NewClient(append(l.opts.connection(),
		kgo.ConsumerGroup(s.group),
		kgo.ConsumeTopics(t.inKafka),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(session),
		kgo.HeartbeatInterval(session/10),
		kgo.RebalanceTimeout(rebalancePatience),
		kgo.OnPartitionsAssigned(func(ctx context.Context, _ *kgo.Client, got map[string][]int32) {
			<-begun
			s.gained(ctx, got[t.inKafka])
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			<-begun
			s.lost(gone[t.inKafka], false)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			<-begun
			s.valid.Store(&time.Time{})
			s.lost(gone[t.inKafka], true)
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("join group %s: %w", group, err)
	}
	s.client.PauseFetchTopics(t.inKafka)
	close(begun)
	beating, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { s.beatOn(beating) })
	s.stop = sync.OnceFunc(func() {
		s.client.LeaveGroup() // tells Lost
		cancel()
		done.Wait()
		s.client.Close()
	})
	return s, nil
}

// Leave gives all partitions back, after Lost for them, and ends the membership. Others have them at once.
func (s *Share) Leave() { s.stop() }

// Owned returns the partitions that this process has, sorted.
func (s *Share) Owned() []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.owned))
}

// ValidUntil is until when it is certain that nobody else has what Owned returns: half a session after the last heartbeat that
// Kafka answered was sent. It is a point of this process's own time, which no change of clocks moves, and in the past when
// there is no certainty.
func (s *Share) ValidUntil() time.Time { return *s.valid.Load() }

func (s *Share) gained(ctx context.Context, partitions []int32) {
	if len(partitions) == 0 {
		return
	}
	s.beat(ctx)
	s.mu.Lock()
	for _, p := range partitions {
		s.owned[p] = true
	}
	s.mu.Unlock()
	s.events.Gained(slices.Sorted(slices.Values(partitions)))
}

func (s *Share) lost(partitions []int32, taken bool) {
	if len(partitions) == 0 {
		return
	}
	s.mu.Lock()
	for _, p := range partitions {
		delete(s.owned, p)
	}
	s.mu.Unlock()
	s.events.Lost(slices.Sorted(slices.Values(partitions)), taken)
}

// beatOn sends heartbeats beside those of the client, which does not tell what was answered to its own.
func (s *Share) beatOn(ctx context.Context) {
	for wait(ctx, s.session/10) == nil {
		s.beat(ctx)
	}
}

// beat sends one heartbeat and takes in the answer.
func (s *Share) beat(ctx context.Context) {
	member, generation := s.client.GroupMetadata()
	if member == "" || generation < 0 {
		return // not in the group yet
	}
	ctx, cancel := context.WithTimeout(ctx, s.session/2)
	defer cancel()
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = s.group, member, generation
	sent := time.Now()
	answer, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return // what was valid stays so until its time is over
	}
	switch err := kerr.ErrorForCode(answer.ErrorCode); {
	case err == nil, errors.Is(err, kerr.RebalanceInProgress): // what is ours stays ours until Lost
		until := sent.Add(s.session / 2)
		s.valid.Store(&until)
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID):
		s.valid.Store(&time.Time{})
	}
}
