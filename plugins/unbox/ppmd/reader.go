package ppmd

import (
	"bufio"
	"io"
)

// Reader reads data of any size: what follows its end, if it is not told, is nonsense.
type Reader struct {
	model
	in                *bufio.Reader
	low, width, point uint32 // of the range coder, which knows no carries
	masked            [256]bool
	states            [256]uint32 // scratch
	err               error
}

// Limits of the range coder: above top the first byte of the range is certain, below bottom there are too few bits left.
const (
	top    = 1 << 24
	bottom = 1 << 15
)

// Reset begins to read what follows a header. The memory of the data before is used again if it is of the same size.
func (r *Reader) Reset(in *bufio.Reader, h Header) {
	if size := int(h.Memory) + front; len(r.bytes) != size {
		r.bytes = nil
		r.bytes = make([]byte, size)
	}
	r.in, r.order, r.restore, r.err = in, h.order, h.restore, nil
	r.begin()
	r.low, r.width, r.point = 0, 1<<32-1, 0
	for range 4 {
		r.shift()
	}
}

func (r *Reader) Read(p []byte) (int, error) {
	for i := range p {
		if r.err != nil {
			return i, r.err
		}
		c, err := r.symbolAtHand()
		if r.err == nil {
			r.err = err
		}
		if r.err != nil {
			return i, r.err
		}
		p[i] = c
	}
	return len(p), nil
}

// shift takes in a byte. A symbol that needs one that is not there was cut off.
func (r *Reader) shift() {
	c, err := r.in.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	r.point = r.point<<8 | uint32(c)
}

// threshold tells where in so many parts of the range the point lies; behind all of them if there are not so many.
func (r *Reader) threshold(parts uint32) uint32 {
	if parts == 0 || parts > r.width {
		return parts
	}
	r.width /= parts
	return r.point / r.width
}

// narrow makes some of the parts the range.
func (r *Reader) narrow(first, parts uint32) {
	r.low += first * r.width
	r.point -= first * r.width
	r.width *= parts
	for r.low^(r.low+r.width) < top || r.width < bottom {
		if r.low^(r.low+r.width) >= top {
			r.width = -r.low & (bottom - 1)
		}
		r.shift()
		r.width <<= 8
		r.low <<= 8
	}
}

// symbolAtHand decodes a byte: io.EOF at a mark for the end.
func (r *Reader) symbolAtHand() (byte, error) {
	var c byte
	var ok bool
	var err error
	if r.count(r.min) != 0 {
		c, ok, err = r.symbolOfMany()
	} else {
		c, ok = r.symbolOfOne()
	}
	for !ok && err == nil {
		c, ok, err = r.symbolOfShorter()
	}
	return c, err
}

// symbolOfMany decodes a symbol of the longest context, if it is one of that.
func (r *Reader) symbolOfMany() (c byte, ok bool, err error) {
	ctx := r.min
	n, sum, at := r.count(ctx), r.sum(ctx), r.model.states(ctx)
	point := r.threshold(sum)
	if point >= sum {
		return 0, false, damaged("the point is beyond the range")
	}
	r.success = 0
	below := uint32(0)
	for i := range n + 1 {
		freq := r.freq(at)
		if below+freq <= point {
			below += freq
			at += stateBytes
			continue
		}
		r.narrow(below, freq)
		r.found, c = at, r.symbol(at)
		if i == 0 {
			r.success = truth(2*freq >= sum)
			r.run += int32(r.success)
		}
		r.addSum(ctx, 4)
		r.addFreq(at, 4)
		if i == 0 {
			if r.freq(at) > mostFreq {
				r.rescale()
			}
		} else if before := at - stateBytes; r.freq(at) > r.freq(before) {
			r.swap(at, before)
			r.found = before
			if r.freq(before) > mostFreq {
				r.rescale()
			}
		}
		r.advance()
		return c, true, nil
	}
	r.narrow(below, sum-below)
	r.masked = [256]bool{}
	at = r.model.states(ctx)
	for i := range n + 1 {
		r.masked[r.symbol(at+i*stateBytes)] = true
	}
	return 0, false, nil
}

// symbolOfOne decodes the symbol of a context that has one, if it comes.
func (r *Reader) symbolOfOne() (c byte, ok bool) {
	at := r.min + ctxOne
	column := r.success + r.flags(r.min) + uint32(r.run>>26)&0x20
	switch n := r.count(r.suffix(r.min)); {
	case n == 0:
	case n == 1:
		column += 2
	case n <= 10:
		column += 4
	default:
		column += 6
	}
	p := &r.binary[quantum[r.freq(at)-1]][column]
	likely := uint32(*p)
	mean := uint16((likely + 1<<(binPeriod-2)) >> binPeriod)
	r.width >>= 14
	if r.point/r.width < likely {
		r.narrow(0, likely)
		*p += 1<<7 - mean
		r.found, c = at, r.symbol(at)
		r.addFreq(at, byte(truth(r.freq(at) < 196)))
		r.success = 1
		r.run++
		r.advance()
		return c, true
	}
	r.narrow(likely, binScale-likely)
	*p -= mean
	r.firstSum = uint32(binEscape[*p>>10])
	r.success = 0
	r.masked = [256]bool{}
	r.masked[r.symbol(at)] = true
	return 0, false
}

// symbolOfShorter decodes a symbol of the next shorter context that has others than those which did not come.
func (r *Reader) symbolOfShorter() (c byte, ok bool, err error) {
	known := r.count(r.min)
	for {
		r.orderFall++
		r.min = r.suffix(r.min)
		if r.min == 0 {
			return 0, false, io.EOF
		}
		if r.count(r.min) != known {
			break
		}
	}
	n, at := 0, r.model.states(r.min)
	all := uint32(0)
	for range r.count(r.min) + 1 {
		if !r.masked[r.symbol(at)] {
			r.states[n] = at
			all += r.freq(at)
			n++
		}
		at += stateBytes
	}
	see, escape := r.escape(known)
	point := r.threshold(all + escape)
	if point >= all+escape {
		return 0, false, damaged("the point is beyond the range")
	}
	if point >= all {
		r.narrow(all, escape)
		see.sum += uint16(all + escape)
		for _, at := range r.states[:n] {
			r.masked[r.symbol(at)] = true
		}
		return 0, false, nil
	}
	below, i := uint32(0), 0
	for ; below+r.freq(r.states[i]) <= point; i++ {
		below += r.freq(r.states[i])
	}
	at = r.states[i]
	r.narrow(below, r.freq(at))
	see.adapt()
	r.found, c = at, r.symbol(at)
	r.addSum(r.min, 4)
	r.addFreq(at, 4)
	if r.freq(at) > mostFreq {
		r.rescale()
	}
	r.run = r.firstRun
	r.update()
	r.min = r.max
	return c, true, nil
}

// escape estimates how likely it is that no symbol of the context comes, of which so many did not before.
func (r *Reader) escape(known uint32) (*estimate, uint32) {
	n := r.count(r.min)
	if n == 255 {
		return &r.whole, 1
	}
	column := r.flags(r.min) + truth(r.sum(r.min) > 11*(n+1)) + 2*truth(2*n < r.count(r.suffix(r.min))+known)
	see := &r.estimates[quantum[n+2]-3][column]
	escape := see.sum >> see.shift
	see.sum -= escape
	return see, uint32(max(escape, 1))
}

// advance goes to the context that the found symbol leads to.
func (r *Reader) advance() {
	if next := r.next(r.found); r.orderFall == 0 && !r.isText(next) {
		r.min, r.max = next, next
		return
	}
	r.update()
	r.min = r.max
}
