package quantum

// A model knows how often symbols were seen. Both sides of the compression count in the same way, so that no table is transmitted.
type model struct {
	symbols [maxSymbols + 1]struct {
		symbol byte
		above  uint16 // how often this symbol and all that follow were seen; falls to 0 behind the last
	}
	n         int
	untilSort int // halvings until the symbols are sorted by how often they were seen
}

const (
	maxSymbols   = 64
	step         = 8    // what seeing a symbol counts
	mostSeen     = 3800 // all counts are halved beyond this
	firstSort    = 4
	betweenSorts = 50
)

func (m *model) init(first, n int) {
	m.n, m.untilSort = n, firstSort
	for i := range n + 1 {
		m.symbols[i].symbol = byte(first + i)
		m.symbols[i].above = uint16(n - i)
	}
}

// seen counts the symbol at a place.
func (m *model) seen(i int) {
	for ; i >= 0; i-- {
		m.symbols[i].above += step
	}
	if m.symbols[0].above <= mostSeen {
		return
	}
	if m.untilSort--; m.untilSort > 0 {
		m.halve()
		return
	}
	m.untilSort = betweenSorts
	m.sort()
}

// halve halves the counts; none becomes 0.
func (m *model) halve() {
	s := &m.symbols
	for i := m.n - 1; i >= 0; i-- {
		s[i].above /= 2
		if s[i].above <= s[i+1].above {
			s[i].above = s[i+1].above + 1
		}
	}
}

// sort halves the count of each symbol, rounding up, and sorts them, the most frequent first. The order of equal ones is part of the
// format, so it is this way of sorting and no other.
func (m *model) sort() {
	s := &m.symbols
	for i := range m.n {
		s[i].above = (s[i].above - s[i+1].above + 1) / 2
	}
	for i := range m.n - 1 {
		for j := i + 1; j < m.n; j++ {
			if s[i].above < s[j].above {
				s[i], s[j] = s[j], s[i]
			}
		}
	}
	for i := m.n - 1; i >= 0; i-- {
		s[i].above += s[i+1].above
	}
}
