package ppmd

// A context: how many symbols followed it, less one, flags, the sum of their frequencies, where they are, and the context without its first
// byte. One with a single symbol has that in the place of the sum and of where they are.
const (
	ctxCount  = 0
	ctxFlags  = 1
	ctxSum    = 2
	ctxOne    = 2
	ctxStates = 4
	ctxSuffix = 8

	flagRescaled = 1 << 2
	flagHigh     = 1 << 3 // a symbol is 0x40 or more
	flagHighLast = 1 << 4 // the last byte of the context is
)

// A symbol that followed a context: the byte, its frequency, and the context that it leads to, or the text that such a context is to be made of.
const (
	stateSymbol = 0
	stateFreq   = 1
	stateNext   = 2
	stateBytes  = 6
)

const (
	mostFreq   = 124
	mostOrder  = 16
	binScale   = 1 << 14
	binPeriod  = 7 // how slowly probabilities adapt
	cutOffFrom = 9 // contexts longer than this are dropped when nothing follows them
)

var (
	binFirst  = [8]uint32{0x3cdd, 0x1f3f, 0x59bf, 0x48f3, 0x64a1, 0x5abc, 0x6632, 0x6051}
	binEscape = [16]byte{25, 14, 9, 7, 5, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2}

	// quantum makes classes of frequencies and of numbers of symbols.
	quantum = func() (q [260]byte) {
		class, left := 5, 1
		for i := range q {
			if i < 5 {
				q[i] = byte(i)
				continue
			}
			q[i] = byte(class)
			if left--; left == 0 {
				class++
				left = class - 4
			}
		}
		return q
	}()
)

// estimate is how likely it is that none of a context's symbols comes.
type estimate struct {
	sum   uint16
	shift uint8
	count uint8 // until it adapts more slowly
}

// adapt makes an estimate adapt more slowly with time.
func (e *estimate) adapt() {
	if e.shift >= binPeriod {
		return
	}
	if e.count--; e.count == 0 {
		e.sum <<= 1
		e.count = 3 << e.shift
		e.shift++
	}
}

type model struct {
	memory
	order, restore int

	min, max   uint32 // the context of the symbol at hand, and the longest
	found      uint32 // the state of the symbol
	orderFall  int
	firstSum   uint32 // of a context with its second symbol
	success    uint32 // 1 if the symbol before was the likeliest
	run        int32  // of successes, and what it begins with
	firstRun   int32
	estimates  [24][32]estimate
	whole      estimate // for a context with all symbols
	binary     [25][64]uint16
	successors [mostOrder + 1]uint32 // scratch
}

func (m *model) begin() {
	m.reset()
	m.orderFall = m.order
	m.firstRun = -int32(min(m.order, 12)) - 1
	m.run, m.success = m.firstRun, 0
	m.high -= unitBytes
	m.min, m.max = m.high, m.high
	m.found = m.low
	m.low += 128 * unitBytes
	m.setCount(m.min, 255)
	m.setFlags(m.min, 0)
	m.setU16(m.min+ctxSum, 257)
	m.setU32(m.min+ctxStates, m.found)
	m.setU32(m.min+ctxSuffix, 0)
	for i := range uint32(256) {
		at := m.found + i*stateBytes
		m.setState(at, state{byte(i), 1, 0})
	}
	freq := 0
	for class := range m.binary {
		for int(quantum[freq]) == class {
			freq++
		}
		for i := range m.binary[class] {
			m.binary[class][i] = uint16(binScale - binFirst[i%8]/uint32(freq+1))
		}
	}
	freq = 0
	for class := range m.estimates {
		for int(quantum[freq+3]) == class+3 {
			freq++
		}
		for i := range m.estimates[class] {
			m.estimates[class][i] = estimate{uint16(2*freq+5) << (binPeriod - 4), binPeriod - 4, 7}
		}
	}
	m.whole = estimate{0, binPeriod, 64}
}

// state is a copy of a state.
type state struct {
	symbol, freq byte
	next         uint32
}

func (m *model) state(at uint32) state {
	return state{m.bytes[at], m.bytes[at+stateFreq], m.next(at)}
}

func (m *model) setState(at uint32, s state) {
	m.bytes[at], m.bytes[at+stateFreq] = s.symbol, s.freq
	m.setNext(at, s.next)
}

func (m *model) swap(a, b uint32) {
	s, t := m.state(a), m.state(b)
	m.setState(a, t)
	m.setState(b, s)
}

func (m *model) symbol(at uint32) byte       { return m.bytes[at+stateSymbol] }
func (m *model) freq(at uint32) uint32       { return uint32(m.bytes[at+stateFreq]) }
func (m *model) addFreq(at uint32, n byte)   { m.bytes[at+stateFreq] += n }
func (m *model) setFreq(at uint32, n uint32) { m.bytes[at+stateFreq] = byte(n) }
func (m *model) next(at uint32) uint32       { return m.u32(at + stateNext) }
func (m *model) setNext(at, to uint32)       { m.setU32(at+stateNext, to) }

func (m *model) count(ctx uint32) uint32     { return uint32(m.bytes[ctx+ctxCount]) }
func (m *model) setCount(ctx, n uint32)      { m.bytes[ctx+ctxCount] = byte(n) }
func (m *model) flags(ctx uint32) uint32     { return uint32(m.bytes[ctx+ctxFlags]) }
func (m *model) setFlags(ctx, flags uint32)  { m.bytes[ctx+ctxFlags] = byte(flags) }
func (m *model) sum(ctx uint32) uint32       { return m.u16(ctx + ctxSum) }
func (m *model) addSum(ctx uint32, n uint32) { m.setU16(ctx+ctxSum, m.sum(ctx)+n) }
func (m *model) states(ctx uint32) uint32    { return m.u32(ctx + ctxStates) }
func (m *model) suffix(ctx uint32) uint32    { return m.u32(ctx + ctxSuffix) }
func (m *model) isText(at uint32) bool       { return at < m.unitsStart }
func units(count uint32) uint32              { return (count + 2) / 2 }
func high(symbol byte, flag uint32) uint32   { return flag * truth(symbol >= 0x40) }

func truth(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// find returns the state of a symbol that a context has.
func (m *model) find(ctx uint32, symbol byte) uint32 {
	at := m.states(ctx)
	for m.symbol(at) != symbol {
		at += stateBytes
	}
	return at
}

// makeContexts makes the contexts that the found symbol leads to from ctx on down, and returns the longest; 0 without memory. known is the
// symbol's state in the next shorter context, if it was looked for; with skip the first one is not made.
func (m *model) makeContexts(skip bool, known, ctx uint32) uint32 {
	text := m.next(m.found)
	symbol := m.symbol(m.found)
	pending := m.successors[:0]
	if !skip {
		pending = append(pending, m.found)
	}
	for m.suffix(ctx) != 0 {
		ctx = m.suffix(ctx)
		at := known
		known = 0
		switch {
		case at != 0:
		case m.count(ctx) != 0:
			at = m.find(ctx, symbol)
			if m.freq(at) < mostFreq-9 {
				m.addFreq(at, 1)
				m.addSum(ctx, 1)
			}
		default:
			at = ctx + ctxOne
			m.addFreq(at, byte(truth(m.count(m.suffix(ctx)) == 0)&truth(m.freq(at) < 24)))
		}
		if next := m.next(at); next != text {
			ctx = next
			if len(pending) == 0 {
				return ctx
			}
			break
		}
		pending = append(pending, at)
	}
	s := state{symbol: m.bytes[text], next: text + 1}
	flags := high(symbol, flagHighLast) + high(s.symbol, flagHigh)
	if m.count(ctx) == 0 {
		s.freq = byte(m.freq(ctx + ctxOne))
	} else {
		often := m.freq(m.find(ctx, s.symbol)) - 1
		others := m.sum(ctx) - m.count(ctx) - often
		if 2*often <= others {
			s.freq = byte(1 + truth(5*often > others))
		} else {
			s.freq = byte(1 + (often+2*others-3)/others)
		}
	}
	for i := len(pending) - 1; i >= 0; i-- {
		made := m.takeContext()
		if made == 0 {
			return 0
		}
		m.setCount(made, 0)
		m.setFlags(made, flags)
		m.setState(made+ctxOne, s)
		m.setU32(made+ctxSuffix, ctx)
		m.setNext(pending[i], made)
		ctx = made
	}
	return ctx
}

// shorten finds the longest context that the found symbol leads to from shorter ones, and lets those that it leads nowhere from point to the text.
func (m *model) shorten(known, ctx uint32) uint32 {
	text, symbol, first := m.text, m.symbol(m.found), ctx
	m.setNext(m.found, text)
	m.orderFall++
	at := uint32(0)
	for {
		switch {
		case known != 0:
			ctx = m.suffix(ctx)
			at, known = known, 0
		case m.suffix(ctx) == 0:
			return ctx
		default:
			ctx = m.suffix(ctx)
			if m.count(ctx) != 0 {
				at = m.find(ctx, symbol)
				if m.freq(at) < mostFreq-9 {
					m.addFreq(at, 2)
					m.addSum(ctx, 2)
				}
			} else {
				at = ctx + ctxOne
				m.addFreq(at, byte(truth(m.freq(at) < 32)))
			}
		}
		if m.next(at) != 0 {
			break
		}
		m.setNext(at, text)
		m.orderFall++
	}
	if m.next(at) <= text {
		found := m.found
		m.found = at
		m.setNext(at, m.makeContexts(false, 0, ctx))
		m.found = found
	}
	if m.orderFall == 1 && first == m.max {
		m.setNext(m.found, m.next(at))
		m.text--
	}
	return m.next(at)
}

// update adds the found symbol to the contexts that did not have it, and goes to the next context.
func (m *model) update() {
	s := m.state(m.found)
	known := uint32(0)
	if s.freq < mostFreq/4 && m.suffix(m.min) != 0 {
		known = m.updateSuffix(m.suffix(m.min), s.symbol)
	}
	next := s.next
	if m.orderFall == 0 && next != 0 {
		made := m.makeContexts(true, known, m.min)
		m.setNext(m.found, made)
		if made == 0 {
			m.recover(m.max)
			return
		}
		m.max = made
		return
	}
	m.bytes[m.text] = s.symbol
	m.text++
	leads := m.text
	if m.text >= m.unitsStart {
		m.recover(m.max)
		return
	}
	switch {
	case next == 0:
		next = m.shorten(known, m.min)
	case m.isText(next):
		next = m.makeContexts(false, known, m.min)
	}
	if next == 0 {
		m.recover(m.max)
		return
	}
	if m.orderFall--; m.orderFall == 0 {
		leads = next
		if m.max != m.min {
			m.text--
		}
	}
	s.next = leads
	m.spread(s, next)
}

// updateSuffix makes a symbol more likely in the next shorter context, and returns its state there.
func (m *model) updateSuffix(ctx uint32, symbol byte) uint32 {
	if m.count(ctx) == 0 {
		at := ctx + ctxOne
		if m.freq(at) < 32 {
			m.addFreq(at, 1)
		}
		return at
	}
	at := m.find(ctx, symbol)
	if before := at - stateBytes; at != m.states(ctx) && m.freq(at) >= m.freq(before) {
		m.swap(at, before)
		at = before
	}
	if m.freq(at) < mostFreq-9 {
		m.addFreq(at, 2)
		m.addSum(ctx, 2)
	}
	return at
}

// spread adds a state to the contexts from the longest to that of the found symbol, and goes to the context next.
func (m *model) spread(s state, next uint32) {
	freq, count := uint32(s.freq), m.count(m.min)
	others := m.sum(m.min) - count - freq // of a context with one symbol the sum makes no sense, and yet counts
	for ctx := m.max; ctx != m.min; ctx = m.suffix(ctx) {
		n := m.count(ctx)
		if !m.makeRoom(ctx, n, count) {
			m.recover(ctx)
			return
		}
		sum := m.sum(ctx)
		often, all := 2*freq*(sum+6), others+sum
		if often < 6*all {
			s.freq = byte(1 + truth(often > all) + truth(often >= 4*all))
			m.addSum(ctx, 4)
		} else {
			s.freq = byte(4 + truth(often > 9*all) + truth(often > 12*all) + truth(often > 15*all))
			m.addSum(ctx, uint32(s.freq))
		}
		m.setState(m.states(ctx)+(n+1)*stateBytes, s)
		m.setFlags(ctx, m.flags(ctx)|high(s.symbol, flagHigh))
		m.setCount(ctx, n+1)
	}
	m.min, m.max = next, next
}

// makeRoom lets a context have a state more; min is the count of the shortest one. It tells whether there was memory.
func (m *model) makeRoom(ctx, n, min uint32) bool {
	if n == 0 {
		at := m.take(0)
		if at == 0 {
			return false
		}
		s := m.state(ctx + ctxOne)
		if s.freq < mostFreq/4-1 {
			s.freq <<= 1
		} else {
			s.freq = mostFreq - 4
		}
		m.setState(at, s)
		m.setU32(ctx+ctxStates, at)
		m.setU16(ctx+ctxSum, uint32(s.freq)+m.firstSum+truth(min > 2))
		return true
	}
	if n%2 != 0 {
		old := (n + 1) / 2
		if list := unitsList[old]; list != unitsList[old+1] {
			at := m.take(list + 1)
			if at == 0 {
				return false
			}
			states := m.states(ctx)
			m.copyUnits(at, states, old)
			m.give(states, list)
			m.setU32(ctx+ctxStates, at)
		}
	}
	m.addSum(ctx, truth(3*n+1 < min))
	return true
}

// rescale halves the frequencies of a context, whose found symbol comes first from now on.
func (m *model) rescale() {
	ctx := m.min
	first := m.states(ctx)
	m.toFront(m.found, first)
	escape := m.sum(ctx) - m.freq(first)
	adder := truth(m.orderFall != 0)
	m.setFreq(first, (m.freq(first)+4+adder)/2)
	sum := m.freq(first)
	count := m.count(ctx)
	at := first
	for range count {
		at += stateBytes
		escape -= m.freq(at)
		m.setFreq(at, (m.freq(at)+adder)/2)
		sum += m.freq(at)
		to := at
		for to != first && m.freq(at) > m.freq(to-stateBytes) {
			to -= stateBytes
		}
		m.toFront(at, to)
	}
	if m.freq(at) == 0 {
		gone := uint32(0)
		for ; m.freq(at) == 0; at -= stateBytes {
			gone++
		}
		escape += gone
		m.setCount(ctx, count-gone)
		if gone == count {
			s := m.state(first)
			s.freq = byte(min((2*uint32(s.freq)+escape-1)/escape, mostFreq/3))
			m.give(first, unitsList[units(count)])
			m.setFlags(ctx, m.flags(ctx)&flagHighLast+high(s.symbol, flagHigh))
			m.found = ctx + ctxOne
			m.setState(m.found, s)
			return
		}
		if n, left := units(count), units(count-gone); n != left {
			first = m.shrink(first, n, left)
			m.setU32(ctx+ctxStates, first)
		}
		flags := m.flags(ctx) &^ flagHigh
		for i := range count - gone + 1 {
			flags |= high(m.symbol(first+i*stateBytes), flagHigh)
		}
		m.setFlags(ctx, flags)
	}
	m.setU16(ctx+ctxSum, sum+escape-escape/2)
	m.setFlags(ctx, m.flags(ctx)|flagRescaled)
	m.found = first
}

// toFront moves a state to a place in front of it, and those between one back.
func (m *model) toFront(at, to uint32) {
	s := m.state(at)
	copy(m.bytes[to+stateBytes:at+stateBytes], m.bytes[to:at])
	m.setState(to, s)
}

// recover makes room when the memory is full. The contexts from the longest to ctx have the new symbol already, and lose it.
func (m *model) recover(ctx uint32) {
	m.text = front
	at := m.max
	for ; at != ctx; at = m.suffix(at) {
		n := m.count(at) - 1
		m.setCount(at, n)
		if n != 0 {
			m.refresh(at, (n+3)/2, 0)
			continue
		}
		states := m.states(at)
		m.makeSingle(at, states)
		m.giveUnit(states)
	}
	for ; at != m.min; at = m.suffix(at) {
		if m.count(at) == 0 {
			m.setFreq(at+ctxOne, m.freq(at+ctxOne)-m.freq(at+ctxOne)/2)
			continue
		}
		m.addSum(at, 4)
		if m.sum(at) > 128+4*m.count(at) {
			m.refresh(at, units(m.count(at)), 1)
		}
	}
	if m.restore == restart || m.used() < m.size()/2 {
		m.begin()
		return
	}
	for m.suffix(m.max) != 0 {
		m.max = m.suffix(m.max)
	}
	for {
		m.cut(m.max, 0)
		m.growText()
		if m.used() <= 3*(m.size()/4) {
			break
		}
	}
	m.glueIn = 0
	m.orderFall = m.order
}

// makeSingle puts the first of a context's states into it.
func (m *model) makeSingle(ctx, states uint32) {
	s := m.state(states)
	s.freq = byte((uint32(s.freq) + 11) / 8)
	m.setFlags(ctx, m.flags(ctx)&flagHighLast+high(s.symbol, flagHigh))
	m.setState(ctx+ctxOne, s)
}

// refresh lets a context have no more memory than it needs, and halves its frequencies if scale is 1.
func (m *model) refresh(ctx, old, scale uint32) {
	n := m.count(ctx)
	at := m.shrink(m.states(ctx), old, units(n))
	m.setU32(ctx+ctxStates, at)
	flags := m.flags(ctx) & (flagHighLast + flagRescaled*scale)
	escape, sum := m.sum(ctx), uint32(0)
	for range n + 1 {
		escape -= m.freq(at)
		m.setFreq(at, (m.freq(at)+scale)>>scale)
		sum += m.freq(at)
		flags |= high(m.symbol(at), flagHigh)
		at += stateBytes
	}
	m.setU16(ctx+ctxSum, sum+(escape+scale)>>scale)
	m.setFlags(ctx, flags)
}

// cut drops what is longest from a context and those that it leads to, and returns it, or 0 if nothing is left of it.
func (m *model) cut(ctx uint32, order int) uint32 {
	if m.count(ctx) == 0 {
		at := ctx + ctxOne
		if !m.isText(m.next(at)) {
			m.setNext(at, m.cutNext(at, order))
			if m.next(at) != 0 || order <= cutOffFrom {
				return ctx
			}
		}
		m.giveUnit(ctx)
		return 0
	}
	n := m.count(ctx)
	size := units(n)
	states := m.moveUp(m.states(ctx), size)
	m.setU32(ctx+ctxStates, states)
	left := int(n)
	for i := int(n); i >= 0; i-- {
		at := states + uint32(i)*stateBytes
		if m.isText(m.next(at)) {
			m.setNext(at, 0)
			m.swap(at, states+uint32(left)*stateBytes)
			left--
			continue
		}
		m.setNext(at, m.cutNext(at, order))
	}
	if left == int(n) || order == 0 {
		return ctx
	}
	m.setCount(ctx, uint32(max(left, 0)))
	switch {
	case left < 0:
		m.give(states, unitsList[size])
		m.giveUnit(ctx)
		return 0
	case left == 0:
		m.makeSingle(ctx, states)
		m.give(states, unitsList[size])
	default:
		m.refresh(ctx, size, truth(m.sum(ctx) > 16*uint32(left)))
	}
	return ctx
}

// cutNext cuts the context that a state leads to.
func (m *model) cutNext(at uint32, order int) uint32 {
	if order >= m.order {
		return 0
	}
	return m.cut(m.next(at), order+1)
}
