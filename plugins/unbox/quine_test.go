package unbox

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

// A quine is an archive whose only file is the archive. Deflate can write programs of two operations: say(x) is a stored block that says
// x, again(n) a match that says the last n bytes once more. If each operation takes five bytes, as the head of a stored block does, the program below says all of
// itself, with any bytes in front of the operations (the archive's head) and behind them (its tail).
const unit = 5

// say is the head of a stored block (RFC 1951 3.2.4) of so many units, which follow it.
func say(units int) []byte {
	n := uint16(unit * units)
	return []byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}
}

// again is a block of fixed codes (3.2.6) that repeats the last n bytes in one match or two, and as many empty blocks as fill whole units.
func again(n int) []byte {
	for first := min(n, 114); 2*first >= n; first-- {
		for empty := range 4 {
			var w bitWriter
			w.put(0b010, 3)
			w.match(first, n)
			if first < n {
				w.match(n-first, n)
			}
			w.put(0, 7) // the end
			for range empty {
				w.put(0b010, 10)
			}
			if w.n%(8*unit) == 0 {
				return w.out
			}
		}
	}
	panic("no match has such a size")
}

// bitWriter writes the lowest bits first.
type bitWriter struct {
	out []byte
	n   int
}

func (w *bitWriter) put(v, bits int) {
	for i := range bits {
		if w.n%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[w.n/8] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}

// match writes a match of at most 114 bytes, whose codes have seven bits.
func (w *bitWriter) match(length, distance int) {
	code, base, extra := 257, 3, 0
	for length >= base+(1<<extra) {
		base += 1 << extra
		if code++; code >= 265 {
			extra = (code - 261) / 4
		}
	}
	w.code(code-256, 7)
	w.put(length-base, extra)
	code, base, extra = 0, 1, 0
	for distance >= base+(1<<extra) {
		base += 1 << extra
		if code++; code >= 4 {
			extra = code/2 - 1
		}
	}
	w.code(code, 5)
	w.put(distance-base, extra)
}

// code writes a Huffman code, which has its highest bit first.
func (w *bitWriter) code(v, bits int) {
	for i := bits - 1; i >= 0; i-- {
		w.put(v>>i, 1)
	}
}

// quineOf is the archive of a head and a tail, each of whole units.
func quineOf(head, tail []byte) []byte {
	whole := len(head)/unit + 1
	a, front := again(4*unit), again(whole*unit)
	if len(a) != unit || len(front) != unit {
		panic("a repetition takes more than a unit")
	}
	units := 1 // of the last repetition
	for len(again(len(tail)+units*unit)) != units*unit {
		units++
	}
	end := again(len(tail) + units*unit)
	l0, l1, l4, last := say(0), say(1), say(4), say(len(tail)/unit+units)
	return slices.Concat(
		head, say(whole), head, say(whole), // says the head and this operation
		front,     // says what the last one had to say; front is left to say
		l1, front, // l1 and front are
		l1, l1, // front and twice l1 are
		l4, front, l1, l1, l4, // and l4 is
		a,                // a is
		l4, a, l4, a, l4, // a and l4 are
		a,                   // this is said, and the next operation already
		l4, a, l0, l0, last, // any units: nothing is left to say
		a,      // this is said, and the next three operations
		l0, l0, // say nothing
		last, end, tail, // nothing is left to say again
		end, // this is said, and the tail
		tail)
}

// mark stands where an archive has the checksum of what is in it.
var mark = []byte("\xde\xad\xbe\xef")

func gzipQuine() []byte {
	head := []byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xffr.gz\x00")
	tail := slices.Concat(say(0), []byte("\x03\x00"), mark, make([]byte, 4)) // nothing, and an empty last block
	binary.LittleEndian.PutUint32(tail[len(tail)-4:], uint32(len(quineOf(head, tail))))
	return withItsSum(quineOf(head, tail))
}

func zipQuine() []byte {
	name := "what is in here is what it is." // of 30 bytes: there is a repetition of a unit for it
	common := slices.Concat([]byte("\x14\x00\x00\x00\x08\x00\x00\x00\x21\x58"), mark, make([]byte, 8), []byte{byte(len(name)), 0, 0, 0})
	end := make([]byte, endBytes)
	copy(end, endSignature)
	end[8], end[10], end[12] = 1, 1, byte(entryBytes+len(name))
	parts := func() (head, last, directory []byte) {
		head = slices.Concat([]byte(localSignature), common, []byte(name))
		directory = slices.Concat([]byte(entrySignature+"\x14\x00"), common, make([]byte, 14), []byte(name), end)
		return head, []byte("\x03\x00"), directory
	}
	head, last, directory := parts()
	size := len(quineOf(head, slices.Concat(last, directory)))
	packed := size - len(head) - len(directory)
	binary.LittleEndian.PutUint32(common[14:], uint32(packed))
	binary.LittleEndian.PutUint32(common[18:], uint32(size))
	binary.LittleEndian.PutUint32(end[16:], uint32(len(head)+packed))
	head, last, directory = parts()
	return withItsSum(quineOf(head, slices.Concat(last, directory)))
}

// withItsSum puts a checksum in place of every mark that is right when it is there. Each bit of it changes the checksum of the whole always in the
// same bits, so that 32 equations tell it.
func withItsSum(content []byte) []byte {
	with := func(sum uint32) []byte {
		return bytes.ReplaceAll(content, mark, binary.LittleEndian.AppendUint32(nil, sum))
	}
	zero := crc32.ChecksumIEEE(with(0))
	var rows [32]uint64 // the bits of the sum that one bit of the checksum depends on; above them what they must be together
	for bit := range 32 {
		change := crc32.ChecksumIEEE(with(1<<bit)) ^ zero ^ 1<<bit
		for row := range rows {
			rows[row] |= uint64(change>>row&1) << bit
		}
	}
	for row := range rows {
		rows[row] |= uint64(zero>>row&1) << 32
	}
	for bit := range rows {
		pivot := slices.IndexFunc(rows[bit:], func(r uint64) bool { return r>>bit&1 != 0 })
		if pivot < 0 {
			panic("there is no such checksum")
		}
		rows[bit], rows[bit+pivot] = rows[bit+pivot], rows[bit]
		for row := range rows {
			if row != bit && rows[row]>>bit&1 != 0 {
				rows[row] ^= rows[bit]
			}
		}
	}
	sum := uint32(0)
	for bit := range rows {
		sum |= uint32(rows[bit]>>32&1) << bit
	}
	return with(sum)
}

// TestQuines: the archives are what they are said to be, and end at once, with a word of it.
func TestQuines(t *testing.T) {
	for _, c := range []struct {
		name, format string
		content      []byte
		unpack       func([]byte) (io.Reader, error)
		want         string
	}{
		{"r.gz", "archive/gzip", gzipQuine(), func(b []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(b)) }, "a file that contains itself|r.gz"},
		{"r.zip", "archive/zip", zipQuine(), func(b []byte) (io.Reader, error) {
			z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				return nil, err
			}
			return z.File[0].Open()
		}, "a file that contains itself|what is in here is what it is."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.unpack(c.content)
			must(err)
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, c.content) {
				t.Fatalf("no quine: %v, %d bytes of %d", err, len(got), len(c.content))
			}
			begun := time.Now()
			var out *plugin.Outcome
			peak := plugintest.PeakMemory(func() { out = run(t, c.content, c.format) })
			if out.State != event.CompletedWithErrors || len(out.Children) > 0 || !slices.Equal(values(out, "suspicious"), []string{c.want}) {
				t.Errorf("%s %s with %d children, suspicious %q", out.State, out.Message, len(out.Children), values(out, "suspicious"))
			}
			if took := time.Since(begun); took > 2*time.Second || peak > 200<<20 {
				t.Errorf("took %s and %d MiB", took, peak>>20)
			}
		})
	}
}

// TestFileAround: what unpacks to a file that it came out of is told, too, and whatever else is in it is unpacked.
func TestFileAround(t *testing.T) {
	around := []byte("not really an archive")
	sum := fmt.Sprintf("%x", sha256.Sum256(around))
	content := zipOf(file{"a", "first"}, file{"around", string(around)}, file{"b", "last"})
	out := run(t, content, "archive/zip", plugintest.Event(func(ev *event.Binary) {
		ev.Source.Path = append(event.Path{{SHA256: sum}}, ev.Source.Path...)
	}))
	if got := contents(t, out); len(got) != 2 || got["a"] != "first" || got["b"] != "last" || !slices.Equal(values(out, "suspicious"), []string{"a file that contains itself|around"}) {
		t.Errorf("%s %s with %q, suspicious %q", out.State, out.Message, got, values(out, "suspicious"))
	}
}
