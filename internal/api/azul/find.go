package azul

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

func (s *Server) registerFind() {
	const tag = "search"
	enveloped(s, operation(http.MethodGet, prefix+"/binaries", "find-term", "Find files", tag), s.findTerm)
	enveloped(s, operation(http.MethodPost, prefix+"/binaries", "find", "Find files by a term or by hashes", tag), s.find)
	enveloped(s, operation(http.MethodPost, prefix+"/binaries/all", "find-all", "The SHA-256 of every file that is found, page by page", tag), s.findAll)
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/model", "model", "The fields that can be searched", tag), s.model)
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/autocomplete", "autocomplete", "What may stand at a place in a term", tag), s.autocomplete)
}

const (
	maxEntities = 1000   // of one answer of find
	maxHashes   = 10_000 // of one request of find
)

// FindParams are the parameters of find.
type FindParams struct {
	Base
	Term  string `query:"term"`
	Max   int    `query:"max_entities" default:"100"`
	Count bool   `query:"count_entities" doc:"count all matches, not those that are answered"`
	Sort  string `query:"sort" doc:"_score, timestamp or source.timestamp; _score is timestamp"`
	Asc   bool   `query:"sort_asc"`
}

type findInput struct {
	FindParams
	Body *struct {
		_      struct{} `json:"-" additionalProperties:"true"`
		Hashes []string `json:"hashes,omitempty" doc:"MD5, SHA-1, SHA-256 or SHA-512 in hex"`
	} `required:"false"`
}

type found struct {
	Count int64       `json:"items_count"`
	Items []foundItem `json:"items"`
}

type foundItem struct {
	Key        string              `json:"key"`
	Exists     bool                `json:"exists"`
	HasContent bool                `json:"has_content"`
	Duplicate  bool                `json:"is_duplicate_find,omitempty"`
	Sources    []foundSource       `json:"sources,omitempty"`
	FileSize   *int64              `json:"file_size,omitempty"`
	FileFormat string              `json:"file_format,omitempty"`
	Extension  string              `json:"file_extension,omitempty"`
	Magic      string              `json:"magic,omitempty"`
	MIME       string              `json:"mime,omitempty"`
	Filenames  []string            `json:"filenames,omitempty"`
	Highlight  map[string][]string `json:"highlight,omitempty"`
	Tags       []entityTag         `json:"tags,omitempty"`
	MD5        string              `json:"md5,omitempty"`
	SHA1       string              `json:"sha1,omitempty"`
	SHA256     string              `json:"sha256,omitempty"`
	SHA512     string              `json:"sha512,omitempty"`
	SSDeep     string              `json:"ssdeep,omitempty"`
	TLSH       string              `json:"tlsh,omitempty"`
}

type foundSource struct {
	Depth      int               `json:"depth"`
	Name       string            `json:"name"`
	Timestamp  string            `json:"timestamp"`
	References map[string]string `json:"references"`
}

func (s *Server) findTerm(ctx context.Context, c *call, in *FindParams) (found, error) {
	return s.search(ctx, c, in)
}

func (s *Server) find(ctx context.Context, c *call, in *findInput) (found, error) {
	if in.Body == nil || len(in.Body.Hashes) == 0 {
		return s.search(ctx, c, &in.FindParams)
	}
	if n := len(in.Body.Hashes); n > maxHashes {
		return found{}, refuse(http.StatusBadRequest, "too many hashes", "%d hashes are too many, at most %d are looked up at once", n, maxHashes)
	}
	return s.lookUp(ctx, c, in.Body.Hashes)
}

func (s *Server) search(ctx context.Context, c *call, in *FindParams) (found, error) {
	if in.Max < 1 || in.Max > maxEntities {
		return found{}, refuse(http.StatusBadRequest, "too many entities", "max_entities is %d, and must be 1 to %d", in.Max, maxEntities)
	}
	o := index.SearchOptions{Limit: in.Max, Ascending: in.Asc, Total: in.Count}
	switch in.Sort {
	case "", "_score", "timestamp":
	case "source.timestamp":
		o.Order = index.BySubmitted
	default:
		return found{}, invalid("query", "sort", "sort must be _score, source.timestamp or timestamp", in.Sort)
	}
	expr, err := query.Parse(in.Term, s.Now())
	if err != nil {
		return found{}, err
	}
	page, err := s.Index.Search(ctx, c.reader, expr, o)
	if err != nil {
		return found{}, err
	}
	c.note("search", expr.String())
	out := found{Count: int64(len(page.Hits)), Items: []foundItem{}}
	if page.Total != nil {
		out.Count = *page.Total
	}
	for i := range page.Hits {
		out.Items = append(out.Items, itemOf(c, page.Hits[i].SHA256, &page.Hits[i]))
	}
	return out, nil
}

// lookUp finds files by hashes: a row for each match, in the order of the request, and one for a hash that nothing has.
func (s *Server) lookUp(ctx context.Context, c *call, hashes []string) (found, error) {
	type row struct{ key, sha string }
	var rows []row
	var wanted []string
	place := map[string]int{}
	for _, hash := range hashes {
		key := strings.ToLower(strings.TrimSpace(hash))
		var matches []string
		if isHash(key) {
			var err error
			if matches, err = s.Index.Resolve(ctx, c.reader, key); err != nil {
				return found{}, err
			}
		}
		if len(matches) == 0 {
			rows = append(rows, row{key: key})
		}
		for _, sha := range matches {
			rows = append(rows, row{key, sha})
			if _, there := place[sha]; !there {
				place[sha] = len(wanted)
				wanted = append(wanted, sha)
			}
		}
	}
	hits, err := s.hits(ctx, c, wanted)
	if err != nil {
		return found{}, err
	}
	out := found{Items: []foundItem{}}
	told := map[string]bool{}
	for _, r := range rows {
		switch {
		case r.sha == "":
			out.Items = append(out.Items, foundItem{Key: r.key})
		case told[r.sha]:
			h := &hits[place[r.sha]]
			out.Items = append(out.Items, foundItem{Key: r.key, Exists: h.Known, HasContent: h.Stored, Duplicate: true, SHA256: r.sha})
		default:
			told[r.sha] = true
			out.Count++
			out.Items = append(out.Items, itemOf(c, r.key, &hits[place[r.sha]]))
		}
	}
	return out, nil
}

// hits reads the lines of any number of files.
func (s *Server) hits(ctx context.Context, c *call, shas []string) ([]index.Hit, error) {
	var all []index.Hit
	for len(shas) > 0 {
		n := min(len(shas), maxEntities)
		some, err := s.Index.Hits(ctx, c.reader, shas[:n])
		if err != nil {
			return nil, err
		}
		all, shas = append(all, some...), shas[n:]
	}
	return all, nil
}

// isHash tells whether text is as long as a hash and hex.
func isHash(text string) bool {
	switch len(text) {
	case 32, 40, 64, 128:
		_, err := hex.DecodeString(text)
		return err == nil
	}
	return false
}

func itemOf(c *call, key string, h *index.Hit) foundItem {
	if !h.Known {
		return foundItem{Key: key}
	}
	c.label(h.Labels...)
	c.labelTags(h.Tags)
	item := foundItem{Key: key, Exists: true, HasContent: h.Stored, FileSize: &h.Size, FileFormat: h.FileFormat, Extension: h.Extension,
		Magic: h.Magic, MIME: h.MIME, Filenames: h.Filenames, MD5: h.MD5, SHA1: h.SHA1, SHA256: h.SHA256, SHA512: h.SHA512, SSDeep: h.SSDeep, TLSH: h.TLSH}
	for i := range h.Origins {
		o := &h.Origins[i]
		item.Sources = append(item.Sources, foundSource{o.Depth, o.Name, stamp(o.Timestamp), filled(o.References)})
	}
	if len(h.Tags) > 0 {
		item.Tags = entityTags(h.Tags)
	}
	return item
}

type findAllInput struct {
	Base
	Term string `query:"term"`
	Num  int    `query:"num_binaries" default:"1000" minimum:"1" doc:"how many a page has; a page has at most 1,000"`
	Body *after `required:"false"`
}

// after is where a page begins: nothing or blank for the first.
type after struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	After *string  `json:"after,omitempty" nullable:"true"`
}

func (a *after) text() string {
	if a == nil || a.After == nil {
		return ""
	}
	return *a.After
}

type foundAll struct {
	Items []foundHash `json:"items"`
	After string      `json:"after,omitempty"`
	Total *int64      `json:"total,omitempty"`
}

type foundHash struct {
	SHA256 string `json:"sha256"`
}

// lastPage is what stands in after on the last page with items: azul-client throws a page without it away, so that the end is a
// page without items.
const lastPage = "end"

func (s *Server) findAll(ctx context.Context, c *call, in *findAllInput) (foundAll, error) {
	out := foundAll{Items: []foundHash{}}
	at := in.Body.text()
	if at == lastPage {
		return out, nil
	}
	expr, err := query.Parse(in.Term, s.Now())
	if err != nil {
		return out, err
	}
	page, err := s.Index.Search(ctx, c.reader, expr, index.SearchOptions{Limit: min(in.Num, maxEntities), Cursor: at, Total: at == ""})
	if err != nil {
		return out, err
	}
	c.note("search", expr.String())
	for i := range page.Hits {
		out.Items = append(out.Items, foundHash{page.Hits[i].SHA256})
	}
	out.Total = page.Total
	if out.After = page.Next; out.After == "" && len(out.Items) > 0 {
		out.After = lastPage
	}
	return out, nil
}

type fieldModel struct {
	Keys map[string]string `json:"keys"`
}

func (s *Server) model(context.Context, *call, *Base) (fieldModel, error) {
	m := fieldModel{map[string]string{}}
	for _, f := range query.Fields() {
		if !f.Hidden {
			m.Keys[f.Name] = modelType(f.Type)
		}
	}
	return m, nil
}

// modelType names the type of a field as the reference's store would.
func modelType(t query.Type) string {
	switch t {
	case query.Integer, query.Size:
		return "long"
	case query.Float:
		return "float"
	case query.Time:
		return "date"
	case query.Address:
		return "ip"
	}
	return "keyword"
}
