package goinfo

import "debug/macho"

// Chained fixups: the newer linkers of macOS write no pointers, but chains of what has to be written where (<mach-o/fixup-chains.h>).
const loadCmdChainedFixups macho.LoadCmd = 0x80000034

// chain is where the fixups of a file are described.
type chain struct {
	off, size int64    // of the description, in the file
	base      uint64   // address of the file's header
	segments  []uint64 // addresses, in the order of the load commands
	left      int64    // bytes that may still be looked at: segments may claim each other's pages again and again
}

// Formats of pointers in chains.
const (
	chainARM64E         = 1
	chain64             = 2
	chain64Offset       = 6
	chainARM64EUserland = 9
	chainARM64EUser24   = 12
)

const (
	chainEnd   = 0xffff // of a page without fixups
	chainMulti = 0x8000 // a page with several chains, which only 32-bit formats have
)

// followChains walks all chains and remembers the pointers that the loader would write.
func (m *image) followChains(c *chain) {
	if c.size == 0 || m.ptrSize != 8 {
		return
	}
	c.left = mostOverlap * m.file.size
	b, err := m.file.read(c.off, min(c.size, mostCommands))
	if err != nil || len(b) < 28 {
		return
	}
	starts := uint64(m.order.Uint32(b[4:]))
	if starts+4 > uint64(len(b)) {
		return
	}
	count := uint64(m.order.Uint32(b[starts:]))
	for i := uint64(0); i < min(count, uint64(len(c.segments))); i++ {
		at := starts + 4 + 4*i
		if at+4 > uint64(len(b)) {
			return
		}
		if off := uint64(m.order.Uint32(b[at:])); off != 0 && starts+off+22 <= uint64(len(b)) {
			m.followSegment(c, c.segments[i], b[starts+off:])
		}
	}
	m.sortPatches()
}

// followSegment walks the chains of a segment, one for each page.
func (m *image) followSegment(c *chain, segment uint64, b []byte) {
	pageSize, format, pages := uint64(m.order.Uint16(b[4:])), m.order.Uint16(b[6:]), int(m.order.Uint16(b[20:]))
	starts := b[22:]
	for page := 0; page < pages && len(starts) >= 2; page, starts = page+1, starts[2:] {
		if start := m.order.Uint16(starts); start != chainEnd && start&chainMulti == 0 {
			m.followPage(c, segment+uint64(page)*pageSize, uint64(start), pageSize, format)
		}
	}
}

// followPage walks one chain, which may go through several sections. Every step goes forward, so that it ends at the page's end.
func (m *image) followPage(c *chain, page, start, pageSize uint64, format uint16) {
	at, end := page+start, page+pageSize
	for at < end {
		r := m.at(at)
		if r == nil {
			return
		}
		from := at
		content := m.peek(from, min(end, r.end())-from)
		if c.left -= int64(len(content)); c.left < 0 || len(content) < 8 {
			return
		}
		for at-from+8 <= uint64(len(content)) {
			target, bound, step := chainPointer(m.order.Uint64(content[at-from:]), format, c.base)
			if !bound {
				m.addPatch(at, target)
			}
			if step == 0 {
				return
			}
			at += step
		}
	}
}

// chainPointer decodes a link: the address to write, whether it belongs to another file, and how far the next one is.
func chainPointer(raw uint64, format uint16, base uint64) (target uint64, bound bool, step uint64) {
	switch format {
	case chain64, chain64Offset:
		target, bound, step = raw&(1<<36-1), raw>>63 != 0, raw>>51&0xfff*4
		if format == chain64Offset {
			target += base
		}
	case chainARM64E, chainARM64EUserland, chainARM64EUser24:
		bound, step = raw>>62&1 != 0, raw>>51&0x7ff*8
		if raw>>63 != 0 { // authenticated: an offset of 32 bits
			return raw&(1<<32-1) + base, bound, step
		}
		if target = raw & (1<<43 - 1); format != chainARM64E {
			target += base
		}
	}
	return target, bound, step
}
