package upx

import (
	"encoding/binary"

	"lazuli/plugins/unbox/archive"
)

const (
	sectionSize  = 40
	mostSections = 96

	// Numbers of data directories.
	dirExport    = 0
	dirImport    = 1
	dirResource  = 2
	dirRelocated = 5
)

const errImage = archive.Damage("the unpacked image refers to what is not in it")

// image is memory of a program, from an address on: addresses are relative to where the program is loaded.
type image struct {
	p    []byte
	from uint32
}

// at is the n bytes at an address; nil if they are not in the image.
func (m image) at(address uint32, n int64) []byte {
	off := int64(address) - int64(m.from)
	if off < 0 || n < 0 || off > int64(len(m.p)) || n > int64(len(m.p))-off {
		return nil
	}
	return m.p[off : off+n]
}

// text is what lies at an address up to a zero, and the zero.
func (m image) text(address uint32) []byte {
	const most = 4 << 10
	off := int64(address) - int64(m.from)
	if off < 0 || off >= int64(len(m.p)) {
		return nil
	}
	for i, b := range m.p[off:min(int64(len(m.p)), off+most)] {
		if b == 0 {
			return m.p[off : off+int64(i)+1]
		}
	}
	return nil
}

// peHeader is what stands in front of a PE: in the packed program, and in the unpacked one among what is unpacked.
type peHeader struct {
	p        []byte // from "PE" to the data directories
	wide     bool   // PE32+
	sections []peSection
}

type peSection struct{ address, size, raw, rawSize uint32 }

// parsePE takes headers of a PE.
func parsePE(p []byte) (*peHeader, bool) {
	if len(p) < 24+2 || string(p[:4]) != "PE\x00\x00" {
		return nil, false
	}
	le := binary.LittleEndian
	h := &peHeader{wide: le.Uint16(p[24:]) == 0x20b}
	n, optional := int(le.Uint16(p[6:])), h.size()-24
	if n == 0 || n > mostSections || len(p) < 24+optional+n*sectionSize {
		return nil, false
	}
	h.p = p[:24+optional]
	for i := range n {
		s := p[24+optional+i*sectionSize:]
		h.sections = append(h.sections, peSection{le.Uint32(s[12:]), le.Uint32(s[8:]), le.Uint32(s[20:]), le.Uint32(s[16:])})
	}
	return h, true
}

// size is how many bytes the headers have up to the sections, with sixteen data directories.
func (h *peHeader) size() int {
	if h.wide {
		return 24 + 240
	}
	return 24 + 224
}

// dir is a data directory: an address and a size.
func (h *peHeader) dir(number int) (address, size uint32) {
	p := h.p[h.size()-128+8*number:]
	return binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
}

func (h *peHeader) u32(off int) uint32 { return binary.LittleEndian.Uint32(h.p[off:]) }

// pe unpacks a PE: one block has all of the program's memory and, behind it, its headers and what the unpacker needs to know.
func (u *unpacker) pe() ([]byte, error) {
	h := u.info.header
	if h == nil {
		return nil, archive.Damage("UPX's own header was removed")
	}
	u.at = h.at
	if h.unpacked > u.most() || h.packed > h.unpacked {
		return nil, archive.Damage("a program of impossible size")
	}
	packed, err := u.read(h.at+headerSize, h.packed, "the packed program")
	if err != nil {
		return nil, err
	}
	memory, err := decompress(h.method, packed, h.unpacked)
	if err != nil {
		return memory, err
	}
	if adler(1, memory) != h.sum {
		return memory, archive.Damage("the checksum of the program differs")
	}
	b := &rebuilder{u: u}
	if err := b.prepare(memory); err != nil {
		return memory, err
	}
	if err := b.rebuild(); err != nil {
		return b.file(), err
	}
	return b.file(), nil
}

// rebuilder makes a PE of the memory of a program.
type rebuilder struct {
	u      *unpacker
	before *peHeader // of the packed program
	front  []byte    // what is in front of it
	kept   image     // the last section of the packed program: what was not compressed
	out    *peHeader // of the unpacked program
	table  []byte    // its sections
	memory image
	hints  []byte // what the unpacker needs to know
}

// prepare finds the headers of both programs.
func (b *rebuilder) prepare(memory []byte) error {
	le := binary.LittleEndian
	head, err := b.u.read(0, min(searchHead, b.u.size), "the program")
	if err != nil {
		return err
	}
	at := int64(le.Uint32(head[0x3c:]))
	if at > int64(len(head)) {
		return archive.Damage("the header of the packed program is far away")
	}
	var ok bool
	if b.before, ok = parsePE(head[at:]); !ok {
		return archive.Damage("the header of the packed program is damaged")
	}
	b.front = head[:at]
	last := b.before.sections[len(b.before.sections)-1]
	kept, err := b.u.read(int64(last.raw), min(int64(last.rawSize), max(0, b.u.size-int64(last.raw))), "the last section")
	if err != nil {
		return err
	}
	b.kept = image{kept, last.address}

	if len(memory) < 4 {
		return errImage
	}
	where := int64(le.Uint32(memory[len(memory)-4:]))
	if where > int64(len(memory)) {
		return errImage
	}
	if b.out, ok = parsePE(memory[where:]); !ok {
		return archive.Damage("the header of the unpacked program is damaged")
	}
	n := len(b.out.sections) * sectionSize
	b.table = memory[where:][b.out.size():][:n]
	b.hints = memory[where:][b.out.size()+n:]
	b.memory = image{memory, b.out.sections[0].address}
	return nil
}

func (b *rebuilder) hint32() (uint32, bool) {
	if len(b.hints) < 4 {
		return 0, false
	}
	v := binary.LittleEndian.Uint32(b.hints)
	b.hints = b.hints[4:]
	return v, true
}

// rebuild puts back what was moved.
func (b *rebuilder) rebuild() error {
	h := b.u.info.header
	if h.filter != 0 {
		base, size := b.out.u32(24+20), b.out.u32(24+4)
		code := b.memory.at(base, int64(size))
		if code == nil {
			return errImage
		}
		if !unfilter(h.filter, h.filterByte, code, base-b.memory.from) {
			return archive.Damage("a filter that is not known")
		}
	}
	if err := b.imports(); err != nil {
		return err
	}
	if err := b.relocations(); err != nil {
		return err
	}
	if err := b.exports(); err != nil {
		return err
	}
	return b.resources()
}

// file puts the program together: headers, sections, and what was behind the packed one.
func (b *rebuilder) file() []byte {
	if b.out == nil {
		return b.memory.p
	}
	out := append(append(append([]byte(nil), b.front...), b.out.p...), b.table...)
	most := b.u.most()
	for _, s := range b.out.sections {
		data := b.memory.at(s.address, min(int64(s.rawSize), int64(len(b.memory.p))-(int64(s.address)-int64(b.memory.from))))
		if s.raw != 0 && int64(s.raw)+int64(len(data)) <= most {
			out = put(out, int64(s.raw), data)
			if end := int64(s.raw) + int64(s.rawSize); end <= most {
				out = put(out, end, nil)
			}
		}
	}
	return append(out, b.overlay()...)
}

// overlay is what lies behind the packed program.
func (b *rebuilder) overlay() []byte {
	end := int64(0)
	for _, s := range b.before.sections {
		if s.raw != 0 {
			end = max(end, int64(s.raw)+int64(s.rawSize))
		}
	}
	if end >= b.u.size {
		return nil
	}
	p, err := b.u.read(end, b.u.size-end, "what lies behind the program")
	if err != nil {
		return nil
	}
	return p
}
