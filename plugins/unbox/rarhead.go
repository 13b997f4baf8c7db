package unbox

import (
	"bytes"
	"encoding/binary"
	"io"

	"lazuli/plugins/unbox/oldrar"
)

// rarHead is what the library that unpacks RAR does not tell of an archive.
type rarHead struct {
	volume  bool  // it is one of several
	solid   bool  // files are packed together
	methods []int // of the files that begin in it, 0x30 for stored to 0x35 for best
	rounds  int   // that derive a key, as a power of two: the most of any header; RAR 5 alone says so

	at      int64  // where its signature is
	old     bool   // it has files that the library cannot read, but oldrar can
	oldKeys []bool // of the files that begin in it: encrypted as RAR 1.5 and 2 did it
}

const (
	rar4Magic = "Rar!\x1a\x07\x00"
	rar5Magic = "Rar!\x1a\x07\x01\x00"

	rarStub   = 1 << 20 // bytes that may lie in front of an archive
	rarBlock  = 2 << 20 // bytes of the largest block header (RAR 5.0 archive format, "General archive block format")
	rarHeads  = 100_000 // that are read
	rarStored = 0x30
)

// scanRAR reads the headers of an archive, up to the first one that makes no sense or is encrypted.
func scanRAR(r io.ReaderAt, size int64) (h rarHead) {
	stub := make([]byte, min(size, rarStub))
	n, _ := r.ReadAt(stub, 0) // what cannot be read is told by the library
	at := bytes.Index(stub[:n], []byte(rar4Magic[:6]))
	if at < 0 || n-at < len(rar5Magic) {
		return h
	}
	h.at = int64(at)
	if string(stub[at:at+len(rar5Magic)]) == rar5Magic {
		h.scan5(r, int64(at+len(rar5Magic)), size)
	} else if string(stub[at:at+len(rar4Magic)]) == rar4Magic {
		h.scan4(r, int64(at+len(rar4Magic)), size)
	}
	return h
}

// Blocks of RAR 1.5 to 4 (technote.txt of RAR 4).
const (
	rar4Archive = 0x73
	rar4File    = 0x74

	rar4Volume    = 0x0001 // of the archive
	rar4Solid     = 0x0008
	rar4Encrypted = 0x0080
	rar4Continues = 0x0001 // of a file: it began in another volume
	rar4Large     = 0x0100
	rar4Data      = 0x8000 // of any block: something follows it
)

func (h *rarHead) scan4(r io.ReaderAt, at, size int64) {
	for range rarHeads {
		var b [40]byte
		if n, _ := r.ReadAt(b[:], at); n < 7 || at >= size {
			return
		}
		kind, flags, length := b[2], binary.LittleEndian.Uint16(b[3:]), int64(binary.LittleEndian.Uint16(b[5:]))
		if length < 7 {
			return
		}
		switch kind {
		case rar4Archive:
			h.volume = flags&rar4Volume != 0
			h.solid = flags&rar4Solid != 0
			if flags&rar4Encrypted != 0 {
				return
			}
		case rar4File:
			if flags&rar4Continues == 0 {
				h.methods = append(h.methods, int(b[25]))
				h.oldKeys = append(h.oldKeys, oldrar.Encrypted(b[:]))
				h.old = h.old || oldrar.Encrypted(b[:]) || oldrar.Compressed(b[:])
			}
		}
		at += length
		if flags&rar4Data != 0 {
			at += int64(binary.LittleEndian.Uint32(b[7:]))
			if kind == rar4File && flags&rar4Large != 0 {
				at += int64(binary.LittleEndian.Uint32(b[32:])) << 32
			}
		}
		if at < 0 {
			return
		}
	}
}

// Blocks of RAR 5 (RAR 5.0 archive format).
const (
	rar5Archive   = 1
	rar5File      = 2
	rar5Encrypted = 4
	rar5End       = 5

	rar5Extra     = 1 // of any block
	rar5Data      = 2
	rar5Continues = 8
	rar5Volume    = 1 // of the archive
	rar5Solid     = 4
	rar5Time      = 2 // of a file
	rar5Sum       = 4
)

func (h *rarHead) scan5(r io.ReaderAt, at, size int64) {
	for range rarHeads {
		var start [14]byte
		n, _ := r.ReadAt(start[:], at)
		f := rarFields{b: start[:n]}
		f.skip(4) // checksum
		length := f.number()
		if f.failed || length > rarBlock || at >= size {
			return
		}
		at += int64(n - len(f.b))
		header := make([]byte, length)
		if _, err := r.ReadAt(header, at); err != nil && err != io.EOF {
			return
		}
		data, more := h.block5(header)
		at += int64(length) + data
		if !more || at < 0 {
			return
		}
	}
}

// block5 reads a block's header, and tells how many bytes of data follow it and whether there is another one.
func (h *rarHead) block5(header []byte) (data int64, more bool) {
	f := rarFields{b: header}
	kind, flags := f.number(), f.number()
	extra := uint64(0)
	if flags&rar5Extra != 0 {
		extra = f.number()
	}
	if flags&rar5Data != 0 {
		data = int64(f.number())
	}
	switch kind {
	case rar5Archive:
		own := f.number()
		h.volume, h.solid = own&rar5Volume != 0, own&rar5Solid != 0
	case rar5File:
		if flags&rar5Continues == 0 {
			h.methods = append(h.methods, f.method5())
		}
		if extra <= uint64(len(header)) {
			h.extra5(header[uint64(len(header))-extra:])
		}
	case rar5Encrypted:
		f.number()
		f.number()
		h.rounds = max(h.rounds, int(f.byte()))
		return 0, false
	case rar5End:
		return 0, false
	}
	return data, !f.failed && data >= 0
}

// method5 reads a file's fields up to its method.
func (f *rarFields) method5() int {
	flags := f.number()
	f.number() // size
	f.number() // attributes
	if flags&rar5Time != 0 {
		f.skip(4)
	}
	if flags&rar5Sum != 0 {
		f.skip(4)
	}
	return rarStored + int(f.number()>>7&7)
}

// extra5 looks for the record that tells how a file is encrypted.
func (h *rarHead) extra5(extra []byte) {
	f := rarFields{b: extra}
	for !f.failed && len(f.b) > 0 {
		size := f.number()
		if size > uint64(len(f.b)) {
			return
		}
		record := rarFields{b: f.b[:size]}
		f.b = f.b[size:]
		if kind := record.number(); kind == 1 {
			record.number()
			record.number()
			h.rounds = max(h.rounds, int(record.byte()))
		}
	}
}

// rarFields reads the fields of a header.
type rarFields struct {
	b      []byte
	failed bool
}

func (f *rarFields) skip(n int) {
	if n > len(f.b) {
		f.b, f.failed = nil, true
		return
	}
	f.b = f.b[n:]
}

func (f *rarFields) byte() byte {
	if len(f.b) == 0 {
		f.failed = true
		return 0
	}
	c := f.b[0]
	f.b = f.b[1:]
	return c
}

// number reads a number of variable length: 7 bits a byte, the lowest first.
func (f *rarFields) number() uint64 {
	var n uint64
	for shift := 0; shift < 70; shift += 7 {
		c := f.byte()
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	f.failed = true
	return 0
}
