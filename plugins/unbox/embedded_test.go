package unbox

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lazuli/event"
	"lazuli/internal/identify/zoo"
	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/sevenzip/sevenziptest"
)

// TestArchivesInPrograms: an archive behind a program or between its parts comes out, whatever else looks like one.
func TestArchivesInPrograms(t *testing.T) {
	pe, elf := zoo.Find("pe32").Content, zoo.Find("elf64 static").Content
	bait := []byte("PK\x05\x06 PK\x03\x04 7z\xbc\xaf\x27\x1c Rar!\x1a\x07\x00 Rar!\x1a\x07\x01\x00 and more of what an unpacker has in its code, to be long enough for all of them")
	behind := bytes.Repeat([]byte("signature of the program "), 20_000)
	adjusted := func(program, zip []byte) []byte { // with offsets that count from the beginning of the program, as zip -A writes them
		whole := slices.Concat(program, zip)
		le := binary.LittleEndian
		end := bytes.LastIndex(whole, []byte(endSignature))
		at := int(le.Uint32(whole[end+16:])) + len(program)
		le.PutUint32(whole[end+16:], uint32(at))
		for range le.Uint16(whole[end+10:]) {
			le.PutUint32(whole[at+42:], le.Uint32(whole[at+42:])+uint32(len(program)))
			at += 46 + int(le.Uint16(whole[at+28:])) + int(le.Uint16(whole[at+30:])) + int(le.Uint16(whole[at+32:]))
		}
		return whole
	}
	files := []file{{"one.txt", "the first"}, {"two.txt", "the second"}}
	want := map[string]string{"one.txt": "the first", "two.txt": "the second"}
	for name, c := range map[string]struct {
		content    []byte
		part, kind string
	}{
		"zip behind PE":            {slices.Concat(pe, bait, zipOf(files...)), "sevenzip", "zip"},
		"zip inside PE":            {slices.Concat(pe, zipOf(files...), behind), "sevenzip", "zip"},
		"zip behind ELF, adjusted": {adjusted(slices.Concat(elf, bait), zipOf(files...)), "sevenzip", "zip"},
		"7z behind ELF":            {slices.Concat(elf, bait, sevenZipOf(sevenziptest.Options{}, files...)), "sevenzip", "sevenzip"},
		"7z inside PE":             {slices.Concat(pe, []byte(";!@Install@!UTF-8!;!@InstallEnd@!"), sevenZipOf(sevenziptest.Options{}, files...), behind), "sevenzip", "sevenzip"},
		"RAR 4 behind PE":          {slices.Concat(pe, bait, rar4Of(0, files...)), "rar", "rar"},
		"RAR 5 behind ELF":         {slices.Concat(elf, behind, rar5Of(0, files...)), "rar", "rar"},
	} {
		out := run(t, c.content, identified(c.content))
		if out.State != event.Completed || !maps.Equal(contents(t, out), want) || fmt.Sprint(values(out, "box_type")) != "["+c.kind+"]" {
			t.Errorf("%s (%s): %s %s with %q, box_type %q", name, identified(c.content), out.State, out.Message, contents(t, out), values(out, "box_type"))
		}
		all := plugintest.Run(t, New(DefaultLimits()), c.content, plugintest.Format(identified(c.content)))
		if len(all.Parts) != 1 || all.Parts[0].Part != c.part {
			t.Errorf("%s: %s", name, all.Text())
		}
	}
	if out := run(t, slices.Concat(pe, bait, behind), "executable/windows/pe32"); out.Error != "wrong_file_type" {
		t.Errorf("signatures alone: %s %s", out.State, out.Message)
	}
}

// TestArchivesInArchivesInPrograms: what lies in an archive is left to it, and two archives side by side both come out.
func TestArchivesInArchivesInPrograms(t *testing.T) {
	pe := zoo.Find("pe32").Content
	inner := string(zipOf(file{"inner", "x"}))
	stored := sevenZipOf(sevenziptest.Options{}, file{"inner.zip", inner}) // compressed: nothing shows
	for name, content := range map[string][]byte{
		"zip in zip": slices.Concat(pe, zipOf(file{"inner.zip", inner})),
		"zip in rar": slices.Concat(pe, rar5Of(0, file{"inner.zip", inner})),
		"zip in 7z":  slices.Concat(pe, stored),
	} {
		out := run(t, content, "executable/windows/pe32")
		if got := contents(t, out); len(got) != 1 || got["inner.zip"] != inner {
			t.Errorf("%s: %s %s with %q", name, out.State, out.Message, slices.Collect(maps.Keys(got)))
		}
	}
	out := run(t, slices.Concat(pe, zipOf(file{"a", "1"}), stored, zipOf(file{"b", "2"})), "executable/windows/pe32")
	if got := contents(t, out); len(got) != 3 || got["a"] != "1" || got["b"] != "2" {
		t.Errorf("side by side: %s %s with %q", out.State, out.Message, slices.Collect(maps.Keys(got)))
	}
}

// TestManySignatures: a program that is full of signatures costs a bounded number of looks.
func TestManySignatures(t *testing.T) {
	end := slices.Concat([]byte(embeddedZip), make([]byte, 4), []byte{1, 0, 1, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	counted := &countingReaderAt{r: bytes.NewReader(bytes.Repeat(end, 100_000))}
	found, err := embeddedArchives(t.Context(), counted, int64(100_000*len(end)))
	if err != nil || len(found) != 0 || counted.reads > 3*mostEmbeddedChecks {
		t.Errorf("%d found with %d reads, %v", len(found), counted.reads, err)
	}
}

type countingReaderAt struct {
	r     *bytes.Reader
	reads int
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.r.ReadAt(p, off)
}

// TestSelfExtractorsOfTools: what other programs made to unpack themselves comes out as it was.
func TestSelfExtractorsOfTools(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{}
	for name, content := range contentsToPack() {
		want[name] = string(content)
		must(os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	names := slices.Sorted(maps.Keys(want))
	check := func(what, path string) {
		t.Helper()
		content, err := os.ReadFile(path)
		must(err)
		all := plugintest.Run(t, New(DefaultLimits()), content, plugintest.Format(identified(content)))
		if len(all.Parts) != 1 || all.Parts[0].State != event.Completed || !maps.Equal(contents(t, &all.Parts[0].Outcome), want) {
			t.Errorf("%s (%s): %s", what, identified(content), all.State)
		}
	}
	out := filepath.Join(t.TempDir(), "x.sfx")
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "7z"), append([]string{"a", "-sfx7zCon.sfx", out}, names...)...)
	check("7z", out)
	zipped := filepath.Join(t.TempDir(), "x.zip")
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "zip"), append([]string{"-q", zipped}, names...)...)
	program, err := os.ReadFile("/bin/true")
	must(err)
	packed, err := os.ReadFile(zipped)
	must(err)
	must(os.WriteFile(zipped, slices.Concat(program, packed), 0o600))
	check("zip", zipped)
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "zip"), "-q", "-A", zipped)
	check("zip -A", zipped)
}

func FuzzEmbedded(f *testing.F) {
	pe := zoo.Find("pe32").Content
	for _, archive := range [][]byte{zipOf(some...), sevenZipOf(sevenziptest.Options{}, some...), rar4Of(0, some...), rar5Of(0, some...)} {
		f.Add(slices.Concat(pe, archive))
	}
	limits := fuzzLimits()
	f.Fuzz(func(t *testing.T, content []byte) {
		checkFuzzed(t, limits, plugintest.Run(t, New(limits), content, plugintest.Format("executable/windows/pe32")))
	})
}
