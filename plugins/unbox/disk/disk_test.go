package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// someFiles are files in folders, with long names, of more than a cluster and of none.
func someFiles() map[string]string {
	files := map[string]string{
		"README.TXT": "read me\n", "A name of more than eleven letters.txt": "long\n", "folder/a long name in ünïcode.bin": strings.Repeat("data", 60_000),
		"1/2/3/4/deep.txt": "deep\n", "lower.txt": "lower", "empty.dat": "",
	}
	for i := range 300 {
		files[fmt.Sprintf("many/file number %d.txt", i)] = fmt.Sprint(i)
	}
	return files
}

// makeFAT makes a file system of so many bytes.
func makeFAT(t testing.TB, files map[string]string, size int64, options ...string) []byte {
	t.Helper()
	archivetest.Tool(t, "mkfs.fat", "mcopy")
	dir := t.TempDir()
	archivetest.WriteFiles(t, filepath.Join(dir, "in"), files)
	must(os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
	must(os.Truncate(filepath.Join(dir, "x"), size))
	archivetest.Run(t, dir, "mkfs.fat", append(options, "x")...)
	entries, err := os.ReadDir(filepath.Join(dir, "in"))
	must(err)
	args := []string{"-s", "-Q", "-i", "x"}
	for _, e := range entries {
		args = append(args, filepath.Join("in", e.Name()))
	}
	archivetest.Run(t, dir, "mcopy", append(args, "::/")...)
	return archivetest.MustReadFile(t, filepath.Join(dir, "x"))
}

// convert makes an image of a disk.
func convert(t testing.TB, disk []byte, args ...string) []byte {
	t.Helper()
	archivetest.Tool(t, "qemu-img")
	dir := t.TempDir()
	must(os.WriteFile(filepath.Join(dir, "in"), disk, 0o600))
	archivetest.Run(t, dir, "qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), "in", "out")...)
	return archivetest.MustReadFile(t, filepath.Join(dir, "out"))
}

// partitioned is a disk with a boot record. Each partition begins on a border of a megabyte; those after the third are in an extended one.
func partitioned(partitions ...[]byte) []byte {
	disk := make([]byte, 1<<20)
	entry := func(record, i int, kind byte, first, sectors int) {
		p := disk[record+tableAt+16*i:]
		p[4] = kind
		binary.LittleEndian.PutUint32(p[8:], uint32(first))
		binary.LittleEndian.PutUint32(p[12:], uint32(sectors))
		copy(disk[record+510:], bootMark)
	}
	add := func(p []byte) {
		disk = append(disk, p...)
		disk = append(disk, make([]byte, -len(disk)&(1<<20-1))...)
	}
	for i, p := range partitions[:min(3, len(partitions))] {
		entry(0, i, 6, len(disk)/sectorBytes, len(p)/sectorBytes)
		add(p)
	}
	first := len(disk)
	for i, p := range partitions[min(3, len(partitions)):] {
		record := len(disk)
		if i == 0 {
			entry(0, 3, kindExtended, first/sectorBytes, 1<<20)
		}
		add(make([]byte, 1<<20))
		entry(record, 0, 6, (len(disk)-record)/sectorBytes, len(p)/sectorBytes)
		add(p)
		if i < len(partitions)-4 {
			entry(record, 1, kindExtended, (len(disk)-first)/sectorBytes, 1<<20)
		}
	}
	return disk
}

var images = []struct {
	name string
	args []string
	walk archivetest.Walk
}{
	{"VHD", []string{"-O", "vpc"}, WalkVHD}, {"fixed VHD", []string{"-O", "vpc", "-o", "subformat=fixed"}, WalkVHD},
	{"VMDK", []string{"-O", "vmdk"}, WalkVMDK}, {"compressed VMDK", []string{"-O", "vmdk", "-o", "subformat=streamOptimized"}, WalkVMDK},
}

// TestFAT: file systems of every width, and images of every kind, give the files that were put into them.
func TestFAT(t *testing.T) {
	want := someFiles()
	for i, c := range []struct {
		name    string
		size    int64
		options []string
	}{
		{"12 bits", 3 << 20, []string{"-F", "12"}}, {"16 bits", 20 << 20, []string{"-F", "16"}}, {"32 bits", 40 << 20, []string{"-F", "32", "-s", "1"}},
		{"large sectors", 20 << 20, []string{"-S", "2048"}},
	} {
		for k, image := range images {
			if i > 0 && i != k {
				continue // each kind of image is enough once more
			}
			t.Run(c.name+" "+image.name, func(t *testing.T) {
				files := archivetest.MustRead(t, image.walk, convert(t, makeFAT(t, want, c.size, c.options...), image.args...))
				archivetest.Compare(t, archivetest.Contents(files), want)
			})
		}
	}
}

// TestPartitions: the partitions of a disk are told apart, and one without files that are known comes out whole.
func TestPartitions(t *testing.T) {
	var parts [][]byte
	want := map[string]string{}
	for i := range 5 {
		content := fmt.Sprint("of partition ", i+1)
		parts = append(parts, makeFAT(t, map[string]string{"file.txt": content}, 3<<20))
		want[fmt.Sprintf("%d/file.txt", i+1)] = content
	}
	parts[1] = bytes.Repeat([]byte("an unknown file system, "), 64<<10/3)
	parts[1] = parts[1][:len(parts[1])/sectorBytes*sectorBytes]
	delete(want, "2/file.txt")
	want["2/partition.img"] = string(parts[1])
	for _, image := range images {
		files := archivetest.MustRead(t, image.walk, convert(t, partitioned(parts...), image.args...))
		archivetest.Compare(t, archivetest.Contents(files), want)
	}
}

// TestGPT: partitions of a GPT are found.
func TestGPT(t *testing.T) {
	disk := make([]byte, 1<<20)
	content := makeFAT(t, map[string]string{"file.txt": "content"}, 3<<20)
	disk = append(disk, content...)
	disk = append(disk, make([]byte, 1<<20)...)
	disk[tableAt+4] = kindProtective
	copy(disk[510:], bootMark)
	header := disk[sectorBytes:]
	copy(header, gptMagic)
	binary.LittleEndian.PutUint64(header[72:], 2)
	binary.LittleEndian.PutUint32(header[80:], 128)
	binary.LittleEndian.PutUint32(header[84:], 128)
	entry := disk[2*sectorBytes:]
	entry[0] = 1
	binary.LittleEndian.PutUint64(entry[32:], 1<<20/sectorBytes)
	binary.LittleEndian.PutUint64(entry[40:], uint64(1<<20+len(content))/sectorBytes-1)
	for _, image := range images {
		files := archivetest.MustRead(t, image.walk, convert(t, disk, image.args...))
		archivetest.Compare(t, archivetest.Contents(files), map[string]string{"file.txt": "content"})
	}
}

// TestDisk: what is on a disk without partitions comes out whole, with zeros where nothing is stored.
func TestDisk(t *testing.T) {
	disk := make([]byte, 9<<20)
	copy(disk[5<<20:], "something in the middle")
	for _, image := range images {
		files := archivetest.MustRead(t, image.walk, convert(t, disk, image.args...))
		if len(files) != 1 || files[0].Name != "partition.img" || !strings.HasPrefix(files[0].Content, string(disk)) {
			t.Errorf("%s: %d files", image.name, len(files))
		}
	}
}

func TestSuite(t *testing.T) {
	small := makeFAT(t, map[string]string{"a.txt": "the first file", "b.txt": strings.Repeat("second ", 300)}, 128<<10)
	for _, image := range images {
		t.Run(image.name, func(t *testing.T) { archivetest.Suite(t, image.walk, convert(t, small, image.args...)) })
	}
}

// TestRing: clusters and folders that lead to themselves end.
func TestRing(t *testing.T) {
	disk := makeFAT(t, map[string]string{"folder/a.txt": strings.Repeat("a", 5000)}, 128<<10)
	boot := disk[:sectorBytes]
	table := int(binary.LittleEndian.Uint16(boot[14:])) * sectorBytes
	for cluster := 2; cluster < 40; cluster++ { // each cluster leads to the third
		at := table + cluster*3/2
		v := binary.LittleEndian.Uint16(disk[at:])
		if cluster%2 == 0 {
			v = v&0xf000 | 3
		} else {
			v = v&0x000f | 3<<4
		}
		binary.LittleEndian.PutUint16(disk[at:], v)
	}
	files, err := archivetest.Read(WalkVHD, fixedVHD(disk))
	if len(files) > 100_000 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// fixedVHD is a disk with a footer.
func fixedVHD(disk []byte) []byte {
	footer := make([]byte, sectorBytes)
	copy(footer, vhdMagic)
	binary.BigEndian.PutUint64(footer[48:], uint64(len(disk)))
	binary.BigEndian.PutUint32(footer[60:], vhdFixed)
	return slices.Concat(disk, footer)
}

func Fuzz(f *testing.F) {
	f.Add(fixedVHD(partitioned(make([]byte, 4096))[:8192]))
	f.Add([]byte(vmdkMagic + string(make([]byte, 2000))))
	if _, err := exec.LookPath("mcopy"); err == nil {
		f.Add(fixedVHD(makeFAT(f, map[string]string{"a.txt": "first", "folder/b.txt": "second"}, 64<<10)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, walk := range []archivetest.Walk{WalkVHD, WalkVMDK, func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
			return (&disk{ctx: ctx, r: r, size: size, visit: visit}).walk()
		}} {
			left := int64(1 << 20)
			_ = walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(_ archive.Entry, r io.Reader) error {
				if r != nil {
					n, _ := io.Copy(io.Discard, io.LimitReader(r, left))
					left -= n
				}
				if left -= 100; left < 0 {
					return io.EOF
				}
				return nil
			})
		}
	})
}
