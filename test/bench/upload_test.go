package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
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
