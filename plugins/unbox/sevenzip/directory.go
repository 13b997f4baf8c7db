package sevenzip

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Ids of what a directory is made of (7zFormat.txt, "Property IDs").
const (
	idEnd         = 0x00
	idProperties  = 0x02
	idAdditional  = 0x03
	idMainStreams = 0x04
	idFiles       = 0x05
	idPack        = 0x06
	idUnpack      = 0x07
	idSubstreams  = 0x08
	idSize        = 0x09
	idSum         = 0x0a
	idBlock       = 0x0b
	idUnpackSize  = 0x0c
	idCounts      = 0x0d
	idEmptyStream = 0x0e
	idEmptyFile   = 0x0f
	idAnti        = 0x10
	idNames       = 0x11
	idChanged     = 0x14
	idAttributes  = 0x15
)

// directory reads a directory from its bytes. The first error stays, and everything reads as zero from then on.
type directory struct {
	b      []byte
	budget int // how many things of any kind there may still be: no more than bytes, so that memory is bounded by them
	err    error
}

func (d *directory) fail(what string) {
	if d.err == nil {
		d.err = damaged(what)
	}
	d.b = nil
}

// bytes takes the next n bytes.
func (d *directory) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("the directory is cut short")
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *directory) byte() byte {
	if b := d.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *directory) u32() uint32 {
	if b := d.bytes(4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// number reads a number of one to nine bytes: as many ones as the first begins with follow it, the lowest first; what remains of the
// first is the highest part.
func (d *directory) number() uint64 {
	first := d.byte()
	more := bits.LeadingZeros8(^first)
	n := uint64(0)
	for i, c := range d.bytes(uint64(more)) {
		n |= uint64(c) << (8 * i)
	}
	if more < 7 {
		n |= uint64(first&(0x7f>>more)) << (8 * more)
	}
	return n
}

// size reads a number of bytes.
func (d *directory) size() int64 {
	n := d.number()
	if n > math.MaxInt64 {
		d.fail("a size is negative")
		return 0
	}
	return int64(n)
}

// count reads how many of something there are, each of which takes from the budget.
func (d *directory) count() int {
	n := d.number()
	if n > uint64(d.budget) {
		d.fail("the directory counts more than it can hold")
		return 0
	}
	d.budget -= int(n)
	return int(n)
}

func (d *directory) id() uint64 { return d.number() }

// expect reads an id that must come now.
func (d *directory) expect(id uint64) {
	if got := d.id(); got != id && d.err == nil {
		d.fail("something is missing in the directory")
	}
}

// bits reads one bit for each of n things, the highest of a byte first.
func (d *directory) bits(n int) []bool {
	raw := d.bytes(uint64(n+7) / 8)
	if d.err != nil {
		return make([]bool, n)
	}
	list := make([]bool, n)
	for i := range list {
		list[i] = raw[i/8]<<(i%8)&0x80 != 0
	}
	return list
}

// defined reads for which of n things something is known.
func (d *directory) defined(n int) []bool {
	if d.byte() == 0 {
		return d.bits(n)
	}
	list := make([]bool, n)
	for i := range list {
		list[i] = true
	}
	return list
}

// sums reads checksums of n things, and of which they are known.
func (d *directory) sums(n int) (sums []uint32, known []bool) {
	known = d.defined(n)
	sums = make([]uint32, n)
	for i := range sums {
		if known[i] {
			sums[i] = d.u32()
		}
	}
	return sums, known
}

// streams is what is packed, and how.
type streams struct {
	blocks []Block
	// files are the files of all blocks one after the other.
	files []substream
}

type substream struct {
	block  int
	size   int64
	sum    uint32
	summed bool
}

// streams reads a StreamsInfo.
func (d *directory) streams() (*streams, error) {
	s := &streams{}
	var packed []packedStream
	id := d.id()
	if id == idPack {
		packed = d.packed()
		id = d.id()
	}
	if id == idUnpack {
		s.blocks = d.blocks(packed)
		id = d.id()
	}
	if id == idSubstreams {
		d.substreams(s)
		id = d.id()
	} else {
		for i := range s.blocks {
			b := &s.blocks[i]
			s.files = append(s.files, substream{i, b.Size, b.sum, b.summed})
		}
	}
	if id != idEnd {
		d.fail("the streams do not end")
	}
	return s, d.err
}

// packedStream is where a stream of packed bytes lies.
type packedStream struct{ at, size int64 }

func (d *directory) packed() []packedStream {
	at := d.size()
	list := make([]packedStream, d.count())
	id := d.id()
	if id == idSize {
		for i := range list {
			list[i] = packedStream{at, d.size()}
			if at += list[i].size; at < 0 {
				d.fail("the packed streams are too large")
			}
		}
		id = d.id()
	}
	if id == idSum {
		d.sums(len(list)) // they are checked unpacked
		id = d.id()
	}
	if id != idEnd {
		d.fail("the packed streams do not end")
	}
	return list
}

// blocks reads how streams are packed; each block takes its own of the packed ones.
func (d *directory) blocks(packed []packedStream) []Block {
	d.expect(idBlock)
	list := make([]Block, d.count())
	if d.byte() != 0 {
		d.fail("the blocks are described elsewhere")
	}
	for i := range list {
		list[i] = d.block()
		n := len(list[i].inputs)
		if n > len(packed) {
			d.fail("there are more blocks than packed streams")
			return nil
		}
		list[i].packed, packed = packed[:n:n], packed[n:]
	}
	d.expect(idUnpackSize)
	for i := range list {
		b := &list[i]
		for k := range b.coders {
			b.coders[k].size = d.size()
		}
		if d.err == nil {
			b.Size = b.coders[b.main].size
		}
	}
	id := d.id()
	if id == idSum {
		sums, known := d.sums(len(list))
		for i := range list {
			list[i].sum, list[i].summed = sums[i], known[i]
		}
		id = d.id()
	}
	if id != idEnd {
		d.fail("the blocks do not end")
	}
	return list
}

// substreams reads which files lie in the blocks.
func (d *directory) substreams(s *streams) {
	counts := make([]int, len(s.blocks))
	for i := range counts {
		counts[i] = 1
	}
	id := d.id()
	if id == idCounts {
		for i := range counts {
			counts[i] = d.count()
		}
		id = d.id()
	}
	unsummed := 0
	for i, n := range counts {
		left := s.blocks[i].Size
		for k := range n {
			f := substream{block: i, size: left}
			if k < n-1 {
				if id != idSize {
					d.fail("the sizes of files are missing")
					return
				}
				f.size = d.size()
			}
			if left -= f.size; left < 0 {
				d.fail("files are larger than their block")
				return
			}
			if n == 1 && s.blocks[i].summed {
				f.sum, f.summed = s.blocks[i].sum, true
			} else {
				unsummed++
			}
			s.files = append(s.files, f)
		}
	}
	if id == idSize {
		id = d.id()
	}
	if id == idSum {
		sums, known := d.sums(unsummed)
		next := 0
		for i := range s.files {
			if f := &s.files[i]; !f.summed {
				f.sum, f.summed = sums[next], known[next]
				next++
			}
		}
		id = d.id()
	}
	if id != idEnd {
		d.fail("the list of files in blocks does not end")
	}
}
