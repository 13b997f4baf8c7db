package identify

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// summaryNames are the properties of a summary (MS-OLEPS 3.1), as file(1) calls them.
var summaryNames = map[uint32]string{
	1: "Code page", 2: "Title", 3: "Subject", 4: "Author", 5: "Keywords", 6: "Comments", 7: "Template", 8: "Last Saved By", 9: "Revision Number",
	10: "Total Editing Time", 11: "Last Printed", 12: "Create Time/Date", 13: "Last Saved Time/Date", 14: "Number of Pages", 15: "Number of Words",
	16: "Number of Characters", 17: "Thumbnail", 18: "Name of Creating Application", 19: "Security", 0x80000000: "Locale ID",
}

// Limits on summaries.
const (
	summaryBytes      = 4 << 10
	summaryProperties = 32
	summaryText       = 256 // bytes of one property
)

// summary says what a compound file says about itself, in the order of the file; "" if it has no summary.
func (c *compound) summary() string {
	entry, ok := c.entries["SummaryInformation"]
	if !ok {
		return ""
	}
	f := little(c.read(entry, summaryBytes))
	if f.u16(0) != 0xfffe || f.u32(24) == 0 {
		return ""
	}
	var b strings.Builder
	version, system := f.u16(4), f.u16(6)
	name := map[uint16]string{1: "MacOS", 2: "Windows"}[system]
	if name != "" {
		fmt.Fprintf(&b, ", Os: %s, Version %d.%d", name, version&0xff, version>>8)
	} else {
		fmt.Fprintf(&b, ", Os %d, Version: %d.%d", system, version&0xff, version>>8)
	}
	if c.msi {
		b.WriteString(", MSI Installer")
	}
	set := int(min(f.u32(44), summaryBytes))
	for i := range int(min(f.u32(set+4), summaryProperties)) {
		id, off := f.u32(set+8+8*i), f.u32(set+12+8*i)
		name := summaryNames[id]
		if f.short || off > summaryBytes {
			break
		}
		if text := f.property(set + int(off)); name != "" && text != "" {
			b.WriteString(", " + name + ": " + text)
		}
	}
	return b.String()
}

// property writes a property value (MS-OLEPS 2.15): numbers, strings and times; "" for others and for empty ones.
func (f *fields) property(at int) string {
	kind, value := f.u32(at), f.u32(at+4)
	switch kind {
	case 2: // 16 bits with a sign, as which code pages beyond 32767 appear
		return fmt.Sprint(int16(value))
	case 3:
		return fmt.Sprint(int32(value))
	case 0x13:
		return fmt.Sprint(value)
	case 0x1e:
		text := f.take(at+8, int(min(value, summaryText)))
		text, _, _ = bytes.Cut(text, []byte{0})
		return printable(text)
	case 0x1f:
		text := f.take(at+8, int(min(2*uint64(value), summaryText)))
		units := make([]uint16, 0, len(text)/2)
		for i := 0; i+1 < len(text) && (text[i] != 0 || text[i+1] != 0); i += 2 {
			units = append(units, little(text).u16(i))
		}
		return printable([]byte(string(utf16.Decode(units))))
	case 0x40:
		const shorterThanThis = 1e15 // in 100 ns, three years: a duration
		switch t := f.u64(at + 4); {
		case t == 0:
			return ""
		case t < shorterThanThis:
			seconds := t / 10_000_000
			if hours := seconds / 3600; hours > 0 {
				return fmt.Sprintf("%d:%02d:%02d", hours, seconds/60%60, seconds%60)
			}
			return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
		default:
			return fileTime(t)
		}
	}
	return ""
}
