package zoo

import (
	gotar "archive/tar"
	gozip "archive/zip"
	"bytes"
	gogzip "compress/gzip"
	gozlib "compress/zlib"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	gozstd "github.com/klauspost/compress/zstd"
)

// pad returns s followed by zeros up to n bytes.
func pad(s string, n int) []byte { return append([]byte(s), make([]byte, max(0, n-len(s)))...) }

func put8(b []byte, at int, v byte) []byte {
	for len(b) <= at {
		b = append(b, 0)
	}
	b[at] = v
	return b
}

func put32(b []byte, at int, v uint32) []byte {
	binary.LittleEndian.PutUint32(b[at:], v)
	return b
}

// Zip is a zip with small entries of these names; folders end with a slash.
func Zip(names ...string) []byte {
	var b bytes.Buffer
	w := gozip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			panic(err)
		}
		if !strings.HasSuffix(name, "/") {
			fmt.Fprintf(f, "content of %s", name)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// declaring returns an archive that begins with an entry named mimetype.
func declaring(mime string, names ...string) []byte {
	var b bytes.Buffer
	w := gozip.NewWriter(&b)
	f, err := w.CreateRaw(&gozip.FileHeader{Name: "mimetype", CompressedSize64: uint64(len(mime)), UncompressedSize64: uint64(len(mime))})
	if err != nil {
		panic(err)
	}
	fmt.Fprint(f, mime)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gzipOf(name string, modified time.Time, level int) []byte {
	var b bytes.Buffer
	w, err := gogzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	w.Name, w.ModTime, w.OS = name, modified, 255
	fmt.Fprint(w, "hello")
	w.Close()
	return b.Bytes()
}

func zlibOf(s string) []byte {
	var b bytes.Buffer
	w := gozlib.NewWriter(&b)
	fmt.Fprint(w, s)
	w.Close()
	return b.Bytes()
}

func zstdOf(s string) []byte {
	w, err := gozstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(s), nil)
}

func tarOf(format gotar.Format) []byte { return tarWith("a.txt", format) }

// Tar is a tar with one entry of this name.
func Tar(name string) []byte { return tarWith(name, gotar.FormatPAX) }

func tarWith(name string, format gotar.Format) []byte {
	var b bytes.Buffer
	w := gotar.NewWriter(&b)
	if err := w.WriteHeader(&gotar.Header{Name: name, Mode: 0o644, Format: format}); err != nil {
		panic(err)
	}
	w.Close()
	return b.Bytes()
}

// UTF16 is text in little-endian UTF-16 behind a byte order mark.
func UTF16(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// OLE makes a compound file of three sectors: header, allocation table, directory with a root and one stream.
func OLE(stream string) []byte {
	b := make([]byte, 3*512)
	copy(b, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	binary.LittleEndian.PutUint16(b[30:], 9)
	put32(b, 48, 1)             // the directory is sector 1
	put32(b, 76, 0)             // the table is sector 0
	put32(b, 512, 0xfffffffd)   // the table itself
	put32(b, 512+4, 0xfffffffe) // the directory ends with its first sector
	entry := func(at int, name string, kind byte) {
		units := utf16.Encode([]rune(name))
		for i, u := range units {
			binary.LittleEndian.PutUint16(b[at+2*i:], u)
		}
		b[at+64], b[at+66] = byte(2*len(units)+2), kind
	}
	entry(1024, "Root Entry", 5)
	if stream != "" {
		entry(1024+128, stream, 2)
	}
	return b
}

// elfSpec describes an ELF file to be made.
type elfSpec struct {
	wide, big     bool
	kind, machine uint16
	interp        string
	dynamic, pie  bool
}

func (s elfSpec) bytes() []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	class, encoding := byte(1), byte(1)
	if s.big {
		order, encoding = binary.BigEndian, 2
	}
	headerBytes, segmentBytes := 52, 32
	if s.wide {
		class, headerBytes, segmentBytes = 2, 64, 56
	}
	word := func(b []byte, v int) []byte {
		if s.wide {
			return order.AppendUint64(b, uint64(v))
		}
		return order.AppendUint32(b, uint32(v))
	}
	type segment struct {
		kind    uint32
		content []byte
	}
	const ptDynamic, ptInterp = 2, 3
	var segments []segment
	if s.interp != "" {
		segments = append(segments, segment{ptInterp, append([]byte(s.interp), 0)})
	}
	if s.dynamic {
		var content []byte
		if s.pie {
			content = word(word(content, 0x6ffffffb), 0x08000000)
		}
		segments = append(segments, segment{ptDynamic, word(word(content, 0), 0)})
	}

	b := []byte{0x7f, 'E', 'L', 'F', class, encoding, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b = order.AppendUint16(b, s.kind)
	b = order.AppendUint16(b, s.machine)
	b = order.AppendUint32(b, 1)
	b = word(word(word(b, 0), headerBytes), 0) // entry, segments, sections
	b = order.AppendUint32(b, 0)
	for _, v := range []int{headerBytes, segmentBytes, len(segments), 0, 0, 0} {
		b = order.AppendUint16(b, uint16(v))
	}
	at := headerBytes + len(segments)*segmentBytes
	for _, g := range segments {
		b = order.AppendUint32(b, g.kind)
		if s.wide {
			b = order.AppendUint32(b, 0)
		}
		b = word(word(word(b, at), 0), 0)
		b = word(word(b, len(g.content)), len(g.content))
		if !s.wide {
			b = order.AppendUint32(b, 0)
		}
		b = word(b, 0)
		at += len(g.content)
	}
	for _, g := range segments {
		b = append(b, g.content...)
	}
	return b
}

// peSpec describes a PE file to be made.
type peSpec struct {
	wide                      bool
	machine, subsystem, flags uint16
	sections                  uint16
	dotNet                    bool
	first                     string // name of the first section
	behind                    string // what comes after the sections
}

func (s peSpec) bytes() []byte {
	const at, optionalBytes = 0x80, 240
	b := make([]byte, at+24+optionalBytes)
	copy(b, "MZ")
	put32(b, 0x3c, at)
	copy(b[at:], "PE\x00\x00")
	put16 := func(off int, v uint16) { binary.LittleEndian.PutUint16(b[at+off:], v) }
	put16(4, s.machine)
	put16(6, s.sections)
	put16(20, optionalBytes)
	put16(22, s.flags)
	directories := 96
	put16(24, 0x10b)
	if s.wide {
		put16(24, 0x20b)
		directories = 112
	}
	put16(24+48, 4)
	put16(24+68, s.subsystem)
	put32(b, at+24+directories-4, 16)
	if s.dotNet {
		put32(b, at+24+directories+14*8, 0x2008)
	}
	if s.first == "" && s.behind == "" {
		return b
	}
	table := make([]byte, 40*int(s.sections))
	copy(table, s.first)
	b = append(b, table...)
	put32(b, at+24+optionalBytes+16, 16)
	put32(b, at+24+optionalBytes+20, uint32(len(b)))
	b = append(b, "0123456789abcdef"...)
	return append(b, s.behind...)
}
