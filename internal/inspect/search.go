package inspect

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/bits"
	"time"
)

// BytesQuery says which bytes are looked for. The zero value of a field stands for its default.
type BytesQuery struct {
	// Pattern is hex digits, two for a byte, with blanks, commas or colons between bytes, or 0x or \x before them, as one
	// likes. A question mark is any digit, ?? any byte. Text stands in quotes, "text" as UTF-8 and L"text" as UTF-16 in
	// little-endian. There are 1 to 256 bytes.
	Pattern string

	Offset    int64         // hits begin here or behind
	MaxBytes  int64         // and less than this many bytes behind it; all
	Take      int           // ends the page after so many hits; DefaultTake
	TimeLimit time.Duration // ends the page; ten seconds
}

// FindBytes returns where in a file bytes stand, with what is there in hex. Hits do not overlap: behind one the search goes
// on. The time it takes does not depend on the pattern nor on what the file holds, but for a factor of four if the pattern has
// more than 64 bytes. When the time is over it is as with FindStrings.
func FindBytes(ctx context.Context, src Source, q BytesQuery) (*Found, error) {
	p, err := parsePattern(q.Pattern)
	if err != nil {
		return nil, err
	}
	take, err := checkTake(q.Take, DefaultTake)
	if err != nil {
		return nil, err
	}
	from, to, err := span(src, q.Offset, q.MaxBytes)
	if err != nil {
		return nil, err
	}
	limit, err := startLimit(ctx, q.TimeLimit)
	if err != nil {
		return nil, err
	}
	defer limit.stop()
	page := &page{Found: Found{Strings: []String{}}, take: take}
	next, err := eachHit(limit, src, from, to, newMatcher(p), func(offset int64, content []byte) (more bool) {
		return page.add(String{hex.EncodeToString(content), offset, int64(len(content)), Bytes.encoding(), Bytes})
	})
	if err := limit.settle(err, next > from); err != nil {
		return nil, err
	}
	return page.end(next, src.Size(), limit.over), nil
}

// eachHit hands over the hits that begin in [from, to), until take returns false or the time is over, and returns where the
// search would go on.
func eachHit(limit *timeLimit, src Source, from, to int64, m *matcher, take func(offset int64, content []byte) bool) (int64, error) {
	if from >= to {
		return from, nil
	}
	ahead := int64(m.n - 1)
	w, err := openWindow(limit.ctx, src, from, min(src.Size(), to+ahead), m.n)
	if err != nil {
		return from, err
	}
	defer w.close()
	next := from // hits begin here or behind
	for pos := from; pos < w.to; {
		if err := w.slide(pos - ahead); err != nil {
			return next, err
		}
		for pos < w.end() {
			end, hit := m.find(w.buf[pos-w.base:])
			pos += int64(end)
			if !hit {
				break
			}
			start := pos - int64(m.n)
			if !take(start, w.buf[start-w.base:pos-w.base]) {
				return pos, nil
			}
			next = pos
		}
		next = max(next, pos-ahead)
		if limit.isOver() {
			return next, nil
		}
	}
	return max(next, to), nil
}

// matcher goes over bytes with a set of the prefixes of a pattern that end at the last one, a bit each: Shift-And, by Baeza-Yates and
// Gonnet (A New Approach to Text Searching, 1992). A byte takes the same few operations whatever it is.
type matcher struct {
	n      int        // bytes of the pattern
	starts [256]words // bit i: the byte may be the i-th of the pattern
	first  int        // the first byte of the pattern, or -1 if it may be one of many
	now    words      // bit i: the first i+1 bytes of the pattern were the last ones
}

const wordBits = 64

type words [maxPattern / wordBits]uint64

func newMatcher(p pattern) *matcher {
	m := &matcher{n: len(p.want), first: -1}
	for i, want := range p.want {
		for c := range 256 {
			if byte(c)&p.mask[i] == want {
				m.starts[c][i/wordBits] |= 1 << (i % wordBits)
			}
		}
	}
	if p.mask[0] == 0xff {
		m.first = int(p.want[0])
	}
	return m
}

// find goes over bytes up to the end of the next hit, or over all of them.
func (m *matcher) find(b []byte) (end int, hit bool) {
	if m.n <= wordBits {
		end, hit = m.findShort(b)
	} else {
		end, hit = m.findLong(b)
	}
	if hit {
		m.now = words{}
	}
	return end, hit
}

func (m *matcher) findShort(b []byte) (end int, hit bool) {
	now, last := m.now[0], uint64(1)<<(m.n-1)
	for i := 0; i < len(b); i++ {
		if now == 0 && m.first >= 0 {
			skip := bytes.IndexByte(b[i:], byte(m.first))
			if skip < 0 {
				break
			}
			i += skip
		}
		now = (now<<1 | 1) & m.starts[b[i]][0]
		if now&last != 0 {
			return i + 1, true
		}
	}
	m.now[0] = now
	return len(b), false
}

func (m *matcher) findLong(b []byte) (end int, hit bool) {
	lastWord, last := (m.n-1)/wordBits, uint64(1)<<((m.n-1)%wordBits)
	for i, c := range b {
		carry := uint64(1)
		for k := range m.now {
			m.now[k], carry = bits.Add64(m.now[k], m.now[k], carry)
			m.now[k] &= m.starts[c][k]
		}
		if m.now[lastWord]&last != 0 {
			return i + 1, true
		}
	}
	return len(b), false
}
