package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// benchContent is 256 MiB of zeros, noise, text and repetition.
var benchContent = sync.OnceValue(func() []byte {
	content := make([]byte, 256<<20)
	for rest, m := content, newMixed(1); len(rest) > 0; {
		n, _ := m.Read(rest)
		rest = rest[n:]
	}
	return content
})

// BenchmarkHash is each hash on its own, and all of them on one core.
func BenchmarkHash(b *testing.B) {
	for _, c := range []struct {
		name string
		make func() io.Writer
	}{
		{"md5", func() io.Writer { return md5.New() }},
		{"sha1", func() io.Writer { return sha1.New() }},
		{"sha256", func() io.Writer { return sha256.New() }},
		{"sha512", func() io.Writer { return sha512.New() }},
		{"ssdeep", func() io.Writer { return &ssdeep{} }},
		{"tlsh", func() io.Writer { return &tlsh{} }},
		{"all", func() io.Writer { return New() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			benchWriter(b, c.make, len(benchContent()))
		})
	}
}

// BenchmarkHasher is all hashes together on all cores, for files of two sizes.
func BenchmarkHasher(b *testing.B) {
	for name, size := range map[string]int{"64KiB": 64 << 10, "256MiB": 256 << 20} {
		b.Run(name, func(b *testing.B) { benchWriter(b, func() io.Writer { return New() }, size) })
	}
}

// benchWriter writes size bytes to a new writer, through a buffer as an upload does it.
func benchWriter(b *testing.B, make func() io.Writer, size int) {
	content := benchContent()[:size]
	b.SetBytes(int64(size))
	b.ReportAllocs()
	before := cpuTime(b, syscall.RUSAGE_SELF)
	for b.Loop() {
		w := make()
		for rest := content; len(rest) > 0; {
			n, _ := w.Write(rest[:min(len(rest), 256<<10)])
			rest = rest[n:]
		}
		if h, ok := w.(*Hasher); ok {
			h.Sum()
		}
	}
	reportCPU(b, int64(size), cpuTime(b, syscall.RUSAGE_SELF)-before)
}

// BenchmarkCompare is one comparison of two hashes that are alike.
func BenchmarkCompare(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		hash    func([]byte) string
		compare func(a, b string) (int, error)
	}{
		"ssdeep": {func(p []byte) string { var s ssdeep; s.Write(p); return s.String() }, CompareSSDeep},
		"tlsh":   {func(p []byte) string { var h tlsh; h.Write(p); return h.String() }, CompareTLSH},
	} {
		b.Run(name, func(b *testing.B) {
			hashes := relatives(random, 64<<10, c.hash)
			for i := 0; b.Loop(); i++ {
				if _, err := c.compare(hashes[i%2], hashes[1]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDebian is what Debian's tools, where they are installed, make of the same bytes.
func BenchmarkDebian(b *testing.B) {
	path := filepath.Join(b.TempDir(), "content")
	if err := os.WriteFile(path, benchContent(), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, tool := range [][]string{{"ssdeep", path}, {"tlsh", "-f", path}} { // the latter of the package tlsh-tools
		b.Run(tool[0], func(b *testing.B) {
			if _, err := exec.LookPath(tool[0]); err != nil {
				b.Skip(err)
			}
			b.SetBytes(int64(len(benchContent())))
			before := cpuTime(b, syscall.RUSAGE_CHILDREN)
			for b.Loop() {
				if err := exec.CommandContext(b.Context(), tool[0], tool[1:]...).Run(); err != nil {
					b.Fatal(err)
				}
			}
			reportCPU(b, int64(len(benchContent())), cpuTime(b, syscall.RUSAGE_CHILDREN)-before)
		})
	}
}

// reportCPU tells the speed by processor time too: on a busy machine it says more than the time that passed.
func reportCPU(b *testing.B, size int64, took time.Duration) {
	b.ReportMetric(float64(size)*float64(b.N)/1e6/took.Seconds(), "MB/cpu-s")
}

func cpuTime(b *testing.B, who int) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
