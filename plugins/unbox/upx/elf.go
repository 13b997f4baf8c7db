package upx

import (
	"bytes"
	"encoding/binary"

	"lazuli/plugins/unbox/archive"
)

const (
	blockHeader  = 12 // b_info: sizes of four bytes, method, filter, the filter's mark, nothing
	ptLoad       = 1
	mostSegments = 128
)

// stream reads the blocks behind the loader's headers one after the other.
type stream struct {
	u         *unpacker
	order     binary.ByteOrder
	next      int64 // offset of the next block
	blockSize int64 // the most that a block has, unpacked
	fileSize  int64 // of the program that was packed
	sum       uint32
}

// open reads the loader's headers: p_info behind l_info.
func (u *unpacker) open() (*stream, error) {
	s := &stream{u: u, order: binary.LittleEndian, sum: 1}
	u.at = u.info.loader
	head, err := u.read(0, 8, "the program")
	if err != nil {
		return nil, err
	}
	if string(head[:4]) == "\x7fELF" && head[5] == 2 {
		s.order = binary.BigEndian
	}
	if u.info.loader == 0 {
		return nil, archive.Damage("the loader has no header")
	}
	p, err := u.read(u.info.loader+loaderSize, programSize, "the loader's header")
	if err != nil {
		return nil, err
	}
	s.fileSize, s.blockSize = int64(s.order.Uint32(p[4:])), int64(s.order.Uint32(p[8:]))
	s.next = u.info.loader + loaderSize + programSize
	if s.fileSize == 0 || s.fileSize > u.most() || s.blockSize == 0 {
		return nil, archive.Damage("a program of impossible size")
	}
	return s, nil
}

// block unpacks the next block, of at most most bytes.
func (s *stream) block(most int64) ([]byte, error) {
	s.u.at = s.next
	h, err := s.u.read(s.next, blockHeader, "a block")
	if err != nil {
		return nil, err
	}
	unpacked, packed := int64(s.order.Uint32(h)), int64(s.order.Uint32(h[4:]))
	if unpacked == 0 || packed > unpacked || unpacked > min(most, s.blockSize) {
		return nil, archive.Damage("a block of impossible size")
	}
	p, err := s.u.read(s.next+blockHeader, packed, "a block")
	if err != nil {
		return nil, err
	}
	if packed < unpacked {
		if s.u.info.Method == "" {
			s.u.info.Method = methods[h[8]]
		}
		if p, err = decompress(h[8], p, unpacked); err != nil {
			return p, err
		}
	}
	if h[9] != 0 && !unfilter(h[9], h[10], p, 0) {
		return p, archive.Damage("a filter that is not known")
	}
	s.next += blockHeader + packed
	s.sum = adler(s.sum, p)
	return p, nil
}

// extent unpacks n bytes into the program from off on.
func (s *stream) extent(program []byte, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.fileSize || n > s.fileSize-off {
		return program, archive.Damage("a segment beyond the end of the program")
	}
	for n > 0 {
		p, err := s.block(n)
		program = put(program, off, p)
		if err != nil {
			return program, err
		}
		off += int64(len(p))
		n -= int64(len(p))
	}
	return program, nil
}

// put writes p into a program that grows as it must.
func put(program []byte, off int64, p []byte) []byte {
	if end := off + int64(len(p)); end > int64(len(program)) {
		program = append(program, make([]byte, end-int64(len(program)))...)
	}
	copy(program[off:], p)
	return program
}

// blocks unpacks a program that is nothing but blocks.
func (u *unpacker) blocks() ([]byte, error) {
	s, err := u.open()
	if err != nil {
		return nil, err
	}
	program, err := s.extent(nil, 0, s.fileSize)
	if err != nil {
		return program, err
	}
	return program, s.verify()
}

// verify compares the checksum of all that was unpacked.
func (s *stream) verify() error {
	if h := s.u.info.header; h != nil && h.sum != s.sum {
		s.u.at = h.at
		return archive.Damage("the checksum of the program differs")
	}
	return nil
}

// segment is a part of the program that is loaded.
type segment struct{ off, size int64 }

// elf unpacks a program whose headers are the first block, and each loaded segment blocks of its own. What lies between segments and
// behind them follows behind the loader.
func (u *unpacker) elf() ([]byte, error) {
	s, err := u.open()
	if err != nil {
		return nil, err
	}
	headers, err := s.block(s.fileSize)
	if err != nil {
		return headers, err
	}
	segments, err := s.segments(headers)
	if err != nil {
		return headers, err
	}
	program := bytes.Clone(headers)
	for i, seg := range segments {
		if i == 0 && seg.off == 0 { // the headers are in it
			skip := min(seg.size, int64(len(headers)))
			seg = segment{skip, seg.size - skip}
		}
		if program, err = s.extent(program, seg.off, seg.size); err != nil {
			return program, err
		}
	}
	for _, gap := range gaps(segments, s.fileSize) {
		if err := s.findBlock(gap.size); err != nil {
			return program, err
		}
		if program, err = s.extent(program, gap.off, gap.size); err != nil {
			return program, err
		}
	}
	return program, s.verify()
}

// segments are those that are loaded, in the order of the program's headers.
func (s *stream) segments(p []byte) ([]segment, error) {
	const none = archive.Damage("the packed program is no ELF")
	if len(p) < 52 || string(p[:4]) != "\x7fELF" {
		return nil, none
	}
	var at, each, n int64
	word := func(off, wide int64) int64 { return int64(s.order.Uint32(p[off:])) }
	wide := p[4] == 2
	if wide {
		if len(p) < 64 {
			return nil, none
		}
		word = func(_, off int64) int64 { return int64(s.order.Uint64(p[off:])) }
		at, each, n = word(0, 32), int64(s.order.Uint16(p[54:])), int64(s.order.Uint16(p[56:]))
	} else {
		at, each, n = word(28, 0), int64(s.order.Uint16(p[42:])), int64(s.order.Uint16(p[44:]))
	}
	if at < 0 || each < 32 || wide && each < 56 || n > mostSegments || at > int64(len(p)) || n*each > int64(len(p))-at {
		return nil, none
	}
	var segments []segment
	for i := range n {
		ph := at + i*each
		if s.order.Uint32(p[ph:]) != ptLoad {
			continue
		}
		seg := segment{word(ph+4, ph+8), word(ph+16, ph+32)}
		if seg.size > 0 {
			segments = append(segments, seg)
		}
	}
	return segments, nil
}

// gaps are what is in no segment: behind each, up to the next one in the file.
func gaps(segments []segment, size int64) (list []segment) {
	for _, seg := range segments {
		end, next := seg.off+seg.size, size
		for _, other := range segments {
			if other.off >= end && other.off < next || other.off > seg.off && other.off < end {
				next = min(next, other.off)
			}
		}
		if end < next {
			list = append(list, segment{end, next - end})
		}
	}
	return list
}

// findBlock looks for the next block, of a stretch of size bytes: blocks of segments and those of gaps have the loader between them.
func (s *stream) findBlock(size int64) error {
	const nearby = 1 << 20
	n := min(nearby, s.u.size-s.next)
	p, err := s.u.read(s.next, n, "a block")
	if err != nil {
		return err
	}
	want := min(size, s.blockSize)
	for i := int64(0); i+blockHeader <= int64(len(p)); i++ {
		h := p[i:]
		packed := int64(s.order.Uint32(h[4:]))
		if int64(s.order.Uint32(h)) != want || packed == 0 || packed > want || packed > s.u.size-s.next-i-blockHeader {
			continue
		}
		if packed < want && methods[h[8]] == "" || h[11] != 0 {
			continue
		}
		s.next += i
		return nil
	}
	s.u.at = s.next
	return archive.Damage("what is behind the segments of the program is not found")
}
