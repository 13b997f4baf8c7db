package branch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/lzma"
)

// kinds are the filters as xz calls them, with words that look like the instructions they are after.
var kinds = map[string]struct {
	kind  Kind
	words []string
}{
	"x86":      {X86, []string{"\xe8", "\xe9", "\xe8\x00", "\xff", "\x00", "\xe8\x10\x00\x00\x00", "\xe9\xf0\xff\xff\xff"}},
	"powerpc":  {PowerPC, []string{"\x48\x00\x01\x01", "\x4b\xff\xff\x01", "\x60\x00\x00\x00"}},
	"ia64":     {IA64, []string{"\x10\x00\x00\x00\x01\x00\x00\x00\x00\x02\x00\x00\x10\x00\x00\x50", "\x16\x00\x00\x00\x01\x50\x00\x00\x00\x02\x00\x00\x10\x00\x00\x50"}},
	"arm":      {ARM, []string{"\x01\x02\x00\xeb", "\xff\xff\xff\xeb", "\x00\x00\xa0\xe1"}},
	"armthumb": {ARMThumb, []string{"\x00\xf0\x01\xf8", "\xff\xf7\xff\xff", "\xc0\x46"}},
	"sparc":    {SPARC, []string{"\x40\x00\x01\x02", "\x7f\xff\xff\xff", "\x01\x00\x00\x00"}},
	"arm64":    {ARM64, []string{"\x01\x02\x00\x94", "\xff\xff\xff\x97", "\x00\x00\x00\x90", "\x01\x10\x00\xf0", "\x1f\x20\x03\xd5"}},
}

// code is noise in which such words are frequent.
func code(words []string) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < 300_000 {
		b.WriteString(words[r.IntN(len(words))])
		for range 4 * r.IntN(2) {
			b.WriteByte(byte(r.Uint32()))
		}
	}
	return []byte(b.String())
}

// packed compresses with xz, without any container.
func packed(t *testing.T, content []byte, filters ...string) io.Reader {
	raw := plugintest.Output(t, "", content, plugintest.Tool(t, "xz"), append(append([]string{"-cz", "--format=raw"}, filters...), "--lzma2=preset=0")...)
	return lzma.NewReader2(bufio.NewReader(bytes.NewReader(raw)), 8<<20, 8<<20)
}

func TestAgainstXZ(t *testing.T) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program = program[:min(len(program), 4<<20)]
	for name, k := range kinds {
		for _, content := range [][]byte{nil, {0xe8}, []byte("\xe8\x00\x00\x00"), code(k.words), program} {
			for _, start := range []uint32{0, 1 << 20} {
				r := New(k.kind, packed(t, content, fmt.Sprintf("--%s=start=%d", name, start)), start)
				got, err := io.ReadAll(iotest.HalfReader(r))
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s from %d: %d bytes of %d, %v", name, start, len(got), len(content), err)
				}
			}
		}
	}
	for _, distance := range []int{1, 2, 4, 256} {
		content := code(kinds["x86"].words)
		got, err := io.ReadAll(iotest.HalfReader(NewDelta(packed(t, content, fmt.Sprintf("--delta=dist=%d", distance)), distance)))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("delta %d: %d bytes of %d, %v", distance, len(got), len(content), err)
		}
	}
}

// TestSmallReads: it does not matter in which pieces a stream comes.
func TestSmallReads(t *testing.T) {
	for name, k := range kinds {
		content := code(k.words)
		whole, err := io.ReadAll(New(k.kind, bytes.NewReader(content), 0))
		if err != nil {
			t.Fatal(err)
		}
		for what, r := range map[string]io.Reader{"byte by byte": iotest.OneByteReader(bytes.NewReader(content)), "with its end": iotest.DataErrReader(bytes.NewReader(content))} {
			if got, err := io.ReadAll(New(k.kind, r, 0)); err != nil || !bytes.Equal(got, whole) {
				t.Errorf("%s, %s: %d bytes of %d, %v", name, what, len(got), len(whole), err)
			}
		}
	}
	broken := errors.New("broken")
	if got, err := io.ReadAll(New(X86, io.MultiReader(strings.NewReader("\xe8\x01"), iotest.ErrReader(broken)), 0)); err != broken || string(got) != "\xe8\x01" {
		t.Errorf("a stream that breaks off: %q, %v", got, err)
	}
}

// TestInno: addresses become distances, but across the end of a block and of the stream; what makes them is in package inno's tests.
func TestInno(t *testing.T) {
	const far = "\xe8\x00\x00\x90\x00" // of a distance with the highest bit of three bytes
	across := strings.Repeat("x", 1<<16-3) + "\xe8\x05\x00\x00\x00"
	for _, c := range []struct {
		in, want string
		signed   bool
	}{
		{"\xe8\x15\x00\x00\x00.\xe9\x0b\x00\x00\xff", "\xe8\x10\x00\x00\x00.\xe9\x00\x00\x00\xff", true},
		{"\xe8\x15\x00\x00\x01\xe8\x00\x00", "\xe8\x15\x00\x00\x01\xe8\x00\x00", true},
		{far, "\xe8\xfb\xff\x8f\xff", true}, {far, "\xe8\xfb\xff\x8f\x00", false}, {across, across, true},
	} {
		got, err := io.ReadAll(NewInno(iotest.OneByteReader(strings.NewReader(c.in)), c.signed))
		if err != nil || string(got) != c.want {
			t.Errorf("%.20q: %.20q, %v", c.in, got, err)
		}
	}
}

func TestInnoOld(t *testing.T) {
	const in, want = ".\xe8\x16\x00\x00\x01\xe9\x00\x00\x00\x00\xe8\xff\x00", ".\xe8\x10\x00\x00\x01\xe9\xf5\xff\xff\xff\xe8\xef\x00"
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
		if got, err := io.ReadAll(NewInnoOld(r)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzBCJ2(f *testing.F) {
	f.Add([]byte("\xe8code\xe9"), []byte("\x00\x00\x00\x01"), []byte("\x00\x00\x00\x01"), []byte("\x00\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, rest, calls, jumps, bits []byte) {
		n, _ := io.Copy(io.Discard, NewBCJ2(bytes.NewReader(rest), bytes.NewReader(calls), bytes.NewReader(jumps), bytes.NewReader(bits)))
		if n > int64(len(rest)+len(calls)+len(jumps)) {
			t.Errorf("%d bytes", n)
		}
	})
}
