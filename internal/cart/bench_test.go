package cart

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random) // it never fails
	fill := func(with string) []byte { return bytes.Repeat([]byte(with), benchBytes/len(with)+1)[:benchBytes] }
	return map[string][]byte{"random": random, "program": fill(string(program)), "text": fill("GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n")}
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

// BenchmarkWrap wraps into nothing and into a file, which takes a system call for each write.
func BenchmarkWrap(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "wrapped"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	contents := benchContents(b)
	for _, name := range []string{"random", "program", "text"} {
		for _, to := range []struct {
			name string
			w    io.Writer
		}{{"memory", io.Discard}, {"file", file}} {
			b.Run(name+"/"+to.name, func(b *testing.B) {
				b.SetBytes(benchBytes)
				b.ReportAllocs()
				defer perProcessor(b)()
				for b.Loop() {
					if _, err := file.Seek(0, io.SeekStart); err != nil {
						b.Fatal(err)
					}
					if err := Wrap(to.w, bytes.NewReader(contents[name]), Key{}, Metadata{"name": name}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkUnwrap(b *testing.B) {
	contents := benchContents(b)
	for _, name := range []string{"random", "program", "text"} {
		packed := wrap(b, contents[name], Key{}, nil)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchBytes)
			defer perProcessor(b)()
			for b.Loop() {
				c, err := Open(bytes.NewReader(packed), Key{}, limit)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
