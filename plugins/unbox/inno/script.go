package inno

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"lazuli/plugins/unbox/archive"
)

// mostScript is how long the text of a script becomes, in bytes.
const mostScript = 8 << 20

// script is what an installer does, in the form that Inno Setup compiles, as far as its records tell. Options are not in it.
type script struct {
	b     strings.Builder
	title string // of the section that the next record begins
}

// value is a text of a record with its name.
type value struct{ name, text string }

var escapes = strings.NewReplacer(`"`, `""`, "\r", `\r`, "\n", `\n`, "\x00", `\0`)

func (s *script) section(name string) { s.title = name }

// line adds a line, and in front of it what begins its section.
func (s *script) line(line string) {
	if s.title != "" {
		line = "[" + s.title + "]\n" + line
		if s.b.Len() > 0 {
			line = "\n" + line
		}
		s.title = ""
	}
	if s.b.Len()+len(line) < mostScript {
		s.b.WriteString(line + "\n")
	}
}

// setting adds a line to the section [Setup].
func (s *script) setting(name, text string) {
	if text != "" {
		s.line(name + "=" + escapes.Replace(text))
	}
}

// record adds a line to any other section.
func (s *script) record(values []value) {
	var parts []string
	for _, v := range values {
		if v.text != "" {
			parts = append(parts, fmt.Sprintf(`%s: "%s"`, v.name, escapes.Replace(v.text)))
		}
	}
	if len(parts) > 0 {
		s.line(strings.Join(parts, "; "))
	}
}

// decode is a text in UTF-8.
func (s *setup) decode(p []byte) string {
	if !s.version.wide {
		return archive.Text(p, s.set)
	}
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(p[2*i:])
	}
	return string(utf16.Decode(units))
}

// rootKeys are the keys at the top of the registry, from 0x80000000 on.
var rootKeys = []string{"HKCR", "HKCU", "HKLM", "HKU", "HKPD", "HKCC"}

func rootKey(n uint32) string {
	if n -= 1 << 31; n < uint32(len(rootKeys)) {
		return rootKeys[n]
	}
	return "HKA" // that of the user or of the machine, depending on who installs
}

// clean makes a path of a destination.
func clean(name string) string { return strings.ReplaceAll(name, `\`, "/") }
