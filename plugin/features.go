package plugin

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lazuli/event"
)

// BuiltInFeatures may be set by every plugin without being declared.
var BuiltInFeatures = []Feature{
	{"file_extension", event.String, "file extension of the content"},
	{"file_format", event.String, "format of the content"},
	{"filename", event.Filepath, "name under which the file was found"},
	{"magic", event.String, "description of the content by its first bytes"},
	{"malformed", event.String, "what is wrong with the file"},
	{"mime", event.String, "MIME type of the content"},
}

// FeatureOption adds to a feature's value.
type FeatureOption func(*event.Feature)

// Label says what a value belongs to, such as the name of an archive's entry.
func Label(text string) FeatureOption {
	return func(f *event.Feature) { f.Label = text }
}

// At says where in the content a value was found, in bytes.
func At(offset, size uint64) FeatureOption {
	return func(f *event.Feature) { f.Offset, f.Size = &offset, &size }
}

// features collects the values of one file and keeps the limits.
type features struct {
	declared map[string]event.FeatureType
	values   []event.Feature
	count    map[string]int
	seen     map[string]bool
	cut      []string // what was left out, once for each reason
}

func newFeatures(declared map[string]event.FeatureType) *features {
	return &features{declared: declared, count: map[string]int{}, seen: map[string]bool{}}
}

func (f *features) add(name string, value any, opts []FeatureOption) error {
	kind, known := f.declared[name]
	if !known {
		return &outputError{fmt.Sprintf("feature %q is not declared", name)}
	}
	text, err := featureText(kind, value)
	if err != nil {
		return &outputError{fmt.Sprintf("feature %q: %v", name, err)}
	}
	v := event.Feature{Name: name, Type: kind, Value: text}
	for _, o := range opts {
		o(&v)
	}
	if v.Value, known = clip(v.Value); known {
		f.left(fmt.Sprintf("a value of %s had more than %d characters", name, MaxValueLength))
	}
	v.Label, _ = clip(v.Label)
	id := name + "\x00" + v.Value + "\x00" + v.Label
	if v.Offset != nil {
		id = fmt.Sprintf("%s\x00%d", id, *v.Offset)
	}
	switch {
	case f.seen[id]:
		return nil
	case f.count[name] >= MaxValuesPerFeature:
		f.left(fmt.Sprintf("%s had more than %d values", name, MaxValuesPerFeature))
		return nil
	case len(f.values) >= MaxValues:
		f.left(fmt.Sprintf("there were more than %d values", MaxValues))
		return nil
	}
	f.seen[id] = true
	f.count[name]++
	f.values = append(f.values, v)
	return nil
}

func (f *features) left(why string) {
	if !slices.Contains(f.cut, why) {
		f.cut = append(f.cut, why)
	}
}

// clip cuts text to MaxValueLength characters and makes it valid UTF-8.
func clip(s string) (string, bool) {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= MaxValueLength || utf8.RuneCountInString(s) <= MaxValueLength {
		return s, false
	}
	runes := []rune(s)
	return string(runes[:MaxValueLength]), true
}

// featureText writes a value as events carry it.
func featureText(kind event.FeatureType, value any) (string, error) {
	wrong := fmt.Errorf("%T is not a value of type %s", value, kind)
	switch v := value.(type) {
	case string:
		if kind == event.String || kind == event.Filepath || kind == event.URI {
			return v, nil
		}
	case []byte:
		if kind == event.Bytes {
			return base64.StdEncoding.EncodeToString(v), nil
		}
	case bool:
		if kind == event.String {
			return strconv.FormatBool(v), nil
		}
	case time.Time:
		if kind == event.Datetime {
			return v.UTC().Format(time.RFC3339Nano), nil
		}
	case float64:
		if kind == event.Float {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return "", fmt.Errorf("%v is not a number that can be written", v)
			}
			return strconv.FormatFloat(v, 'g', -1, 64), nil
		}
	case int, int32, int64, uint, uint32, uint64:
		if kind == event.Integer {
			return fmt.Sprint(v), nil
		}
	}
	return "", wrong
}
