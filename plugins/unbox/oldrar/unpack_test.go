package oldrar

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive/archivetest"
)

// packer compresses files with tokens of all kinds, at random. It has the decompressor itself decode each, and so knows what that knows. Whether that is right
// is for unar to say.
type packer struct {
	t     testing.TB
	rng   *rand.Rand
	u     unpacker
	kinds ranking // of flags, which are known only when the tokens behind them are
	data  []byte  // of this file and those before
	at    int
	seen  map[string][]int // where three bytes are
	parts []string         // bits, "" for flags
	flags []byte
	mood  int // how many tokens of 100 are literals
	used  map[string]int
}

func newPacker(t testing.TB, seed uint64) *packer {
	return &packer{t: t, rng: rand.New(rand.NewPCG(seed, 1)), used: map[string]int{}}
}

// pack compresses a file.
func (p *packer) pack(content string, solid bool) []byte {
	p.u.begin(nil, 0, solid)
	if !solid {
		p.kinds, p.data, p.at, p.seen = p.u.kinds, nil, 0, map[string][]int{}
	}
	p.data, p.parts, p.flags = append(p.data, content...), nil, nil
	for p.at < len(p.data) {
		if p.rng.IntN(300) == 0 {
			p.mood = p.rng.IntN(101)
		}
		p.next()
	}
	var bits strings.Builder
	for _, part := range p.parts {
		if part == "" {
			for place, e := range p.kinds.entries {
				if e.symbol == p.flags[0] {
					part = bitsOf(&codes[2], place)
					p.kinds.use(place, 0xff)
					break
				}
			}
			p.flags = p.flags[1:]
		}
		bits.WriteString(part)
	}
	return append(packBits(bits.String()), 0, 0) // unar reads ahead
}

func packBits(bits string) []byte {
	out := make([]byte, (len(bits)+7)/8)
	for i, bit := range bits {
		out[i/8] |= byte(bit-'0') << (7 - i%8)
	}
	return out
}

// bitsOf is the code of a number.
func bitsOf(c *code, number int) string {
	first := 0
	for i, count := range c.counts {
		if number < count {
			return fmt.Sprintf("%0*b", c.shortest+i, first+number)
		}
		number -= count
		first = (first + count) << 1
	}
	panic("no such number")
}

// flag notes a flag that comes in front of the token to come.
func (p *packer) flag(set bool) {
	if p.u.flagsLeft == 0 {
		p.parts, p.flags = append(p.parts, ""), append(p.flags, 0)
		p.u.flagsLeft = 8
	}
	p.u.flagsLeft--
	if set {
		p.flags[len(p.flags)-1] |= 1 << p.u.flagsLeft
	}
}

// put writes a token, and has it decoded.
func (p *packer) put(kind, bits string, decode func()) {
	p.used[kind]++
	p.parts = append(p.parts, bits)
	r := bytes.NewReader(packBits(bits))
	p.u.in = input{r: r}
	decode()
	if fed := 8*(int(r.Size())-r.Len()) + p.u.in.beyond; fed-p.u.in.n != len(bits) {
		p.t.Fatalf("%s at %d: %d bits of %s were used", kind, p.at, fed-p.u.in.n, bits)
	}
	n := p.u.unread
	for i := range n {
		if c := p.u.window[p.u.at-uint16(n-i)]; c != p.data[p.at+i] {
			p.t.Fatalf("%s at %d: byte %d is %x, not %x", kind, p.at, i, c, p.data[p.at+i])
		}
	}
	for ; n > 0; n-- {
		if p.at+3 <= len(p.data) {
			key := string(p.data[p.at : p.at+3])
			p.seen[key] = append(p.seen[key], p.at)
		}
		p.at++
	}
	p.u.unread = 0
}

// alike is how many bytes from here on are as those at a distance.
func (p *packer) alike(distance, most int) int {
	if distance <= 0 || distance > p.at || distance >= 1<<16 {
		return 0
	}
	n := 0
	for n < most && p.at+n < len(p.data) && p.data[p.at+n] == p.data[p.at+n-distance] {
		n++
	}
	return n
}

// distance is one at which at least three bytes may be alike.
func (p *packer) distance() int {
	if p.at+3 > len(p.data) {
		return 0
	}
	at := p.seen[string(p.data[p.at:p.at+3])]
	switch {
	case len(at) == 0:
		return 1 + p.rng.IntN(256)
	case p.rng.IntN(2) == 0:
		return p.at - at[len(at)-1]
	}
	return p.at - at[p.rng.IntN(len(at))]
}

// next writes a token of any kind that is possible.
func (p *packer) next() {
	if p.u.run {
		p.inRun()
		return
	}
	if p.rng.IntN(100) >= p.mood {
		for range 4 {
			if p.anyMatch() {
				return
			}
		}
	}
	usual := p.u.literalCount >= p.u.longCount
	p.flag(usual)
	if !usual {
		p.flag(true)
	}
	p.put("literal", bitsOf(p.u.literalCode(), p.place()), p.u.literal)
}

// place is that of the byte at hand.
func (p *packer) place() int {
	for place, e := range p.u.literals.entries {
		if e.symbol == p.data[p.at] {
			return place
		}
	}
	panic("no such byte")
}

func (p *packer) inRun() {
	c := p.u.literalCode()
	if p.rng.IntN(60) == 0 {
		p.put("end of a run", bitsOf(c, 0)+"1", p.u.literal)
		return
	}
	if d := p.distance(); p.rng.IntN(3) == 0 && d < 8192 {
		if n := p.alike(d, 4); n >= 3 {
			p.put("match in a run", bitsOf(c, 0)+fmt.Sprintf("0%d", n-3)+bitsOf(&codes[2], d>>5)+fmt.Sprintf("%05b", d&31), p.u.literal)
			return
		}
	}
	p.put("literal in a run", bitsOf(c, p.place()+1), p.u.literal)
}

func (p *packer) anyMatch() bool {
	d := p.distance()
	switch p.rng.IntN(12) {
	case 0:
		return p.repeat()
	case 1, 2:
		return p.recent(p.rng.IntN(4))
	case 3:
		if p.rng.IntN(10) == 0 {
			return p.short("change of a code", shortRecent, bitsOf(&lengths1, 255))
		}
		return p.recent(0)
	case 4, 5:
		return p.near(d)
	case 6:
		return p.farther(d)
	}
	return p.long(d)
}

// short writes a short match: its code, and what follows that.
func (p *packer) short(kind string, number byte, more string) bool {
	for ahead, k := range p.u.shortCode() {
		if k.number != number {
			continue
		}
		bits := fmt.Sprintf("%0*b", k.bits, ahead>>(8-k.bits)) + more
		if p.u.repeats == 2 {
			bits = "0" + bits
		}
		p.flag(false)
		p.flag(false)
		p.put(kind, bits, p.u.shortMatch)
		return true
	}
	return false
}

func (p *packer) repeat() bool {
	if n := p.u.lastLength; n == 0 || p.alike(p.u.lastDistance, n) < n {
		return false
	}
	if p.u.repeats < 2 {
		return p.short("repeat", shortRepeat, "")
	}
	p.flag(false)
	p.flag(false)
	p.put("third repeat", "1", p.u.shortMatch)
	return true
}

func (p *packer) recent(n int) bool {
	d := p.u.recent[(p.u.nextRecent-1-n)&3]
	length := p.alike(d, 250) - 2
	if d > 256 {
		length--
	}
	if d >= p.u.far {
		length--
	}
	return length >= 0 && p.short("recent", byte(shortRecent+n), bitsOf(&lengths1, length))
}

func (p *packer) near(d int) bool {
	n := p.alike(d, 10)
	if d > 256 || n < 2 {
		return false
	}
	return p.short("near", byte(n-2), bitsOf(&codes[2], bytes.IndexByte(p.u.short[:], byte(d-1))))
}

func (p *packer) farther(d int) bool {
	n := p.alike(d, 260)
	return d >= 1<<15 && n >= 5 && p.short("farther", shortFarther, bitsOf(&lengths2, n-5)+fmt.Sprintf("%015b", d&0x7fff))
}

func (p *packer) long(d int) bool {
	n := p.alike(d, 256) - 3 - p.u.bonus(d)
	if d >= 1<<15 || n < 0 {
		return false
	}
	var bits string
	switch {
	case p.u.longLength >= 122:
		bits = bitsOf(&lengths2, n)
	case p.u.longLength >= 64:
		bits = bitsOf(&lengths1, n)
	case n < 8:
		bits = strings.Repeat("0", n) + "1"
	default:
		bits = fmt.Sprintf("%016b", n)
	}
	for place, e := range p.u.distances.entries {
		if e.symbol == byte(d>>7) {
			bits += bitsOf(p.u.distanceCode(), place)
			break
		}
	}
	usual := p.u.longCount > p.u.literalCount
	p.flag(usual)
	if !usual {
		p.flag(true)
	}
	p.put("long", bits+fmt.Sprintf("%07b", d&127), p.u.longMatch)
	return true
}

// contentsToPack are of all kinds: text, noise, few symbols, long runs.
func contentsToPack(rng *rand.Rand, n int) map[string]string {
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	few := make([]byte, n)
	for i := range few {
		few[i] = "abc"[rng.IntN(3)]
	}
	half := bytes.Clone(noise)
	copy(half[n/2:], noise)
	return map[string]string{
		"text": random(rng, n), "noise": string(noise), "few": string(few), "zeros": strings.Repeat("\x00", n), "half": string(half), "byte": "x",
		"mixed": random(rng, n/2) + string(noise[:n/4]) + random(rng, n/2) + string(few[:n/4]),
	}
}

// TestCompressionAgainstUnar: what the packer makes, unar reads, too: alone, solid, encrypted, with stored files in between.
func TestCompressionAgainstUnar(t *testing.T) {
	archivetest.Tool(t, "unar")
	used := map[string]int{}
	for seed := range uint64(6) {
		solid := seed%2 == 1
		t.Run(fmt.Sprintf("%d, solid %v", seed, solid), func(t *testing.T) {
			p := newPacker(t, seed)
			var files []file
			want := contentsToPack(p.rng, 1000+int(seed)*30_000)
			for _, name := range slices.Sorted(maps.Keys(want)) {
				content := want[name]
				f := file{name: name, content: content, version: version15, packed: p.pack(content, solid && len(files) > 0)}
				if solid && len(files) > 0 {
					f.flags = 0x10
				}
				if seed >= 4 {
					f.password = "infected"
				}
				files = append(files, f)
			}
			want["stored"] = "not compressed"
			files = append(files, file{name: "stored", content: want["stored"], version: version15})
			flags, password := uint16(0), ""
			if solid {
				flags = flagSolid
			}
			if seed >= 4 {
				password = "infected"
			}
			compare(t, archiveOf(flags, files...), password, want)
			for kind, n := range p.used {
				used[kind] += n
			}
		})
	}
	t.Log(used)
	for _, kind := range []string{"literal", "literal in a run", "match in a run", "end of a run", "repeat", "third repeat", "recent", "change of a code", "near", "farther", "long"} {
		if used[kind] < 10 {
			t.Errorf("%s: only %d", kind, used[kind])
		}
	}
}

// TestLastBit: nothing is needed behind the last bit, and all before it.
func TestLastBit(t *testing.T) {
	for seed := range uint64(200) {
		p := newPacker(t, seed)
		content := random(p.rng, 1+p.rng.IntN(500))
		packed := p.pack(content, false)
		var u unpacker
		for _, n := range []int{len(packed) - 2, len(packed) - 3} {
			u.begin(bytes.NewReader(packed[:n]), int64(len(content)), false)
			got, err := io.ReadAll(&u)
			if whole := n == len(packed)-2; err != nil || whole != (string(got) == content) || !strings.HasPrefix(content, string(got)) {
				t.Fatalf("seed %d: %d of %d bytes, %v", seed, len(got), len(content), err)
			}
		}
	}
}

// TestDamaged: of a file whose compressed data ends early as much is made as its header says, within what it can be, and the next file is found.
func TestDamaged(t *testing.T) {
	packed := newPacker(t, 1).pack(random(rand.New(rand.NewPCG(1, 1)), 5000), false)
	a := file{name: "a", content: strings.Repeat("x", 100_000), version: version15, packed: packed[:100]}
	data := archiveOf(0, a, file{name: "b", content: "content of b", version: version15})
	r, n := New(t.Context(), bytes.NewReader(data), 0, int64(len(data)), ""), int64(0)
	n, err := io.Copy(io.Discard, r)
	if err != nil || n != int64(len(data))-100+100_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	a.packed = packed[:3]
	data = archiveOf(0, a)
	n, err = io.Copy(io.Discard, New(t.Context(), bytes.NewReader(data), 0, int64(len(data)), ""))
	if err != nil || n > int64(len(data))+3*mostGrowth {
		t.Errorf("of three bytes: %d, %v", n, err)
	}
}

// TestUnpackAnything: any bytes decompress to something, of the size that was asked for at most.
func TestUnpackAnything(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var u unpacker
	for i := range 300 {
		data := make([]byte, rng.IntN(3000))
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		size := int64(rng.IntN(1 << 20))
		u.begin(bytes.NewReader(data), size, i%3 > 0)
		n, err := io.Copy(io.Discard, &u)
		if err != nil || n > size || n > mostGrowth*int64(len(data)) {
			t.Fatalf("%d of %d bytes from %d, %v", n, size, len(data), err)
		}
	}
}
