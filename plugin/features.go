package plugin

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
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
	count    map[string]int        // values by name
	seen     map[valueKey]struct{} // the same value twice is one
	cut      []string              // why something was left out, each reason once
}

// valueKey tells values apart.
type valueKey struct {
	name, value, label string
	offset, size       uint64
	placed             bool // has offset and size
}

func newFeatures(declared map[string]event.FeatureType) features {
	return features{declared: declared, count: map[string]int{}, seen: map[valueKey]struct{}{}}
}

// add keeps a value. The error is an outputError; what is over a limit, or cannot be written, is left out without one.
func (f *features) add(name string, value any, opts []FeatureOption) error {
	kind, known := f.declared[name]
	if !known {
		return &outputError{fmt.Sprintf("feature %q is not declared in the plugin's Spec", name)}
	}
	text, err := featureText(kind, value)
	if err != nil {
		return &outputError{fmt.Sprintf("feature %q: %v", name, err)}
	}
	if text == unwritable {
		f.left(fmt.Sprintf("%s had a value that cannot be written: %.40v", name, value))
		return nil
	}
	v := event.Feature{Name: name, Type: kind, Value: text}
	for _, o := range opts {
		o(&v)
	}
	v.Value = f.clip(v.Value, "a value of "+name)
	v.Label = f.clip(v.Label, "a label of "+name)
	key := valueKey{name: name, value: v.Value, label: v.Label}
	if v.Offset != nil && v.Size != nil {
		if *v.Offset > math.MaxInt64 || *v.Size > math.MaxInt64 {
			return &outputError{fmt.Sprintf("feature %q: offset and size must be below 2^63", name)}
		}
		key.offset, key.size, key.placed = *v.Offset, *v.Size, true
	}
	if _, again := f.seen[key]; again {
		return nil
	}
	switch {
	case f.count[name] >= MaxValuesPerFeature:
		f.left(fmt.Sprintf("%s had more than %d values", name, MaxValuesPerFeature))
		return nil
	case len(f.values) >= MaxValues:
		f.left(fmt.Sprintf("there were more than %d values", MaxValues))
		return nil
	}
	f.seen[key] = struct{}{}
	f.count[name]++
	f.values = append(f.values, v)
	return nil
}

// left notes why something was left out.
func (f *features) left(why string) {
	if !slices.Contains(f.cut, why) {
		f.cut = append(f.cut, why)
	}
}

// clip makes valid UTF-8 of text and cuts it to MaxValueLength characters.
func (f *features) clip(text, what string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if utf8.RuneCountInString(text) <= MaxValueLength {
		return text
	}
	f.left(fmt.Sprintf("%s had more than %d characters", what, MaxValueLength))
	seen := 0
	for i := range text {
		if seen++; seen > MaxValueLength {
			return text[:i]
		}
	}
	return text
}

// unwritable stands for a value of the right type that events cannot carry. No value's text can be this.
const unwritable = "\xff"

// featureText writes a value as events carry it: datetimes as RFC 3339 in UTC, binary as base64, all else as people write
// it. Any kind of integer is an integer, text may be of any string type, and a bool becomes text.
func featureText(kind event.FeatureType, value any) (string, error) {
	switch v := value.(type) {
	case time.Time:
		if kind == event.Datetime {
			text, err := event.At(v).MarshalText()
			if err != nil { // a year that readers cannot represent: files lie about time
				return unwritable, nil
			}
			return string(text), nil
		}
	case []byte:
		if kind == event.Bytes {
			return base64.StdEncoding.EncodeToString(v), nil
		}
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		if kind == event.String || kind == event.Filepath || kind == event.URI {
			return strings.ToValidUTF8(v.String(), "\ufffd"), nil
		}
	case reflect.Bool:
		if kind == event.String {
			return strconv.FormatBool(v.Bool()), nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if kind == event.Integer {
			return strconv.FormatInt(v.Int(), 10), nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if kind == event.Integer {
			return strconv.FormatUint(v.Uint(), 10), nil
		}
	case reflect.Float32, reflect.Float64:
		if kind == event.Float {
			return floatText(v.Float(), v.Type().Bits()), nil
		}
	}
	return "", fmt.Errorf("%T is not a value of type %s", value, kind)
}

// floatText writes the shortest text that reads back as the same number; an exponent only where the digits would be many.
func floatText(v float64, bits int) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return unwritable
	case size != 0 && (size < 1e-6 || size >= 1e21):
		return strconv.FormatFloat(v, 'e', -1, bits)
	}
	return strconv.FormatFloat(v, 'f', -1, bits)
}
