package unbox

import (
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// rar5Of is a RAR of version 5 with stored files.
func rar5Of(flags byte, files ...file) []byte {
	out := []byte(rar5Magic)
	block := func(header []byte, data string) {
		header = append([]byte{byte(len(header))}, header...)
		out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(header))
		out = append(append(out, header...), data...)
	}
	number := func(b []byte, n int) []byte {
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		return append(b, byte(n))
	}
	block([]byte{rar5Archive, 0, flags}, "")
	for _, f := range files {
		name, folder := strings.CutSuffix(f.name, "/")
		h := number([]byte{rar5File, rar5Data}, len(f.content))
		if folder {
			h = number(append(h, 1|rar5Time), len(f.content)) // size behind the flags
		} else {
			h = number(append(h, rar5Time|rar5Sum), len(f.content))
		}
		h = append(h, 0) // attributes
		h = binary.LittleEndian.AppendUint32(h, uint32(changed.Unix()))
		if !folder {
			h = binary.LittleEndian.AppendUint32(h, sumOf(f.content))
		}
		h = append(h, 0, 1) // stored, made on Unix
		h = append(number(h, len(name)), name...)
		block(h, f.content)
	}
	block([]byte{rar5End, 0, 0}, "")
	return out
}

// rar4Of is one of versions 2 to 4.
func rar4Of(flags uint16, files ...file) []byte {
	out := []byte(rar4Magic)
	block := func(kind byte, flags uint16, fields []byte, data string) {
		h := []byte{kind}
		h = binary.LittleEndian.AppendUint16(h, flags)
		h = binary.LittleEndian.AppendUint16(h, uint16(7+len(fields)))
		h = append(h, fields...)
		out = binary.LittleEndian.AppendUint16(out, uint16(crc32.ChecksumIEEE(h)))
		out = append(append(out, h...), data...)
	}
	block(rar4Archive, flags, make([]byte, 6), "")
	for _, f := range files {
		name, folder := strings.CutSuffix(f.name, "/")
		kind := uint16(rar4Data)
		if folder {
			kind |= 0xe0
		}
		h := binary.LittleEndian.AppendUint32(nil, uint32(len(f.content)))
		h = binary.LittleEndian.AppendUint32(h, uint32(len(f.content)))
		h = append(h, 3)
		h = binary.LittleEndian.AppendUint32(h, sumOf(f.content))
		h = binary.LittleEndian.AppendUint32(h, 44<<25|1<<21|2<<16|3<<11|4<<5|3)
		h = append(h, 29, rarStored)
		h = binary.LittleEndian.AppendUint16(h, uint16(len(name)))
		h = binary.LittleEndian.AppendUint32(h, 0o100644)
		block(rar4File, kind, append(h, name...), f.content)
	}
	block(0x7b, 0x4000, nil, "")
	return out
}

// rarSamples is the folder with archives that WinRAR made of all versions, which test/setup takes from the sources of rarfile.
func rarSamples(t *testing.T) string {
	dir := "../../.cache/rarfile"
	if _, err := os.Stat(filepath.Join(dir, "complete")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there are no samples of RAR: test/setup fetches them")
		}
		t.Skip("SKIPPED: there are no samples of RAR, nothing was compared; run test/setup")
	}
	return dir
}

// filesBelow are the files in a folder by their paths, as a program unpacked them.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if len(content) > 0 {
			name, _ := filepath.Rel(dir, path)
			found[name] = string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRARAgainstTools: archives of all versions, solid, encrypted, with links and comments, come out as they do from two other programs, where
// these can read them.
func TestRARAgainstTools(t *testing.T) {
	samples, err := filepath.Glob(filepath.Join(rarSamples(t), "*.rar"))
	must(err)
	unar, bsdtar := plugintest.Tool(t, "unar"), plugintest.Tool(t, "bsdtar")
	compared := map[string]int{}
	for _, path := range samples {
		name := filepath.Base(path)
		switch {
		case strings.Contains(name, "vols"), name == "rar3-old.rar": // TestRARVolumes
			continue
		case strings.Contains(name, "versions"): // each program has names of its own for old versions
			continue
		}
		content, err := os.ReadFile(path)
		must(err)
		out := run(t, content, "archive/rar", plugintest.Setting("passwords", "wrong\npassword"))
		got := contents(t, out)
		if out.State != event.Completed {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
		for program, args := range map[string][]string{unar: {"-q", "-D", "-p", "password", absolute(path)}, bsdtar: {"-xf", absolute(path)}} {
			dir := t.TempDir()
			cmd := exec.Command(program, args...)
			cmd.Dir = dir
			if cmd.Run() != nil {
				continue // it cannot read this one
			}
			want := filesBelow(t, dir)
			for linked := range want { // what refers to another file is listed here and not followed
				if _, taken := got[linked]; !taken && slices.Contains(values(out, "box_filepath"), linked) {
					delete(want, linked)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s, beside %s: %q, want %q", name, program, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
			compared[program]++
		}
	}
	if compared[unar] < 15 || compared[bsdtar] < 10 {
		t.Errorf("too few archives were compared: %v", compared)
	}
	t.Logf("compared %v of %d archives", compared, len(samples))
}

func absolute(path string) string {
	path, err := filepath.Abs(path)
	must(err)
	return path
}

// TestRARVolumes: what begins in a volume is taken out as far as it goes, and every volume is told to be one.
func TestRARVolumes(t *testing.T) {
	dir := rarSamples(t)
	for name, children := range map[string]int{"rar3-vols.part1.rar": 1, "rar3-vols.part2.rar": 0, "rar3-vols.part3.rar": 0, "rar5-vols.part1.rar": 1, "rar5-vols.part2.rar": 0, "rar3-old.rar": 1} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		must(err)
		out := run(t, content, "archive/rar")
		if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, "a volume of several") || len(out.Children) != children {
			t.Errorf("%s: %s %s with %d children", name, out.State, out.Message, len(out.Children))
		}
	}
}

// TestOldRAR: what the library cannot read is taken out.
func TestOldRAR(t *testing.T) {
	dir := rarSamples(t)
	encrypted, err := os.ReadFile(filepath.Join(dir, "rar202-comment-psw.rar"))
	must(err)
	out := run(t, encrypted, "archive/rar", plugintest.Setting("passwords", "wrong\npassword"))
	want := map[string]string{"FILE1.TXT": "file1\r\n", "FILE2.TXT": "file2\r\n"}
	if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) || !slices.Equal(values(out, "box_password"), []string{"password"}) {
		t.Errorf("%s %s with %q, password %q", out.State, out.Message, got, values(out, "box_password"))
	}
	encrypted[0x80] ^= 1 // of the first file
	out = run(t, encrypted, "archive/rar")
	if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, "FILE1.TXT: encrypted, and no password fits") || len(out.Children) != 1 {
		t.Errorf("damaged: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
	compressed, err := os.ReadFile(filepath.Join(dir, "rar15-comment.rar"))
	must(err)
	out = run(t, compressed, "archive/rar")
	if got := contents(t, out)["FILE1.TXT"]; out.State != event.Completed || got != "foooo\r\n" || len(out.Children) != 2 {
		t.Errorf("%s %s with %q", out.State, out.Message, got)
	}
}

// TestOldRARBomb: files of RAR 1.5 that claim 4 GiB each are no more than can come of them, and limits hold for them, also where they are passed over.
func TestOldRARBomb(t *testing.T) {
	var bomb []byte
	for i := range 20 {
		one := rar4Of(0, file{string(rune('a' + i)), strings.Repeat("\x00", 10_000)})
		h := one[20:53] // behind the marker and the header of the archive
		copy(h[11:], "\xff\xff\xff\xff")
		h[24], h[25] = 15, 0x33
		binary.LittleEndian.PutUint16(h, uint16(crc32.ChecksumIEEE(h[2:])))
		if i == 0 {
			bomb = one[:20]
		}
		bomb = append(bomb, one[20:len(one)-7]...)
	}
	small := DefaultLimits()
	small.File = 1 << 20
	for name, limits := range map[string]Limits{"taken out": DefaultLimits(), "passed over": small} {
		out := runWith(t, limits, bomb, "archive/rar")
		if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, "more than 200 bytes for each byte") || len(values(out, "box_filepath")) > 3 {
			t.Errorf("%s: %s %s, %d listed", name, out.State, out.Message, len(values(out, "box_filepath")))
		}
	}
}

func FuzzRAR(f *testing.F) {
	fuzz(f, "archive/rar", rar5Of(0, some[:3]...), rar4Of(0, some[:3]...), rar4Of(rar4Volume, some[:3]...))
}

func FuzzScanRAR(f *testing.F) {
	f.Add(rar5Of(0, some[:3]...))
	f.Add(rar4Of(0, some[:3]...))
	f.Fuzz(func(t *testing.T, content []byte) {
		h := scanRAR(strings.NewReader(string(content)), int64(len(content)))
		if len(h.methods) > len(content) {
			t.Errorf("%d methods in %d bytes", len(h.methods), len(content))
		}
	})
}
