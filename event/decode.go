package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// ErrVersion tells that an event is of another version than ModelVersion. The reference refuses a whole request for one such
// event.
var ErrVersion = fmt.Errorf("model_version is not %d", ModelVersion)

// MaxListEvents is how many events DecodeList accepts in one list.
const MaxListEvents = 100_000

// Decode reads one event from a JSON object, as leniently as the reference: unknown keys are ignored, the case of keys does
// not matter, null leaves what it stands for empty, bad UTF-8 becomes U+FFFD. A value of the wrong type, a time without a
// zone and a negative version are errors, and so is another version (ErrVersion). Decode does not validate; what it returns
// can always be encoded.
func Decode(model Model, raw []byte) (Event, error) {
	if !utf8.Valid(raw) { // a hundredth of the work; with it a run of bad bytes becomes one U+FFFD everywhere, info included
		raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	ev, err := unmarshal(model, raw)
	if err != nil {
		return nil, err
	}
	if v := ev.Header().ModelVersion; v != ModelVersion {
		return nil, fmt.Errorf("decode a %s event: %w but %d", model, ErrVersion, v)
	}
	if err := normalise(ev); err != nil {
		return nil, fmt.Errorf("decode a %s event: %w", model, err)
	}
	return ev, nil
}

// asToday are the rules of the present encoding/json, but for its errors, which take a pass of their own.
var asToday = jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false))

// unmarshal reads JSON as encoding/json does. The coming implementation of encoding/json goes first: it can be told the rules
// of the present one and takes half the time. What it refuses is read once more by the present one, whose word counts, and
// which words the error.
func unmarshal(model Model, raw []byte) (Event, error) {
	ev, err := empty(model)
	if err != nil {
		return nil, err
	}
	if jsonv2.Unmarshal(raw, ev, asToday) == nil {
		return ev, nil
	}
	ev, _ = empty(model) // what was read of the first is still in it
	if err := json.Unmarshal(raw, ev); err != nil {
		return nil, fmt.Errorf("decode a %s event: %w", model, plainError(err))
	}
	return ev, nil
}

// empty returns a new event of a model.
func empty(model Model) (Event, error) {
	switch model {
	case ModelBinary:
		return &Binary{}, nil
	case ModelDelete:
		return &Delete{}, nil
	case ModelDownload:
		return &Download{}, nil
	case ModelInsert:
		return &Insert{}, nil
	case ModelPlugin:
		return &Plugin{}, nil
	case ModelRetrohunt:
		return &Retrohunt{}, nil
	case ModelStatus:
		return &Status{}, nil
	}
	_, err := ParseModel(string(model))
	return nil, err
}

// plainError says what encoding/json found in the words of the event, without names of Go types.
func plainError(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field == "" {
		return fmt.Errorf("it is a JSON %s, not an object", wrong.Value)
	}
	field := strings.ReplaceAll(wrong.Field, "Head.", "") // the embedded struct is no level in JSON
	return fmt.Errorf("%s cannot be a JSON %s", field, wrong.Value)
}

// normalise makes free JSON objects absent that were null, and refuses nested versions that readers refuse.
func normalise(ev Event) error {
	switch e := ev.(type) {
	case *Binary:
		e.Entity.Info = normalObject(e.Entity.Info)
	case *Status:
		e.Entity.Input.Entity.Info = normalObject(e.Entity.Input.Entity.Info)
		if e.Entity.Input.ModelVersion < 0 {
			return &fieldError{"entity.input.model_version", "is negative"}
		}
		for i := range e.Entity.Results {
			result := &e.Entity.Results[i]
			result.Entity.Info = normalObject(result.Entity.Info)
			if result.ModelVersion < 0 {
				return inList("entity.results", i, &fieldError{"model_version", "is negative"})
			}
		}
	case *Insert:
		e.Entity.Child.Info = normalObject(e.Entity.Child.Info)
	case *Download:
		e.Entity.Metadata = normalObject(e.Entity.Metadata)
	case *Retrohunt:
		e.Entity = normalObject(e.Entity)
	}
	return nil
}

// DecodeList splits a body into its events, in order, without decoding them: the body is one JSON object or a list of
// objects, with white space around. The model is named in errors only. The elements share the body's memory.
//
// It looks only for where objects end: whether they are JSON inside is for Decode to say. If Decode accepts every element,
// the body is JSON, and the elements are those that encoding/json finds in it.
func DecodeList(model Model, body []byte) ([]json.RawMessage, error) {
	body = bytes.Trim(body, jsonSpace)
	if len(body) == 0 {
		return nil, fmt.Errorf("read %s events: the body is empty", model)
	}
	switch body[0] {
	case '{':
		if objectEnd(body) < len(body) { // one object after the other, as some tools write lists
			if err := isJSON(body); err != nil {
				return nil, fmt.Errorf("read %s events: %w", model, err)
			}
		}
		return []json.RawMessage{body}, nil
	case '[':
		events, err := split(body)
		if err != nil {
			return nil, fmt.Errorf("read %s events: %w", model, err)
		}
		return events, nil
	}
	if err := isJSON(body); err != nil {
		return nil, fmt.Errorf("read %s events: %w", model, err)
	}
	return nil, fmt.Errorf("read %s events: the body is neither a JSON object nor a list of objects", model)
}

// isJSON says where body is not JSON.
func isJSON(body []byte) error {
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return nil
}

// split cuts a JSON list into its objects. What is between and behind them must be JSON.
func split(list []byte) ([]json.RawMessage, error) {
	events := []json.RawMessage{}
	rest := bytes.TrimLeft(list[1:], jsonSpace)
	for string(rest) != "]" {
		after, comma := bytes.CutPrefix(rest, []byte(","))
		rest = bytes.TrimLeft(after, jsonSpace)
		if comma != (len(events) > 0) || !isObject(rest) {
			if err := isJSON(list); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("event %d of the list is not a JSON object", len(events))
		}
		if len(events) == MaxListEvents {
			return nil, fmt.Errorf("the list has more than %d events: send them in several", MaxListEvents)
		}
		end := objectEnd(rest)
		events = append(events, json.RawMessage(rest[:end:end]))
		rest = bytes.TrimLeft(rest[end:], jsonSpace)
	}
	return events, nil
}
