package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"lazuli/internal/eventlog"
)

const (
	// longPoll is how long a broker waits for new records before it answers, and so how long new topics may have to wait
	// until they are followed.
	longPoll = 250 * time.Millisecond
	// pace is the least time between two requests to a broker, so that a busy log costs a few hundred a second and no more.
	pace = 2 * time.Millisecond
	// freshness is how old the bounds in the view may be. Brokers answer after longPoll at the latest.
	freshness = 2 * time.Second
)

// tails learns of new records, topics and leaders. From each broker it fetches at the ends of all partitions that the broker
// leads, one byte of each: the answer comes at once when there is something and says how far each partition goes now.
// Incremental fetch sessions (KIP-227) keep requests and answers as small as what changed. The records themselves
// are thrown away, of which Kafka sends one batch each time, for most of them nobody here reads.
type tails struct {
	log    *Log
	client *kgo.Client // of its own: a broker answers the requests of a connection in turn, and these wait
	stop   func()
	stale  chan struct{} // gets a token when a broker does not lead what it should

	mu     sync.Mutex
	heard  map[int32]time.Time // the last answer of each broker that is followed
	listed time.Time           // the last list of topics
}

func startTails(l *Log) (*tails, error) {
	client, err := kgo.NewClient(l.opts.connection()...)
	if err != nil {
		return nil, fmt.Errorf("set up the client of Kafka: %w", err)
	}
	t := &tails{log: l, client: client, stale: make(chan struct{}, 1), heard: make(map[int32]time.Time), listed: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.stop = func() {
		cancel()
		running.Wait()
		client.Close()
	}
	running.Go(func() { t.run(ctx, &running) })
	return t, nil
}

// run lists the topics again and again, and follows the brokers that lead partitions.
func (t *tails) run(ctx context.Context, running *sync.WaitGroup) {
	const unreachable = "Kafka does not answer; the log goes on when it does"
	trouble := complaint{t.log.logger, unreachable, "Kafka answers again"}
	for failing := false; ; {
		begun := time.Now()
		bounded, cancel := context.WithTimeoutCause(ctx, patience, errAway)
		err := t.log.view.refresh(bounded)
		cancel()
		failing = trouble.note(ctx, failing, err)
		if err == nil {
			t.mu.Lock()
			t.listed = time.Now()
			t.mu.Unlock()
		}
		next := time.NewTimer(refreshInterval(time.Since(begun)))
		for listing := false; !listing; {
			t.followLeaders(ctx, running)
			select {
			case <-t.log.view.moved:
			case <-next.C:
				listing = true
			case <-t.stale:
				listing = true
			case <-ctx.Done():
				next.Stop()
				return
			}
		}
	}
}

// followLeaders follows every broker that leads partitions.
func (t *tails) followLeaders(ctx context.Context, running *sync.WaitGroup) {
	for _, broker := range t.log.view.table.Load().leading {
		if t.begin(broker) {
			running.Go(func() { t.follow(ctx, broker) })
		}
	}
}

// begin notes that a broker is followed; false if it is already.
func (t *tails) begin(broker int32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.heard[broker]; ok {
		return false
	}
	t.heard[broker] = time.Now()
	return true
}

// fresh tells whether the view is as new as it should be.
func (t *tails) fresh() bool {
	leaders := t.log.view.table.Load().leading
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := t.listed
	for _, broker := range leaders {
		if heard := t.heard[broker]; heard.Before(oldest) {
			oldest = heard
		}
	}
	return time.Since(oldest) < freshness
}

// complaint logs trouble once, and its end.
type complaint struct {
	logger     *slog.Logger
	begun, end string
}

// note returns whether there is trouble now.
func (c complaint) note(ctx context.Context, failing bool, err error) bool {
	switch {
	case ctx.Err() != nil:
	case err != nil && !failing:
		c.logger.Warn(c.begun, "err", err)
	case err == nil && failing:
		c.logger.Info(c.end)
	}
	return err != nil
}

// follow learns from one broker until ctx ends.
func (t *tails) follow(ctx context.Context, broker int32) {
	s := session{tails: t, broker: broker}
	trouble := complaint{t.log.logger, fmt.Sprintf("broker %d does not tell of new records", broker), fmt.Sprintf("broker %d tells of new records again", broker)}
	failing, pause := false, pace
	for {
		begun := time.Now()
		err := s.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.reset()
			pause = min(2*pause, time.Second)
			if errors.Is(err, errMoved) {
				err = nil // the daily business of a cluster
				select {
				case t.stale <- struct{}{}:
				default:
				}
			}
		} else {
			pause = pace
			t.mu.Lock()
			t.heard[broker] = time.Now()
			t.mu.Unlock()
		}
		failing = trouble.note(ctx, failing, err)
		if wait(ctx, pause-time.Since(begun)) != nil {
			return
		}
	}
}

// session is an incremental fetch session with one broker.
type session struct {
	tails  *tails
	broker int32

	id, epoch int32
	sent      map[tailKey]int64 // the offset of each partition that the broker knows to be in the session

	table *table // the one that ends is made of
	ends  map[tailKey]tailEnd
}

type tailKey struct {
	id    topicID
	index int32
}

type tailEnd struct {
	topic *topic
	partition
}

// reset begins a new session with the next request.
func (s *session) reset() { s.id, s.epoch, s.sent = 0, 0, nil }

// poll makes one request and takes in the answer.
func (s *session) poll(ctx context.Context) error {
	s.look()
	if len(s.ends) == 0 {
		s.reset()
		return wait(ctx, longPoll)
	}
	response, err := s.tails.client.Broker(int(s.broker)).Request(ctx, s.request())
	if err != nil {
		return err
	}
	answer := response.(*kmsg.FetchResponse)
	switch err := kerr.ErrorForCode(answer.ErrorCode); {
	case errors.Is(err, kerr.FetchSessionIDNotFound), errors.Is(err, kerr.InvalidFetchSessionEpoch), moved(answer.ErrorCode):
		return errMoved
	case err != nil:
		return err
	}
	if answer.SessionID == 0 { // the broker has no room for sessions
		s.reset()
	} else {
		s.id, s.epoch = answer.SessionID, max(1, s.epoch+1) // behind the largest number comes 1
	}
	return s.take(ctx, answer)
}

// look finds the partitions that the broker leads.
func (s *session) look() {
	table := s.tails.log.view.table.Load()
	if s.table == table {
		return
	}
	s.table, s.ends = table, make(map[tailKey]tailEnd)
	for _, t := range table.sorted {
		for i, p := range t.partitions {
			if p.leader == s.broker {
				s.ends[tailKey{t.id, int32(i)}] = tailEnd{t, p}
			}
		}
	}
}

// request asks for what is behind the ends. Within a session it names only what changed.
func (s *session) request() *kmsg.FetchRequest {
	if s.sent == nil {
		s.sent = make(map[tailKey]int64, len(s.ends))
	}
	request := fetchRequest(longPoll, 1)
	request.SessionID, request.SessionEpoch = s.id, s.epoch
	topics := make(map[topicID]*kmsg.FetchRequestTopic)
	for key, end := range s.ends {
		offset := end.end.Load()
		if sent, ok := s.sent[key]; ok && sent == offset {
			continue
		}
		s.sent[key] = offset
		rt := topics[key.id]
		if rt == nil {
			rt = &kmsg.FetchRequestTopic{Topic: end.topic.inKafka, TopicID: key.id}
			topics[key.id] = rt
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = key.index, offset, 1
		rt.Partitions = append(rt.Partitions, rp)
	}
	for _, rt := range topics {
		request.Topics = append(request.Topics, *rt)
	}
	for key := range s.sent {
		if _, ok := s.ends[key]; !ok {
			delete(s.sent, key)
			request.ForgottenTopics = append(request.ForgottenTopics, kmsg.FetchRequestForgottenTopic{TopicID: key.id, Partitions: []int32{key.index}})
		}
	}
	return request
}

// take moves the bounds to where the answer says, and wakes the watchers if an end moved.
func (s *session) take(ctx context.Context, answer *kmsg.FetchResponse) (err error) {
	news := false
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			end, ok := s.ends[tailKey{t.TopicID, p.Partition}]
			switch refused := kerr.ErrorForCode(p.ErrorCode); {
			case !ok:
			case errors.Is(refused, kerr.OffsetOutOfRange):
				err = errors.Join(err, s.rewind(ctx, end, p.Partition))
				news = true
			case moved(p.ErrorCode), errors.Is(refused, kerr.UnknownTopicOrPartition):
				err = errMoved
			case refused != nil:
				err = errors.Join(err, fmt.Errorf("%s: %w", eventlog.Partition{Topic: end.topic.Name, Index: p.Partition}, refused))
			default:
				news = end.reach(p.LastStableOffset) || news
				if p.LogStartOffset > 0 {
					end.start.Store(p.LogStartOffset)
				}
			}
		}
	}
	if news {
		s.tails.log.watchers.Wake()
	}
	return err
}

// rewind puts the bounds of a partition to what Kafka says they are: it lost records, or they are not known yet.
func (s *session) rewind(ctx context.Context, end tailEnd, index int32) error {
	at := eventlog.Partition{Topic: end.topic.Name, Index: index}
	had := end.load()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errAway)
	defer cancel()
	b, err := s.tails.log.measure(ctx, end.topic, at)
	if err != nil {
		return err
	}
	if b.End < had.End {
		s.tails.log.cache.forget(place{end.topic.id, index})
		s.tails.log.logger.Error("Kafka lost records that it had acknowledged", "partition", at.String(), "end", b.End, "was", had.End)
	}
	end.start.Store(b.Start)
	end.end.Store(b.End)
	return nil
}
