package deflate64

const longest = 15 // bits of a code

// huffman decodes the codes of RFC 1951 3.2.2, bit by bit but for those of up to nine bits.
type huffman struct {
	count   [longest + 1]int // codes of each length
	symbols [288]uint16      // in the order of their codes
	fast    [1 << fastBits]uint16
}

const fastBits = 9

// build makes the codes for symbols with these lengths; 0 is none. A code that is not complete is taken: an encoder may need one symbol alone,
// and what decodes to nothing is told then.
func (h *huffman) build(lengths []byte) error {
	h.count = [longest + 1]int{}
	for _, n := range lengths {
		h.count[n]++
	}
	h.count[0] = 0
	left := 1
	var first, offset [longest + 2]int
	code := 0
	for n := 1; n <= longest; n++ {
		left = left<<1 - h.count[n]
		if left < 0 {
			return damaged("there are more codes than bits allow")
		}
		first[n] = code
		code = (code + h.count[n]) << 1
		offset[n+1] = offset[n] + h.count[n]
	}
	h.fast = [1 << fastBits]uint16{}
	for symbol, length := range lengths {
		n := int(length)
		if n == 0 {
			continue
		}
		h.symbols[offset[n]] = uint16(symbol)
		offset[n]++
		if n <= fastBits {
			for i := reverse(first[n], n); i < 1<<fastBits; i += 1 << n {
				h.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
		first[n]++
	}
	return nil
}

// reverse turns the n bits of a code around: its highest comes first in the stream.
func reverse(code, n int) int {
	r := 0
	for range n {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}

// decode takes a symbol. It never takes in a byte that it does not need: if the bits that are held were a whole code, fast would have it
// whatever follows them.
func (h *huffman) decode(r *reader) (int, error) {
	for {
		if e := h.fast[r.hold&(1<<fastBits-1)]; e != 0 && uint(e&15) <= r.held {
			r.hold >>= e & 15
			r.held -= uint(e & 15)
			return int(e >> 4), nil
		}
		if r.held >= fastBits {
			return h.long(r)
		}
		c, err := r.in.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		r.hold |= uint32(c) << r.held
		r.held += 8
	}
}

// long takes a symbol whose code has more than fastBits, bit by bit.
func (h *huffman) long(r *reader) (int, error) {
	code, first, index := 0, 0, 0
	for n := 1; n <= longest; n++ {
		bit, err := r.bits(1)
		if err != nil {
			return 0, err
		}
		code |= bit
		if code-h.count[n] < first {
			return int(h.symbols[index+code-first]), nil
		}
		index += h.count[n]
		first = (first + h.count[n]) << 1
		code <<= 1
	}
	return 0, damaged("a code stands for nothing")
}
