package nrv_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/nrv"
	"lazuli/plugins/unbox/nrv/nrvtest"
)

// sample is data with matches near and far, and stretches that do not compress.
func sample(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	data := []byte("begins")
	for len(data) < n {
		switch rng.IntN(4) {
		case 0:
			for range rng.IntN(200) {
				data = append(data, byte(rng.Uint32()))
			}
		case 1:
			data = append(data, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(6000))...)
		default:
			from := rng.IntN(len(data))
			data = append(data, data[from:min(len(data), from+rng.IntN(400))]...)
		}
	}
	return data[:n]
}

var (
	methods = []nrv.Method{nrv.B, nrv.D, nrv.E}
	words   = []nrv.Bits{nrv.Bits8, nrv.Bits16, nrv.Bits32}
)

func TestDecompress(t *testing.T) {
	for _, method := range methods {
		for _, word := range words {
			for seed := range uint64(8) {
				data := sample(int(seed*seed*seed)*400, seed)
				got, err := nrv.Decompress(nrvtest.Encode(data, method, word, seed), len(data), method, word)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("method %d, %d bits, seed %d: %d of %d bytes, %v", method, word, seed, len(got), len(data), err)
				}
			}
		}
	}
}

// compressor is a program around the UCL library: it compresses what it reads, by method and bits of a word.
const compressor = `#include <stdio.h>
#include <stdlib.h>
#include <ucl/ucl.h>
int main(int argc, char **argv) {
	static unsigned char in[1 << 20], out[2 << 20];
	ucl_uint n = fread(in, 1, sizeof in, stdin), m = sizeof out;
	struct ucl_compress_config_t conf;
	int method = atoi(argv[1]), r;
	if (ucl_init() != UCL_E_OK) return 2;
	for (unsigned i = 0; i < sizeof conf; i++) ((unsigned char *)&conf)[i] = 255;
	conf.bb_endian = 0;
	conf.bb_size = atoi(argv[2]);
	r = method == 0 ? ucl_nrv2b_99_compress(in, n, out, &m, 0, 7, &conf, 0)
		: method == 1 ? ucl_nrv2d_99_compress(in, n, out, &m, 0, 7, &conf, 0)
		: ucl_nrv2e_99_compress(in, n, out, &m, 0, 7, &conf, 0);
	if (r != UCL_E_OK) return 3;
	fwrite(out, 1, m, stdout);
	return 0;
}
`

// TestUCL: what the UCL library compresses is decompressed.
func TestUCL(t *testing.T) {
	archivetest.Tool(t, "c++")
	if _, err := os.Stat("/usr/include/ucl/ucl.h"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the UCL library is missing: test/setup installs it on Debian")
		}
		t.Skip("SKIPPED: the UCL library is missing, nothing was compared; run test/setup on a Debian")
	}
	dir := t.TempDir()
	archivetest.WriteFiles(t, dir, map[string]string{"compress.c": compressor})
	archivetest.Run(t, dir, "c++", "-x", "c", "-o", "compress", "compress.c", "-lucl")
	for _, method := range methods {
		for _, word := range words {
			for i, data := range [][]byte{sample(70_000, 2), archivetest.MustReadFile(t, "/bin/sh"), []byte("x")} {
				cmd := exec.Command(filepath.Join(dir, "compress"), strconv.Itoa(int(method)), strconv.Itoa(int(word)))
				cmd.Stdin = bytes.NewReader(data)
				packed, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				got, err := nrv.Decompress(packed, len(data), method, word)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("method %d, %d bits, %d: %d of %d bytes, %v", method, word, i, len(got), len(data), err)
				}
			}
		}
	}
}

func TestDamage(t *testing.T) {
	data := sample(20_000, 3)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, method := range methods {
		whole := nrvtest.Encode(data, method, nrv.Bits32, 3)
		for range 300 {
			packed := bytes.Clone(whole)
			packed[rng.IntN(len(packed))] ^= 1 << rng.IntN(8)
			if got, _ := nrv.Decompress(packed, len(data), method, nrv.Bits32); len(got) > len(data) {
				t.Fatalf("%d bytes", len(got))
			}
		}
		for n := 0; n < len(whole)-8; n += 1 + len(whole)/200 {
			got, err := nrv.Decompress(whole[:n], len(data), method, nrv.Bits32)
			if !errors.Is(err, archive.ErrDamaged) || !bytes.HasPrefix(data, got) {
				t.Fatalf("%d of %d bytes: %d, %v", n, len(whole), len(got), err)
			}
		}
		if _, err := nrv.Decompress(whole, len(data)-1, method, nrv.Bits32); !errors.Is(err, archive.ErrDamaged) {
			t.Error(err)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	for i, method := range methods {
		f.Add(nrvtest.Encode(sample(3000, 2), method, nrv.Bits8, 2), i)
	}
	f.Fuzz(func(t *testing.T, packed []byte, how int) {
		method, word := methods[uint(how)%3], words[uint(how)/3%3]
		if got, err := nrv.Decompress(packed, 10_000, method, word); len(got) > 10_000 || err == nil && len(got) != 10_000 {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
