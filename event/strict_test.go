package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lazuli/event"
)

// strictReader refuses what the strictest client refuses; testdata/models.txt describes it.
type strictReader struct {
	objects map[string]map[string]fieldRule
	enums   map[string][]string
}

type fieldRule struct {
	kind          string
	always, legal bool // must be there, in every event or in legal ones
}

func newStrictReader(t testing.TB) *strictReader {
	t.Helper()
	file, err := os.ReadFile("testdata/models.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := &strictReader{map[string]map[string]fieldRule{}, map[string][]string{}}
	for line := range strings.Lines(string(file)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || name[0] == '#' {
			continue
		}
		fields := strings.Fields(rest)
		if fields[0] == "=" {
			r.enums[name] = fields[1:]
			continue
		}
		object := map[string]fieldRule{}
		for _, f := range fields {
			key, kind, _ := strings.Cut(f, "=")
			rule := fieldRule{kind, strings.HasSuffix(key, "!"), strings.HasSuffix(key, "+")}
			object[strings.TrimRight(key, "!+")] = rule
		}
		r.objects[name] = object
	}
	return r
}

// read returns what a reader does not accept of an event's JSON.
func (r *strictReader) read(model event.Model, raw []byte, legal bool) error {
	if !utf8.Valid(raw) {
		return fmt.Errorf("bad UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	if free := halfPair(string(raw)); free != "" {
		return fmt.Errorf("half of a surrogate pair: %s", free)
	}
	return r.value(string(model), string(model), v, legal)
}

var writtenTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$`)

func (r *strictReader) value(place, kind string, v any, legal bool) error {
	wrong := fmt.Errorf("%s is %T %.60v, want %s", place, v, v, kind)
	if rules, ok := r.objects[kind]; ok {
		object, ok := v.(map[string]any)
		if !ok {
			return wrong
		}
		return r.object(place, rules, object, legal)
	}
	if values, ok := r.enums[kind]; ok {
		s, isText := v.(string)
		if !isText || legal && !slices.Contains(values, s) {
			return wrong
		}
		return nil
	}
	ok := false
	switch {
	case kind[0] == '[':
		list, isList := v.([]any)
		for i, e := range list {
			if err := r.value(fmt.Sprintf("%s[%d]", place, i), kind[1:len(kind)-1], e, legal); err != nil {
				return err
			}
		}
		ok = isList
	case kind == "pairs":
		var object map[string]any
		object, ok = v.(map[string]any)
		for _, e := range object {
			_, isText := e.(string)
			ok = ok && isText
		}
	case kind == "free":
		_, ok = v.(map[string]any)
	case kind == "text":
		_, ok = v.(string)
	case kind == "time":
		s, _ := v.(string)
		ok = writtenTime.MatchString(s) && !strings.HasPrefix(s, "0000")
	case kind == "bool":
		_, ok = v.(bool)
	case kind == "number":
		_, ok = v.(json.Number)
	case kind == "int":
		n, isNumber := v.(json.Number)
		ok = isNumber && strings.Trim(n.String(), "0123456789") == ""
	default:
		return fmt.Errorf("models.txt: kind %q of %s is not known", kind, place)
	}
	if !ok {
		return wrong
	}
	return nil
}

func (r *strictReader) object(place string, rules map[string]fieldRule, object map[string]any, legal bool) error {
	for key, v := range object {
		rule, ok := rules[key]
		if !ok {
			return fmt.Errorf("%s has an extra key %q", place, key)
		}
		if err := r.value(place+"."+key, rule.kind, v, legal); err != nil {
			return err
		}
	}
	for key, rule := range rules {
		if _, ok := object[key]; !ok && (rule.always || legal && rule.legal) {
			return fmt.Errorf("%s has no %s", place, key)
		}
	}
	return nil
}

var surrogates = regexp.MustCompile(`\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// halfPair finds an escaped surrogate that is not part of a pair.
func halfPair(s string) string {
	for _, m := range surrogates.FindAllString(s, -1) {
		if len(m) == 6 {
			return m
		}
	}
	return ""
}

// mustBeRead encodes an event and fails if a strict reader would refuse it.
func (r *strictReader) mustBeRead(t interface{ Fatalf(string, ...any) }, ev event.Event) []byte {
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatalf("encode a %s event: %v", ev.Model(), err)
	}
	if err := r.read(ev.Model(), raw, ev.Validate() == nil); err != nil {
		t.Fatalf("%v\nin %s", err, raw)
	}
	return raw
}

// The reader of the tests must itself refuse what it should, or the tests that use it could not fail.
func TestStrictReader(t *testing.T) {
	r := newStrictReader(t)
	legal := `{"model_version":6,"kafka_key":"k","timestamp":"2025-05-05T01:02:03.5Z","author":{"name":"a"},"action":"link",` +
		`"entity":{"reason":"r","link":{"track_link":"l"}}}`
	if err := r.read(event.ModelDelete, []byte(legal), true); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{
		{`"k"`, `null`},
		{`"kafka_key":"k",`, ``},
		{`{"name":"a"}`, `{"name":"a","x":"y"}`},
		{`.5Z`, `.5+00:00`},
		{`.5Z`, `.1234567Z`},
		{`"link",`, `"links",`},
		{`{"track_link":"l"}`, `{"track_link":"\ud800"}`},
		{`{"track_link":"l"}`, `[]`},
		{`6`, `-6`},
	} {
		broken := strings.Replace(legal, change[0], change[1], 1)
		if err := r.read(event.ModelDelete, []byte(broken), true); err == nil {
			t.Errorf("%s is accepted", broken)
		}
	}
}
