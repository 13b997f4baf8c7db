package ppmd

import "encoding/binary"

// The memory is one stretch of bytes, and what points into it is an offset; 0 points to nothing. From its beginning on there is text: bytes
// that were decoded, which contexts that are not made yet point to. Behind it are units, of which a context takes one and the symbols that
// followed it one for two of them. Units are taken from both ends of a gap, contexts from its end; those that are free again are in lists
// by their number.
const (
	unitBytes = 12
	lists     = 4 + 4 + 4 + 26 // of 1, 2, 3, 4, 6, …, 12, 15, …, 24, 28, …, 128 units
	front     = 4              // so that no offset of the text is 0
)

// A free stretch has three numbers: freeMark, which nothing else begins with, the next in its list, and its units.
const (
	freeMark = 1<<32 - 1
	freeNext = 4
	freeSize = 8
)

var listUnits, unitsList = func() (units [lists]uint32, list [129]int) {
	n := 0
	for i := range units {
		for range min(4, i/4+1) {
			n++
			list[n] = i
		}
		units[i] = uint32(n)
	}
	return units, list
}()

type memory struct {
	bytes      []byte
	text       uint32 // its end
	unitsStart uint32
	low, high  uint32 // the gap
	glueIn     int    // failures, until free stretches are put together
	free       [lists]uint32
	count      [lists]uint32 // of stretches in each list
}

func (m *memory) size() uint32 { return uint32(len(m.bytes) - front) }

// reset makes all memory free.
func (m *memory) reset() {
	m.text, m.high = front, uint32(len(m.bytes))
	m.low = m.high - m.size()/8/unitBytes*7*unitBytes
	m.unitsStart = m.low
	m.glueIn, m.free, m.count = 0, [lists]uint32{}, [lists]uint32{}
}

func (m *memory) u16(at uint32) uint32       { return uint32(binary.LittleEndian.Uint16(m.bytes[at:])) }
func (m *memory) u32(at uint32) uint32       { return binary.LittleEndian.Uint32(m.bytes[at:]) }
func (m *memory) setU16(at uint32, v uint32) { binary.LittleEndian.PutUint16(m.bytes[at:], uint16(v)) }
func (m *memory) setU32(at uint32, v uint32) { binary.LittleEndian.PutUint32(m.bytes[at:], v) }

// used counts the bytes that are not free.
func (m *memory) used() uint32 {
	free := m.high - m.low + m.unitsStart - m.text
	for i, n := range m.count {
		free += n * listUnits[i] * unitBytes
	}
	return m.size() - free
}

// give puts a stretch into a list.
func (m *memory) give(at uint32, list int) {
	m.setU32(at, freeMark)
	m.setU32(at+freeNext, m.free[list])
	m.setU32(at+freeSize, listUnits[list])
	m.free[list] = at
	m.count[list]++
}

// pop takes a stretch from a list that has one.
func (m *memory) pop(list int) uint32 {
	at := m.free[list]
	m.free[list] = m.u32(at + freeNext)
	m.count[list]--
	return at
}

// giveUnits puts at most 128 units into one list, or two.
func (m *memory) giveUnits(at, units uint32) {
	list := unitsList[units]
	if listUnits[list] != units {
		list--
		kept := listUnits[list]
		m.give(at+kept*unitBytes, int(units-kept-1))
	}
	m.give(at, list)
}

// split gives back what a stretch of one list has more than one of another.
func (m *memory) split(at uint32, from, to int) {
	m.giveUnits(at+listUnits[to]*unitBytes, listUnits[from]-listUnits[to])
}

// take allocates units of a list; 0 if there are none.
func (m *memory) take(list int) uint32 {
	if m.free[list] != 0 {
		return m.pop(list)
	}
	if n := listUnits[list] * unitBytes; n <= m.high-m.low {
		m.low += n
		return m.low - n
	}
	return m.search(list)
}

// takeContext allocates a unit at the end of the gap.
func (m *memory) takeContext() uint32 {
	switch {
	case m.high != m.low:
		m.high -= unitBytes
		return m.high
	case m.free[0] != 0:
		return m.pop(0)
	}
	return m.search(0)
}

// search allocates from longer stretches, or from the end of the text.
func (m *memory) search(list int) uint32 {
	if m.glueIn == 0 {
		m.glue()
		if m.free[list] != 0 {
			return m.pop(list)
		}
	}
	for longer := list + 1; longer < lists; longer++ {
		if m.free[longer] != 0 {
			at := m.pop(longer)
			m.split(at, longer, list)
			return at
		}
	}
	m.glueIn--
	n := listUnits[list] * unitBytes
	if m.unitsStart-m.text <= n {
		return 0
	}
	m.unitsStart -= n
	return m.unitsStart
}

// isFree tells whether a free stretch begins somewhere.
func (m *memory) isFree(at uint32) bool {
	return uint64(at)+unitBytes <= uint64(len(m.bytes)) && m.u32(at) == freeMark
}

// guard sees to it that no stretch seems to be free where the gap begins.
func (m *memory) guard() {
	if m.low != m.high {
		m.setU32(m.low, 0)
	}
}

// glue makes one of free stretches that lie behind one another.
func (m *memory) glue() {
	m.glueIn = 1 << 13
	m.count = [lists]uint32{}
	m.guard()
	first, last := uint32(0), uint32(0)
	for i := range m.free {
		next := m.free[i]
		m.free[i] = 0
		for ; next != 0; next = m.u32(next + freeNext) {
			units := m.u32(next + freeSize)
			if units == 0 {
				continue // it belongs to another
			}
			if last == 0 {
				first = next
			} else {
				m.setU32(last+freeNext, next)
			}
			last = next
			for behind := next + units*unitBytes; m.isFree(behind); behind = next + units*unitBytes {
				units += m.u32(behind + freeSize)
				m.setU32(behind+freeSize, 0)
			}
			m.setU32(next+freeSize, units)
		}
	}
	if last != 0 {
		m.setU32(last+freeNext, 0)
	}
	for first != 0 {
		at, units := first, m.u32(first+freeSize)
		first = m.u32(first + freeNext)
		for ; units > 128; units -= 128 {
			m.give(at, lists-1)
			at += 128 * unitBytes
		}
		if units > 0 {
			m.giveUnits(at, units)
		}
	}
}

// copyUnits copies units.
func (m *memory) copyUnits(to, from, units uint32) {
	copy(m.bytes[to:to+units*unitBytes], m.bytes[from:from+units*unitBytes])
}

// shrink makes a stretch smaller, and may move it.
func (m *memory) shrink(at, from, to uint32) uint32 {
	i, j := unitsList[from], unitsList[to]
	if i == j {
		return at
	}
	if m.free[j] == 0 {
		m.split(at, i, j)
		return at
	}
	moved := m.pop(j)
	m.copyUnits(moved, at, to)
	m.give(at, i)
	return moved
}

// giveUnit frees a unit, to the text if it lies behind it.
func (m *memory) giveUnit(at uint32) {
	if at == m.unitsStart {
		m.unitsStart += unitBytes
		return
	}
	m.give(at, 0)
}

// moveUp moves a stretch that lies near the text to a place further up, if there is a free one.
func (m *memory) moveUp(at, units uint32) uint32 {
	list := unitsList[units]
	if at > m.unitsStart+16<<10 || at > m.free[list] {
		return at
	}
	moved := m.pop(list)
	m.copyUnits(moved, at, units)
	if at != m.unitsStart {
		m.give(at, list)
	} else {
		m.unitsStart += listUnits[list] * unitBytes
	}
	return moved
}

// growText gives what is free behind the text to it.
func (m *memory) growText() {
	var gone [lists]uint32
	m.guard()
	for m.isFree(m.unitsStart) {
		units := m.u32(m.unitsStart + freeSize)
		m.setU32(m.unitsStart, 0)
		gone[unitsList[units]]++
		m.unitsStart += units * unitBytes
	}
	for list := range gone {
		before := uint32(0) // in the list, of what stays
		for at := m.free[list]; gone[list] > 0 && at != 0; at = m.u32(at + freeNext) {
			switch {
			case m.u32(at) != 0:
				before = at
				continue
			case before == 0:
				m.free[list] = m.u32(at + freeNext)
			default:
				m.setU32(before+freeNext, m.u32(at+freeNext))
			}
			m.count[list]--
			gone[list]--
		}
	}
}
