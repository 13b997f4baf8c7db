package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	fast "github.com/go-json-experiment/json/v1" // the same semantics as encoding/json
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
	ev, err := empty(model)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	if err := fast.Unmarshal(raw, ev); err != nil {
		// encoding/json takes twice as long, and its word counts: its errors say what plainError needs to know.
		if ev, err = empty(model); err == nil {
			err = json.Unmarshal(raw, ev)
		}
		if err != nil {
			return nil, fmt.Errorf("decode a %s event: %w", model, plainError(err))
		}
	}
	if v := ev.Header().ModelVersion; v != ModelVersion {
		return nil, fmt.Errorf("decode a %s event: %w but %d", model, ErrVersion, v)
	}
	if err := normalise(ev); err != nil {
		return nil, fmt.Errorf("decode a %s event: %w", model, err)
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
func DecodeList(model Model, body []byte) ([]json.RawMessage, error) {
	body = bytes.Trim(body, jsonSpace)
	if len(body) == 0 {
		return nil, fmt.Errorf("read %s events: the body is empty", model)
	}
	if !fast.Valid(body) {
		err := json.Unmarshal(body, new(json.RawMessage)) // says where
		return nil, fmt.Errorf("read %s events: the body is not JSON: %w", model, err)
	}
	switch body[0] {
	case '{':
		return []json.RawMessage{body}, nil
	case '[':
		events, err := split(body)
		if err != nil {
			return nil, fmt.Errorf("read %s events: %w", model, err)
		}
		return events, nil
	}
	return nil, fmt.Errorf("read %s events: the body is neither a JSON object nor a list of objects", model)
}

// split cuts a valid JSON list into its objects.
func split(list []byte) ([]json.RawMessage, error) {
	events := []json.RawMessage{}
	for rest := list[1:]; ; {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		switch {
		case rest[0] == ']':
			return events, nil
		case rest[0] != '{':
			return nil, fmt.Errorf("event %d of the list is not a JSON object", len(events))
		case len(events) == MaxListEvents:
			return nil, fmt.Errorf("the list has more than %d events: send them in several", MaxListEvents)
		}
		end := objectEnd(rest)
		events = append(events, json.RawMessage(rest[:end:end]))
		rest = rest[end:]
	}
}
