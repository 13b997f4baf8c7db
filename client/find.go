package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SearchOptions say which page of a search is wanted, and what beside it.
type SearchOptions struct {
	Limit     int    // 0 leaves it to the server
	Cursor    string // Next of the page before
	Order     string // OrderNewest or OrderSubmitted; "" is the former
	Ascending bool
	Total     bool     // count all files that match
	Facets    []string // fields whose most frequent values among these are counted
}

// The orders of a search: by the newest document of a file, or by the newest time at which it was submitted.
const (
	OrderNewest    = "timestamp"
	OrderSubmitted = "source.timestamp"
)

// SearchPage is one page of hits. Next is the cursor for more, "" at the end.
type SearchPage struct {
	Hits    []Hit   `json:"hits"`
	Next    string  `json:"next,omitempty"`
	Total   *int64  `json:"total,omitempty"`
	Facets  []Facet `json:"facets,omitempty"`
	Partial string  `json:"partial,omitempty"` // why this is not everything
}

// Facet is how often a field has which values among the files that match.
type Facet struct {
	Field  string       `json:"field"`
	Values []ValueCount `json:"values"`
	Approx bool         `json:"approx,omitempty"` // counted on a part of the files
}

// ValueCount is a value and the number of files that have it.
type ValueCount struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Tag is a word that somebody put on a file.
type Tag struct {
	Name     string    `json:"tag"`
	Owner    string    `json:"owner"`
	Security string    `json:"security,omitempty"`
	Time     time.Time `json:"timestamp"`
}

// Search returns one page of the files that match a query. limit 0 leaves it to the server; cursor is a page's Next.
func (a *API) Search(ctx context.Context, query string, limit int, cursor string) (*SearchPage, error) {
	return a.Find(ctx, query, SearchOptions{Limit: limit, Cursor: cursor})
}

// Find is Search with all that may be said of it.
func (a *API) Find(ctx context.Context, query string, o SearchOptions) (*SearchPage, error) {
	q := url.Values{"q": {query}}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	set(q, "cursor", o.Cursor)
	set(q, "order", o.Order)
	if o.Ascending {
		q.Set("ascending", "true")
	}
	if o.Total {
		q.Set("total", "true")
	}
	for _, field := range o.Facets {
		q.Add("facet", field)
	}
	out := &SearchPage{}
	return out, a.get(ctx, "/api/v1/search", q, 0, out)
}

// Export returns all files that match a query, the newest first, as "ndjson" or "csv". The caller closes it. A read ends with an error if
// the server breaks off.
func (a *API) Export(ctx context.Context, query, format string) (io.ReadCloser, error) {
	return a.open(ctx, "/api/v1/search/export", url.Values{"q": {query}, "format": {format}})
}

// Completions may stand in a query in place of what is between From and To, counted in UTF-16 units.
type Completions struct {
	From  int          `json:"from"`
	To    int          `json:"to"`
	Items []Completion `json:"items"`
}

// Completion is a text that may stand there, and what to say of it.
type Completion struct {
	Insert string `json:"insert"`
	Detail string `json:"detail"`
}

// Complete tells what may be written at the end of a query.
func (a *API) Complete(ctx context.Context, query string, limit int) (*Completions, error) {
	out := &Completions{}
	return out, a.get(ctx, "/api/v1/search/complete", url.Values{"q": {query}, "limit": {strconv.Itoa(limit)}}, 0, out)
}

// FileTags are the tags of a file.
type FileTags struct {
	SHA256 string `json:"sha256"`
	Tags   []Tag  `json:"tags"`
}

// Tags returns the tags of a file, by SHA-256, SHA-1 or MD5.
func (a *API) Tags(ctx context.Context, hash string) (*FileTags, error) {
	out := &FileTags{}
	return out, a.get(ctx, "/api/v1/binaries/"+url.PathEscape(hash)+"/tags", nil, 0, out)
}

// PutTag puts a tag on a file and returns those that it has then. A tag is 1 to 25 of a-z 0-9 -.
func (a *API) PutTag(ctx context.Context, hash, tag string) (*FileTags, error) {
	return a.changeTag(ctx, http.MethodPut, hash, tag)
}

// DeleteTag takes a tag off a file, whoever put it there, and returns those that are left.
func (a *API) DeleteTag(ctx context.Context, hash, tag string) (*FileTags, error) {
	return a.changeTag(ctx, http.MethodDelete, hash, tag)
}

func (a *API) changeTag(ctx context.Context, method, hash, tag string) (*FileTags, error) {
	req, err := a.request(ctx, method, "/api/v1/binaries/"+url.PathEscape(hash)+"/tags/"+url.PathEscape(tag), nil, nil)
	if err != nil {
		return nil, err
	}
	out := &FileTags{}
	return out, a.do(req, out)
}

// SimilarFile is a file that is like another one. A score is from 0 to 100, nil where it is not among the most alike.
type SimilarFile struct {
	File   Hit `json:"file"`
	Scores struct {
		SSDeep   *int `json:"ssdeep,omitempty"`
		TLSH     *int `json:"tlsh,omitempty"`
		Entropy  *int `json:"entropy,omitempty"`
		Features *int `json:"features,omitempty"`
	} `json:"scores"`
	TLSHDistance *int `json:"tlsh_distance,omitempty"`
}

// Similar finds files that are like a file, the most alike first: at most limit for each way of being alike.
func (a *API) Similar(ctx context.Context, hash string, limit int) ([]SimilarFile, error) {
	var out struct {
		Files []SimilarFile `json:"files"`
	}
	err := a.get(ctx, "/api/v1/binaries/"+url.PathEscape(hash)+"/similar", url.Values{"limit": {strconv.Itoa(limit)}}, 0, &out)
	return out.Files, err
}
