package msi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/cfb/cfbtest"
)

// cabinet is a stored one with the files F1, F2 and other.
func cabinet() string {
	head := "MSCF\x00\x00\x00\x00\xa5\x00\x00\x00\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x00\x00\x00\x03\x01\x01\x00\x03\x00\x00\x00\x01\x00\x00\x00"
	folder := "\x6d\x00\x00\x00\x01\x00\x00\x00"
	file := func(name string, size, off byte) string {
		return string([]byte{size, 0, 0, 0, off, 0, 0, 0, 0, 0, 0x22, 0x58, 0x82, 0x18, 0, 0}) + name + "\x00"
	}
	data := "read me\ndata\nother"
	block := "\x00\x00\x00\x00" + string([]byte{byte(len(data)), 0, byte(len(data)), 0}) + data
	return head + folder + file("F1", 8, 0) + file("F2", 5, 8) + file("other", 5, 13) + strings.Repeat("p", 0x6d-0x2c-3*17-9) + block
}

func TestSuite(t *testing.T) {
	m := some(cabinet())
	m.tables[0].rows = m.tables[0].rows[:2]
	archivetest.Suite(t, Walk, m.bytes())
}

func TestWalk(t *testing.T) {
	for _, wide := range []bool{false, true} {
		m := some(cabinet())
		m.wide = wide
		got := archivetest.Contents(archivetest.MustRead(t, Walk, m.bytes()))
		want := map[string]string{
			"ProgramFilesFolder/A long name/Read me.txt": "read me\n", strings.Repeat("l/", mostFolders) + "data.bin": "data\n", "files.cab/other": "other",
			"Binary.helper.dll": "MZ", "[5]SummaryInformation": "summary",
			"Property.idt": "Property\tValue\r\ns72\tl255\r\nProperty\tProperty\r\nManufacturer\tGrüße\r\nLines\tone\x11\x19two\x10three\r\nLong\t" + strings.Repeat("x", 70_000) + "\r\n",
			"Binary.idt":   "Name\tData\r\ns72\tv0\r\nBinary\tName\r\nhelper.dll\tBinary.helper.dll\r\n",
		}
		for name, content := range want {
			if got[name] != content {
				t.Errorf("%s: %.200q", name, got[name])
			}
		}
		if file := got["File.idt"]; !strings.Contains(file, "data.bin\t0\t2\r\n") || !strings.Contains(file, "F3\tnowhere\tx\t-5\t\r\n") || !strings.HasPrefix(file, "File\tComponent_\tFileName\tFileSize\tSequence\r\ns72\ts255\ts255\ti4\tI2\r\n") {
			t.Errorf("%q", file)
		}
		if len(got) != 13 {
			t.Errorf("%d entries", len(got))
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"!_StringPool", "!File", "Binary.x", "a", "ab", "a b", "Grüße", "-x-"} {
		if got := decodeName(encodeName(name)); got != name && name != "Grüße" {
			t.Errorf("%q is %q", name, got)
		}
	}
	if got := encodeName("!_Columns"); got != "\u4840\u3b3f\u43f2\u4438\u45b1" {
		t.Errorf("%+q", got)
	}
}

func TestNoPackage(t *testing.T) {
	data := cfbtest.Make([16]byte{1}, []cfbtest.Stream{{Name: "WordDocument", Content: "x"}})
	if files, err := archivetest.Read(Walk, data); !errors.Is(err, archive.ErrNotThis) || len(files) > 0 {
		t.Errorf("%d entries, %v", len(files), err)
	}
}

// TestWithoutTables: of a package whose tables cannot be read there are the streams.
func TestWithoutTables(t *testing.T) {
	data := cfbtest.Make([16]byte(classes[2]), []cfbtest.Stream{{Name: "storage/x", Content: "x"}, {Name: encodeName("a.cab"), Content: cabinet()}, {Name: "b.cab", Content: "MSCF but no cabinet"}})
	got := archivetest.Contents(archivetest.MustRead(t, Walk, data))
	archivetest.Compare(t, got, map[string]string{"storage/x": "x", "a.cab/F1": "read me\n", "a.cab/F2": "data\n", "a.cab/other": "other", "b.cab": "MSCF but no cabinet"})
}

const source = `<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" Name="Test &#252;" Language="1033" Version="1.0.0" Manufacturer="Someone" UpgradeCode="7FC28940-9D31-11D0-9B27-00A0C91E9C7C">
    <Package InstallerVersion="200" Compressed="yes"/>
    <Media Id="1" Cabinet="files.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="INSTALLDIR" Name="A long folder">
      <Component Id="C1" Guid="*"><File Id="F1" Source="a.txt" Name="A long name.txt" KeyPath="yes"/></Component>
      <Component Id="C2" Guid="*"><File Id="F2" Source="b.bin" Name="b.bin" KeyPath="yes"/></Component>
    </Directory></Directory>
    <Binary Id="Helper" SourceFile="a.txt"/>
    <Property Id="HELLO" Value="World"/>
    <Feature Id="Main" Level="1"><ComponentRef Id="C1"/><ComponentRef Id="C2"/></Feature>
  </Product>
</Wix>`

// TestWixl: of what wixl makes, msiinfo prints the tables that we do, and msiextract takes out the same files.
func TestWixl(t *testing.T) {
	archivetest.Tool(t, "wixl", "msiinfo", "msiextract")
	dir := t.TempDir()
	archivetest.WriteFiles(t, dir, map[string]string{"x.wxs": source, "a.txt": "a\n", "b.bin": strings.Repeat("0123456789", 9000)})
	archivetest.Run(t, dir, "wixl", "-o", "x.msi", "x.wxs")
	got := archivetest.Contents(archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, filepath.Join(dir, "x.msi"))))
	archivetest.Run(t, dir, "msiextract", "-C", "out", "x.msi")
	files := archivetest.ReadFiles(t, filepath.Join(dir, "out"))
	if len(files) != 2 {
		t.Errorf("msiextract takes out %d files", len(files))
	}
	tables := 0
	for name, content := range got {
		table, ok := strings.CutSuffix(name, ".idt")
		if !ok || strings.HasPrefix(table, "_") {
			continue
		}
		if want := archivetest.Run(t, dir, "msiinfo", "export", "x.msi", table); content != want {
			t.Errorf("%s is\n%q, not\n%q", table, content, want)
		}
		files[name] = content
		tables++
	}
	if tables < 10 || got["Binary.Helper"] != "a\n" {
		t.Errorf("%d tables, %q", tables, got["Binary.Helper"])
	}
	for name, content := range files {
		if got[name] != content {
			t.Errorf("%s differs", name)
		}
	}
}

// Test7z: 7z has the same names for streams of what our maker makes.
func Test7z(t *testing.T) {
	archivetest.Tool(t, "7z")
	dir := t.TempDir()
	data := some("no cabinet").bytes()
	if err := os.WriteFile(filepath.Join(dir, "x.msi"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "7z", "x", "-tcompound", "-oout", "x.msi")
	out := archivetest.ReadFiles(t, filepath.Join(dir, "out"))
	got := archivetest.Contents(archivetest.MustRead(t, Walk, data))
	for _, name := range []string{"Binary.helper.dll", "[5]SummaryInformation", "files.cab", "!_StringData"} {
		if content, ok := out[name]; !ok || got[name] != content {
			t.Errorf("%s: 7z has %d bytes, we have %d", name, len(content), len(got[name]))
		}
	}
}

func FuzzWalk(f *testing.F) {
	m := some(cabinet())
	m.tables[0].rows = m.tables[0].rows[:2]
	f.Add(m.bytes())
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}

// FuzzTables: tables may say anything of one another.
func FuzzTables(f *testing.F) {
	f.Add([]byte("\xe4\x04\x00\x00\x05\x00\x01\x00"), []byte("hello"), []byte("\x01\x00\x01\x80\x01\x00\x02\x80"), []byte("\x01\x00"))
	f.Fuzz(func(t *testing.T, pool, text, columns, rows []byte) {
		data := cfbtest.Make([16]byte(classes[0]), []cfbtest.Stream{
			{Name: encodeName(streamStrings), Content: string(pool)}, {Name: encodeName(streamText), Content: string(text)},
			{Name: encodeName(streamColumns), Content: string(columns)}, {Name: encodeName("!hello"), Content: string(rows)}, {Name: encodeName("!File"), Content: string(rows)},
		})
		err := Walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(_ archive.Entry, r io.Reader) error {
			if r == nil {
				return nil
			}
			_, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			return err
		})
		if err != nil && !errors.Is(err, archive.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
