package identify

import (
	"bytes"
	"fmt"
	"strings"
)

// data are formats for programs: databases, captures, fonts, settings. What is found by searching comes last.
var data = []matcher{
	sqlite,
	pcap,
	pcapng,
	shortcut,
	eventLog,
	messageCatalog,
	terminal,
	timeZones,
	signatures(
		signature{36, "acsp", Result{Format: "metadata/iccprofile", MIME: "application/vnd.iccprofile", Magic: "ColorSync color profile"}},
		signature{0, "OTTO\x00", Result{Format: "resource/font/opentype", MIME: "application/vnd.ms-opentype", Magic: "OpenType font data"}},
		signature{0, "\x00\x01\x00\x00\x00", Result{Format: "resource/font/opentype", MIME: "font/sfnt", Magic: "TrueType Font data"}},
		signature{0, "\x01fcp", Result{Format: "resource/font/x11", MIME: "application/x-font-pcf", Magic: "X11 Portable Compiled Font data"}},
		signature{0, "\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7dAU3!EA0", Result{Format: "code/a3x", MIME: octetStream, Magic: "data"}},
		signature{0, "Sfff", Result{Format: "sff", MIME: octetStream, Magic: "structured fax file"}},
		signature{0, ".sff", Result{Format: "sff", MIME: octetStream, Magic: "data"}},
		signature{0, "BC\xc0\xde", Result{Format: unknown, MIME: octetStream, Magic: "LLVM IR bitcode"}},
		signature{0, "Xcur", Result{Format: unknown, MIME: octetStream, Magic: "X11 cursor"}},
		signature{0, "JM\x01\x00", Result{Format: unknown, MIME: "application/x-java-jmod", Magic: "Java jmod module version 1.0"}},
		signature{0, "\xfe\xed\xfe\xed\x00\x00\x00", Result{Format: unknown, MIME: "application/x-java-keystore", Magic: "Java KeyStore"}},
		signature{0, "\x99\x01", Result{Format: unknown, MIME: "application/pgp-keys", Magic: "OpenPGP Public Key"}},
		signature{0, "\x99\x02", Result{Format: unknown, MIME: "application/pgp-keys", Magic: "OpenPGP Public Key"}},
		signature{0, "icns", Result{Format: "image/icon", MIME: "image/x-icns", Magic: "Mac OS X icon"}},
		signature{0, "GVariant", Result{Format: unknown, MIME: octetStream, Magic: "GVariant Database file, version 0"}},
		signature{0, "GOBJ\nMETADATA\r\n\x1a", Result{Format: unknown, MIME: octetStream, Magic: "G-IR binary database"}},
		signature{0, "\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a", Result{Format: unknown, MIME: "image/jp2", Magic: "JPEG 2000 Part 1 (JP2)"}},
		signature{0, "\x1a\x45\xdf\xa3", Result{Format: unknown, MIME: "video/x-matroska", Magic: "Matroska data"}},
		signature{0, "wOFF", Result{Format: unknown, MIME: "font/woff", Magic: "Web Open Font Format"}},
		signature{0, "wOF2", Result{Format: unknown, MIME: "font/woff2", Magic: "Web Open Font Format (Version 2)"}},
		signature{0, "fLaC", Result{Format: unknown, MIME: "audio/flac", Magic: "FLAC audio bitstream data"}},
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

// pcapng follows draft-ietf-opsawg-pcapng, 4.1.
func pcapng(in *input) (Result, bool) {
	if !in.has(0, "\x0a\x0d\x0d\x0a") {
		return Result{}, false
	}
	magic := "pcapng capture file"
	f := little(in.head)
	if in.has(8, "\x1a\x2b\x3c\x4d") {
		f = big(in.head)
	}
	if f.u32(8) == 0x1a2b3c4d {
		magic += fmt.Sprintf(" - version %d.%d", f.u16(12), f.u16(14))
	}
	return Result{Format: "network/tcpdump", MIME: octetStream, Magic: magic}, true
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
	f := little(in.head)
	if flags&0x40 != 0 {
		fmt.Fprintf(&b, " number=%d", int32(f.u32(56)))
	}
	attributes := f.u32(24)
	for bit, what := range []string{
		"Read-Only", "Hidden", "System", "Volume Label", "Directory", "Archive", "Encrypted", "Normal", "Temporary", "Sparse", "Reparse point", "Compressed", "Offline",
	} {
		if attributes&(1<<bit) != 0 {
			b.WriteString(", " + what)
		}
	}
	for i, what := range []string{"ctime", "mtime", "atime"} {
		b.WriteString(", " + what + "=" + fileTime(f.u64(28+8*i)))
	}
	fmt.Fprintf(&b, ", length=%d, window=", f.u32(52))
	for bit, what := range []string{
		"hide", "normal", "showminimized", "showmaximized", "shownoactivate", "minimize", "showminnoactive", "showna", "restore", "showdefault",
	} {
		if f.u32(60)&(1<<bit) != 0 {
			b.WriteString(what)
		}
	}
	return Result{Format: "meta/shortcut/windows", MIME: "application/x-ms-shortcut", Magic: b.String()}, true
}

// fileTime writes a Windows time, in 100 ns since 1601.
func fileTime(t uint64) string {
	const second, until1970 = 10_000_000, 11_644_473_600
	return ansic(int64(t/second) - until1970)
}

// zlib knows the headers that compressors write (RFC 1950, 2.2) and that are not text.
func zlib(in *input) (Result, bool) {
	if !in.has(0, "\x78\x01") && !in.has(0, "\x78\x9c") && !in.has(0, "\x78\xda") || isText(in) {
		return Result{}, false
	}
	return Result{Format: "archive/zlib", MIME: "application/zlib", Magic: "zlib compressed data"}, true
}

// eventLog follows the file header of Windows event logs from Vista on (MS-EVEN6 2.2.17; libevtx).
func eventLog(in *input) (Result, bool) {
	if !in.has(0, "ElfFile\x00") {
		return Result{}, false
	}
	f := little(in.head)
	minor, major := f.u16(36), f.u16(38)
	magic := "MS Windows Vista-8.1 Event Log"
	if minor != 1 || major != 3 {
		magic = fmt.Sprintf("MS Windows 10-11 Event Log, version  %d.%d", major, minor)
	}
	magic += fmt.Sprintf(", %d chunks", f.u16(42))
	magic += fmt.Sprintf(" (no. %d in use)", f.u32(16))
	if next := f.u32(24); next > 1 {
		magic += fmt.Sprintf(", next record no. %d", next)
	}
	flags := f.u32(120)
	if flags&1 != 0 {
		magic += ", DIRTY"
	}
	if flags&2 != 0 {
		magic += ", FULL"
	}
	return Result{Format: "metadata/sysmon/evt", MIME: "application/x-ms-evtx", Magic: magic}, true
}

// messageCatalog follows the GNU gettext manual, "The Format of GNU MO Files".
func messageCatalog(in *input) (Result, bool) {
	f, order := little(in.head), "little"
	switch {
	case in.has(0, "\xde\x12\x04\x95"):
	case in.has(0, "\x95\x04\x12\xde"):
		f, order = big(in.head), "big"
	default:
		return Result{}, false
	}
	revision, messages, translations := f.u32(4), f.u32(8), int64(f.u32(16))
	magic := fmt.Sprintf("GNU message catalog (%s endian), revision %d.%d, %d message%s", order, revision>>16, revision&0xffff, messages, map[bool]string{true: "s"}[messages > 1])
	if order == "big" {
		magic = fmt.Sprintf("GNU message catalog (big endian), revision %d.%d, %d messages", revision>>16, revision&0xffff, messages)
	}
	const mostText = 127
	// The translation of the empty message is a header, of which the first line names the project.
	text := func(entry int64) []byte {
		where := &fields{b: in.at(translations+8*entry, 8), order: f.order}
		b := in.at(int64(where.u32(4)), int(min(where.u32(0), 2+mostText)))
		for range 2 {
			b = bytes.TrimPrefix(b, []byte{'\n'})
		}
		b, _, _ = bytes.Cut(b, []byte{'\n'})
		b, _, _ = bytes.Cut(b, []byte{0})
		b = b[:min(len(b), mostText)]
		return b
	}
	if messages > 0 && order == "little" {
		if header := text(0); len(header) > 0 {
			magic += ", " + octalText(header)
		}
		if messages > 1 {
			magic += " '" + octalText(text(1)) + "'"
		}
	}
	return Result{Format: "resource/mo", MIME: "application/x-gettext-translation", Magic: magic}, true
}

// terminal knows compiled descriptions of terminals by the names that follow their header (term(5)).
func terminal(in *input) (Result, bool) {
	res := Result{Format: unknown, MIME: "application/x-terminfo", Magic: "Compiled terminfo entry"}
	if in.has(0, "\x1e\x02") {
		res.MIME, res.Magic = "application/x-terminfo2", "Compiled 32-bit terminfo entry"
	} else if !in.has(0, "\x1a\x01") {
		return Result{}, false
	}
	const header = 12
	names := in.head[min(header, len(in.head)):min(header+256, len(in.head))]
	name, _, ended := bytes.Cut(names, []byte{0})
	if name, _, _ = bytes.Cut(name, []byte{'|'}); !ended || len(name) < 2 || !isWord(name[0]) {
		return Result{}, false
	}
	res.Magic += " \"" + printable(name) + "\""
	return res, true
}

// octalText writes what is not printable ASCII in octal.
func octalText(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&out, "\\%03o", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// timeZones follows RFC 8536, 3.1.
func timeZones(in *input) (Result, bool) {
	if !in.has(0, "TZif") || len(in.head) < 44 {
		return Result{}, false
	}
	version := in.head[4]
	f := big(in.head)
	counts := [...]struct {
		n        uint32
		one, all string
	}{
		{f.u32(20), "gmt time flag", "gmt time flags"}, {f.u32(24), "std time flag", "std time flags"}, {f.u32(28), "leap second", "leap seconds"},
		{f.u32(32), "transition time", "transition times"}, {f.u32(36), "local time type", "local time types"}, {f.u32(40), "abbreviation char", "abbreviation chars"},
	}
	magic := "timezone data"
	switch {
	case version == 0:
		magic += " (fat), old version"
	case f.u32(32) == 0 && f.u32(36) <= 1 && f.u32(40) <= 1:
		magic += fmt.Sprintf(" (slim), version %c", version)
	default:
		magic += fmt.Sprintf(" (fat), version %c", version)
	}
	for _, c := range counts {
		switch c.n {
		case 0:
			magic += ", no " + c.all
		case 1:
			magic += ", 1 " + c.one
		default:
			magic += fmt.Sprintf(", %d %s", c.n, c.all)
		}
	}
	return Result{Format: unknown, MIME: octetStream, Magic: printable([]byte(magic))}, true
}
