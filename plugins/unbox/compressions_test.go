package unbox

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	ulikunitz "github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"lazuli/event"
	"lazuli/internal/identify"
	"lazuli/plugin/plugintest"
)

// packer compresses in this process.
type packer func(io.Writer) (io.WriteCloser, error)

// packers are those for which there is a library, by the ending of names.
var packers = map[string]packer{
	".xz":   func(w io.Writer) (io.WriteCloser, error) { return ulikunitz.NewWriter(w) },
	".lzma": func(w io.Writer) (io.WriteCloser, error) { return lzma.NewWriter(w) },
	".zst":  func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	".lz4":  func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	".zlib": func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil },
}

func (p packer) pack(content []byte) []byte {
	var out bytes.Buffer
	w, err := p(&out)
	must(err)
	_, err = w.Write(content)
	must(err)
	must(w.Close())
	return out.Bytes()
}

// identified is the file_format that the platform would have told.
func identified(content []byte) string {
	return identify.File(bytes.NewReader(content), int64(len(content))).Format
}

// contentsToPack are files of several kinds.
func contentsToPack() map[string][]byte {
	r := rand.New(rand.NewPCG(7, 8))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	program, err := os.ReadFile("/bin/sh")
	must(err)
	return map[string][]byte{"one byte": {'x'}, "noise": noise, "words": []byte(strings.Repeat("some words, ", 30_000)), "program": program}
}

// TestCompressionsAgainstTools: what other programs compressed comes out as it was.
func TestCompressionsAgainstTools(t *testing.T) {
	for ending, commands := range map[string][]string{
		".gz": {"gzip -1", "gzip -9", "7zz a -tgzip -si -so x"}, ".bz2": {"bzip2 -1", "bzip2 -9", "7zz a -tbzip2 -si -so x"},
		".xz": {"xz -0", "xz -9e", "7zz a -txz -si -so x"}, ".lzma": {"xz --format=lzma -6", "xz --format=lzma -0"},
		".zst": {"zstd -1", "zstd -19", "zstd --long=27"}, ".lz4": {"lz4 -1", "lz4 -9 -BD", "lz4 -l", "lz4 --content-size"},
		".lz": {"lzip -0", "lzip -9"}, ".Z": {"compress -cf", "compress -cf -b12"},
	} {
		for _, command := range commands {
			t.Run(command, func(t *testing.T) {
				args := strings.Fields(command)
				tool := plugintest.Tool(t, args[0])
				if args[0] != "7zz" && args[0] != "compress" {
					args = append(args, "-c")
				}
				for name, content := range contentsToPack() {
					packed := plugintest.Output(t, t.TempDir(), content, tool, args[1:]...)
					out := run(t, packed, identified(packed), plugintest.Filename("file"+ending))
					if got := contents(t, out); out.State != event.Completed || len(out.Children) != 1 || childContent(t, out.Children[0]) != string(content) {
						t.Errorf("%s (%s): %s %s with %q", name, identified(packed), out.State, out.Message, slices.Collect(maps.Keys(got)))
					}
				}
			})
		}
	}
}

// TestCompressedTarsAgainstTools: tars that other programs made and compressed are taken apart in one step.
func TestCompressedTarsAgainstTools(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{}
	for name, content := range contentsToPack() {
		want[name] = string(content)
		must(os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	for _, command := range []string{
		"bsdtar -c -z", "bsdtar -c -j", "bsdtar -c -J", "bsdtar -c -Z", "bsdtar -c --lzma", "bsdtar -c --zstd", "bsdtar -c --lz4", "bsdtar -c --lzip",
		"tar -c -z", "tar -c -j", "tar -c -J", "tar -c --zstd", "tar -c --lzip", "tar -c --lzma",
	} {
		t.Run(command, func(t *testing.T) {
			args := append(strings.Fields(command), slices.Sorted(maps.Keys(want))...)
			packed := plugintest.Output(t, dir, nil, plugintest.Tool(t, args[0]), append(args[1:2:2], append([]string{"-f", "-"}, args[2:]...)...)...)
			out := run(t, packed, identified(packed))
			if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) {
				t.Errorf("%s: %s %s with %q", identified(packed), out.State, out.Message, slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// TestLayers: compressions in compressions are undone in one step, up to a depth, each within the limits.
func TestLayers(t *testing.T) {
	packed := tarOf(some...)
	for _, ending := range []string{".zst", ".lz4", ".xz"} {
		packed = packers[ending].pack(packed)
	}
	out := run(t, gzipOf("", packed), "archive/gzip")
	if got := contents(t, out); out.State != event.Completed || got["readme.txt"] != "read me\n" || len(out.Children) != 2 {
		t.Errorf("a tar in four compressions: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
	deep := []byte("the end")
	for range mostLayers + 1 {
		deep = gzipOf("", deep)
	}
	out = run(t, deep, "archive/gzip", plugintest.Filename("deep.gz"))
	if got := childContent(t, out.Children[0]); out.State != event.Completed || got[:2] != "\x1f\x8b" {
		t.Errorf("more than %d layers: %s %s with %q", mostLayers, out.State, out.Message, got)
	}
	limits := DefaultLimits()
	limits.Total = 100_000
	packed = packers[".xz"].pack(gzipOf("", make([]byte, 1<<20)))
	if out := runWith(t, limits, packed, "archive/xz"); out.State != event.CompletedWithErrors || len(out.Children) != 0 || !strings.Contains(out.Message, "more than 100000 bytes in all") {
		t.Errorf("zeros in two compressions: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

// TestNamesOfCompressed: what comes out has the name of the file without the ending of each layer.
func TestNamesOfCompressed(t *testing.T) {
	xz := packers[".xz"].pack([]byte("text"))
	for _, c := range []struct {
		name, format string
		content      []byte
		want         string
	}{
		{"log.txt.xz", "archive/xz", xz, "log.txt"}, {"log.txt.xz.gz", "archive/gzip", gzipOf("", xz), "log.txt"}, {"log.gz", "archive/gzip", gzipOf("inner.xz", xz), "inner"},
		{"x.txz", "archive/xz", xz, "x.tar"}, {"x.exe", "archive/xz", xz, "x.exe"},
	} {
		out := run(t, c.content, c.format, plugintest.Filename(c.name))
		if got := values(out, "box_filepath"); len(got) != 1 || got[0] != c.want {
			t.Errorf("in %s lies %q, want %s", c.name, got, c.want)
		}
	}
}

// TestEndsOfCompressed: further members, what follows the last one, and what is missing.
func TestEndsOfCompressed(t *testing.T) {
	content := []byte(strings.Repeat("0123456789", 300))
	forms := map[string][]byte{".gz": gzipOf("", content), ".bz2": bzip2Sample}
	for ending, p := range packers {
		forms[ending] = p.pack(content)
	}
	for ending, packed := range forms {
		name, plain := plugintest.Filename("file"+ending), content
		if ending == ".bz2" {
			plain = []byte("hello hello hello hello\n")
		}
		format := identified(packed)
		expect := func(what string, packed, want []byte, state event.State, extra bool) {
			t.Helper()
			out := run(t, packed, format, name)
			got := ""
			for _, c := range out.Children {
				got += childContent(t, c)
			}
			if got != string(want) || out.State != state || (values(out, "extra_content") != nil) != extra {
				t.Errorf("%s, %s: %s %s with %d bytes, want %d", ending, what, out.State, out.Message, len(got), len(want))
			}
		}
		expect("something behind", append(bytes.Clone(packed), "something"...), plain, event.Completed, true)
		switch ending {
		case ".lzma", ".zlib": // hold one file
		default:
			expect("two members", slices.Concat(packed, packed), slices.Concat(plain, plain), event.Completed, false)
		}
		for n := len(packed) / 2; n < len(packed); n++ {
			out := run(t, packed[:n], format, name)
			for _, c := range out.Children {
				if got := childContent(t, c); !strings.HasPrefix(string(plain), got) {
					t.Errorf("%s, cut at %d: %q", ending, n, got)
				}
			}
			if out.State != event.CompletedWithErrors || len(values(out, "malformed")) != 1 {
				t.Errorf("%s, cut at %d of %d: %s %s", ending, n, len(packed), out.State, out.Message)
			}
		}
	}
}

// bzip2Sample is "hello hello hello hello\n" as bzip2 has it, for which there is no library that compresses.
var bzip2Sample = []byte("BZh91AY&SYoO\x10\xf3\x00\x00\x05\xd1\x00\x00\x10@\x00\x02D\xa0\x000\xc0\x02\xa84q\x0d\xad\x87\x0f\x17rE8P\x90oO\x10\xf3")

func TestBombsInCompressions(t *testing.T) {
	for ending, p := range packers {
		if ending == ".lzma" || ending == ".xz" {
			continue // the library takes too long to make one
		}
		var packed bytes.Buffer
		w, err := p(&packed)
		must(err)
		zeros := make([]byte, 1<<20)
		for range 300 {
			_, err := w.Write(zeros)
			must(err)
		}
		must(w.Close())
		var children int
		peak := plugintest.PeakMemory(func() {
			out := run(t, packed.Bytes(), identified(packed.Bytes()), plugintest.Filename("zeros"+ending))
			children = len(out.Children)
			if out.State != event.CompletedWithErrors || len(values(out, "suspicious")) != 1 {
				t.Errorf("%s: %s %s", ending, out.State, out.Message)
			}
		})
		if peak > 200<<20 || children > 0 {
			t.Errorf("%s: %d children, %d MiB", ending, children, peak>>20)
		}
	}
}

// TestDictionaryLimit: what would need more memory than it may have is left out, and told.
func TestDictionaryLimit(t *testing.T) {
	limits := DefaultLimits()
	limits.Dictionary = 1 << 20
	far := contentsToPack()["noise"]
	content := slices.Concat(far, make([]byte, 3<<20), far)
	var long bytes.Buffer
	w, err := zstd.NewWriter(&long, zstd.WithWindowSize(8<<20), zstd.WithSingleSegment(false))
	must(err)
	_, err = w.Write(content)
	must(err)
	must(w.Close())
	for format, packed := range map[string][]byte{"archive/xz": packers[".xz"].pack(content), "archive/zstd": long.Bytes()} {
		out := runWith(t, limits, packed, format)
		if len(out.Children) != 0 || out.State != event.CompletedWithErrors || !strings.Contains(fmt.Sprint(values(out, "suspicious")), "a dictionary of more than 1048576 bytes") {
			t.Errorf("%s: %s %s with %d children", format, out.State, out.Message, len(out.Children))
		}
	}
}

func FuzzCompressed(f *testing.F) {
	formats := []string{"archive/bzip2", "archive/xz", "archive/zstd", "archive/lzma", "archive/lzip", "archive/zlib", "archive/lz4", "archive/compress", "archive/tar"}
	for i := range formats {
		for ending, p := range packers {
			packed := p.pack([]byte("some words, some words"))
			f.Add(i, packed)
			f.Add(i, tarOf(file{"x" + ending, string(packed)}))
		}
		f.Add(i, bzip2Sample)
		f.Add(i, []byte("\x1f\x9d\x90a\xc4\x00"))
	}
	limits := fuzzLimits()
	f.Fuzz(func(t *testing.T, format int, content []byte) {
		name := formats[uint(format)%uint(len(formats))]
		checkFuzzed(t, limits, plugintest.Run(t, New(limits), content, plugintest.Format(name), plugintest.Filename("x.xz")))
	})
}
