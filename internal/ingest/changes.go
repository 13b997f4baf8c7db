package ingest

import (
	"context"
	"sync"
)

// Subscribe returns a channel with the SHA-256 of each file of which something new is in the index, or of which a child is,
// until ctx ends; it is not closed. Changes of one file that nobody has taken yet become one. Ingest never waits for a
// subscriber: for one that is maxChanges files behind, further files are dropped.
func (in *Ingest) Subscribe(ctx context.Context) <-chan string {
	f := newFeed()
	in.mu.Lock()
	in.feeds[f] = true
	in.mu.Unlock()
	go func() {
		f.run(ctx)
		in.mu.Lock()
		delete(in.feeds, f)
		in.mu.Unlock()
	}()
	return f.out
}

// maxChanges bounds what waits for one subscriber: less than 2 MiB.
const maxChanges = 10_000

// feed is what one subscriber has not had yet.
type feed struct {
	mu      sync.Mutex
	waiting map[string]bool
	order   []string
	news    chan struct{} // holds a token while something may be waiting
	out     chan string   // holds one, so that a change is there as soon as Reached tells of it
}

func newFeed() *feed {
	return &feed{waiting: map[string]bool{}, news: make(chan struct{}, 1), out: make(chan string, 1)}
}

func (f *feed) add(changed map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sha := range changed {
		if len(f.order) == 0 {
			select {
			case f.out <- sha:
				continue
			default:
			}
		}
		if !f.waiting[sha] && len(f.order) < maxChanges {
			f.waiting[sha] = true
			f.order = append(f.order, sha)
		}
	}
	if len(f.order) > 0 {
		select {
		case f.news <- struct{}{}:
		default:
		}
	}
}

// take returns the file that waits longest.
func (f *feed) take() (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.order) == 0 {
		return "", false
	}
	sha := f.order[0]
	f.order = f.order[1:]
	delete(f.waiting, sha)
	return sha, true
}

// run hands over what waits until ctx ends.
func (f *feed) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.news:
		}
		for sha, ok := f.take(); ok; sha, ok = f.take() {
			select {
			case <-ctx.Done():
				return
			case f.out <- sha:
			}
		}
	}
}
