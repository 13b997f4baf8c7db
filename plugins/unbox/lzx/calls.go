package lzx

import "encoding/binary"

const (
	e8Frames = 32768 // calls are translated in the first GiB only
	e8Tail   = 10    // and not in the last bytes of a frame
)

// translateCalls undoes what the encoder did to x86 code: the operand of each byte E8, relative to the instruction, was made absolute,
// so that calls of one function look the same wherever they are.
func (d *Decoder) translateCalls(frame []byte) []byte {
	if d.e8Size == 0 || d.offset >= e8Frames*FrameSize || len(frame) <= e8Tail {
		return frame
	}
	d.translate = append(d.translate[:0], frame...)
	frame = d.translate
	for i := 0; i < len(frame)-e8Tail; i++ {
		if frame[i] != 0xe8 {
			continue
		}
		operand := frame[i+1 : i+5]
		at := int32(d.offset) + int32(i)
		absolute := int32(binary.LittleEndian.Uint32(operand))
		switch {
		case absolute >= 0 && absolute < d.e8Size:
			binary.LittleEndian.PutUint32(operand, uint32(absolute-at))
		case absolute < 0 && absolute >= -at:
			binary.LittleEndian.PutUint32(operand, uint32(absolute+d.e8Size))
		}
		i += 4
	}
	return frame
}
