package unbox

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

// TestBombs: limits end the extraction, what came before is kept, and little memory is used. The time is bounded generously:
// each takes well under two seconds on a machine that does nothing else.
func TestBombs(t *testing.T) {
	const gib = 1 << 30
	zeros := deflatedZeros(10 * gib)
	many := make([]file, 100_000)
	for i := range many {
		many[i] = file{fmt.Sprintf("f%d", i), fmt.Sprint(i)}
	}
	manyTar, manyZip := tarOf(many...), zipOf(many...)
	gz := slices.Concat(gzipOf("zeros", nil)[:16], zeros, make([]byte, 8))
	for _, c := range []struct {
		name, format string
		content      []byte
		children     int
		want         string
	}{
		{"10 GiB of zeros in a zip", "archive/zip", makeZip(func(w *zip.Writer) {
			addZip(w, &zip.FileHeader{Name: "first"}, "small and first")
			addRawZip(w, zip.FileHeader{Name: "zeros", Method: zip.Deflate, UncompressedSize64: 10 * gib}, zeros)
			addZip(w, &zip.FileHeader{Name: "last"}, "small and last")
		}), 2, "a file of more than 268435456 bytes"},
		{"10 GiB of zeros in a zip that says less", "archive/zip", makeZip(func(w *zip.Writer) {
			addRawZip(w, zip.FileHeader{Name: "zeros", Method: zip.Deflate, UncompressedSize64: 10}, zeros)
			addZip(w, &zip.FileHeader{Name: "last"}, "small and last")
		}), 1, "a file of more than 268435456 bytes"},
		{"small files of zeros in a zip", "archive/zip", makeZip(func(w *zip.Writer) {
			small := deflatedZeros(16 << 20)
			addZip(w, &zip.FileHeader{Name: "first"}, "small and first")
			for i := range 20 {
				addRawZip(w, zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Deflate, UncompressedSize64: 16 << 20}, small)
			}
		}), 2, "more than 200 bytes for each byte of the archive"},
		{"10 GiB of zeros in a gzip", "archive/gzip", gz, 0, "a file of more than 268435456 bytes"},
		{"zeros in a small gzip", "archive/gzip", slices.Concat(gz[:16], deflatedZeros(64<<20)), 0, "more than 200 bytes for each byte"},
		{"zeros behind a tar in a gzip", "archive/gzip", slices.Concat(gzipOf("", tarOf(file{"first", "small"})), gzipOf("", nil)[:10], deflatedZeros(64<<20)),
			1, "more than 200 bytes for each byte"},
		{"100,000 files in a tar", "archive/tar", manyTar, 1000, "more than 1000 entries"},
		{"100,000 files in a zip", "archive/zip", manyZip, 1000, "more than 1000 entries"},
		{"100,000 files in a tar in a gzip", "archive/gzip", gzipOf("", manyTar), 1000, "more than 1000 entries"},
		{"100,000 files in a zip without a directory", "archive/zip", withoutDirectory(manyZip), 1000, "more than 1000 entries"},
		{"1000 large files", "archive/tar", tarOf(largeFiles()...), 1000, ""},
		{"entries that share their data", "archive/zip", overlapping(900, strings.Repeat("0", 5<<20)), 1, "for each byte of the archive"},
		{"a huge sparse file", "archive/tar", sparseTar(6 * gib), 0, "a file of more than 268435456 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out *plugin.Outcome
			begun := time.Now()
			peak := plugintest.PeakMemory(func() { out = run(t, c.content, c.format) })
			t.Logf("took %s and %d MiB", time.Since(begun), peak>>20)
			if len(out.Children) != c.children || !strings.Contains(out.Message, c.want) {
				t.Errorf("%s with %d children: %s", out.State, len(out.Children), out.Message)
			}
			limits := values(out, "suspicious")
			switch {
			case c.want == "":
				if out.State != event.Completed {
					t.Errorf("%s: %s", out.State, out.Message)
				}
			case out.State != event.CompletedWithErrors || len(limits) != 1 || !strings.HasPrefix(limits[0], "extraction limit reached: ") || !strings.Contains(limits[0], c.want):
				t.Errorf("%s, suspicious %q", out.State, limits)
			}
			if took := time.Since(begun); peak > 100<<20 || took > 20*time.Second {
				t.Errorf("took %s and %d MiB", took, peak>>20)
			}
		})
	}
}

// largeFiles are just small enough to be kept in memory one by one, and too many to be so all together.
func largeFiles() []file {
	list := make([]file, 1000)
	for i := range list {
		list[i] = file{fmt.Sprint(i), strings.Repeat(fmt.Sprintf("%08d", i), 8<<10)}
	}
	return list
}

func withoutDirectory(content []byte) []byte {
	return content[:bytes.Index(content, []byte(entrySignature))]
}

// overlapping is a zip of n entries that share one stretch of data.
func overlapping(n int, data string) []byte {
	whole := zipOf(file{"shared", data})
	dir, end := bytes.Index(whole, []byte(entrySignature)), bytes.Index(whole, []byte(endSignature))
	record, tail := whole[dir:end], bytes.Clone(whole[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(record)))
	return slices.Concat(whole[:dir], bytes.Repeat(record, n), tail)
}

// TestSmallLimits: each limit alone, with numbers that are easy to see through.
func TestSmallLimits(t *testing.T) {
	files := []file{{"a", strings.Repeat("a", 100)}, {"b", strings.Repeat("b", 200)}, {"c", strings.Repeat("c", 100)}}
	for _, c := range []struct {
		name  string
		limit func(*Limits)
		names string // of the children
		want  string
	}{
		{"none", func(*Limits) {}, "abc", ""},
		{"total", func(l *Limits) { l.Total = 350 }, "ab", "more than 350 bytes in all"},
		{"total, to the byte", func(l *Limits) { l.Total = 400 }, "abc", ""},
		{"file", func(l *Limits) { l.File = 150 }, "ac", "a file of more than 150 bytes"},
		{"file, to the byte", func(l *Limits) { l.File = 200 }, "abc", ""},
		{"entries", func(l *Limits) { l.Entries = 2 }, "ab", "more than 2 entries"},
		{"entries, to the last", func(l *Limits) { l.Entries = 3 }, "abc", ""},
	} {
		for format, content := range map[string][]byte{"archive/zip": zipOf(files...), "archive/tar": tarOf(files...)} {
			limits := DefaultLimits()
			c.limit(&limits)
			out := runWith(t, limits, content, format)
			names := ""
			for _, child := range out.Children {
				names += child.Features[0].Value
			}
			if names != c.names || !strings.Contains(out.Message, c.want) || (out.State == event.Completed) != (c.want == "") {
				t.Errorf("%s, %s: %s %s with %q", c.name, format, out.State, out.Message, names)
			}
			if got := values(out, "malformed"); got != nil {
				t.Errorf("%s, %s: a limit is taken for damage: %q", c.name, format, got)
			}
		}
	}
	// In a gzip the bytes of the tar count, headers and all.
	limits := DefaultLimits()
	limits.Total = 2000
	out := runWith(t, limits, gzipOf("", tarOf(files...)), "archive/gzip")
	if len(out.Children) != 2 || !strings.Contains(out.Message, "more than 2000 bytes in all") {
		t.Errorf("tar in gzip: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

func BenchmarkUnbox(b *testing.B) {
	data := make([]byte, 32<<20)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	files := []file{{"data", string(data)}}
	for _, c := range []struct {
		name, format string
		content      []byte
	}{
		{"zip", "archive/zip", zipOf(files...)}, {"gzip", "archive/gzip", gzipOf("", data)},
		{"tar", "archive/tar", makeTar(func(w *tar.Writer) { addTar(w, tar.Header{Name: "data", Typeflag: tar.TypeReg}, files[0].content) })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if out := run(b, c.content, c.format); len(out.Children) != 1 {
					b.Fatal(out.Message)
				}
			}
		})
	}
}
