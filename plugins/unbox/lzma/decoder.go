package lzma

import "math"

// Sizes of the model ("LZMA specification", a draft of 2015-06-14 by its author).
const (
	states       = 12
	posStates    = 1 << 4 // the most
	literalProbs = 0x300
	lengthLow    = 8
	lengthMid    = 8
	leastMatch   = 2

	slotBits      = 6
	distanceSets  = 4  // of slots, by the length of the match
	modelledSlots = 14 // from here on most bits of a distance are direct
	alignBits     = 4
)

// lengths is the model of the lengths of matches.
type lengths struct {
	choice, choice2 uint16
	low, mid        [posStates][lengthLow]uint16
	high            [256]uint16
}

// model is all that adapts.
type model struct {
	isMatch, isRep0Long                 [states * posStates]uint16
	isRep, isRepG0, isRepG1, isRepG2    [states]uint16
	slots                               [distanceSets][1 << slotBits]uint16
	special                             [1 + 1<<7 - modelledSlots]uint16 // lower bits of distances of slots 4 to 13
	align                               [1 << alignBits]uint16
	match, rep                          lengths
	literals                            [][literalProbs]uint16
	state                               int
	rep0, rep1, rep2, rep3              uint32 // distances less one
	pending                             int    // bytes of a match that did not fit
	literalContext, literalPos, posBits uint
}

// decoder decodes symbols into a window.
type decoder struct {
	rangeDecoder
	window
	model
}

// setProps takes the byte that says on what probabilities depend: (pb*5 + lp)*9 + lc.
func (d *decoder) setProps(props byte) error {
	if props >= 9*5*5 {
		return damaged("there are no such properties")
	}
	lc, lp, pb := uint(props%9), uint(props/9%5), uint(props/45)
	d.literalContext, d.literalPos, d.posBits = lc, lp, pb
	if n := 1 << (lc + lp); len(d.literals) != n { // at most 6 MiB, for properties that nobody uses
		d.literals = make([][literalProbs]uint16, n)
	}
	return nil
}

// resetState forgets all that was learned; the window stays.
func (d *decoder) resetState() {
	even := func(lists ...[]uint16) {
		for _, list := range lists {
			for i := range list {
				list[i] = probEven
			}
		}
	}
	even(d.isMatch[:], d.isRep0Long[:], d.isRep[:], d.isRepG0[:], d.isRepG1[:], d.isRepG2[:], d.special[:], d.align[:])
	for i := range d.slots {
		even(d.slots[i][:])
	}
	for i := range d.literals {
		even(d.literals[i][:])
	}
	for _, l := range []*lengths{&d.match, &d.rep} {
		l.choice, l.choice2 = probEven, probEven
		even(l.high[:])
		for i := range l.low {
			even(l.low[i][:], l.mid[i][:])
		}
	}
	d.state, d.pending = 0, 0
	d.rep0, d.rep1, d.rep2, d.rep3 = 0, 0, 0, 0
}

// endMark is the distance that ends a stream.
const endMark = math.MaxUint32

// decode decodes until the window's at has come to limit, or the stream's mark was found.
func (d *decoder) decode(limit int) (marked bool, err error) {
	posMask := int64(1)<<d.posBits - 1
	for d.window.at < limit {
		if d.pending > 0 {
			d.pending -= d.copyMatch(int(d.rep0)+1, d.pending, limit)
			continue
		}
		if len(d.in)-d.rangeDecoder.at < symbolBytes {
			if err := d.refill(); err != nil {
				return false, err
			}
		}
		posState := int(d.total & posMask)
		if d.bit(&d.isMatch[d.state<<4|posState]) == 0 {
			d.decodeLiteral()
			continue
		}
		n, short, err := d.decodeMatch(posState)
		if err != nil || n == 0 && !short {
			return err == nil, err
		}
		if short {
			d.put(d.back(int(d.rep0) + 1))
			continue
		}
		d.pending = n - d.copyMatch(int(d.rep0)+1, n, limit)
	}
	return false, d.check()
}

// skipMark passes over the mark that may be there though the size is known.
func (d *decoder) skipMark() {
	d.normalize()
	if d.code != 0 && d.refill() == nil && d.bit(&d.isMatch[d.state<<4|int(d.total)&(1<<d.posBits-1)]) != 0 {
		_, _, _ = d.decodeMatch(int(d.total) & (1<<d.posBits - 1)) // nothing depends on it
	}
}

func (d *decoder) decodeLiteral() {
	before := uint(d.back(1))
	context := uint(d.total)&(1<<d.literalPos-1)<<d.literalContext | before>>(8-d.literalContext)
	probs := &d.literals[context]
	if d.state < 7 {
		d.put(d.literal(probs))
	} else {
		d.put(d.matchedLiteral(probs, d.back(int(d.rep0)+1)))
	}
	switch {
	case d.state < 4:
		d.state = 0
	case d.state < 10:
		d.state -= 3
	default:
		d.state -= 6
	}
}

// decodeMatch decodes a match; its distance is rep0 then. A length of 0 is the stream's end; short is a match of one byte.
func (d *decoder) decodeMatch(posState int) (n int, short bool, err error) {
	if d.bit(&d.isRep[d.state]) == 0 {
		d.rep3, d.rep2, d.rep1 = d.rep2, d.rep1, d.rep0
		n = d.length(&d.match, posState)
		d.rep0 = d.distance(n)
		if d.rep0 == endMark {
			d.normalize()
			return 0, false, d.check()
		}
		d.state = next(d.state, 7, 10)
		return n, false, d.reach(int64(d.rep0) + 1)
	}
	if err := d.reach(int64(d.rep0) + 1); err != nil {
		return 0, false, err
	}
	if d.bit(&d.isRepG0[d.state]) == 0 {
		if d.bit(&d.isRep0Long[d.state<<4|posState]) == 0 {
			d.state = next(d.state, 9, 11)
			return 1, true, nil
		}
	} else {
		distance := d.rep1
		if d.bit(&d.isRepG1[d.state]) != 0 {
			distance = d.rep2
			if d.bit(&d.isRepG2[d.state]) != 0 {
				distance = d.rep3
				d.rep3 = d.rep2
			}
			d.rep2 = d.rep1
		}
		d.rep1 = d.rep0
		d.rep0 = distance
	}
	n = d.length(&d.rep, posState)
	d.state = next(d.state, 8, 11)
	return n, false, d.reach(int64(d.rep0) + 1)
}

// next is the state behind a match of some kind: one number behind a literal, another behind a match.
func next(state, behindLiteral, behindMatch int) int {
	if state < 7 {
		return behindLiteral
	}
	return behindMatch
}

func (d *decoder) length(l *lengths, posState int) int {
	if d.bit(&l.choice) == 0 {
		return leastMatch + int(d.tree(l.low[posState][:], 3))
	}
	if d.bit(&l.choice2) == 0 {
		return leastMatch + lengthLow + int(d.tree(l.mid[posState][:], 3))
	}
	return leastMatch + lengthLow + lengthMid + int(d.tree(l.high[:], 8))
}

// distance decodes the distance, less one, of a match of n bytes.
func (d *decoder) distance(n int) uint32 {
	slot := d.tree(d.slots[min(n-leastMatch, distanceSets-1)][:], slotBits)
	if slot < 4 {
		return slot
	}
	low := int(slot>>1) - 1
	distance := (2 | slot&1) << low
	if slot < modelledSlots {
		return distance + d.treeReverse(d.special[distance-slot:], low)
	}
	distance += d.direct(low-alignBits) << alignBits
	return distance + d.treeReverse(d.align[:], alignBits)
}
