package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// Narrowed are the parameters by which a reader sees less; identify reads them.
type Narrowed struct {
	X []string `query:"x,explode" doc:"parts of labels; what has one is left out"`
	I []string `query:"i,explode" doc:"groups; only what names all of them is left"`
}

type searchInput struct {
	Narrowed
	Q         string   `query:"q" maxLength:"40000"`
	Limit     int      `query:"limit" default:"50" minimum:"1" maximum:"1000"`
	Cursor    string   `query:"cursor" doc:"next of the page before"`
	Order     string   `query:"order" default:"timestamp" enum:"timestamp,source.timestamp"`
	Ascending bool     `query:"ascending"`
	Total     bool     `query:"total" doc:"count all matches"`
	Facets    []string `query:"facet,explode" doc:"fields whose most frequent values among all matches are counted"`
	FacetSize int      `query:"facet_size" default:"10" minimum:"1" maximum:"100"`
}

const maxFacets = 20

func (a *API) search(ctx context.Context, in *searchInput) (*struct{ Body index.SearchPage }, error) {
	expr, err := query.Parse(in.Q, time.Now())
	if err != nil {
		return nil, a.problem(err)
	}
	if len(in.Facets) > maxFacets {
		return nil, huma.Error400BadRequest("at most 20 facets are counted at once")
	}
	page, err := a.Index.Search(ctx, readerOf(ctx), expr, index.SearchOptions{Limit: in.Limit, Cursor: in.Cursor, Order: index.Order(in.Order), Ascending: in.Ascending,
		Total: in.Total, Facets: in.Facets, FacetSize: in.FacetSize})
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body index.SearchPage }{page}, nil
}

// exportPage is how many files are read at a time.
const exportPage = 1000

// export writes every match of q, the newest first, as NDJSON or CSV. It goes on for as long as the client reads.
func (a *API) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	expr, err := query.Parse(q.Get("q"), time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out, kind := exporter(&ndjson{}), "application/x-ndjson"
	switch format := q.Get("format"); format {
	case "", "ndjson":
	case "csv":
		out, kind = &csvLines{}, "text/csv; charset=utf-8"
	default:
		fail(w, http.StatusBadRequest, "format must be ndjson or csv")
		return
	}
	page, err := a.Index.Search(r.Context(), readerOf(r.Context()), expr, index.SearchOptions{Limit: exportPage})
	if err != nil {
		a.failSearch(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	control := http.NewResponseController(w)
	buffered := bufio.NewWriter(w)
	out.begin(buffered)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(time.Minute)) // not every test's writer can
		for i := range page.Hits {
			out.write(&page.Hits[i])
		}
		if out.flush() != nil || buffered.Flush() != nil {
			return // the client is gone
		}
		if page.Next == "" {
			return
		}
		if page, err = a.Index.Search(r.Context(), readerOf(r.Context()), expr, index.SearchOptions{Limit: exportPage, Cursor: page.Next}); err != nil {
			a.Logger.Error("export a search", "err", err)
			panic(http.ErrAbortHandler) // what was sent must not look whole
		}
	}
}

func (a *API) failSearch(w http.ResponseWriter, err error) {
	var known huma.StatusError
	if errors.As(a.problem(err), &known) {
		fail(w, known.GetStatus(), known.Error())
	}
}

// exporter writes lines of files.
type exporter interface {
	begin(w io.Writer)
	write(h *index.Hit)
	flush() error
}

type ndjson struct {
	enc *json.Encoder
	err error
}

func (n *ndjson) begin(w io.Writer) {
	n.enc = json.NewEncoder(w)
	n.enc.SetEscapeHTML(false)
}

func (n *ndjson) write(h *index.Hit) {
	if n.err == nil {
		n.err = n.enc.Encode(h)
	}
}

func (n *ndjson) flush() error { return n.err }

type csvLines struct{ w *csv.Writer }

func (c *csvLines) begin(w io.Writer) {
	c.w = csv.NewWriter(w)
	_ = c.w.Write([]string{"sha256", "md5", "sha1", "size", "file_format", "mime", "filenames", "sources", "last_seen", "features", "children", "tags"}) // kept for flush
}

func (c *csvLines) write(h *index.Hit) {
	tags := make([]string, len(h.Tags))
	for i := range h.Tags {
		tags[i] = h.Tags[i].Name
	}
	_ = c.w.Write([]string{h.SHA256, h.MD5, h.SHA1, strconv.FormatInt(h.Size, 10), cell(h.FileFormat), cell(h.MIME), cell(strings.Join(h.Filenames, " | ")),
		cell(strings.Join(h.Sources, " ")), h.LastSeen.UTC().Format(time.RFC3339), strconv.Itoa(h.Features), strconv.Itoa(h.Children), strings.Join(tags, " ")})
}

func (c *csvLines) flush() error {
	c.w.Flush()
	return c.w.Error()
}

// cell keeps a spreadsheet from taking a file's name for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
