package azul

import (
	"context"
	"math"
	"net/http"
	"strings"

	"lazuli/internal/index"
)

type similarInput struct {
	Base
	SSDeep string `query:"ssdeep"`
	TLSH   string `query:"tlsh"`
	Max    int    `query:"max_matches" default:"20" minimum:"1" maximum:"1000"`
}

type matches struct {
	Matches []match `json:"matches"`
}

type match struct {
	SHA256 string `json:"sha256"`
	Score  int    `json:"score"`
}

func (s *Server) registerSimilar() {
	const tag = "relations"
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/similar/ssdeep", "similar-ssdeep", "Files whose ssdeep hash is similar", tag), s.similarSSDeep)
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/similar/tlsh", "similar-tlsh", "Files whose TLSH hash is similar", tag), s.similarTLSH)
	enveloped(s, operation(http.MethodPost, prefix+"/binaries/{sha256}/similar/entropy", "similar-entropy", "Files whose entropy runs alike", tag), s.similarEntropy)
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/{sha256}/similar/features", "similar-features", "Files that share feature values", tag), s.similarFeatures)
}

func (s *Server) similarSSDeep(ctx context.Context, c *call, in *similarInput) (matches, error) {
	if in.SSDeep == "" {
		return matches{}, invalid("query", "ssdeep", "ssdeep must be a hash", in.SSDeep)
	}
	return s.similar(ctx, c, index.Likeness{SSDeep: in.SSDeep}, in.Max)
}

func (s *Server) similarTLSH(ctx context.Context, c *call, in *similarInput) (matches, error) {
	if in.TLSH == "" {
		return matches{}, invalid("query", "tlsh", "tlsh must be a hash", in.TLSH)
	}
	list, err := s.Index.Similar(ctx, c.reader, index.Likeness{TLSH: in.TLSH}, mostMatches)
	if err != nil {
		return matches{}, err
	}
	out := matches{[]match{}}
	for _, m := range list {
		if m.Distance > 0 && len(out.Matches) < in.Max { // the reference leaves out the very same hash
			out.Matches = append(out.Matches, match{m.SHA256, m.Score})
		}
	}
	return out, nil
}

const mostMatches = 1000

type entropyInput struct {
	SHA256Input
	Max  int       `query:"max_matches" default:"20" minimum:"1" maximum:"1000"`
	Body []float64 `maxItems:"100000" doc:"entropy of equal blocks, in bits a byte"`
}

func (s *Server) similarEntropy(ctx context.Context, c *call, in *entropyInput) (matches, error) {
	all, err := s.similar(ctx, c, index.Likeness{Entropy: in.Body}, in.Max+1)
	if err != nil {
		return matches{}, err
	}
	out := matches{[]match{}}
	for _, m := range all.Matches {
		if m.SHA256 != strings.ToLower(in.SHA256) && len(out.Matches) < in.Max {
			out.Matches = append(out.Matches, m)
		}
	}
	return out, nil
}

func (s *Server) similar(ctx context.Context, c *call, like index.Likeness, limit int) (matches, error) {
	list, err := s.Index.Similar(ctx, c.reader, like, limit)
	if err != nil {
		return matches{}, err
	}
	out := matches{[]match{}}
	for _, m := range list {
		out.Matches = append(out.Matches, match{m.SHA256, m.Score})
	}
	return out, nil
}

type featureMatches struct {
	Values    int            `json:"num_feature_values"`
	Matches   []featureMatch `json:"matches"`
	Timestamp string         `json:"timestamp"`
	Status    string         `json:"status"`
}

type featureMatch struct {
	SHA256        string   `json:"sha256"`
	Sum           int      `json:"score_sum"`
	Percent       int      `json:"score_percent"`
	Contributions [][2]any `json:"contributions"` // author and how many values
}

type similarFeaturesInput struct {
	SHA256Input
	Recalculate bool `query:"recalculate" doc:"accepted; it is always calculated"`
}

const maxFeatureMatches = 20

// similarFeatures calculates at once, so that it is always complete.
func (s *Server) similarFeatures(ctx context.Context, c *call, in *similarFeaturesInput) (featureMatches, error) {
	got, err := s.Index.SimilarFeatures(ctx, c.reader, strings.ToLower(in.SHA256), maxFeatureMatches)
	if err != nil {
		return featureMatches{}, err
	}
	out := featureMatches{Values: got.Values, Matches: []featureMatch{}, Timestamp: stamp(s.Now()), Status: "complete"}
	for _, m := range got.Matches {
		fm := featureMatch{SHA256: m.SHA256, Sum: int(math.Round(m.Score)), Percent: int(math.Round(m.Percent)), Contributions: [][2]any{}}
		for _, by := range m.Contributions {
			fm.Contributions = append(fm.Contributions, [2]any{by.Value, by.Count})
		}
		out.Matches = append(out.Matches, fm)
	}
	return out, nil
}
