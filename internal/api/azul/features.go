package azul

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lazuli/internal/index"
)

func (s *Server) registerFeatures() {
	const tag = "features"
	enveloped(s, operation(http.MethodGet, prefix+"/features", "features", "The features that there are", tag), s.features)
	enveloped(s, operation(http.MethodPost, prefix+"/features/values/counts", "count-values", "How many values features have", tag), s.countValues)
	enveloped(s, operation(http.MethodPost, prefix+"/features/entities/counts", "count-files", "How many files have features", tag), s.countFiles)
	enveloped(s, operation(http.MethodPost, prefix+"/features/values/entities/counts", "count-files-of-values", "How many files have values", tag), s.countFilesOfValues)
	enveloped(s, operation(http.MethodPost, prefix+"/features/values/parts/entities/counts", "count-files-of-parts", "How many files have values with parts", tag), s.countFilesOfParts)
	enveloped(s, operation(http.MethodPost, prefix+"/features/feature/{feature}", "feature-values", "The values of a feature, page by page", tag), s.featureValues)
	enveloped(s, operation(http.MethodPost, prefix+"/features/pivot", "pivot", "What files with some values have in common", tag), s.pivot)
}

// ByAuthor says whose word counts; blank is everybody's.
type ByAuthor struct {
	Base
	Author  string `query:"author"`
	Version string `query:"author_version"`
}

type feature struct {
	Name         string               `json:"name"`
	Descriptions []featureDescription `json:"descriptions"`
	Tags         []string             `json:"tags"`
	Security     []string             `json:"security"`
}

type featureDescription struct {
	Category  string `json:"author_type,omitempty"`
	Name      string `json:"author_name,omitempty"`
	Version   string `json:"author_version,omitempty"`
	Timestamp string `json:"timestamp,omitempty"`
	Text      string `json:"desc,omitempty"`
	Type      string `json:"type,omitempty"`
}

func (s *Server) features(ctx context.Context, c *call, in *ByAuthor) (items[feature], error) {
	list, err := s.Index.FeatureNames(ctx, c.reader, in.Author, in.Version)
	if err != nil {
		return items[feature]{}, err
	}
	out := items[feature]{Items: []feature{}}
	for i := range list {
		f := &list[i]
		item := feature{f.Name, []featureDescription{}, some(f.Tags), some(f.Labels)}
		for _, d := range f.Descriptions {
			item.Descriptions = append(item.Descriptions, featureDescription{d.Category, d.Author, d.Version, stamp(d.Time), d.Text, d.Type})
		}
		if len(f.Descriptions) == 0 && f.Type != "" { // no plugin declares it
			item.Descriptions = append(item.Descriptions, featureDescription{Type: f.Type})
		}
		c.label(f.Labels...)
		out.Items = append(out.Items, item)
	}
	return out, nil
}

type countInput struct {
	ByAuthor
	Skip bool `query:"skip_count" doc:"only counts that are known already; there are none, because all are counted at once"`
	Body struct {
		_     struct{} `json:"-" additionalProperties:"true"`
		Items []string `json:"items" maxItems:"1000"`
	}
}

type valueCount struct {
	Name   string `json:"name"`
	Values *int64 `json:"values,omitempty"`
}

type fileCount struct {
	Name  string `json:"name"`
	Files *int64 `json:"entities,omitempty"`
}

func (s *Server) countValues(ctx context.Context, c *call, in *countInput) (map[string]valueCount, error) {
	out := map[string]valueCount{}
	for _, name := range in.Body.Items {
		n, err := s.Index.CountValues(ctx, c.reader, name, in.Author, in.Version)
		if err != nil {
			return nil, err
		}
		out[name] = valueCount{name, &n}
	}
	return out, nil
}

func (s *Server) countFiles(ctx context.Context, c *call, in *countInput) (map[string]fileCount, error) {
	out := map[string]fileCount{}
	for _, name := range in.Body.Items {
		n, err := s.Index.Count(ctx, c.reader, by(in.Author, in.Version, equals("features.name", name)))
		if err != nil {
			return nil, err
		}
		out[name] = fileCount{name, &n}
	}
	return out, nil
}

type countValuesInput struct {
	ByAuthor
	Skip bool `query:"skip_count"`
	Body struct {
		_     struct{}    `json:"-" additionalProperties:"true"`
		Items []nameValue `json:"items" maxItems:"1000"`
	}
}

type nameValue struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Name  string   `json:"name"`
	Value string   `json:"value"`
}

type filesOfValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Files int64  `json:"entities"`
}

func (s *Server) countFilesOfValues(ctx context.Context, c *call, in *countValuesInput) (map[string]map[string]filesOfValue, error) {
	out := map[string]map[string]filesOfValue{}
	for _, v := range in.Body.Items {
		n, err := s.Index.Count(ctx, c.reader, by(in.Author, in.Version, equals("features_map."+v.Name, v.Value)))
		if err != nil {
			return nil, err
		}
		if out[v.Name] == nil {
			out[v.Name] = map[string]filesOfValue{}
		}
		out[v.Name][v.Value] = filesOfValue{v.Name, v.Value, n}
	}
	return out, nil
}

type countPartsInput struct {
	ByAuthor
	Skip bool `query:"skip_count"`
	Body struct {
		_     struct{}    `json:"-" additionalProperties:"true"`
		Items []partValue `json:"items" maxItems:"1000"`
	}
}

type partValue struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Value string   `json:"value"`
	Part  string   `json:"part" doc:"scheme, hostname, port, filepath_unix, …"`
}

type filesOfPart struct {
	Value string `json:"value"`
	Part  string `json:"part"`
	Files int64  `json:"entities"`
}

func (s *Server) countFilesOfParts(ctx context.Context, c *call, in *countPartsInput) (map[string]map[string]filesOfPart, error) {
	out := map[string]map[string]filesOfPart{}
	for _, v := range in.Body.Items {
		var n int64
		if expr, ok := partEquals(v.Part, v.Value, s.Now()); ok {
			var err error
			if n, err = s.Index.Count(ctx, c.reader, by(in.Author, in.Version, expr)); err != nil {
				return nil, err
			}
		}
		if out[v.Value] == nil {
			out[v.Value] = map[string]filesOfPart{}
		}
		out[v.Value][v.Part] = filesOfPart{v.Value, v.Part, n}
	}
	return out, nil
}

type featureValuesInput struct {
	ByAuthor
	Feature string `path:"feature"`
	Term    string `query:"term" maxLength:"4096" doc:"only values with this text in them, letter by letter"`
	Asc     bool   `query:"sort_asc" default:"true"`
	AnyCase bool   `query:"case_insensitive" doc:"of term"`
	Num     int    `query:"num_values" default:"500" minimum:"1" maximum:"10000"`
	Body    *after `required:"false"`
}

type featureValues struct {
	Name     string         `json:"name"`
	Type     string         `json:"type,omitempty"`
	Values   []featureValue `json:"values"`
	Complete bool           `json:"is_search_complete"`
	After    string         `json:"after,omitempty"`
	Approx   bool           `json:"is_total_approx"`
	Total    *int64         `json:"total,omitempty"`
}

type featureValue struct {
	Name   string       `json:"name"`
	Value  string       `json:"value"`
	Tags   []featureTag `json:"tags"`
	Newest string       `json:"newest_processed"`
	Score  int          `json:"score"`
}

func (s *Server) featureValues(ctx context.Context, c *call, in *featureValuesInput) (featureValues, error) {
	at := in.Body.text()
	page, err := s.Index.FeatureValues(ctx, c.reader, in.Feature, index.ValueOptions{Contains: in.Term, AnyCase: in.AnyCase, Descending: !in.Asc,
		Author: in.Author, Version: in.Version, Limit: in.Num, After: at})
	if err != nil {
		return featureValues{}, err
	}
	out := featureValues{Name: in.Feature, Type: page.Type, Values: []featureValue{}, Complete: page.Next == "", After: page.Next, Approx: page.Approx}
	if at == "" {
		out.Total = &page.Total
	}
	for i := range page.Values {
		v := &page.Values[i]
		newest := v.Newest
		if newest.IsZero() {
			newest = time.Unix(0, 0)
		}
		out.Values = append(out.Values, featureValue{Name: in.Feature, Value: v.Value, Tags: featureTags(v.Tags), Newest: stamp(newest)})
	}
	return out, nil
}

type pivotInput struct {
	Base
	Body struct {
		_      struct{}     `json:"-" additionalProperties:"true"`
		Values []pivotValue `json:"feature_values" minItems:"1" maxItems:"100"`
	}
}

type pivotValue struct {
	_     struct{} `json:"-" additionalProperties:"true"`
	Name  string   `json:"feature_name"`
	Value string   `json:"feature_value"`
}

type pivoted struct {
	Counts     []pivotFeature `json:"feature_value_counts"`
	Incomplete bool           `json:"incomplete_query"`
	Reason     string         `json:"reason"`
}

type pivotFeature struct {
	Name        string       `json:"feature_name"`
	Description string       `json:"feature_description"`
	Values      []pivotCount `json:"values_and_counts"`
}

type pivotCount struct {
	Value string `json:"feature_value"`
	Count string `json:"entity_count"` // a number
}

func (s *Server) pivot(ctx context.Context, c *call, in *pivotInput) (pivoted, error) {
	values := make([]index.NameValue, len(in.Body.Values))
	for i, v := range in.Body.Values {
		values[i] = index.NameValue{Name: v.Name, Value: v.Value}
	}
	got, err := s.Index.Pivot(ctx, c.reader, values, index.PivotOptions{})
	if err != nil {
		return pivoted{}, err
	}
	described, err := s.descriptions(ctx, c)
	if err != nil {
		return pivoted{}, err
	}
	out := pivoted{Counts: []pivotFeature{}, Incomplete: got.Partial != "", Reason: got.Partial}
	for _, f := range got.Features {
		pf := pivotFeature{Name: f.Name, Description: described[f.Name], Values: []pivotCount{}}
		for _, v := range f.Values {
			pf.Values = append(pf.Values, pivotCount{v.Value, strconv.FormatInt(v.Count, 10)})
		}
		out.Counts = append(out.Counts, pf)
	}
	return out, nil
}

// descriptions says in a line what features are, as far as plugins tell.
func (s *Server) descriptions(ctx context.Context, c *call) (map[string]string, error) {
	list, err := s.Index.FeatureNames(ctx, c.reader, "", "")
	out := map[string]string{}
	for i := range list {
		for _, d := range list[i].Descriptions {
			if text := strings.TrimSpace(d.Text); text != "" && out[list[i].Name] == "" {
				out[list[i].Name] = text
			}
		}
	}
	return out, err
}
