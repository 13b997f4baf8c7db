package api

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"

	"lazuli/internal/index"
)

// SimilarFile is a file that is like another one in at least one way.
type SimilarFile struct {
	File         index.Hit     `json:"file"`
	Scores       SimilarScores `json:"scores"`
	TLSHDistance *int          `json:"tlsh_distance,omitempty"`
}

// SimilarScores are from 0 to 100 for each way in which files are compared; nil where the file is not among the most alike.
type SimilarScores struct {
	SSDeep   *int `json:"ssdeep,omitempty"`
	TLSH     *int `json:"tlsh,omitempty"`
	Entropy  *int `json:"entropy,omitempty"`
	Features *int `json:"features,omitempty"` // how much of the weight of the file's feature values the other has
}

// best is the greatest score.
func (s *SimilarScores) best() int {
	best := 0
	for _, score := range []*int{s.SSDeep, s.TLSH, s.Entropy, s.Features} {
		if score != nil {
			best = max(best, *score)
		}
	}
	return best
}

type similarInput struct {
	Narrowed
	Hash  string `path:"hash" doc:"SHA-256, SHA-1 or MD5 in hex"`
	Limit int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"files for each way of being alike"`
}

type similarFiles struct {
	Files []SimilarFile `json:"files"`
}

func (a *API) similar(ctx context.Context, in *similarInput) (*struct{ Body similarFiles }, error) {
	b, err := a.Index.Binary(ctx, readerOf(ctx), in.Hash)
	if err != nil {
		return nil, a.problem(err)
	}
	list, err := a.Similar(ctx, b, in.Limit)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body similarFiles }{similarFiles{list}}, nil
}

// Similar finds files that are like a file by ssdeep, TLSH, the course of their entropy or their features: at most limit for each, the most
// alike first.
func (a *API) Similar(ctx context.Context, b *index.Binary, limit int) ([]SimilarFile, error) {
	found := map[string]*SimilarFile{}
	of := func(sha string) *SimilarFile {
		if found[sha] == nil {
			found[sha] = &SimilarFile{}
		}
		return found[sha]
	}
	for _, way := range []struct {
		like index.Likeness
		keep func(index.Match)
	}{
		{index.Likeness{SSDeep: b.SSDeep}, func(m index.Match) { of(m.SHA256).Scores.SSDeep = &m.Score }},
		{index.Likeness{TLSH: b.TLSH}, func(m index.Match) { s := of(m.SHA256); s.Scores.TLSH, s.TLSHDistance = &m.Score, &m.Distance }},
		{index.Likeness{Entropy: EntropyOf(b).Blocks}, func(m index.Match) { of(m.SHA256).Scores.Entropy = &m.Score }},
	} {
		if way.like.SSDeep == "" && way.like.TLSH == "" && len(way.like.Entropy) == 0 {
			continue
		}
		list, err := a.Index.Similar(ctx, readerOf(ctx), way.like, limit+1) // it finds the file itself, too
		if ignoreUnsearchable(err) != nil {                                 // a hash or a curve may be too short to be compared
			return nil, err
		}
		list = slices.DeleteFunc(list, func(m index.Match) bool { return m.SHA256 == b.SHA256 })
		for _, m := range list[:min(len(list), limit)] {
			way.keep(m)
		}
	}
	shared, err := a.Index.SimilarFeatures(ctx, readerOf(ctx), b.SHA256, limit)
	if err != nil {
		return nil, err
	}
	for _, m := range shared.Matches {
		percent := int(math.Round(m.Percent))
		of(m.SHA256).Scores.Features = &percent
	}
	return a.withLines(ctx, found)
}

// withLines reads the lines of files and sorts them.
func (a *API) withLines(ctx context.Context, found map[string]*SimilarFile) ([]SimilarFile, error) {
	hits, err := a.Index.Hits(ctx, readerOf(ctx), sortedKeys(found))
	if err != nil {
		return nil, err
	}
	list := []SimilarFile{}
	for i := range hits {
		f := found[hits[i].SHA256]
		f.File = hits[i]
		list = append(list, *f)
	}
	slices.SortStableFunc(list, func(x, y SimilarFile) int { return cmp.Compare(y.Scores.best(), x.Scores.best()) })
	return list, nil
}

// Entropy is what the plugin Entropy says of a file.
type Entropy struct {
	Overall   float64   `json:"overall"` // bits for each byte
	BlockSize int64     `json:"block_size"`
	Blocks    []float64 `json:"blocks"`
}

// EntropyOf reads the entropy of a file; zero when it is not known.
func EntropyOf(b *index.Binary) Entropy {
	var info struct {
		Entropy Entropy `json:"entropy"`
	}
	if json.Unmarshal(b.Info["Entropy"], &info) != nil {
		return Entropy{}
	}
	return info.Entropy
}
