package inspect

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const benchBytes = 64 << 20

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
	random := make([]byte, benchBytes)
	rand.NewChaCha8([32]byte{1}).Read(random)
	fill := func(text string) []byte { return bytes.Repeat([]byte(text), benchBytes/len(text)+1)[:benchBytes] }
	return map[string][]byte{
		"program": fill(string(program)),
		"random":  random,
		"zeros":   make([]byte, benchBytes),
		"text":    fill("GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n"),
		"wide":    fill(string(wideText(UTF16LE, "wide strings of Windows\n"))),
	}
}

// perProcessor reports MB for each second of processor time, which other work on the machine changes less.
func perProcessor(b *testing.B) func() {
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	before := used()
	return func() { b.ReportMetric(float64(b.N)*benchBytes/1e6/(used()-before), "MB/cpu-s") }
}

// BenchmarkStrings looks for what is not there, so that it is the search that is measured and not the making of results.
func BenchmarkStrings(b *testing.B) {
	for name, content := range benchContents(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			src := ReaderAt(bytes.NewReader(content), int64(len(content)))
			defer perProcessor(b)()
			for b.Loop() {
				if _, err := FindStrings(b.Context(), src, StringsQuery{MaxBytes: 1 << 40, Filter: "\x00", TimeLimit: time.Hour}); err != nil {
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
			defer perProcessor(b)()
			for b.Loop() {
				if _, err := FindBytes(b.Context(), source(content), BytesQuery{Pattern: tc.pattern, TimeLimit: time.Hour}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
