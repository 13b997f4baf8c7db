package inspect

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAgreesWithBinutils: what strings(1) of GNU binutils finds in programs of this machine, in ASCII and in UTF-16 of both
// byte orders, is within a string that we find; and those of ours that are ASCII are theirs.
func TestAgreesWithBinutils(t *testing.T) {
	program, err := exec.LookPath("strings")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("strings(1) is not installed: test/setup installs it")
		}
		t.Skip("SKIPPED: strings(1) is not installed, nothing was compared; install binutils, or run test/setup")
	}
	const length, maxBytes = 8, 2 << 20
	for _, path := range somePrograms(t, 40, maxBytes) {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		q := StringsQuery{MinLength: length, MaxLength: MostMaxLength, MaxBytes: maxBytes, Take: MostTake, TimeLimit: 1 << 40}
		found, err := FindStrings(t.Context(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		theirs := map[int64]string{}
		for _, way := range []string{"s", "l", "b"} {
			for off, text := range askStrings(t, program, path, way, length) {
				theirs[off] = text
				// A byte of two strings is in the first of ours, and theirs do not know of UTF-16 when they look for ASCII.
				if s := covering(found.Strings, off+4); !strings.Contains(s.Text, text[2:len(text)-2]) && !isInWide(s) {
					t.Errorf("%s: they find %q at %d, we %q at %d", path, text, off, s.Text, s.Offset)
				}
			}
		}
		for _, s := range found.Strings {
			// Its first byte may be the last one of a string in UTF-16 that is before it.
			if s.Coding == UTF8 && isASCII(s.Text) && theirs[s.Offset] != s.Text && !strings.HasSuffix(theirs[s.Offset-1], s.Text) {
				t.Errorf("%s: we find %q at %d, they %q", path, s.Text, s.Offset, theirs[s.Offset])
			}
		}
	}
}

func askStrings(t *testing.T, program, path, coding string, length int) map[int64]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "--all", "--radix=d", "--encoding="+coding, "--bytes="+strconv.Itoa(length), path).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[int64]string{}
	for line := range strings.Lines(string(out)) {
		number, text, _ := strings.Cut(strings.TrimLeft(strings.TrimSuffix(line, "\n"), " "), " ")
		off, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatalf("strings(1) says %q", line)
		}
		found[off] = text
	}
	return found
}

// covering returns the string that covers an offset.
func covering(all []String, off int64) String {
	for _, s := range all {
		if s.Offset <= off && off < s.Offset+s.Length {
			return s
		}
	}
	return String{}
}

func isInWide(s String) bool { return s.Coding == UTF16LE || s.Coding == UTF16BE }

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }

// somePrograms are up to n files of at most maxBytes.
func somePrograms(t *testing.T, n int, maxBytes int64) (paths []string) {
	t.Helper()
	for _, folder := range []string{"/usr/bin", "/usr/lib"} {
		_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || len(paths) == n {
				return nil
			}
			if info, err := d.Info(); err == nil && info.Size() > 50_000 && info.Size() <= maxBytes {
				paths = append(paths, path)
			}
			return nil
		})
	}
	if len(paths) == 0 {
		t.Skip("SKIPPED: no programs to compare")
	}
	return paths
}

// readAnswers parses answers with the models of Azul's clients, and prints what they see.
const readAnswers = `
import json, sys
from azul_bedrock.models_restapi.binaries_data import BinaryHexView, BinaryStrings, CommonBinaryStrings
models = {"hex": BinaryHexView, "strings": BinaryStrings, "common": CommonBinaryStrings}
for line in sys.stdin:
    kind, _, text = line.partition(" ")
    print(models[kind].model_validate_json(text, strict=True).model_dump_json())
`

// TestAzulReadsAnswers: the client's models, strictly, read our JSON and lose nothing of it.
func TestAzulReadsAnswers(t *testing.T) {
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err == nil {
		err = exec.Command(python, "-c", "import azul_bedrock").Run()
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("azul-bedrock is missing (%v); test/setup installs it", err)
		}
		t.Skipf("SKIPPED: azul-bedrock is missing (%v), so nothing was read with it; run test/setup", err)
	}
	src := source(append([]byte("some text\x00"), wideText(UTF16LE, "wide")...))
	var in strings.Builder
	var want []string
	add := func(kind string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		in.WriteString(kind + " " + string(text) + "\n")
		want = append(want, string(text))
	}
	long, err := Hex(t.Context(), src, 0, 17)
	add("hex", long, err)
	short, err := HexShort(t.Context(), src, 3, 0)
	add("hex", short, err)
	found, err := FindStrings(t.Context(), src, StringsQuery{})
	add("strings", found, err)
	found, err = FindBytes(t.Context(), src, BytesQuery{Pattern: "00 ??", Take: 1})
	add("strings", found, err)
	both, err := CommonStrings(t.Context(), []Source{src, src}, CommonQuery{})
	add("common", both, err)

	cmd := exec.CommandContext(t.Context(), python, "-c", readAnswers)
	cmd.Stdin, cmd.Stderr = strings.NewReader(in.String()), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(got, want) {
		t.Errorf("they read\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
