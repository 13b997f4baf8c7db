package bulk

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSevenZip: 7-Zip finds our archives whole and reads what we put in, with the right password only.
func TestSevenZip(t *testing.T) {
	program, err := exec.LookPath("7z")
	if err != nil {
		lacks(t, "7z is not installed")
	}
	s := someFiles()
	for what, data := range map[string][]byte{
		"raw":       archive(t, Raw, s, s.names()...),
		"encrypted": archive(t, Encrypted("päss wörd"), s, s.names()...),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.zip")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), program, "x", "-ppäss wörd", "-o"+dir, path).CombinedOutput()
		if err != nil || strings.Contains(string(out), "Warning") {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		for name, want := range s {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s has %d bytes (%v), want %d", what, name, len(got), err, len(want))
			}
		}
		if out, err := exec.CommandContext(t.Context(), program, "t", "-pwrong", path).CombinedOutput(); what == "encrypted" && err == nil {
			t.Errorf("a wrong password will do:\n%s", out)
		}
	}
}

// readZIP prints the names of an archive's members and writes their contents.
const readZIP = `
import sys, zipfile
try:
    import pyzipper
except ImportError:
    pyzipper = None
kind, path, to, password = sys.argv[1:]
archive = (pyzipper.AESZipFile if kind == "pyzipper" else zipfile.ZipFile)(path)
if password:
    archive.setpassword(password.encode())
assert archive.testzip() is None
for name in archive.namelist():
    print(name)
    with open(to + "/" + name, "wb") as f:
        f.write(archive.read(name))
`

// TestPython: Python's zipfile reads what has no password, as azul-client's users do, and pyzipper what has one.
func TestPython(t *testing.T) {
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err == nil {
		err = exec.Command(python, "-c", "import pyzipper").Run()
	}
	if err != nil {
		lacks(t, "PyPI's pyzipper is missing")
	}
	s := someFiles()
	for _, tc := range []struct {
		kind, password string
		format         Format
		more           []string
	}{
		{"zipfile", "", Raw, nil},
		{"pyzipper", "infected", Encrypted(""), []string{"MISSING.txt"}},
		{"pyzipper", "päss wörd", Encrypted("päss wörd"), []string{"MISSING.txt"}},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.zip")
		if err := os.WriteFile(path, archive(t, tc.format, s, append(s.names(), missing)...), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), python, "-c", readZIP, tc.kind, path, dir, tc.password).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", tc.kind, err, out)
		}
		if got, want := strings.Fields(string(out)), append(s.names(), tc.more...); !slices.Equal(got, want) {
			t.Errorf("%s: members %q, want %q", tc.kind, got, want)
		}
		for name, want := range s {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s has %d bytes (%v), want %d", tc.kind, name, len(got), err, len(want))
			}
		}
	}
}

// TestEncryptedTellsNothing: what others see of an encrypted archive are names and sizes, and two of the same files differ.
func TestEncryptedTellsNothing(t *testing.T) {
	s := newStore(bytes.Repeat([]byte("secret"), 1000))
	one, two := archive(t, Encrypted(""), s, s.names()...), archive(t, Encrypted(""), s, s.names()...)
	if bytes.Contains(one, []byte("secret")) || bytes.Equal(one, two) {
		t.Error("the archive shows its content")
	}
	z, err := zip.NewReader(bytes.NewReader(one), int64(len(one)))
	if err != nil {
		t.Fatal(err)
	}
	f := z.File[0]
	if f.CRC32 != 0 || f.Method != aeMethod || f.UncompressedSize64 != 6000 || f.Flags&flagEncrypted == 0 {
		t.Errorf("the header says %+v", f.FileHeader)
	}
}

func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s; test/setup installs it", what)
	}
	t.Skipf("SKIPPED: %s, so nothing was compared with it; run test/setup", what)
}
