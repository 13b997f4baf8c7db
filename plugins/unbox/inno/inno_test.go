package inno

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/inno/innotest"
)

// versions are those in which something of the format changed.
var versions = []string{
	"5.1.0", "5.1.2", "5.1.7", "5.1.10", "5.1.13", "5.2.0", "5.2.1", "5.2.3", "5.2.5", "5.2.5 (u)", "5.3.0", "5.3.0 (u)", "5.3.3", "5.3.5 (u)", "5.3.6", "5.3.7 (u)", "5.3.8", "5.3.8 (u)", "5.3.9", "5.3.9 (u)", "5.3.10", "5.3.10 (u)", "5.4.2 (u)", "5.5.0", "5.5.0 (u)", "5.5.6 (u)",
	"5.5.7", "5.5.7 (u)", "5.6.0 (u)", "5.6.2", "5.6.2 (u)", "6.0.0 (u)", "6.1.0 (u)", "6.3.0", "6.4.0.1", "6.4.2", "6.4.3", "6.5.0", "6.5.2", "6.6.0", "6.6.1", "6.7.0", "7.0.0.3",
}

// password has a letter that is not the same in all character sets.
const password = "pass\u00e9wort"

// lastOfInnoextract is the last version of those that innoextract 1.9 reads.
const lastOfInnoextract = "6.1.0 (u)"

// walkWith is Walk with a password.
func walkWith(with string) archivetest.Walk {
	return func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
		return WalkWith(ctx, r, size, Options{with, 64 << 20}, visit)
	}
}

// wanted is what a made installer has, without its script.
func wanted(m innotest.Installer) map[string]string {
	w := map[string]string{
		folder + "license.txt": innotest.Licence, folder + "info after.txt": innotest.InfoAfter, folder + "license (en).txt": "the licence in English", folder + "CompiledCode.bin": innotest.Code,
	}
	for _, f := range m.Files {
		w[clean(f.Names[0])] = f.Content
	}
	return w
}

// check reads a made installer.
func check(t *testing.T, m innotest.Installer) {
	t.Helper()
	data := m.Bytes()
	files := archivetest.MustRead(t, walkWith(m.Password), data)
	got := archivetest.Contents(files)
	script := got[folder+"script.txt"]
	number, _, _ := strings.Cut(m.Version, " ")
	for _, line := range []string{
		"; Inno Setup " + number, "[Setup]", "AppName=Test", "AppPublisherURL=http://publisher.example/", "[CustomMessages]", `Name: "Message"; Value: "of the installer"`, `Name: "{app}\data"`,
		`DestName: "{app}\doc\again.txt"`, `Source: "{src}\external.dat"; DestName: "{app}\"`, `Filename: "{app}\t.ini"; Section: "section"; Key: "key"; String: "value"`,
		`Root: "HKLM"; Subkey: "Software\Test"; ValueName: "Where"; ValueData: "{app}"`, "[Run]", `Filename: "{app}\program.exe"; Parameters: "http://run.example/"`,
		"[UninstallRun]", `Filename: "{app}\program.exe"; Parameters: "/gone"`,
	} {
		if !strings.Contains("\n"+script, "\n"+line+"\n") {
			t.Errorf("%s: the script has no %s:\n%s", m.Version, line, script)
			return
		}
	}
	delete(got, folder+"script.txt")
	archivetest.Compare(t, got, wanted(m))
	links := 0
	for _, f := range files {
		if f.Link != "" {
			links++
			if f.Name != "{app}/doc/again.txt" || f.Link != "{app}/readme.txt" {
				t.Errorf("%s: %s is %s", m.Version, f.Name, f.Link)
			}
		}
		if at := innotest.Changed; strings.HasPrefix(f.Name, "{") && !f.Changed.Equal(at) {
			t.Errorf("%s: %s is of %s", m.Version, f.Name, f.Changed)
		}
	}
	if links != 1 {
		t.Errorf("%s: %d links", m.Version, links)
	}
}

func TestVersions(t *testing.T) {
	for _, id := range versions {
		check(t, innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.Zlib})
		check(t, innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.LZMA2, Solid: true, Packed: true})
	}
}

func TestMethods(t *testing.T) {
	archivetest.Tool(t, "bzip2")
	for _, m := range []int{innotest.Stored, innotest.Zlib, innotest.Bzip2, innotest.LZMA, innotest.LZMA2} {
		for _, solid := range []bool{false, true} {
			check(t, innotest.Installer{Version: "6.1.0 (u)", Files: innotest.Some(), Method: m, Solid: solid})
		}
	}
}

// TestPasswords: the right one is told from others, and opens everything; without it files are listed, unless the header is encrypted too.
func TestPasswords(t *testing.T) {
	for _, id := range versions {
		m := innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.Zlib, Password: password}
		check(t, m)
		data := m.Bytes()
		lock, err := Locked(t.Context(), bytes.NewReader(data), int64(len(data)))
		if err != nil || lock == nil || lock.Opens("infected") || lock.Opens("") || !lock.Opens(password) {
			t.Fatalf("%s: %v, %v", id, lock, err)
		}
		for _, walk := range []archivetest.Walk{Walk, walkWith("infected")} {
			for _, f := range archivetest.MustRead(t, walk, data) {
				if strings.HasPrefix(f.Name, "{") && f.Link == "" && (f.Readable || !f.Encrypted) {
					t.Errorf("%s: %+v", id, f)
				}
			}
		}
	}
	for _, id := range []string{"6.5.0", "6.7.0"} {
		m := innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.LZMA2, Solid: true, Packed: true, Password: password, Full: true}
		check(t, m)
		if _, err := archivetest.Read(Walk, m.Bytes()); !errors.Is(err, archive.ErrEncrypted) {
			t.Errorf("%s: %v", id, err)
		}
	}
	data := innotest.Installer{Version: "6.7.0", Files: innotest.Some()}.Bytes()
	if lock, err := Locked(t.Context(), bytes.NewReader(data), int64(len(data))); lock != nil || err != nil {
		t.Errorf("no Password: %v, %v", lock, err)
	}
}

// TestSlices: files of an installer whose data lies beside it are listed.
func TestSlices(t *testing.T) {
	files, err := archivetest.Read(Walk, innotest.Installer{Version: "5.5.7 (u)", Files: innotest.Some(), Method: innotest.Zlib, Outside: true}.Bytes())
	if !errors.Is(err, archive.ErrUnsupported) || !strings.Contains(err.Error(), "setup-1.bin") {
		t.Error(err)
	}
	listed := 0
	for _, f := range files {
		if strings.HasPrefix(f.Name, "{") {
			listed++
			if f.Readable {
				t.Errorf("%s can be read", f.Name)
			}
		}
	}
	if listed != 6 {
		t.Errorf("%d files", listed)
	}
}

// TestAltered: an installer whose table does not begin as those of Inno Setup do is found by its header.
func TestAltered(t *testing.T) {
	for _, id := range []string{"5.5.7 (u)", "6.7.0"} {
		m := innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.Zlib, Altered: true}
		check(t, m)
		if bytes.Contains(m.Bytes(), tableIDs[0]) {
			t.Error("it was not altered")
		}
	}
}

// TestUnknown: versions that are not known are told.
func TestUnknown(t *testing.T) {
	for id, version := range map[string]string{"5.0.8": "5.0.8", "4.2.6": "4.2.6", "7.1.0": "7.1.0"} {
		data := bytes.Replace(innotest.Installer{Version: "5.5.7", Files: innotest.Some()}.Bytes(), []byte("Data (5.5.7)"), []byte("Data ("+id+")"), -1)
		if _, err := archivetest.Read(Walk, data); !errors.Is(err, archive.ErrUnsupported) || err.Error() != "Inno Setup "+version+": cannot be unpacked" {
			t.Error(err)
		}
	}
}

func TestSuite(t *testing.T) {
	for _, m := range []innotest.Installer{
		{Version: "5.1.2", Method: innotest.Zlib}, {Version: "5.3.0", Method: innotest.Stored}, {Version: "5.5.7 (u)", Method: innotest.Zlib, Solid: true}, {Version: "6.1.0 (u)", Method: innotest.LZMA2, Solid: true, Packed: true}, {Version: "6.7.0", Method: innotest.LZMA, Packed: true},
		{Version: "6.3.0", Method: innotest.Zlib, Password: password}, {Version: "6.5.2", Method: innotest.LZMA2, Password: password, Full: true},
	} {
		m.Files = slices.Delete(innotest.Some(), 1, 2) // without the large one
		t.Run(m.Version, func(t *testing.T) { archivetest.Suite(t, walkWith(m.Password), m.Bytes()) })
	}
}

// TestDamage: of a damaged installer there is what can be had, and an error.
func TestDamage(t *testing.T) {
	m := innotest.Installer{Version: "6.1.0 (u)", Files: innotest.Some(), Method: innotest.LZMA2}
	whole := m.Bytes()
	at := bytes.Index(whole, []byte("t\x00.\x00i\x00n\x00i"))
	for what, bad := range map[string][]byte{"the header": flipped(whole, at), "its beginning": flipped(whole, bytes.LastIndex(whole, []byte("Inno Setup Setup Data"))+64+20)} {
		files, err := archivetest.Read(Walk, bad)
		if !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: %v", what, err)
		}
		sound := 0
		for _, f := range files {
			for _, want := range m.Files {
				if f.Err == nil && f.Content == want.Content && f.Readable {
					sound++
				}
			}
		}
		if sound != len(m.Files) {
			t.Errorf("%s: %d files are sound", what, sound)
		}
	}
	files, err := archivetest.Read(Walk, flipped(whole, innotest.Begin+4+6)) // in the first file
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		if damaged := errors.Is(f.Err, archive.ErrDamaged); damaged != (f.Name == "{app}/readme.txt") {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
	}
}

func flipped(p []byte, at int) []byte {
	p = bytes.Clone(p)
	p[at] ^= 0x10
	return p
}

// TestOverlap: a chunk is not unpacked anew for each of many files that lie over one another.
func TestOverlap(t *testing.T) {
	m := innotest.Installer{Version: "6.1.0 (u)", Method: innotest.Zlib, Solid: true, Over: true}
	for i := range 30 {
		m.Files = append(m.Files, innotest.File{Names: []string{fmt.Sprintf(`{app}\%d`, i)}, Content: strings.Repeat("x", i+1)})
	}
	files, err := archivetest.Read(Walk, m.Bytes())
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

// TestInnoextract: innoextract takes out what we do, of every version that it knows, and by every method.
func TestInnoextract(t *testing.T) {
	archivetest.Tool(t, "innoextract", "bzip2")
	var list []innotest.Installer
	for _, id := range versions[:1+slices.Index(versions, lastOfInnoextract)] {
		list = append(list, innotest.Installer{Version: id, Method: innotest.Zlib, Solid: true}, innotest.Installer{Version: id, Method: innotest.LZMA, Packed: true, Password: password})
	}
	for _, m := range []int{innotest.Stored, innotest.Zlib, innotest.Bzip2, innotest.LZMA, innotest.LZMA2} {
		for _, solid := range []bool{false, true} {
			list = append(list, innotest.Installer{Version: lastOfInnoextract, Method: m, Solid: solid})
		}
	}
	for _, m := range list {
		m.Files = innotest.Some()
		t.Run(fmt.Sprint(m.Version, m.Method, m.Solid), func(t *testing.T) { besideInnoextract(t, m.Bytes(), m.Password) })
	}
}

func besideInnoextract(t *testing.T, data []byte, with string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.exe"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-e", "-s", "-d", "out", "x.exe"}
	if with != "" {
		args = append(args, "--password", with)
	}
	archivetest.Run(t, dir, "innoextract", args...)
	got := map[string]string{}
	named := strings.NewReplacer("{", "", "}", "").Replace
	for _, f := range archivetest.MustRead(t, walkWith(with), data) {
		switch {
		case f.Link != "":
			got[named(f.Name)] = got[named(f.Link)]
		case !strings.HasPrefix(f.Name, folder):
			got[named(f.Name)] = f.Content
		}
	}
	archivetest.Compare(t, got, archivetest.ReadFiles(t, filepath.Join(dir, "out")))
}

// TestHostile changes bytes of installers of many versions, behind the checksums that would tell.
func TestHostile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	change := func(p []byte) []byte {
		p = bytes.Clone(p)
		for range rng.IntN(4) {
			at := rng.IntN(len(p))
			p[at] = byte(rng.Uint32())
			if rng.IntN(3) == 0 {
				copy(p[at:], "\xff\xff\xff\x7f")
			}
		}
		return p
	}
	for _, id := range versions {
		m := innotest.Installer{Version: id, Files: innotest.Some(), Method: innotest.Zlib, Solid: true}
		header, places, data := m.Parts()
		for range 30 {
			archivetest.Check(t, Walk, m.Around(change(header), change(places), change(data)))
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(innotest.Installer{Version: "5.3.0", Files: innotest.Some()[:1]}.Bytes()[512:])
	f.Add(innotest.Installer{Version: "6.1.0 (u)", Files: innotest.Some()[3:], Method: innotest.Zlib}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}

func FuzzParts(f *testing.F) {
	for i, id := range versions {
		m := innotest.Installer{Version: id, Files: innotest.Some()[3:], Method: innotest.Zlib}
		header, places, data := m.Parts()
		f.Add(byte(i), header, places, data)
	}
	f.Fuzz(func(t *testing.T, version byte, header, places, data []byte) {
		m := innotest.Installer{Version: versions[int(version)%len(versions)]}
		archivetest.Check(t, Walk, m.Around(header, places, data))
	})
}
