package azul

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"lazuli/internal/index"
)

func (s *Server) registerTags() {
	const tag = "tags"
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/tags", "all-tags", "All tags of files", tag), s.allTags)
	enveloped(s, operation(http.MethodGet, prefix+"/binaries/{sha256}/tags", "tags", "The tags of a file", tag), s.fileTags)
	bare(s, operation(http.MethodPost, prefix+"/binaries/{sha256}/tags/{tag}", "tag", "Put a tag on a file", tag), s.tagFile)
	enveloped(s, operation(http.MethodDelete, prefix+"/binaries/{sha256}/tags/{tag}", "untag", "Take a tag off a file", tag), s.untagFile)
	enveloped(s, operation(http.MethodGet, prefix+"/features/all/tags", "all-value-tags", "All tags of feature values", tag), s.allValueTags)
	enveloped(s, operation(http.MethodGet, prefix+"/features/tags/{tag}", "value-tags", "The feature values that have a tag", tag), s.valuesOfTag)
	bare(s, operation(http.MethodPost, prefix+"/features/tags/{tag}", "tag-value", "Put a tag on a feature value", tag), s.tagValue)
	bare(s, operation(http.MethodDelete, prefix+"/features/tags/{tag}", "untag-value", "Take a tag off a feature value", tag), s.untagValue)
}

type tagCounts struct {
	Tags   []tagCount `json:"tags"`
	Num    int        `json:"num_tags"`
	Approx bool       `json:"num_tags_approx"`
}

type tagCount struct {
	Tag    string `json:"tag"`
	Num    int64  `json:"num_entities"`
	Approx bool   `json:"num_entities_approx"`
}

func (s *Server) allTags(ctx context.Context, c *call, _ *Base) (tagCounts, error) {
	list, err := s.Index.FileTagCounts(ctx, c.reader)
	out := tagCounts{Tags: []tagCount{}, Num: len(list)}
	for _, t := range list {
		out.Tags = append(out.Tags, tagCount{Tag: t.Value, Num: t.Count})
	}
	return out, err
}

func (s *Server) fileTags(ctx context.Context, c *call, in *SHA256Input) (items[entityTag], error) {
	list, err := s.Index.FileTags(ctx, c.reader, strings.ToLower(in.SHA256))
	if err != nil {
		return items[entityTag]{}, err
	}
	c.labelTags(list)
	return items[entityTag]{entityTags(list)}, nil
}

// tagName is what a tag may be called.
var tagName = regexp.MustCompile(`^[a-z0-9-]{1,25}$`)

// newTag checks a tag that somebody wants to put on something.
func (s *Server) newTag(c *call, name, label string) (index.Tag, error) {
	if !tagName.MatchString(name) {
		return index.Tag{}, refuse(http.StatusBadRequest, "bad tag", "tag %.40q must be 1 to 25 of a-z 0-9 -", name)
	}
	label, err := s.submitLabel(c, label)
	if err != nil {
		return index.Tag{}, err
	}
	return index.Tag{Name: name, Owner: c.User, Security: label, Time: s.Now().UTC()}, nil
}

// submitLabel is the normal form of a label that somebody gives to what they submit; the default one if they give none.
func (s *Server) submitLabel(c *call, label string) (string, error) {
	if strings.TrimSpace(label) == "" {
		label = s.Scheme.Default().String()
	}
	if err := c.MaySubmit(label); err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "bad security", "%s", err.Error())
	}
	return s.Scheme.Normalise(label)
}

type labelled struct {
	_        struct{} `json:"-" additionalProperties:"true"`
	Security string   `json:"security,omitempty"`
}

func (l *labelled) label() string {
	if l == nil {
		return ""
	}
	return l.Security
}

type tagFileInput struct {
	SHA256Input
	Tag  string    `path:"tag"`
	Body *labelled `required:"false"`
}

// tagFile puts a tag on a file that the reader may see. Everybody has tags of their own: one that somebody else put there stays.
func (s *Server) tagFile(ctx context.Context, c *call, in *tagFileInput) (bool, error) {
	sha := strings.ToLower(in.SHA256)
	t, err := s.newTag(c, in.Tag, in.Body.label())
	if err != nil {
		return false, err
	}
	if _, _, err := s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{Limit: 1}); err != nil {
		return false, err
	}
	t.SHA256 = sha
	t.ID = tagID(&t)
	c.label(t.Security)
	return true, s.Notes.PutTag(ctx, t.ID, &t)
}

// tagID is the key of a tag's record: of one with the same the newer stays.
func tagID(t *index.Tag) string {
	if t.SHA256 != "" {
		return strings.Join([]string{"tag", "file", t.SHA256, t.Name, t.Owner}, "/")
	}
	return strings.Join([]string{"tag", "value", t.Name, t.Owner, t.Feature, t.Value}, "/")
}

type untagFileInput struct {
	SHA256Input
	Tag string `path:"tag"`
}

type updated struct {
	Total   int `json:"total"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
}

// untagFile takes a tag off a file, whoever put it there, as far as the reader may see it.
func (s *Server) untagFile(ctx context.Context, c *call, in *untagFileInput) (updated, error) {
	list, err := s.Index.FileTags(ctx, c.reader, strings.ToLower(in.SHA256))
	if err != nil {
		return updated{}, err
	}
	return s.remove(ctx, list, func(t *index.Tag) bool { return t.Name == in.Tag })
}

func (s *Server) remove(ctx context.Context, list []index.Tag, which func(*index.Tag) bool) (updated, error) {
	var n int
	for i := range list {
		if !which(&list[i]) {
			continue
		}
		if err := s.Notes.PutTag(ctx, list[i].ID, nil); err != nil {
			return updated{}, err
		}
		n++
	}
	return updated{n, n, n}, nil
}

type valueTagCounts struct {
	Tags []valueTagCount `json:"tags"`
	Num  int             `json:"num_tags"`
}

type valueTagCount struct {
	Tag string `json:"tag"`
	Num int    `json:"num_feature_values"`
}

func (s *Server) allValueTags(ctx context.Context, c *call, _ *Base) (valueTagCounts, error) {
	list, err := s.Index.ValueTags(ctx, c.reader, "", "")
	if err != nil {
		return valueTagCounts{}, err
	}
	values := map[string]map[[2]string]bool{}
	var names []string
	for i := range list {
		t := &list[i]
		if values[t.Name] == nil {
			values[t.Name] = map[[2]string]bool{}
			names = append(names, t.Name)
		}
		values[t.Name][[2]string{t.Feature, t.Value}] = true
	}
	c.labelTags(list)
	out := valueTagCounts{Tags: []valueTagCount{}, Num: len(names)}
	for _, name := range distinct(names) {
		out.Tags = append(out.Tags, valueTagCount{name, len(values[name])})
	}
	return out, nil
}

type valueTagsInput struct {
	Base
	Tag string `path:"tag"`
}

func (s *Server) valuesOfTag(ctx context.Context, c *call, in *valueTagsInput) (items[featureTag], error) {
	list, err := s.Index.ValueTags(ctx, c.reader, in.Tag, "")
	if err != nil {
		return items[featureTag]{}, err
	}
	c.labelTags(list)
	return items[featureTag]{featureTags(list)}, nil
}

type ValueTagInput struct {
	Base
	Tag     string `path:"tag"`
	Feature string `query:"feature" required:"true" minLength:"1" maxLength:"4096"`
	Value   string `query:"value" maxLength:"65536"`
}

type tagValueInput struct {
	ValueTagInput
	Body *labelled `required:"false"`
}

func (s *Server) tagValue(ctx context.Context, c *call, in *tagValueInput) (*struct{}, error) {
	t, err := s.newTag(c, in.Tag, in.Body.label())
	if err != nil {
		return nil, err
	}
	t.Feature, t.Value = in.Feature, in.Value
	t.ID = tagID(&t)
	c.label(t.Security)
	return nil, s.Notes.PutTag(ctx, t.ID, &t)
}

func (s *Server) untagValue(ctx context.Context, c *call, in *ValueTagInput) (*struct{}, error) {
	list, err := s.Index.ValueTags(ctx, c.reader, in.Tag, in.Feature)
	if err != nil {
		return nil, err
	}
	_, err = s.remove(ctx, list, func(t *index.Tag) bool { return t.Value == in.Value })
	return nil, err
}
