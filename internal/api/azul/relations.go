package azul

import (
	"context"
	"net/http"
	"strings"

	"lazuli/internal/index"
)

func (s *Server) registerRelations() {
	const tag = "relations"
	s.registerSimilar()
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/{sha256}/nearby", "nearby", "The files around a file, as a graph", tag), s.nearby)
	enveloped(s, operation(http.MethodPost, prefix+"/binaries/all/parents", "all-parents", "What a file was found in, page by page", tag),
		func(ctx context.Context, c *call, in *familyInput) (family, error) {
			return s.family(ctx, c, in, s.Index.Parents)
		})
	enveloped(s, operation(http.MethodPost, prefix+"/binaries/all/children", "all-children", "What was found in a file, page by page", tag),
		func(ctx context.Context, c *call, in *familyInput) (family, error) {
			return s.family(ctx, c, in, s.Index.Children)
		})
}

const familyPage = 50

type familyInput struct {
	Base
	SHA256 string `query:"family_sha256" pattern:"^[0-9a-fA-F]{64}$" required:"true"`
	Body   *after `required:"false"`
}

type family struct {
	Items []familyMember `json:"items"`
	After string         `json:"after,omitempty"`
	Total int64          `json:"total"`
}

type familyMember struct {
	SHA256         string `json:"sha256"`
	TrackLink      string `json:"track_link,omitempty"`
	AuthorName     string `json:"author_name"`
	AuthorCategory string `json:"author_category"`
	Timestamp      string `json:"timestamp"`
}

type linkLister func(ctx context.Context, r index.Reader, sha256 string, limit int, cursor string) (index.LinkPage, error)

func (s *Server) family(ctx context.Context, c *call, in *familyInput, list linkLister) (family, error) {
	out := family{Items: []familyMember{}}
	at := in.Body.text()
	if at == lastPage {
		return out, nil
	}
	page, err := list(ctx, c.reader, strings.ToLower(in.SHA256), familyPage, at)
	if err != nil {
		return out, err
	}
	for i := range page.Links {
		l := &page.Links[i]
		out.Items = append(out.Items, familyMember{l.SHA256, l.TrackLink, l.Plugin, l.Category, stamp(l.Timestamp)})
	}
	out.Total = page.Total
	if out.After = page.Next; out.After == "" && len(out.Items) > 0 {
		out.After = lastPage
	}
	return out, nil
}
