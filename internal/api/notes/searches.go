package notes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lazuli/internal/eventlog"
)

// Search is a search that somebody saved.
type Search struct {
	Owner     string    `json:"owner"`
	Name      string    `json:"name"`
	Query     string    `json:"query"`
	Order     string    `json:"order,omitempty"` // an index.Order; "" is the newest first
	Ascending bool      `json:"ascending,omitempty"`
	Saved     time.Time `json:"saved"`
}

func searchID(owner, name string) string { return owner + "/" + name }

// SaveSearch keeps a search in place of the owner's one with that name.
func (n *Notes) SaveSearch(ctx context.Context, s Search) error {
	_, err := n.append(ctx, n.searched, searchID(s.Owner, s.Name), s)
	return err
}

// ForgetSearch removes a search.
func (n *Notes) ForgetSearch(ctx context.Context, owner, name string) error {
	_, err := n.append(ctx, n.searched, searchID(owner, name), nil)
	return err
}

// Searches lists the searches of an owner by name.
func (n *Notes) Searches(ctx context.Context, owner string) ([]Search, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.readOn(ctx); err != nil {
		return nil, err
	}
	list := []Search{}
	for _, s := range n.searches {
		if s.Owner == owner {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y Search) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}

// readOn reads what is new in the topic. The caller holds mu.
func (n *Notes) readOn(ctx context.Context) error {
	part := eventlog.Partition{Topic: n.searched}
	bounds, err := n.log.Bounds(ctx, part)
	if err != nil {
		return fmt.Errorf("read saved searches: %w", err)
	}
	for n.next < bounds.End {
		page, err := n.log.Read(ctx, part, n.next, eventlog.Limit{Records: 1000, Bytes: 8 << 20})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			n.next = max(corrupt.To, n.next+1)
			continue
		}
		if err != nil {
			return fmt.Errorf("read saved searches: %w", err)
		}
		for i := range page.Records {
			n.apply(&page.Records[i])
		}
		n.next = max(page.Next, n.next+1)
	}
	return nil
}

func (n *Notes) apply(r *eventlog.Record) {
	id := string(r.Key)
	var s Search
	if len(r.Value) == 0 || json.Unmarshal(r.Value, &s) != nil || searchID(s.Owner, s.Name) != id {
		delete(n.searches, id)
		return
	}
	n.searches[id] = s
}
