package oldrar

import (
	"bufio"
	"cmp"
	"io"
)

const (
	// mostGrowth is how many bytes may come of one: a match of up to 268 takes a bit at least.
	mostGrowth = 8 * 268
	// mostUnread is how many bytes wait in the window before they are read.
	mostUnread = 1 << 14
)

// unpacker decompresses RAR 1.5: literals and matches up to 64 KiB back, in prefix codes that never change, chosen by averages of what came before,
// for places in tables that are kept in the order of how often something came. Both sides do so alike.
type unpacker struct {
	in     input
	left   int64 // bytes of the file that are to be read
	unread int   // bytes in the window that are to be read

	window [1 << 16]byte
	at     uint16 // of the next byte

	flags     byte // say which kind of token comes next
	flagsLeft int  // bits of them
	kinds     ranking

	literals     ranking
	literalPlace int  // average, in 1/256
	many         int  // literals since the last match
	run          bool // there are only literals, until one says otherwise

	literalCount, longCount int // which come more often

	distances     ranking // upper bits of those of long matches
	distancePlace int     // average, in 1/256
	longLength    int     // average, in 1/32
	near          int     // how often shortest matches were near, roughly
	far           int     // from this distance on a match is longer by one

	short       [256]byte // distances of short matches, those that came more often first
	shortLength int       // average, in 1/16
	repeats     int       // of the last match, in a row
	longer      int       // code of short matches

	recent       [4]int // distances, around lastRecent
	nextRecent   int
	lastDistance int
	lastLength   int
}

// begin begins a file of so many bytes, which goes on with what is known from the one before it if they are solid.
func (u *unpacker) begin(r io.Reader, size int64, solid bool) {
	if !solid {
		*u = unpacker{literalPlace: 0x3500, literalCount: 0x80, longCount: 0x80, far: 0x2001}
		for i := range 256 {
			u.literals.entries[i].symbol = byte(i)
			u.distances.entries[i].symbol = byte(i)
			u.kinds.entries[i].symbol = byte(-i)
			u.short[i] = byte(i)
		}
		u.distances.even()
	}
	u.in = input{r: bufio.NewReader(r)}
	u.left, u.unread = size, 0
	u.flags, u.flagsLeft, u.run, u.repeats = 0, 0, false, 0
}

// Read ends early where the compressed data does.
func (u *unpacker) Read(p []byte) (int, error) {
	for u.unread < mostUnread && int64(u.unread) < u.left {
		at, before := u.at, u.unread
		u.token()
		if u.in.over() {
			u.at, u.unread, u.left = at, before, int64(before)
		}
	}
	n := int(min(int64(len(p)), int64(u.unread), u.left))
	if n == 0 && u.left == 0 {
		return 0, cmp.Or(u.in.err, io.EOF)
	}
	from := u.at - uint16(u.unread)
	for i := range p[:n] {
		p[i] = u.window[from+uint16(i)]
	}
	u.unread -= n
	u.left -= int64(n)
	return n, nil
}

// token decodes what comes next. The first bit says that it is of the kind that came more often, of literals and long matches; the second one that it is the other.
func (u *unpacker) token() {
	if u.run {
		u.literal()
		return
	}
	usual := u.flag()
	switch {
	case !usual && !u.flag():
		u.shortMatch()
	case usual == (u.longCount > u.literalCount):
		u.longMatch()
	default:
		u.literal()
	}
}

func (u *unpacker) flag() bool {
	if u.flagsLeft == 0 {
		if place := codes[2].read(&u.in); place < 256 {
			u.flags = u.kinds.use(place, 0xff)
		}
		u.flagsLeft = 8
	}
	flag := u.flags&0x80 != 0
	u.flags <<= 1
	u.flagsLeft--
	return flag
}

func (u *unpacker) literalCode() *code {
	switch {
	case u.literalPlace > 0x75ff:
		return &codes[4]
	case u.literalPlace > 0x5dff:
		return &codes[3]
	case u.literalPlace > 0x35ff:
		return &codes[2]
	case u.literalPlace > 0x0dff:
		return &codes[1]
	}
	return &codes[0]
}

func (u *unpacker) literal() {
	place := u.literalCode().read(&u.in)
	switch {
	case u.run && place == 0:
		u.interrupt()
		return
	case u.run:
		place--
	default:
		place &= 0xff
		u.run = u.many >= 16 && u.flagsLeft == 0
		u.many++
	}
	u.literalPlace += place
	u.literalPlace -= u.literalPlace >> 8
	u.literalCount += 16
	if u.literalCount > 0xff {
		u.literalCount = 0x90
		u.longCount >>= 1
	}
	u.put(u.literals.use(place, 0xa1))
}

// interrupt decodes what may come in a run of literals: its end, or a match.
func (u *unpacker) interrupt() {
	if u.in.bits(1) == 1 {
		u.run, u.many = false, 0
		return
	}
	length := 3 + u.in.bits(1)
	distance := codes[2].read(&u.in) << 5
	u.copy(distance|u.in.bits(5), length)
}

func (u *unpacker) distanceCode() *code {
	switch {
	case u.distancePlace > 0x28ff:
		return &codes[2]
	case u.distancePlace > 0x06ff:
		return &codes[1]
	}
	return &codes[0]
}

func (u *unpacker) longMatch() {
	u.many = 0
	u.longCount += 16
	if u.longCount > 0xff {
		u.longCount = 0x90
		u.literalCount >>= 1
	}
	averageLength, averageNear := u.longLength, u.near

	length := u.readLongLength()
	u.longLength += length
	u.longLength -= u.longLength >> 5

	place := u.distanceCode().read(&u.in)
	u.distancePlace += place
	u.distancePlace -= u.distancePlace >> 8
	distance := int(u.distances.use(place&0xff, 0xff)) << 7
	distance |= u.in.bits(7)

	switch {
	case length == 1 || length == 4:
	case length == 0 && distance <= u.far:
		u.near++
		u.near -= u.near >> 8
	case u.near > 0:
		u.near--
	}
	length += 3 + u.bonus(distance)
	if averageNear > 0xb0 || u.literalPlace >= 0x2a00 && averageLength < 0x40 {
		u.far = 0x7f00
	} else {
		u.far = 0x2001
	}
	u.match(distance, length)
}

// bonus is how much longer a long match of some distance is than one in the middle.
func (u *unpacker) bonus(distance int) int {
	n := 0
	if distance >= u.far {
		n++
	}
	if distance <= 256 {
		n += 8
	}
	return n
}

func (u *unpacker) readLongLength() int {
	switch {
	case u.longLength >= 122:
		return lengths2.read(&u.in)
	case u.longLength >= 64:
		return lengths1.read(&u.in)
	}
	for n := range 8 {
		if u.in.bits(1) == 1 {
			return n
		}
	}
	return u.in.bits(8)
}

// What a code of a short match stands for, if not for a length.
const (
	shortRepeat  = 9  // the last match
	shortRecent  = 10 // and the three behind it: one of the last four distances
	shortFarther = 14 // 32 KiB and more back
)

func (u *unpacker) shortMatch() {
	u.many = 0
	if u.repeats == 2 {
		if u.in.bits(1) == 1 {
			u.copy(u.lastDistance, u.lastLength)
			return
		}
		u.repeats = 0
	}
	kind := u.shortCode()[u.in.peek()>>8]
	u.in.skip(int(kind.bits))
	if kind.number == shortRepeat {
		u.repeats++
		u.copy(u.lastDistance, u.lastLength)
		return
	}
	u.repeats = 0
	switch n := int(kind.number); {
	case n == shortFarther:
		u.lastLength = lengths2.read(&u.in) + 5
		u.lastDistance = u.in.bits(15) | 1<<15
		u.copy(u.lastDistance, u.lastLength)
	case n >= shortRecent:
		u.recentMatch(n - shortRecent)
	default:
		u.shortLength += n
		u.shortLength -= u.shortLength >> 4
		place := codes[2].read(&u.in) & 0xff
		distance := u.short[place]
		if place > 0 {
			u.short[place], u.short[place-1] = u.short[place-1], distance
		}
		u.match(int(distance)+1, n+2)
	}
}

func (u *unpacker) shortCode() *[256]shortKind {
	if u.shortLength < 37 {
		return &shortCodes[0][u.longer]
	}
	return &shortCodes[1][u.longer]
}

// recentMatch is one at one of the last distances, 0 for the last one, or tells that a code changes.
func (u *unpacker) recentMatch(n int) {
	distance := u.recent[(u.nextRecent-1-n)&3]
	length := lengths1.read(&u.in) + 2
	if n == 0 && length == 0x101 {
		u.longer ^= 1
		return
	}
	if distance > 256 {
		length++
	}
	if distance >= u.far {
		length++
	}
	u.match(distance, length)
}

// match copies bytes and remembers from where.
func (u *unpacker) match(distance, length int) {
	u.recent[u.nextRecent&3] = distance
	u.nextRecent++
	u.lastDistance, u.lastLength = distance, length
	u.copy(distance, length)
}

func (u *unpacker) copy(distance, length int) {
	for range length {
		u.put(u.window[u.at-uint16(distance)])
	}
}

func (u *unpacker) put(c byte) {
	u.window[u.at] = c
	u.at++
	u.unread++
}
