package blob_test

import (
	"io"
	"testing"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
	"lazuli/test/servers"
)

// BenchmarkRead reads a mebibyte in the middle of an object of 32, from one client and as many as there are cores.
func BenchmarkRead(b *testing.B) {
	content := randomBytes(32 << 20)
	server := servers.StartS3(b)
	for _, c := range []struct {
		name, location string
		opts           blob.Options
	}{
		{"folder", b.TempDir(), blob.Options{}},
		{"folder,encrypted", b.TempDir(), blob.Options{Key: cryptKey}},
		{"S3", server.Location("plain"), blob.Options{}},
		{"S3,encrypted", server.Location("sealed"), blob.Options{Key: cryptKey}},
		{"S3,encrypted,cached", server.Location("cached"), blob.Options{Key: cryptKey, CacheBytes: 64 << 20}},
	} {
		s := open(b, c.location, c.opts)
		k := blobtest.Put(b, s, content)
		read := func(b *testing.B) {
			r, err := s.Open(b.Context(), k, 7<<20, 1<<20)
			if err != nil {
				b.Error(err)
				return
			}
			defer r.Close()
			if n, err := io.Copy(io.Discard, r); err != nil || n != 1<<20 {
				b.Errorf("%d bytes, %v", n, err)
			}
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			for b.Loop() {
				read(b)
			}
		})
		b.Run(c.name+",together", func(b *testing.B) {
			b.SetBytes(1 << 20)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					read(b)
				}
			})
		})
	}
}

// BenchmarkPut keeps objects of 64 KiB and of 32 MiB that are not there yet, one at a time.
func BenchmarkPut(b *testing.B) {
	server := servers.StartS3(b)
	for _, size := range []int{64 << 10, 32 << 20} {
		content := randomBytes(size)
		for _, c := range []struct {
			name, location string
			opts           blob.Options
		}{
			{"folder", b.TempDir(), blob.Options{}},
			{"folder,encrypted", b.TempDir(), blob.Options{Key: cryptKey}},
			{"S3", server.Location("plain"), blob.Options{}},
			{"S3,encrypted", server.Location("sealed"), blob.Options{Key: cryptKey}},
		} {
			s := open(b, c.location, c.opts)
			b.Run(c.name+","+sizeName(size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for i := 0; b.Loop(); i++ {
					content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
					k := blobtest.Key([]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(size >> 16)}) // hashing is measured elsewhere
					if err := put(b.Context(), s, k, content); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func sizeName(n int) string {
	if n < 1<<20 {
		return "64KiB"
	}
	return "32MiB"
}
