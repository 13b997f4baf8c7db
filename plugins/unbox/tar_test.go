package unbox

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
)

// tarOfKinds has an entry of every kind.
func tarOfKinds() []byte {
	return append(rawTar("unknown", 'Z', "an unknown kind is a file"), makeTar(func(w *tar.Writer) {
		must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "global", PAXRecords: map[string]string{"comment": "x"}}))
		addTar(w, tar.Header{Name: "file", Typeflag: tar.TypeReg}, "content")
		addTar(w, tar.Header{Name: "folder", Typeflag: tar.TypeDir}, "")
		addTar(w, tar.Header{Name: "symlink", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "")
		addTar(w, tar.Header{Name: "hardlink", Typeflag: tar.TypeLink, Linkname: "file"}, "")
		addTar(w, tar.Header{Name: "device", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, "")
		addTar(w, tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, "")
		addTar(w, tar.Header{Name: "dossier/été", Typeflag: tar.TypeReg}, "l'été")
		addTar(w, tar.Header{Name: strings.Repeat("long/", 60) + "name", Typeflag: tar.TypeReg, Format: tar.FormatGNU}, "long name")
	})...)
}

// rawTar is one entry as it stands in a tar (ustar), of a kind that the standard library does not write.
func rawTar(name string, kind byte, content string, change ...func([]byte)) []byte {
	h := make([]byte, tarBlock)
	copy(h, name)
	copy(h[100:], "0000600\x00")
	copy(h[124:], fmt.Sprintf("%011o", len(content)))
	copy(h[136:], fmt.Sprintf("%011o", changed.Unix()))
	h[156] = kind
	for _, c := range change {
		c(h)
	}
	setTarSum(h)
	padded := make([]byte, (len(content)+tarBlock-1)/tarBlock*tarBlock)
	copy(padded, content)
	return append(h, padded...)
}

func setTarSum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// sparseTar is a tar with a sparse file (the old GNU form): one byte, and holes up to size.
func sparseTar(size int64) []byte {
	return append(rawTar("sparse", 'S', "x", func(h []byte) {
		copy(h[257:], "ustar  \x00")
		copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", size-1, 1))
		copy(h[483:], fmt.Sprintf("%011o\x00", size))
	}), make([]byte, 2*tarBlock)...)
}

func TestSparse(t *testing.T) {
	for format, pack := range map[string]func([]byte) []byte{
		"archive/tar": slices.Clone[[]byte], "archive/gzip": func(b []byte) []byte { return gzipOf("", b) },
	} {
		out := run(t, pack(sparseTar(1<<20)), format)
		if got := contents(t, out)["sparse"]; out.State != event.Completed || got != strings.Repeat("\x00", 1<<20-1)+"x" {
			t.Errorf("%s: %s %s with %d bytes", format, out.State, out.Message, len(got))
		}
		// Many files, each of which may be, and all of which together are too much.
		many := bytes.Repeat(sparseTar(8 << 20)[:2*tarBlock], 50)
		out = run(t, pack(many), format)
		if !strings.Contains(out.Message, "for each byte of the archive") || len(out.Children) != 1 || len(values(out, "box_filepath")) != 1 {
			t.Errorf("%s: %s %s with %d children", format, out.State, out.Message, len(out.Children))
		}
	}
}

func TestEncodings(t *testing.T) {
	utf8 := run(t, rawTar("été", '0', "x"), "archive/tar")
	if got := values(utf8, "archive_encoding"); !slices.Equal(got, []string{"utf-8"}) {
		t.Errorf("UTF-8: %q", got)
	}
	latin := run(t, append(rawTar("été", '0', "x"), rawTar("\xe9t\xe9", '0', "x")...), "archive/tar")
	if got := values(latin, "archive_encoding"); got != nil {
		t.Errorf("bytes of no known character set: %q", got)
	}
	if got := values(latin, "suspicious"); !slices.Equal(got, []string{`a name with an illegal encoding|\xe9t\xe9`}) {
		t.Errorf("an illegal encoding: %q", got)
	}
	if got := values(run(t, tarOf(some...), "archive/tar"), "archive_encoding"); got != nil {
		t.Errorf("plain ASCII: %q", got)
	}
}

// TestTarInGzip: the old forms of a tar are known by their checksum, and what only looks a bit like a tar is one file.
func TestTarInGzip(t *testing.T) {
	old := append(rawTar("old", 0, "content"), make([]byte, 2*tarBlock)...)
	signed := rawTar("\xff\xff signed", 0, "content", func([]byte) {})
	unsigned := 0
	copy(signed[148:156], "        ")
	for _, c := range signed[:tarBlock] {
		unsigned += int(int8(c))
	}
	copy(signed[148:], fmt.Sprintf("%06o\x00 ", unsigned))
	for name, content := range map[string][]byte{"old": old, "signed checksum": signed, "new": tarOf(file{"a", "content"})} {
		if out := run(t, gzipOf("x", content), "archive/gzip"); len(out.Children) != 1 || out.Children[0].Content.Size != 7 {
			t.Errorf("%s: %s %s with %d children", name, out.State, out.Message, len(out.Children))
		}
	}
	broken := bytes.Clone(old)
	broken[0] = 'O'
	for name, content := range map[string][]byte{"wrong checksum": broken, "zeros": make([]byte, 2000), "short": old[:511]} {
		out := run(t, gzipOf("x", content), "archive/gzip")
		if got := contents(t, out)["x"]; got != string(content) || out.State != event.Completed {
			t.Errorf("%s: %s %s with %d bytes", name, out.State, out.Message, len(got))
		}
	}
}
