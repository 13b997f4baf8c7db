package msi

import (
	"strconv"
	"strings"
)

// Names of streams are packed, two characters of 64 into one of Unicode, from 0x3800 on; a single one lies from 0x4800 on, and 0x4840 in
// front is for tables.
const (
	packedPair   = 0x3800
	packedSingle = 0x4800
	packedTable  = 0x4840
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
)

// decodeName unpacks the name of a stream. A table's begins with an exclamation mark; control characters, which names of property sets
// begin with, are shown as numbers.
func decodeName(name string) string {
	var b strings.Builder
	for i, c := range name {
		switch {
		case c == packedTable && i == 0:
			b.WriteByte('!')
		case c >= packedPair && c < packedSingle:
			b.WriteByte(alphabet[(c-packedPair)&63])
			b.WriteByte(alphabet[(c-packedPair)>>6])
		case c >= packedSingle && c < packedTable:
			b.WriteByte(alphabet[c-packedSingle])
		case c < ' ':
			b.WriteString("[" + strconv.Itoa(int(c)) + "]")
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
