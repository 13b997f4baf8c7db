package pkzip

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lazuli/plugin/plugintest"
)

// packer is a method with one of its settings.
type packer struct {
	name   string
	method uint16
	flags  uint16
	pack   func([]byte) []byte
	open   func(in *bufio.Reader, size int64) io.Reader
}

func packers() []packer {
	list := []packer{{"Shrink", 1, 0, makeShrink, NewShrink}}
	for factor := uint(1); factor <= 4; factor++ {
		list = append(list, packer{fmt.Sprint("Reduce", factor), uint16(factor + 1), 0,
			func(content []byte) []byte { return makeReduce(content, factor) },
			func(in *bufio.Reader, size int64) io.Reader { return NewReduce(in, factor, size) }})
	}
	for _, flags := range []uint16{0, implodeLarge, implodeLiterals, implodeLarge | implodeLiterals} {
		list = append(list, packer{fmt.Sprint("Implode", flags), 6, flags,
			func(content []byte) []byte {
				return makeImplode(content, flags, rand.New(rand.NewPCG(3, uint64(flags))))
			},
			func(in *bufio.Reader, size int64) io.Reader { return NewImplode(in, flags, size) }})
	}
	return list
}

func (p packer) unpack(packed []byte, size int) ([]byte, error) {
	return io.ReadAll(p.open(bufio.NewReader(bytes.NewReader(packed)), int64(size)))
}

func TestRoundTrip(t *testing.T) {
	for _, p := range packers() {
		for name, content := range contents() {
			packed := p.pack(content)
			got, err := p.unpack(append(packed, "behind"...), len(content))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s, %s: %d bytes of %d, %v", p.name, name, len(got), len(content), err)
			}
			for cut := 0; cut < len(packed); cut += 1 + len(packed)/10 {
				got, err := p.unpack(packed[:cut], len(content))
				if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(content, got) {
					t.Fatalf("%s, %s, cut at %d: %d bytes, %v", p.name, name, cut, len(got), err)
				}
			}
		}
	}
}

// TestAgainstTools: other programs unpack what the packers here make, so it is what they say.
func TestAgainstTools(t *testing.T) {
	for _, p := range packers() {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for name, content := range contents() {
			packed := p.pack(content)
			e, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: p.method, Flags: p.flags, CRC32: crc32.ChecksumIEEE(content), Modified: time.Unix(1e9, 0),
				CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(content))})
			if err == nil {
				_, err = e.Write(packed)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if p.method >= 2 && p.method <= 5 {
			continue // Debian has no program that knows Reduce
		}
		for _, tool := range [][]string{{"unzip", "-q"}, {"7zz", "x"}} {
			t.Run(p.name+" "+tool[0], func(t *testing.T) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "x.zip"), buf.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				plugintest.Output(t, dir, nil, plugintest.Tool(t, tool[0]), append(tool[1:], "x.zip")...)
				for name, content := range contents() {
					if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(content), err)
					}
				}
			})
		}
	}
}

func Fuzz(f *testing.F) {
	for i, p := range packers() {
		f.Add(uint8(i), p.pack([]byte("some text, and some text again, \x90\x90\x90 and some text")))
	}
	all := packers()
	f.Fuzz(func(t *testing.T, i uint8, packed []byte) {
		const size = 1 << 18
		if n, _ := io.Copy(io.Discard, all[int(i)%len(all)].open(bufio.NewReader(bytes.NewReader(packed)), size)); n > size {
			t.Errorf("%d bytes", n)
		}
	})
}
