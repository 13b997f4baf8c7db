package sevenzip

import (
	"bufio"
	"fmt"
	"io"
)

const (
	mostCoders = 16 // of a block
	mostInputs = 16 // of all its coders
)

// Block is a number of files that are packed as one.
type Block struct {
	Size int64 // bytes, unpacked

	coders []coder
	main   int   // the coder whose output are the files
	bound  []int // for each input of all coders: the coder it takes from, or -1
	inputs []int // that take the packed streams
	packed []packedStream
	sum    uint32
	summed bool
}

// coder is one step of unpacking. It has one output.
type coder struct {
	id    string
	props []byte
	first int // of its inputs
	count int // of them
	size  int64
}

// Encrypted tells whether a block needs a password.
func (b *Block) Encrypted() bool {
	for i := range b.coders {
		if b.coders[i].id == coderAES {
			return true
		}
	}
	return false
}

// Rounds is what the derivation of a block's key from a password takes, as a power of two; 0 for one without.
func (b *Block) Rounds() int {
	for i := range b.coders {
		if c := &b.coders[i]; c.id == coderAES && len(c.props) > 0 {
			return int(c.props[0] & aesRounds)
		}
	}
	return 0
}

// block reads the description of a block.
func (d *directory) block() Block {
	var b Block
	n := d.number()
	if n == 0 || n > mostCoders {
		d.fail("a block has too many coders, or none")
		return b
	}
	inputs := 0
	for range n {
		c := d.coder()
		c.first = inputs
		if inputs += c.count; inputs > mostInputs {
			d.fail("a block has too many streams")
			return b
		}
		b.coders = append(b.coders, c)
	}
	d.bind(&b, inputs)
	return b
}

func (d *directory) coder() coder {
	flags := d.byte()
	c := coder{id: string(d.bytes(uint64(flags & 0x0f))), count: 1}
	if flags&0x10 != 0 {
		in, out := d.number(), d.number()
		if in == 0 || in > mostInputs || out != 1 {
			d.fail("a coder has other streams than it may")
			return c
		}
		c.count = int(in)
	}
	if flags&0x20 != 0 {
		c.props = d.bytes(d.number())
	}
	if flags&0x80 != 0 {
		d.fail("a coder has alternatives")
	}
	return c
}

// bind reads which coder takes from which. A coder whose output nobody takes is the main one; inputs that take from none take what is
// packed.
func (d *directory) bind(b *Block, inputs int) {
	b.bound = make([]int, inputs)
	for i := range b.bound {
		b.bound[i] = -1
	}
	taken := make([]bool, len(b.coders))
	for range len(b.coders) - 1 {
		in, out := d.number(), d.number()
		if in >= uint64(inputs) || out >= uint64(len(b.coders)) || b.bound[in] >= 0 || taken[out] {
			d.fail("coders are bound in a wrong way")
			return
		}
		b.bound[in], taken[out] = int(out), true
	}
	for i, t := range taken {
		if !t {
			b.main = i
		}
	}
	free := inputs - (len(b.coders) - 1)
	if free == 1 {
		for i, from := range b.bound {
			if from < 0 {
				b.inputs = append(b.inputs, i)
			}
		}
		return
	}
	for range free {
		in := d.number()
		if in >= uint64(inputs) || b.bound[in] >= 0 {
			d.fail("a packed stream goes nowhere")
			return
		}
		b.inputs = append(b.inputs, int(in))
	}
}

// Open unpacks a block: its files follow one another.
func (a *Archive) Open(block int, password string) (io.Reader, error) {
	return a.open(&a.Blocks[block], password)
}

func (a *Archive) open(b *Block, password string) (io.Reader, error) {
	o := opening{Archive: a, Block: b, password: password, used: make([]bool, len(b.coders))}
	r, err := o.coder(b.main)
	if err != nil {
		return nil, err
	}
	return io.LimitReader(r, b.Size), nil
}

// opening is a block that is being opened.
type opening struct {
	*Archive
	*Block
	password string
	used     []bool // coders, so that no circle of them is followed
}

// coder opens the output of a coder.
func (o *opening) coder(i int) (io.Reader, error) {
	if o.used[i] {
		return nil, damaged("coders take from one another")
	}
	o.used[i] = true
	c := &o.coders[i]
	var in []io.Reader
	for k := range c.count {
		r, err := o.input(c.first + k)
		if err != nil {
			return nil, err
		}
		in = append(in, r)
	}
	open, known := coders[c.id]
	switch {
	case !known:
		return nil, fmt.Errorf("7z: method %x is not known", c.id)
	case len(in) != open.inputs:
		return nil, damaged("a coder has other streams than it needs")
	}
	r, err := open.open(&call{coder: c, in: in, archive: o.Archive, password: o.password})
	if err != nil {
		return nil, err
	}
	return io.LimitReader(r, c.size), nil
}

// input opens what an input takes from.
func (o *opening) input(in int) (io.Reader, error) {
	if from := o.bound[in]; from >= 0 {
		return o.coder(from)
	}
	for k, i := range o.inputs {
		if i == in && k < len(o.packed) {
			p := o.packed[k]
			return bufio.NewReaderSize(io.NewSectionReader(o.r, startBytes+p.at, p.size), 64<<10), nil
		}
	}
	return nil, damaged("a coder takes from nothing")
}
