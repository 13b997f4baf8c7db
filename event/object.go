package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Some fields hold a free JSON object: info of an entity, metadata of a download, the entity of a retrohunt. They are kept as
// they came, so what readers choke on must be looked for by hand.

// The limits of a free JSON object. Readers built on pydantic 2 refuse a document with 200 levels, a number of more than 4,300
// digits, and half a surrogate pair (tried with each).
const (
	MaxObjectDepth  = 100
	MaxNumberLength = 1000 // characters
)

// jsonSpace is what JSON counts as white space (RFC 8259, 2).
const jsonSpace = " \t\r\n"

// writtenObject returns raw as it is written: absent unless it is an object. Validate has refused anything else where it
// looks; the input of a status, where it does not, must not harm readers either.
func writtenObject(raw json.RawMessage) json.RawMessage {
	if raw = normalObject(raw); isObject(raw) {
		return raw
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, jsonSpace), []byte("{"))
}

// normalObject returns raw as it is kept: nil for nothing and for null, bad UTF-8 and half surrogate pairs replaced by
// U+FFFD. It does not change raw.
func normalObject(raw json.RawMessage) json.RawMessage {
	trimmed := bytes.Trim(raw, jsonSpace)
	if len(trimmed) == 0 || string(trimmed) == "null" {
		return nil
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	return wholeSurrogates(raw)
}

// wholeSurrogates replaces every \uD800 to \uDFFF that is not one of a pair by \ufffd, which has the same length.
func wholeSurrogates(raw []byte) []byte {
	fixed, copied := raw, false
	for i := 0; ; {
		next := bytes.IndexByte(fixed[i:], '\\')
		if next < 0 {
			return fixed
		}
		i += next
		r, ok := unicodeEscape(fixed[i:])
		if !ok {
			i = min(i+2, len(fixed)) // \\ and \" must not be read as the start of what follows
			continue
		}
		if !utf16.IsSurrogate(r) {
			i += 6
			continue
		}
		if low, ok := unicodeEscape(fixed[i+6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			i += 12
			continue
		}
		if !copied {
			fixed, copied = bytes.Clone(raw), true
		}
		copy(fixed[i:], `\ufffd`)
		i += 6
	}
}

// unicodeEscape reads \uXXXX at the start of b.
func unicodeEscape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil
}

// checkObject says what is wrong with raw as a free JSON object. One that is absent is legal.
func checkObject(field string, raw json.RawMessage) error {
	if normalObject(raw) == nil {
		return nil
	}
	if !isObject(raw) || !json.Valid(raw) {
		return &fieldError{field, "is not a JSON object"}
	}
	depth, number := 0, 0
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c >= '0' && c <= '9' || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E' {
			if number++; number > MaxNumberLength {
				return &fieldError{field, fmt.Sprintf("holds a number of more than %d characters", MaxNumberLength)}
			}
			continue
		}
		number = 0
		switch c {
		case '"':
			i += stringEnd(raw[i:]) - 1
		case '{', '[':
			if depth++; depth > MaxObjectDepth {
				return &fieldError{field, fmt.Sprintf("is nested more than %d levels deep", MaxObjectDepth)}
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// stringEnd returns the length of the JSON string that b begins with, quotes included; all of b if it has no end.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// objectEnd returns the length of the JSON object that b begins with; all of b if it has no end.
func objectEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}
