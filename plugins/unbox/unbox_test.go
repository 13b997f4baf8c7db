package unbox

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var changed = time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)

// file is an entry for the makers below.
type file struct{ name, content string }

func zipOf(files ...file) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: changed})
		must(err)
		_, err = io.WriteString(e, f.content)
		must(err)
	}
	must(w.Close())
	return buf.Bytes()
}

func tarOf(files ...file) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), ModTime: changed}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		must(w.WriteHeader(h))
		_, err := io.WriteString(w, f.content)
		must(err)
	}
	must(w.Close())
	return buf.Bytes()
}

func gzipOf(name string, content []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Name, w.ModTime = name, changed
	_, err := w.Write(content)
	must(err)
	must(w.Close())
	return buf.Bytes()
}

var some = []file{{"readme.txt", "read me\n"}, {"folder/", ""}, {"folder/copy.txt", "read me\n"}, {"folder/data.bin", strings.Repeat("data ", 50_000)}, {"empty", ""}}

func run(t testing.TB, content []byte, format string, opts ...plugintest.Option) *plugin.Outcome {
	t.Helper()
	return plugintest.Run(t, New(DefaultLimits()), content, append(opts, plugintest.Format(format))...)
}

func TestGolden(t *testing.T) {
	var encrypted bytes.Buffer
	w := zip.NewWriter(&encrypted)
	e, err := w.CreateRaw(&zip.FileHeader{Name: "secret.txt", Method: zip.Deflate, Flags: 1, CompressedSize64: 12, UncompressedSize64: 5, Modified: changed})
	must(err)
	_, err = e.Write([]byte("123456789012"))
	must(err)
	e, err = w.CreateHeader(&zip.FileHeader{Name: "open.txt", Modified: changed})
	must(err)
	_, err = io.WriteString(e, "open")
	must(err)
	must(w.Close())

	whole := zipOf(some...)
	for _, c := range []struct {
		name, format string
		content      []byte
		opts         []plugintest.Option
	}{
		{"zip", "archive/zip", whole, nil},
		{"zip-cut-short", "archive/zip", whole[:len(whole)-300], nil},
		{"zip-encrypted", "archive/zip", encrypted.Bytes(), nil},
		{"zip-names", "archive/zip", zipOf(file{"../up", "1"}, file{"/abs", "2"}, file{`C:\..\..\x`, "3"}, file{"z\x00ro", "4"}, file{"b\xffd", "5"}, file{strings.Repeat("n", 2000), "6"}), nil},
		{"tar", "archive/tar", tarOf(some...), nil},
		{"tar-cut-short", "archive/tar", tarOf(some...)[:5000], nil},
		{"tar-gz", "archive/gzip", gzipOf("some.tar", tarOf(some...)), nil},
		{"gzip", "archive/gzip", gzipOf("page.html", []byte("<html>hello</html>")), nil},
		{"gzip-without-name", "archive/gzip", gzipOf("", []byte("nameless")), []plugintest.Option{plugintest.Filename("logs/today.log.gz")}},
		{"gzip-members", "archive/gzip", append(gzipOf("a", []byte("first ")), gzipOf("b", []byte("second"))...), nil},
		{"gzip-extra", "archive/gzip", append(gzipOf("a", []byte("content")), "and something behind it"...), nil},
		{"gzip-cut-short", "archive/gzip", gzipOf("a", []byte(strings.Repeat("long ", 5000)))[:60], nil},
		{"not-an-archive", "archive/zip", []byte("just text"), nil},
		{"other", "text/plain", []byte("just text"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugintest.Golden(t, "testdata/"+c.name+".golden", run(t, c.content, c.format, c.opts...))
		})
	}
}

// zeros are n zero bytes.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.left)
	clear(b[:n])
	z.left -= n
	return int(n), nil
}

// TestBombs: limits end the extraction, what came before is kept, memory stays small.
func TestBombs(t *testing.T) {
	compressed := func(n int64) []byte { // as deflate, n zeros
		var buf bytes.Buffer
		w, err := flate.NewWriter(&buf, flate.BestCompression)
		must(err)
		_, err = io.Copy(w, &zeros{n})
		must(err)
		must(w.Close())
		return buf.Bytes()
	}
	const big = 64 << 20 // past the ratio, below the size of a file
	var bombZip bytes.Buffer
	z := zip.NewWriter(&bombZip)
	first, err := z.Create("first.txt")
	must(err)
	_, err = io.WriteString(first, "small and first")
	must(err)
	data := compressed(big)
	for i := range 5 {
		e, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprint("zeros", i), Method: zip.Deflate, CompressedSize64: uint64(len(data)), UncompressedSize64: big})
		must(err)
		_, err = e.Write(data)
		must(err)
	}
	must(z.Close())
	var bombGz bytes.Buffer
	g := gzip.NewWriter(&bombGz)
	_, err = io.Copy(g, &zeros{big})
	must(err)
	must(g.Close())
	var bombTgz bytes.Buffer
	g = gzip.NewWriter(&bombTgz)
	tw := tar.NewWriter(g)
	must(tw.WriteHeader(&tar.Header{Name: "zeros", Size: big, Mode: 0o600}))
	_, err = io.Copy(tw, &zeros{big})
	must(err)
	must(tw.Close())
	must(g.Close())
	var many []file
	for i := range 100_000 {
		many = append(many, file{fmt.Sprintf("f%d", i), fmt.Sprint(i)})
	}
	for _, c := range []struct {
		name     string
		content  []byte
		format   string
		children int
		want     string
	}{
		{"zip", bombZip.Bytes(), "archive/zip", 1, "extraction limit reached"},
		{"gzip", bombGz.Bytes(), "archive/gzip", 0, "extraction limit reached"},
		{"tar in gzip", bombTgz.Bytes(), "archive/gzip", 0, "extraction limit reached"},
		{"tar of 100,000", tarOf(many...), "archive/tar", 1000, "more than 1000 entries"},
		{"zip of 100,000", zipOf(many...), "archive/zip", 1000, "more than 1000 entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out := run(t, c.content, c.format)
			runtime.ReadMemStats(&after)
			if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, c.want) || len(out.Children) != c.children {
				t.Errorf("%s with %d children: %s", out.State, len(out.Children), out.Message)
			}
			if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 100<<20 {
				t.Errorf("%d MiB are held", held>>20)
			}
		})
	}
}

// TestOverlap is a zip whose entries share one stretch of data, so that a small file unpacks to a large one many times over.
func TestOverlap(t *testing.T) {
	data := zipOf(file{"a", strings.Repeat("0", 5<<20)})
	dir := bytes.Index(data, []byte("PK\x01\x02"))
	end := bytes.Index(data, []byte("PK\x05\x06"))
	record := data[dir:end]
	var out bytes.Buffer
	out.Write(data[:dir])
	for range 500 {
		out.Write(record)
	}
	tail := bytes.Clone(data[end:])
	tail[8], tail[9], tail[10], tail[11] = 0xf4, 0x01, 0xf4, 0x01
	size := 500 * len(record)
	tail[12], tail[13], tail[14] = byte(size), byte(size>>8), byte(size>>16)
	out.Write(tail)
	got := run(t, out.Bytes(), "archive/zip")
	if got.State != event.CompletedWithErrors || !strings.Contains(got.Message, "extraction limit reached") {
		t.Errorf("%s: %s", got.State, got.Message)
	}
}

func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	small := []file{{"one", "first"}, {"two", strings.Repeat("second ", 100)}}
	plugintest.Hostile(t, New(DefaultLimits()),
		zipOf(small...), tarOf(small...), gzipOf("x", []byte("content")), gzipOf("", tarOf(small...)))
}

func fuzz(f *testing.F, format string, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		limits := DefaultLimits()
		limits.Total, limits.RatioFrom = 8<<20, 1<<20
		out := plugintest.Run(t, New(limits), content, plugintest.Format(format))
		if out.Error == "panic" || !out.State.Final() || out.State == event.ErrorOutput {
			t.Fatalf("%s: %s", out.State, out.Message)
		}
	})
}

func FuzzZip(f *testing.F) { fuzz(f, "archive/zip", zipOf(some...), zipOf()) }
func FuzzTar(f *testing.F) { fuzz(f, "archive/tar", tarOf(some...)) }
func FuzzGzip(f *testing.F) {
	fuzz(f, "archive/gzip", gzipOf("a", []byte("x")), gzipOf("", tarOf(some...)))
}
