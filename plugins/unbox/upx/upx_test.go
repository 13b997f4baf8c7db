package upx

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

// unpack unpacks what is in a program.
func unpack(t *testing.T, packed []byte) ([]byte, error) {
	t.Helper()
	var program []byte
	visits := 0
	err := Walk(context.Background(), bytes.NewReader(packed), int64(len(packed)), func(e archive.Entry, r io.Reader) error {
		visits++
		var err error
		if program, err = io.ReadAll(r); err == nil && e.Size != int64(len(program)) {
			t.Errorf("%d bytes, not %d", len(program), e.Size)
		}
		return err
	})
	if visits > 1 {
		t.Errorf("%d visits", visits)
	}
	return program, err
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%d bytes, not %d; at %#x: %x, not %x", len(got), len(want), i, got[i:min(len(got), i+16)], want[i:min(len(want), i+16)])
			return
		}
	}
	t.Errorf("%d bytes, not %d", len(got), len(want))
}

func TestELF(t *testing.T) {
	for _, c := range []struct {
		order          binary.ByteOrder
		wide           bool
		format, method byte
		filter         byte
		name           string
	}{
		{binary.LittleEndian, true, 22, 8, 0x49, "linux/elf64"}, {binary.LittleEndian, true, 22, 15, 0, "linux/elf64"}, {binary.LittleEndian, false, 12, 2, 0x46, "linux/elf386"},
		{binary.LittleEndian, false, 30, 6, 0, "linux/mipsel"}, {binary.BigEndian, false, 132, 9, 0, "linux/ppc32"}, {binary.BigEndian, true, 140, 10, 0, "linux/ppc64"},
	} {
		packed, file := packELF(c.order, c.wide, c.format, c.method, c.filter)
		info, err := Detect(bytes.NewReader(packed), int64(len(packed)))
		if err != nil || info.Version != "3.96" || info.Format != c.name || info.Method != methods[c.method] || info.Level != 9 || info.Modified {
			t.Errorf("%+v, %v", info, err)
		}
		got, err := unpack(t, packed)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		same(t, got, file)
	}
}

func TestPE(t *testing.T) {
	for _, c := range []struct {
		wide                   bool
		format, method, filter byte
		name                   string
	}{
		{false, 9, 8, 0x46, "win32/pe"}, {false, 9, 5, 0x26, "win32/pe"}, {false, 9, 2, 0, "win32/pe"}, {true, 36, 8, 0x49, "win64/pe"}, {true, 36, 15, 0, "win64/pe"},
	} {
		packed, file := packPE(c.wide, c.format, c.method, c.filter)
		info, err := Detect(bytes.NewReader(packed), int64(len(packed)))
		if err != nil || info.Version != "4.01" || info.Format != c.name || info.Method != methods[c.method] || info.Modified {
			t.Errorf("%+v, %v", info, err)
		}
		got, err := unpack(t, packed)
		if err != nil {
			t.Errorf("%s, method %d: %v", c.name, c.method, err)
		}
		same(t, got, file)
	}
}

func TestLZMA(t *testing.T) {
	archivetest.Tool(t, "xz")
	packed, file := packELF(binary.LittleEndian, true, 22, 14, 0x49)
	got, err := unpack(t, packed)
	if err != nil {
		t.Error(err)
	}
	same(t, got, file)
	packed, file = packPE(true, 36, 14, 0x49)
	if got, err = unpack(t, packed); err != nil {
		t.Error(err)
	}
	same(t, got, file)
}

// TestReal unpacks programs that UPX itself packed, which no package of Debian 12 has: give a folder of them.
func TestReal(t *testing.T) {
	dir := os.Getenv("LAZULI_UPX_SAMPLES")
	if dir == "" {
		t.Skip("LAZULI_UPX_SAMPLES names no folder with packed programs")
	}
	for name, packed := range archivetest.ReadFiles(t, dir) {
		info, err := Detect(strings.NewReader(packed), int64(len(packed)))
		if errors.Is(err, archive.ErrNotThis) {
			continue
		}
		program, err := unpack(t, []byte(packed))
		t.Logf("%s: %+v: %d bytes, %v", name, info, len(program), err)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if out := os.Getenv("LAZULI_UPX_OUT"); out != "" {
			archivetest.WriteFiles(t, out, map[string]string{filepath.Base(name): string(program)})
		}
	}
}

// TestModified: UPX's signs may be removed; what is packed stays.
func TestModified(t *testing.T) {
	packed, file := packPE(false, 9, 8, 0x46)
	altered := bytes.ReplaceAll(packed, []byte(magic), []byte("ABC!"))
	altered = bytes.ReplaceAll(altered, []byte("UPX0"), []byte("text"))
	info, err := Detect(bytes.NewReader(altered), int64(len(altered)))
	if err != nil || !info.Modified || info.Method != "NRV2E_LE32" {
		t.Errorf("%+v, %v", info, err)
	}
	got, err := unpack(t, altered)
	if err != nil {
		t.Error(err)
	}
	same(t, got, file)

	at := bytes.Index(packed, []byte(magic))
	clear(packed[at : at+headerSize])
	info, err = Detect(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || !info.Modified {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := unpack(t, packed); !errors.Is(err, archive.ErrDamaged) {
		t.Error(err)
	}
	elf, _ := packELF(binary.LittleEndian, true, 22, 8, 0)
	info, err = Detect(bytes.NewReader(elf[:len(elf)-40]), int64(len(elf)-40))
	if err != nil || !info.Modified || info.loader == 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestUnsupported: what is recognised and not unpacked is named.
func TestUnsupported(t *testing.T) {
	macho := le.AppendUint32(nil, 0xfeedfacf)
	macho = append(macho, make([]byte, 100)...)
	macho = append(macho, "\x00\x00\x00\x00UPX!\x00\x00\x0d\x22aaaabbbbcccc"...)
	macho = append(macho, "$Id: UPX 3.94 Copyright"...)
	macho = append(macho, rawHeader(34, 14, nil, nil, 0, 0)...)
	_, err := unpack(t, macho)
	if !errors.Is(err, ErrUnsupported) || err.Error() != "macho/amd64, UPX 3.94, method LZMA: cannot be unpacked" {
		t.Error(err)
	}
	com := append([]byte("\xbe\x00\x01"), rawHeader(1, 2, nil, nil, 0, 0)...)
	if _, err := unpack(t, com); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	zstd, _ := packELF(binary.LittleEndian, true, 22, 8, 0)
	at := bytes.Index(zstd, []byte{8, 0, mark, 0})
	zstd[at] = 16
	if _, err := unpack(t, zstd); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestNotPacked(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("MZ"), archivetest.MustReadFile(t, "/bin/sh"), []byte("UPX! is in this text, which is long enough to have a header in it.")} {
		if _, err := unpack(t, data); !errors.Is(err, archive.ErrNotThis) {
			t.Errorf("%.10q: %v", data, err)
		}
	}
}

func TestDamage(t *testing.T) {
	pe, _ := packPE(false, 9, 8, 0x46)
	pe64, _ := packPE(true, 36, 2, 0x49)
	elf, file := packELF(binary.LittleEndian, true, 22, 8, 0x49)
	for _, whole := range [][]byte{pe, pe64, elf} {
		for i := range 100 {
			archivetest.Check(t, Walk, whole[:len(whole)*i/100])
		}
		bad := bytes.Clone(whole)
		bad[len(bad)/2] ^= 0x10
		if _, err := unpack(t, bad); err == nil {
			t.Error("what is damaged is not")
		}
	}
	got, err := unpack(t, elf[:len(elf)/2])
	if !errors.Is(err, archive.ErrDamaged) || len(got) < 18_000 || !bytes.HasPrefix(file, got[:18_000]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func FuzzWalk(f *testing.F) {
	pe, _ := packPE(false, 9, 15, 0)
	f.Add(pe)
	elf, _ := packELF(binary.BigEndian, false, 132, 9, 0)
	f.Add(elf)
	f.Fuzz(func(t *testing.T, data []byte) {
		if errors.Is(Walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(archive.Entry, io.Reader) error { return nil }), ErrUnsupported) {
			return
		}
		archivetest.Check(t, Walk, data)
	})
}

// FuzzPE changes what the unpacker goes by, which compression hides from other fuzzing.
func FuzzPE(f *testing.F) {
	packed, _ := packPE(false, 9, 2, 0x46)
	info, _ := Detect(bytes.NewReader(packed), int64(len(packed)))
	at := info.header.at + headerSize
	memory, _ := decompress(2, packed[at:at+info.header.packed], info.header.unpacked)
	f.Add(memory, packed[len(packed)-0x609:], byte(0x46))
	f.Fuzz(func(t *testing.T, memory, kept []byte, filter byte) {
		b := &rebuilder{u: &unpacker{ctx: context.Background(), r: bytes.NewReader(packed), size: int64(len(packed)), info: &Info{header: &header{filter: filter}}}}
		if b.prepare(bytes.Clone(memory)) != nil {
			return
		}
		b.kept.p = kept
		_ = b.rebuild()
		_ = b.file()
	})
}
