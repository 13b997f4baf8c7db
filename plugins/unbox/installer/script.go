package installer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
)

// Blocks of the script, by their numbers.
const (
	blockEntries = 2
	blockStrings = 3
	blockTables  = 4
	numBlocks    = 8
)

const (
	entrySize = 28 // a kind, and six values

	// Kinds of instructions.
	entryFolder  = 11
	entryExtract = 20

	mostText  = 8 << 10  // bytes of one text
	mostFile  = 4 << 10  // bytes of a name
	mostNames = 32 << 20 // bytes of all names
)

const errScript = archive.Damage("its parts are not where they should be")

// script is what an installer does.
type script struct {
	entries []byte
	strings []byte
	wide    bool // texts are UTF-16
	codes   codes
}

// codes are the characters by which variables and other things are in texts: NSIS 3 has others than NSIS 2.
type codes struct{ skip, variable, shell, language rune }

var (
	codes2     = codes{252, 253, 254, 255}
	codes3     = codes{4, 3, 2, 1}
	codesEarly = codes{0xe000, 0xe001, 0xe002, 0xe003} // of NSIS 2 for Unicode, which was somebody else's
)

// parseScript takes the header of a script: where its parts are. Installers of 64 bits have wider offsets.
func parseScript(p []byte) (*script, error) {
	for _, width := range []int{4, 8} {
		var offsets, counts [numBlocks]int64
		at := 4
		if len(p) < at+numBlocks*(width+4) {
			return nil, errScript
		}
		for i := range numBlocks {
			offsets[i] = int64(binary.LittleEndian.Uint32(p[at:]))
			counts[i] = int64(binary.LittleEndian.Uint32(p[at+width:]))
			at += width + 4
		}
		entries, texts, tables := offsets[blockEntries], offsets[blockStrings], offsets[blockTables]
		if entries < int64(at) || texts < entries || tables <= texts || tables > int64(len(p)) || counts[blockEntries]*entrySize > texts-entries {
			continue
		}
		s := &script{entries: p[entries:][:counts[blockEntries]*entrySize], strings: p[texts:tables]}
		s.recognise()
		return s, nil
	}
	return nil, errScript
}

// recognise tells how texts are stored. The first is empty.
func (s *script) recognise() {
	s.wide = len(s.strings) >= 2 && s.strings[0] == 0 && s.strings[1] == 0
	s.codes = codes2
	if !s.wide {
		if bytes.ContainsAny(s.strings, "\x01\x02\x03\x04") {
			s.codes = codes3
		}
		return
	}
	s.codes = codes3
	for i := 0; i+2 <= len(s.strings); i += 2 {
		if u := binary.LittleEndian.Uint16(s.strings[i:]); u >= 0xe000 && u <= 0xe003 {
			s.codes = codesEarly
		}
	}
}

// names of variables; others have numbers.
var variables = [...]string{
	20: "CMDLINE", 21: "INSTDIR", 22: "OUTDIR", 23: "EXEDIR", 24: "LANGUAGE", 25: "TEMP", 26: "PLUGINSDIR", 27: "EXEPATH", 28: "EXEFILE", 29: "HWNDPARENT", 30: "_CLICK", 31: "_OUTDIR",
}

func variableName(n int) string {
	switch {
	case n < 10:
		return fmt.Sprintf("$%d", n)
	case n < 20:
		return fmt.Sprintf("$R%d", n-10)
	case n < len(variables):
		return "$" + variables[n]
	}
	return fmt.Sprintf("$_%d_", n)
}

// folders of Windows, by their numbers (CSIDL).
var folders = map[int]string{
	0x00: "DESKTOP", 0x02: "SMPROGRAMS", 0x05: "DOCUMENTS", 0x06: "FAVORITES", 0x07: "SMSTARTUP", 0x08: "RECENT", 0x09: "SENDTO", 0x0b: "STARTMENU", 0x0d: "MUSIC",
	0x0e: "VIDEOS", 0x10: "DESKTOP", 0x13: "NETHOOD", 0x14: "FONTS", 0x15: "TEMPLATES", 0x1a: "APPDATA", 0x1b: "PRINTHOOD", 0x1c: "LOCALAPPDATA", 0x20: "INTERNET_CACHE",
	0x21: "COOKIES", 0x22: "HISTORY", 0x24: "WINDIR", 0x25: "SYSDIR", 0x26: "PROGRAMFILES", 0x27: "PICTURES", 0x28: "PROFILE", 0x2a: "PROGRAMFILES32", 0x2b: "COMMONFILES",
}

// unit returns the character at a place, how long it is, and whether there is one.
func (s *script) unit(at int) (rune, int, bool) {
	if !s.wide {
		if at >= len(s.strings) {
			return 0, 0, false
		}
		return rune(s.strings[at]), 1, true
	}
	if at+2 > len(s.strings) {
		return 0, 0, false
	}
	return rune(binary.LittleEndian.Uint16(s.strings[at:])), 2, true
}

// text decodes the text at an offset, counted in characters, and tells where it ends in bytes.
func (s *script) text(offset int) (text string, end int) {
	at := offset
	if s.wide {
		at *= 2
	}
	var b strings.Builder
	var plain []byte // characters that are not decoded yet
	flush := func() {
		if s.wide {
			b.WriteString(wideText(plain))
		} else {
			b.WriteString(archive.Text(plain, charmap.Windows1252))
		}
		plain = plain[:0]
	}
	for begin := at; at-begin < mostText; {
		c, n, ok := s.unit(at)
		if !ok || c == 0 {
			flush()
			return b.String(), at + max(n, 1)
		}
		at += n
		if c != s.codes.skip && c != s.codes.variable && c != s.codes.shell && c != s.codes.language {
			plain = append(plain, s.strings[at-n:at]...)
			continue
		}
		if c == s.codes.skip { // the next character is meant as it is
			_, n, _ := s.unit(at)
			plain = append(plain, s.strings[at:at+n]...)
			at += n
			continue
		}
		flush()
		low, high, next, ok := s.parameter(at)
		if !ok {
			return b.String(), len(s.strings)
		}
		at = next
		b.WriteString(s.special(c, low, high))
	}
	flush()
	return b.String(), at
}

// parameter takes what is behind a code: two bytes, or one character of UTF-16.
func (s *script) parameter(at int) (low, high byte, next int, ok bool) {
	if at+2 > len(s.strings) {
		return 0, 0, at, false
	}
	return s.strings[at], s.strings[at+1], at + 2, true
}

// special is what a code stands for.
func (s *script) special(code rune, low, high byte) string {
	number := int(low&0x7f) | int(high&0x7f)<<7
	switch code {
	case s.codes.variable:
		return variableName(number)
	case s.codes.language:
		return fmt.Sprintf("$(LSTR_%d)", number)
	case s.codes.shell:
		if low&0x80 != 0 { // a value of the registry, whose name is a text
			return "$" + s.registered(int(low&0x3f))
		}
		for _, n := range []byte{low, high} {
			if name, ok := folders[int(n&0x3f)]; ok {
				return "$" + name
			}
		}
		return fmt.Sprintf("$_SHELL_%d_%d_", low, high)
	}
	return ""
}

// registered is the folder that a value of the registry has.
func (s *script) registered(offset int) string {
	name := "CommonFilesDir"
	if s.wide {
		offset *= 2
		name = strings.Join(strings.Split(name, ""), "\x00")
	}
	if offset < len(s.strings) && bytes.HasPrefix(s.strings[offset:], []byte(name)) {
		return "COMMONFILES"
	}
	return "PROGRAMFILES"
}

func wideText(p []byte) string {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(p[2*i:])
	}
	return string(utf16.Decode(units))
}

// texts are all texts of the script, one a line.
func (s *script) texts() []byte {
	var out []byte
	for at := 0; at < len(s.strings); {
		offset := at
		if s.wide {
			offset /= 2
		}
		text, end := s.text(offset)
		if text != "" {
			out = append(append(out, strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(text)...), '\n')
		}
		at = max(end, at+1)
		if s.wide {
			at += at % 2
		}
	}
	return out
}

// stored is a file of an installer.
type stored struct {
	name    string
	offset  int64
	changed time.Time
}

// files are those that instructions extract, in the order in which they are stored. Their names begin with the folder that was set last,
// unless they name one themselves.
func (s *script) files(ctx context.Context) ([]stored, error) {
	var list []stored
	var damage error
	known := map[string]bool{}
	folder := ""
	decoded := 0 // bytes of names
	le := binary.LittleEndian
	for p := s.entries; len(p) >= entrySize; p = p[entrySize:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		value := func(i int) int { return int(int32(le.Uint32(p[4+4*i:]))) }
		kind := le.Uint32(p)
		at := value(1)
		if kind == entryFolder {
			at = value(0)
		}
		if kind != entryExtract && (kind != entryFolder || value(1) == 0) || at < 0 {
			continue
		}
		name, _ := s.text(at)
		if decoded += len(name); decoded > mostNames {
			damage = archive.Damage("more names than there is room for")
			break
		}
		if kind == entryFolder {
			folder = s.resolve(name, folder)
			continue
		}
		f := stored{name: name, offset: int64(le.Uint32(p[12:])), changed: fileTime(le.Uint32(p[16:]), le.Uint32(p[20:]))}
		if folder != "" && !strings.HasPrefix(name, "$") && !strings.Contains(name, `:\`) {
			f.name = folder + `\` + name
		}
		f.name = clean(f.name)
		key := fmt.Sprintf("%d %s", f.offset, f.name)
		if len(f.name) > mostFile || known[key] {
			continue
		}
		known[key] = true
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(a, b stored) int {
		switch {
		case a.offset < b.offset:
			return -1
		case a.offset > b.offset:
			return 1
		}
		return 0
	})
	return list, damage
}

// resolve puts the folder in place of the variable for it.
func (s *script) resolve(name, folder string) string {
	if rest, ok := strings.CutPrefix(name, "$OUTDIR"); ok && folder != "" && len(folder)+len(rest) <= mostFile {
		return folder + rest
	}
	return name
}

// clean makes a path of a name: that of where it is installed to is left out.
func clean(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	return strings.TrimPrefix(strings.TrimPrefix(name, "$INSTDIR"), "/")
}

// fileTime is a time of Windows, in 100 ns since 1601, in two halves. What NSIS was told not to keep is all ones.
func fileTime(low, high uint32) time.Time {
	t := uint64(high)<<32 | uint64(low)
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const until1970 = 11644473600
	return time.Unix(int64(t/1e7)-until1970, int64(t%1e7)*100).UTC()
}
