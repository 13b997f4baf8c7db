package identify

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lazuli/internal/identify/zoo"
)

func TestZoo(t *testing.T) {
	for _, s := range zoo.Samples() {
		t.Run(s.Name, func(t *testing.T) {
			want := Result(s.Want)
			want.Extension = extensions[want.Format]
			got := File(bytes.NewReader(s.Content), int64(len(s.Content)))
			if want.MIME == "" {
				want.MIME, want.Magic = got.MIME, got.Magic
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Every format that a matcher names is in the closed list and has a sample. Names that are put together from parts are
// covered by their samples.
func TestEveryFormatHasASample(t *testing.T) {
	sampled := map[string]bool{}
	for _, s := range zoo.Samples() {
		sampled[s.Want.Format] = true
		if _, ok := extensions[s.Want.Format]; !ok {
			t.Errorf("sample %s: %q is not in the closed list", s.Name, s.Want.Format)
		}
	}
	var without []string
	for format := range extensions {
		if !sampled[format] {
			without = append(without, format)
		}
	}
	slices.Sort(without)
	t.Logf("%d of %d formats have samples; none: %s", len(sampled), len(extensions), strings.Join(without, ", "))
	if len(sampled) < 155 {
		t.Errorf("only %d formats have samples", len(sampled))
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "formats.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				format, _ := strconv.Unquote(lit.Value)
				if _, ok := extensions[format]; ok && strings.Contains(format, "/") && !isMIMEToo[format] {
					named++
					if !sampled[format] {
						t.Errorf("%s names %s, of which there is no sample", name, format)
					}
				}
			}
			return true
		})
	}
	if named < 80 {
		t.Errorf("only %d formats are named in the sources", named)
	}
}

// isMIMEToo are MIME types that are spelled like a format.
var isMIMEToo = map[string]bool{"audio/mp4": true}

func TestClosedList(t *testing.T) {
	if len(extensions) != 166 {
		t.Errorf("the list holds %d formats, want 166", len(extensions))
	}
	for format, want := range map[string]string{
		"video/avi": "avi", "java/java": "java", "archive/7-zip": "7zip", "document/epub": "", "unknown": "", "text/rdp": "",
		"executable/linux/elf64": "", "executable/windows/pe64": "exe", "document/office/word": "doc",
	} {
		if got, ok := extensions[format]; !ok || got != want {
			t.Errorf("extension of %s: %q, %v; want %q", format, got, ok, want)
		}
	}
}

// Files arrive cut off at any byte. Whatever is left must be identified as something, with a format of the list.
func TestTruncations(t *testing.T) {
	for _, s := range zoo.Samples() {
		step := max(1, len(s.Content)/600)
		for n := 0; n <= len(s.Content); n += step {
			checkResult(t, s.Content[:n], int64(n))
		}
		checkResult(t, s.Content, int64(len(s.Content))+1000) // shorter than was said
		checkResult(t, s.Content, 1<<62)
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range zoo.Samples() {
		if len(s.Content) < 4<<10 {
			f.Add(s.Content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkResult(t, content, int64(len(content))) })
}

func checkResult(t *testing.T, content []byte, size int64) {
	t.Helper()
	counted := &countingReader{r: bytes.NewReader(content)}
	res := File(counted, size)
	ext, known := extensions[res.Format]
	if !known || ext != res.Extension || res.MIME == "" || res.Magic == "" {
		t.Errorf("%d bytes: %+v", len(content), res)
	}
	if counted.n > headBytes+budgetBytes {
		t.Errorf("%d bytes were read of a file of %d", counted.n, len(content))
	}
	for _, c := range []byte(res.MIME + res.Magic) {
		if c < ' ' || c > '~' {
			t.Errorf("%q and %q hold more than printable ASCII", res.MIME, res.Magic)
			break
		}
	}
}

type countingReader struct {
	r io.ReaderAt
	n int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += n
	return n, err
}

// hostile are files made to cost much: long tables, many names, deep nesting, words that begin what then does not follow, and all
// samples with much behind them.
func hostile() map[string][]byte {
	names := make([]string, 12_000)
	for i := range names {
		names[i] = fmt.Sprintf("a/rather/long/directory/name/for/an/entry/%d.txt", i)
	}
	elf := bytes.Clone(zoo.Find("elf64 library").Content)
	elf = append(elf, make([]byte, 4<<20)...)
	for _, f := range []struct{ at, v int }{{0x20, 64}, {0x28, 64}, {0x36, 56}, {0x38, elfMaxSegments}, {0x3a, 64}, {0x3c, elfMaxSections}} {
		elf[f.at], elf[f.at+1] = byte(f.v), byte(f.v>>8)
	}
	for i := 64; i < len(elf); i++ {
		elf[i] = 7 // every segment and section a note, all of them long
	}
	ole := zoo.OLE("Workbook")
	ole[30] = 12 // large sectors, of which the table says that they go on and on
	files := map[string][]byte{
		"zip":    zoo.Zip(names...),
		"elf":    elf,
		"ole":    append(ole, bytes.Repeat([]byte{1, 0, 0, 0}, 1<<19)...),
		"json":   bytes.Repeat([]byte(`{"a":[`), 1<<18),
		"utf-16": zoo.UTF16(strings.Repeat("漢字\n", 1<<19)),
		"pdf":    append(append([]byte("%PDF-1.4\n"), make([]byte, 4<<20)...), "trailer"...),
		"jpg":    append([]byte("\xff\xd8"), bytes.Repeat(append([]byte("\xff\xfe\x01\x00"), bytes.Repeat([]byte{0xc3}, 254)...), 400)...),
	}
	for _, word := range []string{
		"typeof ", "module.exports ", "main(", "def a(", "def a(\n", "if __name__ ", "<a ", "\\section", "(function", "class A\n", "import ", "x", "(((", "\n", "\r", "if (", "{\n", "$a = ",
		"public ", "[a", "#ifndef A\n", "/*", "<!--", "From: ", "\"\n", "a,b\n", "é", "\x85", "PK\x03\x04", "\xff\xfb\x90\x00", "%", "try:\n",
	} {
		files["words "+word] = bytes.Repeat([]byte(word), 128<<10/len(word))
	}
	for _, s := range zoo.Samples() {
		files[s.Name+", and on"] = append(bytes.Clone(s.Content), bytes.Repeat([]byte{0xff}, 1<<20)...)
		files[s.Name+", and on again"] = bytes.Repeat(s.Content, 1+(256<<10)/max(len(s.Content), 1))
	}
	return files
}

// No file makes File allocate more than a megabyte, for all that it reads.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 1 << 20
	worst, most := "", uint64(0)
	for name, content := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		File(bytes.NewReader(content), int64(len(content)))
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		if used > limit {
			t.Errorf("%s: %d bytes allocated, limit %d", name, used, limit)
		}
		if used > most {
			worst, most = name, used
		}
	}
	t.Logf("the most: %d KiB for %s", most>>10, worst)
}

// BenchmarkHostile names the hostile file that costs most; it should be far below the 2 ms that are allowed.
func BenchmarkHostile(b *testing.B) {
	files := hostile()
	for b.Loop() {
		worst, most := "", time.Duration(0)
		for name, content := range files {
			best := time.Hour // of three, for the machine has other work
			for range 3 {
				begun := time.Now()
				File(bytes.NewReader(content), int64(len(content)))
				best = min(best, time.Since(begun))
			}
			if best > most {
				worst, most = name, best
			}
		}
		b.Logf("%v for %q", most, worst)
		b.ReportMetric(float64(most.Microseconds()), "µs/worst")
	}
}

// The program that runs this test is a real one.
func TestOwnProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: needs an ELF program")
	}
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	res := File(f, info.Size())
	if !strings.HasPrefix(res.Format, "executable/linux/elf") || !strings.Contains(res.Magic, ", Go BuildID=") {
		t.Errorf("this test is %+v", res)
	}
}
