// Package dispatchertest is a dispatcher in memory, for tests of what talks to one. It is strict: a request that the
// strictest reader of the reference would refuse fails the test. Begin with New.
package dispatchertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/event/eventtest"
)

// MaxAttempts is how often a job is handed out when its worker dies.
const MaxAttempts = 3

// Server is the dispatcher. All methods may be called at the same time.
type Server struct {
	URL string

	t    testing.TB
	http *httptest.Server
	quit chan struct{}
	once sync.Once

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	streams  map[string][]byte
	waiting  []*job
	out      map[string]*job // by dequeued
	handed   int
	statuses []event.Status
	plugins  []event.Plugin
	polls    []string // consumers, joined by blanks
	gone     []Gone
	log      []string // "METHOD path range"
	fail     func(*http.Request) int
}

// Gone is a worker that was reported dead.
type Gone struct {
	Worker  string
	State   event.State
	Message string
}

type job struct {
	plugin  string
	ev      event.Binary
	worker  string
	attempt int
}

// New starts a dispatcher that ends with the test.
func New(t testing.TB) *Server {
	s := &Server{t: t, quit: make(chan struct{}), changed: make(chan struct{}), streams: map[string][]byte{}, out: map[string]*job{}}
	s.http = httptest.NewServer(s.handler())
	s.URL = s.http.URL
	t.Cleanup(s.Close)
	return s
}

// Close ends the dispatcher before the test does. Polls that wait are answered without a job.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.quit)
		s.http.CloseClientConnections()
		s.http.Close()
	})
}

// Fail makes f decide about every request from now on: 0 lets it pass, anything else is the code of the answer.
func (s *Server) Fail(f func(*http.Request) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
	s.wakeLocked()
}

// Submit stores content and queues a sourced event about it for one plugin. It returns the event's SHA-256.
func (s *Server) Submit(plugin string, content []byte, format string, opts ...eventtest.Option) string {
	ev := eventtest.Binary(append([]eventtest.Option{eventtest.Content(content, format)}, opts...)...)
	s.Store(ev.Source.Name, event.LabelContent, ev.Entity.SHA256, content)
	s.Queue(plugin, ev)
	return ev.Entity.SHA256
}

// Store keeps a stream.
func (s *Server) Store(source string, label event.Label, sha256 string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[source+"/"+string(label)+"/"+sha256] = content
}

// Stream returns a stored stream, nil if there is none.
func (s *Server) Stream(source string, label event.Label, sha256 string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[source+"/"+string(label)+"/"+sha256]
}

// Queue hands ev out at the plugin's next poll.
func (s *Server) Queue(plugin string, ev *event.Binary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, &job{plugin: plugin, ev: *ev})
	s.wakeLocked()
}

// EndWorker hands out again what the worker had. Jobs that used up their attempts end in a status made here.
func (s *Server) EndWorker(worker string, state event.State, message string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, Gone{worker, state, message})
	n := 0
	for id, j := range s.out {
		if j.worker != worker {
			continue
		}
		n++
		delete(s.out, id)
		if j.attempt < MaxAttempts {
			s.waiting = append(s.waiting, j)
			continue
		}
		end := eventtest.Status(&j.ev, state)
		end.Author.Name, end.Entity.Message = j.plugin, message
		s.statuses = append(s.statuses, *end)
	}
	s.wakeLocked()
	return n
}

func (s *Server) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// The rest is what tests look at.

// Statuses lists every posted status in order.
func (s *Server) Statuses() []event.Status {
	return locked(s, func() []event.Status { return slices.Clone(s.statuses) })
}

// Plugins lists every registration in order.
func (s *Server) Plugins() []event.Plugin {
	return locked(s, func() []event.Plugin { return slices.Clone(s.plugins) })
}

// Polls lists every poll: its consumers, joined by blanks.
func (s *Server) Polls() []string { return locked(s, func() []string { return slices.Clone(s.polls) }) }

// Gone lists the workers that were reported dead.
func (s *Server) Gone() []Gone { return locked(s, func() []Gone { return slices.Clone(s.gone) }) }

// Requests lists every request: method, path and range.
func (s *Server) Requests() []string {
	return locked(s, func() []string { return slices.Clone(s.log) })
}

// Out lists the workers that have a job, by the job's id.
func (s *Server) Out() map[string]string {
	return locked(s, func() map[string]string {
		list := map[string]string{}
		for id, j := range s.out {
			list[id] = j.worker
		}
		return list
	})
}

func locked[T any](s *Server, f func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f()
}

// Wait waits until cond holds; it is asked after every change. what completes "waited in vain for".
func (s *Server) Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		changed := locked(s, func() chan struct{} { return s.changed })
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s; requests so far:\n%s", what, strings.Join(s.Requests(), "\n"))
		}
	}
}

// WaitFinal waits for the final status of a plugin on a file.
func (s *Server) WaitFinal(t testing.TB, plugin, sha256 string) event.Status {
	t.Helper()
	var found event.Status
	s.Wait(t, fmt.Sprintf("the final status of %s on %s", plugin, sha256), func() bool {
		for _, status := range s.Statuses() {
			if status.Author.Name == plugin && status.Entity.Input.Entity.SHA256 == sha256 && status.Entity.Status.Final() {
				found = status
				return true
			}
		}
		return false
	})
	return found
}
