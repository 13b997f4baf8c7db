package identify

import (
	"encoding/binary"
	"io"
	"sync"
)

// input is a file that is being identified.
type input struct {
	r      io.ReaderAt
	size   int64  // bytes
	head   []byte // the first bytes, at most headBytes
	budget int    // bytes that may still be read beyond the head
	buffer *[headBytes]byte

	decoded bool  // text is set
	text    *text // nil if the file is not text; see asText
}

// heads are buffers for heads. Nothing that File returns points into one.
var heads = sync.Pool{New: func() any { return new([headBytes]byte) }}

// newInput reads the head. The caller gives it back with close.
func newInput(r io.ReaderAt, size int64) *input {
	in := &input{r: r, size: size, budget: budgetBytes, buffer: heads.Get().(*[headBytes]byte)}
	buf := in.buffer[:min(size, headBytes)]
	n, _ := r.ReadAt(buf, 0)
	in.head = buf[:max(n, 0)]
	if len(in.head) < len(buf) {
		in.size = int64(len(in.head)) // it is shorter than was said
	}
	return in
}

func (in *input) close() { heads.Put(in.buffer) }

// at returns the n bytes at off, or nil if they are not all there or the budget is spent.
func (in *input) at(off int64, n int) []byte {
	if n <= 0 || off < 0 || off > in.size || int64(n) > in.size-off {
		return nil
	}
	if off+int64(n) <= int64(len(in.head)) {
		return in.head[off : off+int64(n)]
	}
	if n > in.budget {
		return nil
	}
	in.budget -= n
	buf := make([]byte, n)
	if got, _ := in.r.ReadAt(buf, off); got < n {
		return nil
	}
	return buf
}

// tail returns the last bytes of the file that lie beyond the head, at most n.
func (in *input) tail(n int64) []byte {
	beyond := min(n, in.size-int64(len(in.head)))
	return in.at(in.size-beyond, int(beyond))
}

// has tells whether text lies at off in the head.
func (in *input) has(off int, text string) bool {
	return off >= 0 && off <= len(in.head) && len(text) <= len(in.head)-off && string(in.head[off:off+len(text)]) == text
}

// fields reads numbers out of bytes. What lies outside of them reads as 0 and sets short.
type fields struct {
	b     []byte
	order binary.ByteOrder
	short bool
}

func little(b []byte) *fields { return &fields{b: b, order: binary.LittleEndian} }
func big(b []byte) *fields    { return &fields{b: b, order: binary.BigEndian} }

func (f *fields) take(off, n int) []byte {
	if off < 0 || off > len(f.b)-n {
		f.short = true
		return nil
	}
	return f.b[off : off+n]
}

func (f *fields) u8(off int) byte {
	if b := f.take(off, 1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u16(off int) uint16 {
	if b := f.take(off, 2); b != nil {
		return f.order.Uint16(b)
	}
	return 0
}

func (f *fields) u32(off int) uint32 {
	if b := f.take(off, 4); b != nil {
		return f.order.Uint32(b)
	}
	return 0
}

func (f *fields) u64(off int) uint64 {
	if b := f.take(off, 8); b != nil {
		return f.order.Uint64(b)
	}
	return 0
}

// offset reads a 64-bit offset or size; what no file can have reads as -1.
func (f *fields) offset(off int) int64 {
	if v := f.u64(off); v < 1<<62 {
		return int64(v)
	}
	return -1
}

// signature is a format that some bytes at a fixed offset give away.
type signature struct {
	at    int
	bytes string
	is    Result
}

// signatures matches the first that fits.
func signatures(list ...signature) matcher {
	return func(in *input) (Result, bool) {
		for i := range list {
			if in.has(list[i].at, list[i].bytes) {
				return list[i].is, true
			}
		}
		return Result{}, false
	}
}
