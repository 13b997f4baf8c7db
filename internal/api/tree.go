package api

import (
	"context"
	"slices"
	"time"

	"lazuli/internal/eventlog"
)

const (
	maxTreeDepth = 12
	maxTreeNodes = 2000
	firstLook    = 2 * time.Millisecond
	lastLook     = 50 * time.Millisecond
)

// node is a file in a tree.
type node struct {
	Binary       FileState         `json:"binary"`
	Relationship map[string]string `json:"relationship"`
	Filename     string            `json:"filename,omitempty"`
	Children     []*node           `json:"children"`
	Truncated    bool              `json:"truncated,omitempty"`
}

func (a *API) tree(ctx context.Context, in *hashInput) (*struct{ Body node }, error) {
	d, err := in.wait()
	if err != nil {
		return nil, err
	}
	if d > 0 {
		a.settle(ctx, in.Hash, d)
	}
	left := maxTreeNodes
	root, err := a.descend(ctx, in.Hash, nil, &left)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body node }{*root}, nil
}

func (a *API) descend(ctx context.Context, hash string, above []string, left *int) (*node, error) {
	*left--
	f, err := a.File(ctx, hash)
	if err != nil {
		return nil, err
	}
	n := &node{Binary: *f, Relationship: map[string]string{}, Children: []*node{}}
	if len(f.Filenames) > 0 {
		n.Filename = f.Filenames[0]
	}
	above = append(slices.Clone(above), f.SHA256)
	for _, link := range f.Children {
		if slices.Contains(above, link.SHA256) {
			continue
		}
		if len(above) > maxTreeDepth || *left <= 0 {
			n.Truncated = true
			break
		}
		c, err := a.descend(ctx, link.SHA256, above, left)
		if err != nil {
			return nil, err
		}
		c.Relationship, c.Filename = link.Relationship, link.Filename
		n.Children = append(n.Children, c)
	}
	return n, nil
}

// settle waits until a file and all files inside it have been analysed, at most for a while: no job of theirs is pending, then
// everything that is in the log is in the index, and then they are the same files still.
func (a *API) settle(ctx context.Context, hash string, atMost time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	defer context.AfterFunc(a.drained, cancel)()
	for before := -1; ; {
		events, known := a.treeEvents(ctx, hash)
		if known && (a.quiet(ctx, events) != nil || len(events) == before) {
			return
		}
		if a.indexed(ctx) != nil || !known && before == 0 {
			return
		}
		before = len(events) // 0 for a file that may have been submitted just now
	}
}

// quiet waits until no job of some events is pending. Jobs end without a word to us, so it looks again and again; a look is cheap, and
// they become rarer.
func (a *API) quiet(ctx context.Context, events []string) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		pending, silent, err := a.Dispatcher.Pending(ctx, events)
		if err != nil || len(pending)+len(silent) == 0 {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// indexed waits until what is in the log now is in the index.
func (a *API) indexed(ctx context.Context) error {
	topics, err := a.Topics.Topics(ctx)
	if err != nil {
		return err
	}
	ends := map[eventlog.Partition]int64{}
	for _, t := range topics {
		for i, b := range t.Bounds {
			ends[eventlog.Partition{Topic: t.Name, Index: int32(i)}] = b.End
		}
	}
	return a.Settler.Reached(ctx, ends)
}

// treeEvents lists where the documents of a file and of all files inside it lie in the log.
func (a *API) treeEvents(ctx context.Context, hash string) ([]string, bool) {
	seen := map[string]bool{}
	var events []string
	todo := []string{hash}
	for len(todo) > 0 && len(seen) < maxTreeNodes {
		b, err := a.Index.Binary(ctx, readerOf(ctx), todo[0])
		todo = todo[1:]
		if err != nil {
			if len(seen) == 0 {
				return nil, false
			}
			continue
		}
		if seen[b.SHA256] {
			continue
		}
		seen[b.SHA256] = true
		events = append(events, positions(b)...)
		for _, c := range b.Children {
			if !seen[c.SHA256] {
				todo = append(todo, c.SHA256)
			}
		}
	}
	return events, true
}
