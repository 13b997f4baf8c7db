package azul

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"lazuli/internal/api/access"
	"lazuli/internal/blob"
	"lazuli/internal/index"
	"lazuli/internal/inspect"
)

// Asking is a Server for one reader, without HTTP: for the pages, which show what this interface answers. Its errors have a status
// (huma.StatusError) where they are the reader's mistake.
type Asking struct {
	s *Server
	c *call
}

// For makes an Asking of who asks and through whose eyes the index is read.
func (s *Server) For(who *access.Access, r index.Reader) *Asking {
	return &Asking{s, &call{Access: who, reader: r, begun: s.Now()}}
}

// TagFile puts a tag on a file, with the default label.
func (a *Asking) TagFile(ctx context.Context, sha256, tag string) error {
	_, err := a.s.tagFile(ctx, a.c, &tagFileInput{SHA256Input: SHA256Input{SHA256: sha256}, Tag: tag})
	return err
}

// UntagFile takes a tag off a file.
func (a *Asking) UntagFile(ctx context.Context, sha256, tag string) error {
	_, err := a.s.untagFile(ctx, a.c, &untagFileInput{SHA256Input{SHA256: sha256}, tag})
	return err
}

// TagValue puts a tag on a value of a feature, with the default label.
func (a *Asking) TagValue(ctx context.Context, feature, value, tag string) error {
	_, err := a.s.tagValue(ctx, a.c, &tagValueInput{ValueTagInput: ValueTagInput{Tag: tag, Feature: feature, Value: value}})
	return err
}

// UntagValue takes a tag off a value of a feature.
func (a *Asking) UntagValue(ctx context.Context, feature, value, tag string) error {
	_, err := a.s.untagValue(ctx, a.c, &ValueTagInput{Tag: tag, Feature: feature, Value: value})
	return err
}

// Tie is a link between two files.
type Tie struct {
	Parent, Child    string // SHA-256
	Filename, Format string // of the child there; may be ""
	Relationship     map[string]string
	Author           string
}

// Nearby walks from a file up to what it came from and down to what came from it; with cousins from there down again.
func (a *Asking) Nearby(ctx context.Context, sha256 string, cousins bool) ([]Tie, error) {
	in := nearbyInput{SHA256Input: SHA256Input{SHA256: sha256}, Cousins: "no"}
	if cousins {
		in.Cousins = "yes"
	}
	g, err := a.s.nearby(ctx, a.c, &in)
	var list []Tie
	for i := range g.Links {
		if l := &g.Links[i]; l.Parent != "" {
			list = append(list, Tie{l.Parent, l.Child, l.Node.Filename, l.Node.FileFormat, l.Node.Relationship, l.Node.Author.Name})
		}
	}
	return list, err
}

// Content is the content of a file, to be looked at by ranges. ErrNotFound if it is not stored.
func (a *Asking) Content(ctx context.Context, sha256 string) (inspect.Source, error) {
	return a.s.opened(ctx, a.c, sha256)
}

// ShownAs returns the MIME type under which a stream of a file is given as it is; "" if it is not.
func (a *Asking) ShownAs(sha256 string, st *index.Stream) string {
	return shownAs(st, st.SHA256 == sha256)
}

// ShownStream is a stream that is harmless to look at.
type ShownStream struct {
	index.Stream
	Kind  string // its MIME type
	label string // of the document
	Body  io.ReadCloser
}

// Stream opens a stream of a file if it may be given as it is.
func (a *Asking) Stream(ctx context.Context, sha256, stream string) (*ShownStream, error) {
	return a.s.shownStream(ctx, a.c, strings.ToLower(sha256), strings.ToLower(stream))
}

// shownStream opens a stream of a file, if a browser that is told so does nothing with it but show it.
func (s *Server) shownStream(ctx context.Context, c *call, sha, wanted string) (*ShownStream, error) {
	list, _, err := s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{})
	if err != nil {
		return nil, err
	}
	for i := range list {
		d := &list[i]
		j := slices.IndexFunc(d.Streams, func(st index.Stream) bool { return st.SHA256 == wanted })
		if j < 0 {
			continue
		}
		st := &d.Streams[j]
		kind := shownAs(st, wanted == sha)
		if kind == "" {
			return nil, refuse(http.StatusBadRequest, "not shown", "streams of format %.80s are not shown as they are: download the CaRT", st.FileFormat)
		}
		body, err := s.Store.Open(ctx, blob.Key{Source: d.SourceName, Label: st.Label, SHA256: wanted}, 0, -1)
		if errors.Is(err, blob.ErrNotFound) {
			continue // another document may list it in a place where it is
		}
		if err != nil {
			return nil, err
		}
		return &ShownStream{*st, kind, d.Label, body}, nil
	}
	return nil, index.ErrNotFound
}

// Folders returns up to five folders that a path lies in, the outermost first, and up to five ends of it, the shortest first.
func Folders(path string) (beginnings, ends []string) { return pathTree(path) }
