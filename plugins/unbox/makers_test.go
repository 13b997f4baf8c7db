package unbox

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"lazuli/plugin"
	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/inno/innotest"
	"lazuli/plugins/unbox/sevenzip/sevenziptest"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var changed = time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)

// file is an entry for the makers below.
type file struct{ name, content string }

// some is an archive with something of everything: two files that are one, a folder, an empty file.
var some = []file{
	{"readme.txt", "read me\n"}, {"folder/", ""}, {"folder/copy.txt", "read me\n"},
	{"folder/data.bin", strings.Repeat("data ", 50_000)}, {"empty", ""},
}

func zipOf(files ...file) []byte {
	return makeZip(func(w *zip.Writer) {
		squeeze, err := flate.NewWriter(nil, flate.BestSpeed)
		must(err)
		w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
			squeeze.Reset(out) // one for all is ten times as fast for many small files
			return squeeze, nil
		})
		for _, f := range files {
			addZip(w, &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: changed}, f.content)
		}
	})
}

func makeZip(fill func(*zip.Writer)) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	fill(w)
	must(w.Close())
	return buf.Bytes()
}

// addZip adds an entry with a data descriptor: sizes and checksum behind the data.
func addZip(w *zip.Writer, h *zip.FileHeader, content string) {
	e, err := w.CreateHeader(h)
	must(err)
	_, err = io.WriteString(e, content)
	must(err)
}

// addRawZip adds an entry whose header is as it stands, whether it is true or not.
func addRawZip(w *zip.Writer, h zip.FileHeader, packed []byte) {
	h.CompressedSize64 = uint64(len(packed))
	e, err := w.CreateRaw(&h)
	must(err)
	_, err = e.Write(packed)
	must(err)
}

func tarOf(files ...file) []byte {
	return makeTar(func(w *tar.Writer) {
		for _, f := range files {
			kind := byte(tar.TypeReg)
			if strings.HasSuffix(f.name, "/") {
				kind = tar.TypeDir
			}
			addTar(w, tar.Header{Name: f.name, Typeflag: kind}, f.content)
		}
	})
}

func sevenZipOf(o sevenziptest.Options, files ...file) []byte {
	var list []sevenziptest.File
	for _, f := range files {
		list = append(list, sevenziptest.File{Name: f.name, Content: f.content})
	}
	return sevenziptest.Make(o, list...)
}

// innoOf is an installer of Inno Setup 6.5.
func innoOf(i innotest.Installer) []byte {
	i.Version, i.Files = "6.5.0", innotest.Some()
	return i.Bytes()
}

func makeTar(fill func(*tar.Writer)) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	fill(w)
	must(w.Close())
	return buf.Bytes()
}

func addTar(w *tar.Writer, h tar.Header, content string) {
	h.Mode, h.Size, h.ModTime = 0o600, int64(len(content)), changed
	must(w.WriteHeader(&h))
	_, err := io.WriteString(w, content)
	must(err)
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

func deflated(content []byte) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	must(err)
	_, err = w.Write(content)
	must(err)
	must(w.Close())
	return buf.Bytes()
}

// deflatedZeros is n zero bytes, deflated: the same block again and again, which is quicker than to compress them.
func deflatedZeros(n int64) []byte {
	const piece = 16 << 20
	if n%piece != 0 {
		panic(fmt.Sprintf("%d is no multiple of %d", n, piece))
	}
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	must(err)
	_, err = w.Write(make([]byte, piece))
	must(err)
	must(w.Flush())
	block := bytes.Clone(buf.Bytes())
	buf.Reset()
	must(w.Close())
	return append(bytes.Repeat(block, int(n/piece)), buf.Bytes()...)
}

func run(t testing.TB, content []byte, format string, opts ...plugintest.Option) *plugin.Outcome {
	t.Helper()
	return runWith(t, DefaultLimits(), content, format, opts...)
}

// runWith returns what the one part that is for a file found in it, or the plugin's outcome if there is none.
func runWith(t testing.TB, limits Limits, content []byte, format string, opts ...plugintest.Option) *plugin.Outcome {
	t.Helper()
	out := plugintest.Run(t, New(limits), content, append(opts, plugintest.Format(format))...)
	switch len(out.Parts) {
	case 0:
		return out
	case 1:
		return &out.Parts[0].Outcome
	}
	t.Fatalf("%d parts have unpacked %s", len(out.Parts), format)
	return nil
}

// values are those of one feature, sorted as they were found, with their label if there is one.
func values(out *plugin.Outcome, name string) []string {
	var list []string
	for _, f := range out.Features {
		if f.Name == name {
			list = append(list, strings.TrimSuffix(f.Value+"|"+f.Label, "|"))
		}
	}
	return list
}

// contents are the children's bytes by each of their names.
func contents(t testing.TB, out *plugin.Outcome) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, c := range out.Children {
		content := childContent(t, c)
		for _, f := range c.Features {
			if f.Name == "filename" {
				all[f.Value] = content
			}
		}
	}
	return all
}

func childContent(t testing.TB, c *plugin.Child) string {
	t.Helper()
	r, err := c.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
