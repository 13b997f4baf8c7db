package upx

import "encoding/binary"

// unfilter undoes what was done to calls and jumps before they were compressed, so that those of one function look alike: distances were
// made addresses, most with a byte in front that no other has. origin is the address of the first byte. It is false for a filter that
// is not known.
func unfilter(filter, mark byte, p []byte, origin uint32) bool {
	switch filter {
	case 0:
	case 0x11, 0x12, 0x13:
		calls(p, opcodes[filter-0x11], func(at int) bool {
			operand := p[at+1 : at+5]
			binary.LittleEndian.PutUint32(operand, binary.LittleEndian.Uint32(operand)-uint32(at)-1-origin)
			return true
		})
	case 0x14, 0x15, 0x16:
		calls(p, opcodes[filter-0x14], func(at int) bool {
			operand := p[at+1 : at+5]
			binary.LittleEndian.PutUint32(operand, binary.BigEndian.Uint32(operand)-uint32(at)-1-origin)
			return true
		})
	case 0x24, 0x25, 0x26:
		marked(p, opcodes[filter-0x24], mark, origin)
	case 0x46:
		marked(p, "\xe8\xe9", mark, origin)
	case 0x49:
		markedJumps(p, mark, origin)
	case 0x50:
		branches(p, 24, func(w uint32) bool { return w>>24&15 == 0xb }, origin)
	case 0x52:
		branches(p, 26, func(w uint32) bool { return w>>26 == 0x25 }, origin)
	default:
		return false
	}
	return true
}

// opcodes are those of calls, jumps, and both: filters come in threes.
var opcodes = [3]string{"\xe8", "\xe9", "\xe8\xe9"}

const operandSize = 4

// calls looks at instructions of five bytes. Where f is true it passes over the operand.
func calls(p []byte, opcodes string, f func(at int) bool) {
	for at := 0; at < len(p)-operandSize-1; at++ {
		is := p[at] == opcodes[0] || len(opcodes) > 1 && p[at] == opcodes[1]
		if is && f(at) {
			at += operandSize
		}
	}
}

// restore makes an address with a mark a distance again. It is false if there is no mark.
func restore(p []byte, at int, mark byte, origin uint32) bool {
	if p[at+1] != mark {
		return false
	}
	operand := p[at+1 : at+5]
	address := binary.BigEndian.Uint32(operand) - uint32(mark)<<24
	binary.LittleEndian.PutUint32(operand, address-uint32(at)-1-origin)
	return true
}

func marked(p []byte, opcodes string, mark byte, origin uint32) {
	calls(p, opcodes, func(at int) bool { return restore(p, at, mark, origin) })
}

// markedJumps is marked for calls, jumps and conditional jumps of six bytes.
func markedJumps(p []byte, mark byte, origin uint32) {
	after := 0 // what was restored last
	for at := 0; at < len(p)-operandSize-1; at++ {
		conditional := at > 0 && at != after && p[at-1] == 0x0f && p[at]&0xf0 == 0x80
		if (p[at] == 0xe8 || p[at] == 0xe9 || conditional) && restore(p, at, mark, origin) {
			at += operandSize
			after = at + 1
		}
	}
}

// branches is for instructions of ARM, whose distances are the lowest bits and count instructions.
func branches(p []byte, bits int, is func(uint32) bool, origin uint32) {
	le := binary.LittleEndian
	mask := uint32(1)<<bits - 1
	for at := 0; at+4 <= len(p); at += 4 {
		if w := le.Uint32(p[at:]); is(w) {
			le.PutUint32(p[at:], w&^mask|(w-uint32(at)/4-origin)&mask)
		}
	}
}
