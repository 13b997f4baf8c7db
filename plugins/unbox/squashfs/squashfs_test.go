package squashfs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

// someFiles are files of all sizes, more than a block of metadata has room for, and one with a hole.
func someFiles() map[string]string {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	files := map[string]string{
		"readme.txt": "read me\n", "empty": "", "folder/ü.bin": strings.Repeat("data", 100_000), "1/2/3/4/5/6/7/8/9/deep.txt": "deep\n",
		"noise": string(noise), "sparse": "begin" + strings.Repeat("\x00", 1<<20) + "end", "block": strings.Repeat("b", 128<<10),
	}
	for i := range 1500 {
		files[fmt.Sprintf("many/file number %d.txt", i)] = fmt.Sprint(i)
	}
	return files
}

func makeImage(t testing.TB, files map[string]string, args ...string) []byte {
	t.Helper()
	archivetest.Tool(t, "mksquashfs")
	dir := t.TempDir()
	archivetest.WriteFiles(t, filepath.Join(dir, "in"), files)
	if err := os.Symlink("readme.txt", filepath.Join(dir, "in", "link")); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "mksquashfs", append([]string{"in", "x.squashfs", "-quiet", "-no-progress", "-all-time", "1700000000"}, args...)...)
	return archivetest.MustReadFile(t, filepath.Join(dir, "x.squashfs"))
}

// TestMaker: images with every compression and in every form give the files that they were made of.
func TestMaker(t *testing.T) {
	want := someFiles()
	for _, options := range []string{
		"-comp gzip", "-comp xz", "-comp xz -Xbcj x86", "-comp zstd", "-comp lz4", "-comp lzma", "-comp gzip -noI -noD -noF", "-comp gzip -no-fragments", "-comp gzip -always-use-fragments",
		"-comp gzip -b 4096", "-comp zstd -b 1048576", "-comp gzip -no-exports -no-xattrs",
	} {
		t.Run(options, func(t *testing.T) {
			files := archivetest.MustRead(t, Walk, makeImage(t, want, strings.Fields(options)...))
			archivetest.Compare(t, archivetest.Contents(files), want)
			for _, f := range files {
				if (f.Name == "link") != (f.Link != "") || f.Link != "" && f.Link != "readme.txt" {
					t.Errorf("%s points to %q", f.Name, f.Link)
				}
				if f.Changed.Unix() != 1_700_000_000 {
					t.Errorf("%s is of %v", f.Name, f.Changed)
				}
				if size := int64(len(want[f.Name])); f.Size != size {
					t.Errorf("%s is said to have %d bytes of %d", f.Name, f.Size, size)
				}
			}
		})
	}
}

func TestSuite(t *testing.T) {
	small := map[string]string{"a.txt": "the first file", "folder/b.txt": strings.Repeat("second ", 3000), "c": "third"}
	for _, options := range []string{"-comp gzip", "-comp xz", "-comp zstd", "-comp lz4", "-comp gzip -noI -noF"} {
		t.Run(options, func(t *testing.T) {
			archivetest.Suite(t, Walk, makeImage(t, small, append(strings.Fields(options), "-nopad")...))
		})
	}
}

func Fuzz(f *testing.F) {
	f.Add([]byte(magic + string(make([]byte, superBytes))))
	if _, err := exec.LookPath("mksquashfs"); err == nil {
		f.Add(makeImage(f, map[string]string{"a": "first", "folder/b": strings.Repeat("second ", 30)}, "-noI", "-noD", "-noF", "-nopad"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		left := int64(1 << 20)
		_ = Walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(_ archive.Entry, r io.Reader) error {
			if r != nil {
				n, _ := io.Copy(io.Discard, io.LimitReader(r, left))
				left -= n
			}
			if left--; left < 0 {
				return io.EOF
			}
			return nil
		})
	})
}
