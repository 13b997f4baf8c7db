package installer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

var wanted = map[string]string{
	"readme.txt": "read me\n", "sub/big.bin": strings.Repeat("0123456789", 5000), "sub/empty": "", "C:/elsewhere/last.txt": "the last\n", "C:/elsewhere/below/below.txt": "below",
}

func TestWalk(t *testing.T) {
	for _, m := range []made{
		some(methodStored, false), some(methodDeflate, false), some(methodDeflate, true),
		{files: some("", false).files, method: methodDeflate, wide: true}, {files: some("", false).files, method: methodDeflate, wide: true, wideOffsets: true, solid: true},
	} {
		data := m.bytes()
		info, err := Detect(context.Background(), bytes.NewReader(data), int64(len(data)))
		if err != nil || info.Kind != NSIS || info.Version != "2.46" || info.Method != m.method || info.Solid != m.solid {
			t.Errorf("%+v, %v", info, err)
		}
		files := archivetest.MustRead(t, Walk, data)
		got := archivetest.Contents(files)
		if texts := got["[NSIS]/strings.txt"]; !strings.Contains(texts, "\nhttp://example.com/\n") || !strings.HasPrefix(texts, "not set\n$INSTDIR\nreadme.txt\n$INSTDIR\\sub\n") {
			t.Errorf("%q", texts)
		}
		delete(got, "[NSIS]/strings.txt")
		archivetest.Compare(t, got, wanted)
		if at := time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC); !files[1].Changed.Equal(at) {
			t.Error(files[1].Changed)
		}
	}
}

func TestSuite(t *testing.T) {
	t.Run("stored", func(t *testing.T) { archivetest.Suite(t, Walk, some(methodStored, false).bytes()) })
	t.Run("deflate", func(t *testing.T) { archivetest.Suite(t, Walk, some(methodDeflate, false).bytes()) })
	t.Run("solid", func(t *testing.T) { archivetest.Suite(t, Walk, some(methodDeflate, true).bytes()) })
}

func TestInnoSetup(t *testing.T) {
	for text, version := range map[string]string{"Inno Setup Setup Data (5.5.7) (u)": "5.5.7", "Inno Setup Setup Data (6.4.0.1)": "6.4.0.1", "Inno Setup Setup Data (1.3)": "1.3"} {
		data := append(append([]byte("MZ"), make([]byte, 300_000)...), text...)
		info, err := Detect(context.Background(), bytes.NewReader(data), int64(len(data)))
		if err != nil || info.Kind != InnoSetup || info.Version != version {
			t.Errorf("%q: %+v, %v", text, info, err)
		}
		_, err = archivetest.Read(Walk, data)
		if !errors.Is(err, archive.ErrUnsupported) || err.Error() != "Inno Setup "+version+": cannot be unpacked" {
			t.Error(err)
		}
		copy(data[0x30:], "InUn")
		if _, err := archivetest.Read(Walk, data); !errors.Is(err, archive.ErrNotThis) {
			t.Errorf("an uninstaller: %v", err)
		}
	}
}

// TestOverlap: a solid installer is not unpacked anew for each of many names.
func TestOverlap(t *testing.T) {
	m := some(methodDeflate, true)
	for i := range 30 {
		m.files = append(m.files, madeFile{"", strings.Repeat("x", i+1), "", 12 + 8})
	}
	files, err := archivetest.Read(Walk, m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, f := range files {
		if f.Err != nil && strings.Contains(f.Err.Error(), "over one another") {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("%d of %d files are refused", refused, len(files))
	}
}

const source = `Name "Test"
InstallDir "$PROGRAMFILES\Test"
Section
  SetOutPath "$INSTDIR"
  File in/a.txt
  File in/program.exe
  SetOutPath "$INSTDIR\sub"
  File in/numbers.txt
  SetOutPath "$TEMP"
  File in/noise.bin
  File /oname=$PLUGINSDIR\x.dll in/a.txt
  Exec '"$INSTDIR\program.exe" http://example.com/'
SectionEnd
`

// makensis makes an installer by a compressor and more settings.
func makensis(t testing.TB, settings ...string) []byte {
	t.Helper()
	archivetest.Tool(t, "makensis")
	dir := t.TempDir()
	noise := make([]byte, 70_000)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	archivetest.WriteFiles(t, dir, map[string]string{
		"t.nsi": source, "in/a.txt": "hello\n", "in/program.exe": string(archivetest.MustReadFile(t, "/bin/sh")),
		"in/numbers.txt": strings.Repeat("one two three four five ", 9000) + strings.Repeat("x", 70_000), "in/noise.bin": string(noise),
	})
	args := []string{"-V1", "-XOutFile x.exe"}
	for _, s := range settings {
		args = append(args, "-X"+s)
	}
	archivetest.Run(t, dir, "makensis", append(args, "t.nsi")...)
	return archivetest.MustReadFile(t, filepath.Join(dir, "x.exe"))
}

// TestMakensis: 7z takes out what we do, however makensis compressed it.
func TestMakensis(t *testing.T) {
	archivetest.Tool(t, "makensis", "7z")
	for _, settings := range [][]string{
		{"SetCompressor zlib"}, {"SetCompressor /SOLID zlib"}, {"SetCompressor bzip2"}, {"SetCompressor /SOLID bzip2"}, {"SetCompressor lzma"}, {"SetCompressor /SOLID lzma"},
		{"SetCompress off"}, {"SetCompressor /SOLID lzma", "Unicode false"}, {"SetCompressor lzma", "Target amd64-unicode"},
	} {
		t.Run(strings.Join(settings, ", "), func(t *testing.T) {
			data := makensis(t, settings...)
			info, err := Detect(context.Background(), bytes.NewReader(data), int64(len(data)))
			if err != nil || !strings.HasPrefix(info.Version, "3.") || info.Solid != strings.Contains(settings[0], "SOLID") {
				t.Errorf("%+v, %v", info, err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.exe"), data, 0o644); err != nil {
				t.Fatal(err)
			}
			archivetest.Run(t, dir, "7z", "x", "-tnsis", "-oout", "x.exe")
			got := archivetest.Contents(archivetest.MustRead(t, Walk, data))
			if texts := got["[NSIS]/strings.txt"]; !strings.Contains(texts, "\n\"$INSTDIR\\program.exe\" http://example.com/\n") {
				t.Errorf("%q", texts)
			}
			delete(got, "[NSIS]/strings.txt")
			archivetest.Compare(t, got, archivetest.ReadFiles(t, filepath.Join(dir, "out")))
			if len(got) != 5 {
				t.Errorf("%d files", len(got))
			}
		})
	}
}

// TestHostile changes bytes of what makensis makes.
func TestHostile(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, compressor := range []string{"/SOLID bzip2", "bzip2", "lzma", "/SOLID lzma"} {
		whole := makensis(t, "SetCompressor "+compressor)
		begin := bytes.Index(whole, []byte("NullsoftInst"))
		for range 6 {
			bad := bytes.Clone(whole[begin&^511:])
			bad[24+rng.IntN(1+rng.IntN(len(bad)-24))] ^= 1 << rng.IntN(8)
			archivetest.Check(t, Walk, bad)
		}
		archivetest.Check(t, Walk, whole[:len(whole)*2/3])
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(some(methodStored, false).bytes()[1024:])
	f.Add(some(methodDeflate, true).bytes()[1024:])
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}

func FuzzDecoders(f *testing.F) {
	f.Add(deflated([]byte(strings.Repeat("some text ", 100))), false)
	if _, err := exec.LookPath("makensis"); err == nil {
		whole := makensis(f, "SetCompressor bzip2")
		at := bytes.Index(whole, []byte("NullsoftInst")) + 24
		f.Add(whole[at:at+2000], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, bzip2 bool) {
		var r io.Reader = newInflate(bytes.NewReader(data))
		if bzip2 {
			r = newBunzip(bytes.NewReader(data))
		}
		if _, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); err != nil && !errors.Is(err, archive.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
