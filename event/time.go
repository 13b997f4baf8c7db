package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Time is a moment of an event. It keeps the offset that it was given in, because keys and tracking fields of the
// reference depend on it (protocol 2.3, 2.4).
//
// As text it is RFC 3339. Out: UTC, at most microseconds (finer digits are cut off, trailing zeros are left out), Z. In: any
// offset, but there must be one, and at most nine digits of a second count. JSON null leaves it as it was.
type Time struct{ time.Time }

// Now returns the current time in UTC, to the microsecond, so that it does not change on its way through JSON.
func Now() Time { return At(time.Now().UTC().Truncate(time.Microsecond)) }

// At makes a Time of t, in t's own offset.
func At(t time.Time) Time { return Time{t} }

// outLayout is RFC 3339 with up to six digits of a second.
const outLayout = "2006-01-02T15:04:05.999999Z07:00"

var errYear = errors.New("is outside of the years 1 to 9999")

// check returns errYear for a time that some readers cannot represent. It looks at the time in UTC, which is what is written.
func (t Time) check() error {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return errYear
	}
	return nil
}

// MarshalText fails for years outside of 1 to 9999.
func (t Time) MarshalText() ([]byte, error) { return t.append(make([]byte, 0, len(outLayout))) }

// MarshalJSON fails for years outside of 1 to 9999.
func (t Time) MarshalJSON() ([]byte, error) {
	b, err := t.append(append(make([]byte, 0, len(outLayout)+2), '"'))
	if err != nil {
		return nil, err
	}
	return append(b, '"'), nil
}

func (t Time) append(b []byte) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("time %w", err)
	}
	return t.UTC().AppendFormat(b, outLayout), nil
}

// UnmarshalText reads RFC 3339 with an offset.
func (t *Time) UnmarshalText(text []byte) error {
	var read time.Time
	if err := read.UnmarshalText(text); err != nil {
		return fmt.Errorf("time %.40q is not RFC 3339 with a zone, such as 2006-01-02T15:04:05Z", text)
	}
	// Package time puts an offset that is also the machine's into the machine's zone; what an event means must not depend
	// on the machine.
	if _, offset := read.Zone(); offset == 0 {
		read = read.UTC()
	} else {
		read = read.In(time.FixedZone("", offset))
	}
	if err := (Time{read}).check(); err != nil {
		return fmt.Errorf("time %.40q %w", text, err)
	}
	t.Time = read
	return nil
}

// UnmarshalJSON reads a string as UnmarshalText does.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if text, ok := plainString(data); ok {
		return t.UnmarshalText(text)
	}
	var text string // some encoders write + as \u002b
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("time %.40q is not a JSON string", data)
	}
	return t.UnmarshalText([]byte(text))
}

// plainString returns what is between the quotes of a JSON string of printable ASCII without escapes.
func plainString(data []byte) ([]byte, bool) {
	last := len(data) - 1
	if last < 1 || data[0] != '"' || data[last] != '"' {
		return nil, false
	}
	text := data[1:last]
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return nil, false
		}
	}
	return text, true
}
