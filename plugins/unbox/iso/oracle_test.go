package iso

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive/archivetest"
)

// someFiles have long names, deep folders and many names in one folder.
func someFiles() map[string]string {
	files := map[string]string{
		"readme.txt": "read me\n", "A name with spaces, of more than thirty characters.text": "long\n", "folder/ü.bin": strings.Repeat("data", 10_000),
		"1/2/3/4/5/6/7/8/9/10/11/deep.txt": "deep\n", "big": strings.Repeat("0123456789abcdef", 20_000),
	}
	for i := range 200 {
		files[fmt.Sprintf("many/file number %d.txt", i)] = fmt.Sprint(i)
	}
	return files
}

func makeImage(t *testing.T, files map[string]string, args ...string) []byte {
	t.Helper()
	archivetest.Tool(t, args[0])
	dir := t.TempDir()
	archivetest.WriteFiles(t, filepath.Join(dir, "in"), files)
	if err := os.MkdirAll(filepath.Join(dir, "in", "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../readme.txt", filepath.Join(dir, "in", "folder", "link")); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, args[0], append(args[1:], "-o", "x.iso", "in")...)
	return archivetest.MustReadFile(t, filepath.Join(dir, "x.iso"))
}

// TestMakers: images of all kinds give the files that they were made of.
func TestMakers(t *testing.T) {
	want := someFiles()
	for name, args := range map[string][]string{
		"Rock Ridge":        {"genisoimage", "-quiet", "-R"},
		"Joliet":            {"genisoimage", "-quiet", "-J", "-joliet-long", "-D"},
		"both":              {"genisoimage", "-quiet", "-R", "-J"},
		"UDF as well":       {"genisoimage", "-quiet", "-R", "-J", "-udf"},
		"xorriso":           {"xorriso", "-as", "mkisofs", "-quiet", "-R"},
		"xorriso, Joliet":   {"xorriso", "-as", "mkisofs", "-quiet", "-J", "-joliet-long"},
		"xorriso, all deep": {"xorriso", "-as", "mkisofs", "-quiet", "-R", "-D"},
	} {
		t.Run(name, func(t *testing.T) {
			files := archivetest.MustRead(t, Walk, makeImage(t, want, args...))
			got := archivetest.Contents(files)
			archivetest.Compare(t, got, want)
			rock := strings.Contains(strings.Join(args, " "), "-R")
			for _, f := range files {
				if f.Link != "" && (f.Link != "../readme.txt" || f.Name != "folder/link") {
					t.Errorf("%s points to %q", f.Name, f.Link)
				}
				rock = rock && f.Link == ""
			}
			if rock {
				t.Error("the link is missing")
			}
		})
	}
}

// onlyUDF takes ISO 9660 out of an image that has both.
func onlyUDF(img []byte) []byte {
	img = bytes.Clone(img)
	for off := firstDescriptor * sectorSize; string(img[off+1:off+6]) == "CD001"; off += sectorSize {
		clear(img[off : off+sectorSize])
		copy(img[off+1:], "BEA01")
	}
	return img
}

// Test7z: 7z and we agree on what is in UDF.
func Test7z(t *testing.T) {
	archivetest.Tool(t, "7z")
	img := onlyUDF(makeImage(t, someFiles(), "genisoimage", "-quiet", "-udf", "-J", "-joliet-long", "-D"))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.iso"), img, 0o644); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "7z", "x", "-tudf", "-oout", "x.iso")
	want := archivetest.ReadFiles(t, filepath.Join(dir, "out"))
	if len(want) < 200 {
		t.Fatalf("7z takes out %d files", len(want))
	}
	files := archivetest.MustRead(t, Walk, img)
	archivetest.Compare(t, archivetest.Contents(files), want)
	t.Run("suite", func(t *testing.T) {
		archivetest.Suite(t, Walk, onlyUDF(makeImage(t, map[string]string{"a": "a\n", "b/c": strings.Repeat("c", 3000)}, "genisoimage", "-quiet", "-udf")))
	})
}

// TestBoot: a boot image is listed, with all of it even if the firmware loads only the beginning.
func TestBoot(t *testing.T) {
	boot := strings.Repeat("boot", 5000)
	img := makeImage(t, map[string]string{"boot.img": boot, "x": "x", "folder/y": "y"}, "genisoimage", "-quiet", "-R", "-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4")
	got := archivetest.Contents(archivetest.MustRead(t, Walk, img))
	if got["[BOOT]/Boot-NoEmul.img"] != boot || got["boot.img"] != boot {
		t.Errorf("%d bytes", len(got["[BOOT]/Boot-NoEmul.img"]))
	}
}

// TestMkudffs: empty volumes of all versions and kinds of media are recognised.
func TestMkudffs(t *testing.T) {
	archivetest.Tool(t, "mkudffs")
	for _, args := range [][]string{
		{"--utf8", "-b", "2048"}, {"-b", "512"}, {"-b", "4096"}, {"-r", "0x0102"}, {"-r", "0x0150"}, {"-m", "bdr", "-r", "0x0250"},
		{"-m", "dvd"}, {"-m", "cdr"}, {"-m", "cdrw"}, {"-m", "dvdram"}, {"-m", "bdr"}, {"-m", "cdr", "-r", "0x0150"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.udf"), make([]byte, 8<<20), 0o644); err != nil {
				t.Fatal(err)
			}
			archivetest.Run(t, dir, "mkudffs", append(args, "x.udf")...)
			for _, f := range archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, filepath.Join(dir, "x.udf"))) {
				t.Errorf("%q is there", f.Name)
			}
		})
	}
}
