package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lazuli/internal/digest"
)

// BenchmarkUpload sends random bytes that nobody has sent before; the answer has all hashes and the format, and the file is on disk.
func BenchmarkUpload(b *testing.B) {
	for _, c := range []struct{ clients, size, n int }{{8, 64 << 10, 3000}, {4, 20 << 20, 24}, {1, 200 << 20, 3}} {
		b.Run(fmt.Sprintf("clients=%d/KiB=%d", c.clients, c.size>>10), func(b *testing.B) {
			x := newBench(b)
			content := make([]byte, c.size)
			_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // it never fails
			x.rate(c.clients, c.n, 1, "file", func(i int) {
				unique := binary.BigEndian.AppendUint64(nil, uint64(i))
				x.upload(io.MultiReader(bytes.NewReader(unique), bytes.NewReader(content[len(unique):])), int64(c.size))
			})
			b.ReportMetric(x.megabytes(), "MB-resident")
		})
	}
}

// BenchmarkUploadCost compares the upload of 200 MiB with hashing and with writing them, one after the other on the same machine;
// "slowest" is how many times the slower of the two the upload takes.
func BenchmarkUploadCost(b *testing.B) {
	const size = 200 << 20
	x := newBench(b)
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{2})
	best := func(do func()) time.Duration {
		shortest := time.Hour
		for range 3 {
			_, _ = random.Read(content) // it never fails
			begun := time.Now()
			do()
			shortest = min(shortest, time.Since(begun))
		}
		return shortest
	}
	hashing := best(func() {
		if _, err := digest.Sum(bytes.NewReader(content)); err != nil {
			b.Error(err)
		}
	})
	writing := best(func() {
		f, err := os.Create(filepath.Join(b.TempDir(), "file"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for part := range slices.Chunk(content, 256<<10) {
			if _, err := f.Write(part); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	})
	uploading := best(func() { x.upload(bytes.NewReader(content), size) })
	b.ReportMetric(hashing.Seconds(), "s-hashing")
	b.ReportMetric(writing.Seconds(), "s-writing")
	b.ReportMetric(uploading.Seconds(), "s-uploading")
	b.ReportMetric(uploading.Seconds()/max(hashing, writing).Seconds(), "slowest")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRanges reads a mebibyte anywhere in a file of 64 from four clients.
func BenchmarkRanges(b *testing.B) {
	const size, part = 64 << 20, 1 << 20
	x := newBench(b)
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(content) // it never fails
	x.upload(bytes.NewReader(content), size)
	sum := sha256.Sum256(content)
	url := x.url + "/api/v3/stream/bench/content/" + hex.EncodeToString(sum[:])
	x.rate(4, 6000, 1, "range", func(i int) {
		req, err := http.NewRequestWithContext(x.Context(), http.MethodGet, url, nil)
		if err != nil {
			x.Error(err)
			return
		}
		off := i * 7919 % (size - part)
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+part-1))
		res, err := x.client.Do(req)
		if err != nil {
			x.Error(err)
			return
		}
		defer res.Body.Close()
		if n, err := io.Copy(io.Discard, res.Body); res.StatusCode != http.StatusPartialContent || n != part || err != nil {
			x.Errorf("%s, %d bytes, %v", res.Status, n, err)
		}
	})
}

func (x *bench) upload(content io.Reader, size int64) {
	req, err := http.NewRequestWithContext(x.Context(), http.MethodPost, x.url+"/api/v3/stream/bench/content", content)
	if err != nil {
		x.Error(err)
		return
	}
	req.ContentLength = size
	res, err := x.client.Do(req)
	if err != nil {
		x.Error(err)
		return
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		x.Errorf("%s %s", res.Status, text)
	}
}
