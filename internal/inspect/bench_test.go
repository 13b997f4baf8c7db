package inspect

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// benchContents are what files are made of.
func benchContents(b *testing.B) map[string][]byte {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		b.Fatal(err)
	}
	random := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(random)
	wide := bytes.ReplaceAll([]byte(strings.Repeat("wide strings of Windows\n", 1<<18)), nil, []byte{0})
	return map[string][]byte{
		"program": program[:min(len(program), 8<<20)],
		"random":  random,
		"zeros":   make([]byte, 8<<20),
		"text":    []byte(strings.Repeat("GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n", 1<<18)[:8<<20]),
		"wide":    wide[:8<<20],
	}
}

// BenchmarkStrings looks for what is not there, so that it is the search that is measured and not the making of results.
func BenchmarkStrings(b *testing.B) {
	for name, content := range benchContents(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			src := ReaderAt(bytes.NewReader(content), int64(len(content)))
			for b.Loop() {
				if _, err := FindStrings(b.Context(), src, StringsQuery{MaxBytes: 1 << 40, Filter: "\x00"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFindBytes looks for what is not there: by its first byte, with a first byte that is everywhere, with a wildcard
// first, and with more than one word of bits.
func BenchmarkFindBytes(b *testing.B) {
	contents := benchContents(b)
	for _, tc := range []struct{ name, content, pattern string }{
		{"program", "program", "4d 5a ?? 00 ff fe fd"},
		{"hostile", "zeros", "00 00 00 ?? 00 00 01"},
		{"wildcard", "random", "?? 01 02 03 04"},
		{"long", "zeros", strings.Repeat("00", 200) + "01"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			content := contents[tc.content]
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := FindBytes(b.Context(), source(content), BytesQuery{Pattern: tc.pattern}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
