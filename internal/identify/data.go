package identify

import (
	"fmt"
	"strings"
)

// data are formats for programs: databases, captures, fonts, settings. What is found by searching comes last.
var data = []matcher{
	sqlite,
	pcap,
	shortcut,
	signatures(
		signature{0, "\x0a\x0d\x0d\x0a", Result{Format: "network/tcpdump", MIME: octetStream, Magic: "pcapng capture file"}},
		signature{0, "ElfFile\x00", Result{Format: "metadata/sysmon", MIME: "application/x-ms-evtx", Magic: "MS Windows Vista Event Log"}},
		signature{36, "acsp", Result{Format: "metadata/iccprofile", MIME: "application/vnd.iccprofile", Magic: "ColorSync color profile"}},
		signature{0, "\xde\x12\x04\x95", Result{Format: "resource/mo", MIME: "application/x-gettext-translation", Magic: "GNU message catalog (little endian)"}},
		signature{0, "\x95\x04\x12\xde", Result{Format: "resource/mo", MIME: "application/x-gettext-translation", Magic: "GNU message catalog (big endian)"}},
		signature{0, "OTTO\x00", Result{Format: "resource/font/opentype", MIME: "application/vnd.ms-opentype", Magic: "OpenType font data"}},
		signature{0, "\x00\x01\x00\x00\x00", Result{Format: "resource/font/opentype", MIME: "font/sfnt", Magic: "TrueType Font data"}},
		signature{0, "\x01fcp", Result{Format: "resource/font/x11", MIME: "application/x-font-pcf", Magic: "X11 Portable Compiled Font data"}},
		signature{0, "\x1a\x01", Result{Format: unknown, MIME: "application/x-terminfo", Magic: "Compiled terminfo entry"}},
		signature{0, "\x1e\x02", Result{Format: unknown, MIME: "application/x-terminfo2", Magic: "Compiled 32-bit terminfo entry"}},
	),
	zlib,
	pdfLater,
}

func sqlite(in *input) (Result, bool) {
	if !in.has(0, "SQLite format 3\x00") {
		return Result{}, false
	}
	magic := "SQLite 3.x database"
	if version := big(in.head).u32(96); version != 0 {
		magic += fmt.Sprintf(", last written using SQLite version %d", version)
	}
	return Result{Format: "db/sqlite", MIME: "application/vnd.sqlite3", Magic: magic}, true
}

// pcap follows draft-ietf-opsawg-pcap, 4.
func pcap(in *input) (Result, bool) {
	var f *fields
	var unit, order string
	for _, kind := range []struct {
		bytes, unit, order string
		f                  *fields
	}{
		{"\xd4\xc3\xb2\xa1", "microsecond", "little", little(in.head)},
		{"\xa1\xb2\xc3\xd4", "microseconds", "big", big(in.head)},
		{"\x4d\x3c\xb2\xa1", "nanosecond", "little", little(in.head)},
		{"\xa1\xb2\x3c\x4d", "nanosecond", "big", big(in.head)},
	} {
		if in.has(0, kind.bytes) {
			f, unit, order = kind.f, kind.unit, kind.order
		}
	}
	if f == nil || len(in.head) < 24 {
		return Result{}, false
	}
	link := map[uint32]string{0: "BSD Loopback", 1: "Ethernet", 101: "Raw IP", 105: "802.11", 113: "Linux cooked v1", 276: "Linux cooked v2"}[f.u32(20)]
	if link == "" {
		link = fmt.Sprintf("linktype#%d", f.u32(20))
	}
	return Result{
		Format: "network/tcpdump", MIME: "application/vnd.tcpdump.pcap",
		Magic: fmt.Sprintf("pcap capture file, %s ts (%s-endian) - version %d.%d (%s, capture length %d)",
			unit, order, f.u16(4), f.u16(6), link, f.u32(16)),
	}, true
}

// shortcut follows MS-SHLLINK 2.1.
func shortcut(in *input) (Result, bool) {
	if !in.has(0, "\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46") {
		return Result{}, false
	}
	var b strings.Builder
	b.WriteString("MS Windows shortcut")
	flags := little(in.head).u32(20)
	for bit, what := range []string{
		"Item id list present", "Points to a file or directory", "Has Description string", "Has Relative path",
		"Has Working directory", "Has command line arguments", "Icon",
	} {
		if flags&(1<<bit) != 0 {
			b.WriteString(", " + what)
		}
	}
	return Result{Format: "meta/shortcut/windows", MIME: "application/x-ms-shortcut", Magic: b.String()}, true
}

// zlib knows the headers that compressors write (RFC 1950, 2.2) and that are not text.
func zlib(in *input) (Result, bool) {
	if !in.has(0, "\x78\x01") && !in.has(0, "\x78\x9c") && !in.has(0, "\x78\xda") || isText(in) {
		return Result{}, false
	}
	return Result{Format: "archive/zlib", MIME: "application/zlib", Magic: "zlib compressed data"}, true
}
