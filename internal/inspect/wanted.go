package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"regexp"
	"regexp/syntax"
)

// Limits of a regular expression. A match takes at most the length of the string × the length of the program; these keep that
// near a tenth of a second for the longest string that can be asked for.
const (
	maxRegexBytes   = 1000
	maxRegexProgram = 2000 // instructions
	maxFilterBytes  = 1000
)

// wanted tells which strings are wanted.
type wanted struct {
	filter  []byte // in lower case, or empty
	regex   *regexp.Regexp
	noNoise bool
	lower   []byte
}

func newWanted(filter, regex string, noNoise bool) (*wanted, error) {
	w := &wanted{noNoise: noNoise}
	if len(filter) > maxFilterBytes {
		return nil, queryf("the filter has %d bytes, the limit is %d", len(filter), maxFilterBytes)
	}
	w.filter = bytes.ToLower([]byte(filter))
	if regex == "" {
		return w, nil
	}
	var err error
	w.regex, err = compile(regex)
	return w, err
}

func compile(regex string) (*regexp.Regexp, error) {
	if len(regex) > maxRegexBytes {
		return nil, queryf("the regular expression has %d bytes, the limit is %d", len(regex), maxRegexBytes)
	}
	tree, err := syntax.Parse(regex, syntax.Perl)
	if err != nil {
		var bad *syntax.Error
		if errors.As(err, &bad) {
			return nil, queryf("regular expression: %s: %s", bad.Code, bad.Expr)
		}
		return nil, queryf("regular expression: %v", err)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, queryf("regular expression: %v", err)
	}
	if len(program.Inst) > maxRegexProgram {
		return nil, queryf("the regular expression takes %d steps, the limit is %d: repeat less in it", len(program.Inst), maxRegexProgram)
	}
	return regexp.Compile(regex)
}

func (w *wanted) match(text []byte) bool {
	if len(w.filter) > 0 && !bytes.Contains(w.lowered(text), w.filter) {
		return false
	}
	if w.regex != nil && !w.regex.Match(text) {
		return false
	}
	return !w.noNoise || !IsNoise(string(text))
}

// lowered returns text in lower case, as bytes.ToLower does, in memory that is used again.
func (w *wanted) lowered(text []byte) []byte {
	const each, top = 0x0101010101010101, 0x8080808080808080
	w.lower = append(w.lower[:0], text...)
	w.lower = append(w.lower, 0, 0, 0, 0, 0, 0, 0) // eight bytes at a time
	var any uint64
	for i := 0; i < len(text); i += 8 {
		word := binary.LittleEndian.Uint64(w.lower[i:])
		any |= word
		seven := word &^ top
		upper := (seven + (0x80-'A')*each) &^ (seven + (0x80-'Z'-1)*each) & top
		binary.LittleEndian.PutUint64(w.lower[i:], word|upper>>2) // 'a' is 'A' | 0x20
	}
	if any&top != 0 {
		return bytes.ToLower(text)
	}
	return w.lower[:len(text)]
}
