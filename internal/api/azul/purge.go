package azul

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"lazuli/event"
	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

func (s *Server) registerPurge() {
	const tag = "purge"
	enveloped(s, operation(http.MethodDelete, prefix+"/purge/submission/{track}", "purge-submission", "Delete what was submitted, and all that came of it", tag), s.purgeSubmission)
	enveloped(s, operation(http.MethodDelete, prefix+"/purge/link/{track}", "purge-link", "Delete what was found through a link from parent to child", tag), s.purgeLink)
}

type PurgeInput struct {
	Base
	Track string `path:"track" doc:"track_source_references or track_link"`
	Purge bool   `query:"purge" doc:"do it, in place of counting what would go"`
}

type purgeSubmissionInput struct {
	PurgeInput
	Timestamp string `query:"timestamp" required:"true" doc:"of the submission"`
}

// purged has the first field of a simulation, and the others of a purge.
type purged struct {
	Events       *int `json:"events,omitempty"`
	EventsPurged *int `json:"events_purged,omitempty"`
	Kept         *int `json:"binaries_kept,omitempty"`
	Purged       *int `json:"binaries_purged,omitempty"`
}

func (s *Server) purgeSubmission(ctx context.Context, c *call, in *purgeSubmissionInput) (purged, error) {
	at, err := parseTime("query", "timestamp", in.Timestamp)
	if err != nil {
		return purged{}, err
	}
	return s.purge(ctx, c, &in.PurgeInput, &target{
		files: equals("track_source_references", in.Track),
		means: func(d *index.Document) bool {
			return d.TrackSourceReferences == in.Track && d.SourceTimestamp.UTC().Truncate(time.Microsecond).Equal(at.Truncate(time.Microsecond))
		},
		event: event.Delete{Action: "submission", Entity: event.DeleteEntity{Reason: "purged by " + c.User,
			Submission: &event.DeleteSubmission{TrackSourceReferences: in.Track, Timestamp: event.At(at)}}},
	})
}

func (s *Server) purgeLink(ctx context.Context, c *call, in *PurgeInput) (purged, error) {
	return s.purge(ctx, c, in, &target{
		files: equals("track_link", in.Track),
		means: func(d *index.Document) bool { return slices.Contains(d.TrackLinks, in.Track) },
		event: event.Delete{Action: "link", Entity: event.DeleteEntity{Reason: "purged by " + c.User, Link: &event.DeleteLink{TrackLink: in.Track}}},
	})
}

// target is what a purge is about: which files it may touch, which of their documents it means, and the event that says so.
type target struct {
	files query.Expr
	means func(*index.Document) bool
	event event.Delete
}

// purge counts what would go, or lets it go and counts what went. It counts with the eyes of who asks.
func (s *Server) purge(ctx context.Context, c *call, in *PurgeInput, t *target) (purged, error) {
	if !c.Admin {
		return purged{}, &refusal{http.StatusForbidden, "only administrators may purge"}
	}
	events, files, err := s.meant(ctx, c, t)
	if err != nil {
		return purged{}, err
	}
	if !in.Purge {
		return purged{Events: &events}, nil
	}
	if events == 0 {
		return purged{}, refuse(http.StatusNotFound, "not found", "there is nothing to purge")
	}
	t.event.Head = event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: event.Author{Category: "user", Name: c.User}}
	if err := s.Dispatcher.Publish(ctx, &t.event); err != nil {
		return purged{}, s.uploadError(err)
	}
	if err := s.Indexed(ctx); err != nil {
		return purged{}, err
	}
	left, err := s.hits(ctx, c, files)
	if err != nil {
		return purged{}, err
	}
	kept := 0
	for i := range left {
		if left[i].Known {
			kept++
		}
	}
	gone := len(files) - kept
	return purged{EventsPurged: &events, Kept: &kept, Purged: &gone}, nil
}

// maxPurged is how many files a purge counts.
const maxPurged = 1_000_000

// meant counts the documents that a purge means, and lists the files that have one. What came of a file that has one may be meant as
// well: every path that goes through a link is.
func (s *Server) meant(ctx context.Context, c *call, t *target) (events int, files []string, err error) {
	seen := map[string]bool{}
	var todo []string
	add := func(sha string) {
		if !seen[sha] {
			seen[sha] = true
			todo = append(todo, sha)
		}
	}
	for cursor := ""; ; {
		page, err := s.Index.Search(ctx, c.reader, t.files, index.SearchOptions{Limit: maxEntities, Cursor: cursor})
		if err != nil {
			return 0, nil, err
		}
		for i := range page.Hits {
			add(page.Hits[i].SHA256)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for len(todo) > 0 {
		if len(seen) > maxPurged {
			return 0, nil, refuse(http.StatusBadRequest, "too many", "more than %d files are meant", maxPurged)
		}
		sha := todo[0]
		todo = todo[1:]
		n, err := s.meantOf(ctx, c, t, sha)
		if err != nil {
			return 0, nil, err
		}
		if n == 0 {
			continue
		}
		events += n
		files = append(files, sha)
		if err := s.eachChild(ctx, c, sha, add); err != nil {
			return 0, nil, err
		}
	}
	return events, files, nil
}

// meantOf counts the documents of a file that a purge means, those that are superseded as well.
func (s *Server) meantOf(ctx context.Context, c *call, t *target, sha string) (int, error) {
	list, _, err := s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{Superseded: true})
	if errors.Is(err, index.ErrNotFound) {
		return 0, nil // a child that the reader may not see
	}
	n := 0
	for i := range list {
		if t.means(&list[i]) {
			c.label(list[i].Label)
			n++
		}
	}
	return n, err
}

func (s *Server) eachChild(ctx context.Context, c *call, sha string, fn func(sha string)) error {
	for cursor := ""; ; {
		page, err := s.Index.Children(ctx, c.reader, sha, maxEntities, cursor)
		if err != nil {
			return err
		}
		for i := range page.Links {
			fn(page.Links[i].SHA256)
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}
