package unbox

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cleanName makes text of an entry's name and says what is odd about it. Bytes that are no UTF-8, and zero bytes, are
// written as \xNN. A name of more than most bytes is cut. A name never becomes a path, so ../ is odd and no more.
func cleanName(name string, most int) (clean, oddity string, cut bool) {
	var b strings.Builder
	for i := 0; i < len(name) && !cut; {
		r, size := utf8.DecodeRuneInString(name[i:])
		piece := name[i : i+size]
		switch {
		case r == utf8.RuneError && size == 1:
			oddity = "a name with an illegal encoding"
			piece = fmt.Sprintf(`\x%02x`, name[i])
		case r == 0:
			oddity = "a name with a zero byte"
			piece = `\x00`
		}
		if cut = b.Len()+len(piece) > most; !cut {
			b.WriteString(piece)
		}
		i += size
	}
	clean = b.String()
	if oddity == "" && leaves(clean) {
		oddity = "a name that leaves the folder"
	}
	return clean, oddity, cut
}

// leaves tells whether a name, taken as a path on any system, would point out of the folder that the archive is unpacked to.
func leaves(name string) bool {
	slashed := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(slashed, "/") || len(slashed) > 1 && slashed[1] == ':' {
		return true
	}
	for part := range strings.SplitSeq(slashed, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// short is a name for a message.
func short(name string) string {
	const most = 100
	switch {
	case name == "":
		return "the file"
	case len(name) <= most:
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// isASCII tells whether a name is the same in every character set.
func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
