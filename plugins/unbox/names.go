package unbox

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cleanName makes text of an entry's name and says what is odd about it. Bytes that are no UTF-8, and zero bytes, are written as \xNN; the
// name is cut to most bytes. It never becomes a path, so ../ is odd and no more.
func cleanName(name string, most int) (clean, oddity string) {
	var b strings.Builder
	for rest := name; len(rest) > 0; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			oddity = "a name with an illegal encoding"
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case r == 0:
			oddity = "a name with a zero byte"
			b.WriteString(`\x00`)
		default:
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
		if b.Len() > most {
			oddity = fmt.Sprintf("a name of %d bytes", len(name))
			break
		}
	}
	clean = b.String()
	if len(clean) > most {
		clean = strings.ToValidUTF8(clean[:most], "")
	}
	if oddity == "" && leaves(clean) {
		oddity = "a name that leaves the folder"
	}
	return clean, oddity
}

// leaves tells whether a name, taken as a path, would point outside of the folder it is unpacked to.
func leaves(name string) bool {
	slashed := strings.ReplaceAll(name, `\`, "/")
	return strings.HasPrefix(slashed, "/") || slashed == ".." || strings.HasPrefix(slashed, "../") || strings.Contains(slashed, "/../") ||
		strings.HasSuffix(slashed, "/..")
}
