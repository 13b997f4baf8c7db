package pdf

import (
	"fmt"
	"io"
)

// maxRow bounds the bytes of a row: more than any picture has.
const maxRow = 16 << 20

// predictor undoes what made rows easier to compress (7.4.4.4). Each row of PNG's says in its first byte how it was done.
type predictor struct {
	in    io.Reader
	png   bool
	row   int // bytes
	pixel int // bytes, rounded up
	bits  int // of a colour

	colors, columns int

	last []byte // the row above; empty is as good as zeros
	this []byte // the row that is being read
	at   int    // what of it was read
	err  error
}

// newPredictor returns a reader of the content behind r, which is r itself if nothing was predicted.
func newPredictor(r io.Reader, kind, colors, bits, columns int64) io.Reader {
	if kind <= 1 {
		return r
	}
	fits := (bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16) && colors >= 1 && colors <= 256 && columns >= 1 && columns <= maxRow
	if !fits || kind != 2 && (kind < 10 || kind > 15) || (colors*bits*columns+7)/8 > maxRow {
		return &unpredicted{r, fmt.Errorf("predictor %d for %d columns of %d colours of %d bits", kind, columns, colors, bits)}
	}
	return &predictor{
		in: r, png: kind >= 10, row: int((colors*bits*columns + 7) / 8), pixel: int((colors*bits + 7) / 8), bits: int(bits), colors: int(colors), columns: int(columns),
	}
}

// unpredicted passes data through as they are, and ends with an error.
type unpredicted struct {
	r   io.Reader
	err error
}

func (u *unpredicted) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err == io.EOF {
		err = u.err
	}
	return n, err
}

func (p *predictor) Read(b []byte) (int, error) {
	for p.at >= len(p.this) {
		if p.err != nil {
			return 0, p.err
		}
		p.fill()
	}
	n := copy(b, p.this[p.at:])
	p.at += n
	return n, nil
}

// fill reads the next row, or what there is of it.
func (p *predictor) fill() {
	p.last, p.this, p.at = p.this, p.last[:0], 0
	how := byte(0)
	if p.png {
		var tag [1]byte
		if _, p.err = io.ReadFull(p.in, tag[:]); p.err != nil {
			return
		}
		how = tag[0]
	}
	const piece = 64 << 10 // memory is taken as the data come
	for len(p.this) < p.row && p.err == nil {
		from := len(p.this)
		n := min(piece, p.row-from)
		if cap(p.this) < from+n {
			p.this = append(p.this, make([]byte, n)...)
		}
		p.this = p.this[:from+n]
		n, p.err = io.ReadFull(p.in, p.this[from:])
		p.this = p.this[:from+n]
	}
	if p.err == io.ErrUnexpectedEOF {
		p.err = io.EOF // the last row may be short
	}
	if p.png {
		p.undoPNG(how)
		return
	}
	p.undoTIFF()
}

// undoPNG undoes a filter of PNG (ISO 15948, 9.2). A kind that there is not leaves the row as it is.
func (p *predictor) undoPNG(how byte) {
	above := func(i int) byte {
		if i < 0 || i >= len(p.last) {
			return 0
		}
		return p.last[i]
	}
	for i := range p.this {
		var left byte
		if i >= p.pixel {
			left = p.this[i-p.pixel]
		}
		switch how {
		case 1:
			p.this[i] += left
		case 2:
			p.this[i] += above(i)
		case 3:
			p.this[i] += byte((int(left) + int(above(i))) / 2)
		case 4:
			p.this[i] += paeth(left, above(i), above(i-p.pixel))
		}
	}
}

// paeth returns which of three neighbours is nearest to left + above - corner.
func paeth(left, above, corner byte) byte {
	a, b, c := int(left), int(above), int(corner)
	pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return left
	case pb <= pc:
		return above
	}
	return corner
}

func abs(n int) int { return max(n, -n) }

// undoTIFF adds to each colour that of the pixel to the left (TIFF 6.0, section 14).
func (p *predictor) undoTIFF() {
	switch p.bits {
	case 8:
		for i := p.colors; i < len(p.this); i++ {
			p.this[i] += p.this[i-p.colors]
		}
	case 16:
		for i := 2 * p.colors; i+1 < len(p.this); i += 2 {
			j := i - 2*p.colors
			sum := uint16(p.this[i])<<8 + uint16(p.this[i+1]) + uint16(p.this[j])<<8 + uint16(p.this[j+1])
			p.this[i], p.this[i+1] = byte(sum>>8), byte(sum)
		}
	default:
		p.undoBits()
	}
}

// undoBits does so for colours of less than a byte. Bits behind the last pixel become zero.
func (p *predictor) undoBits() {
	mask := byte(1<<p.bits - 1)
	left := make([]byte, p.colors)
	perByte := 8 / p.bits
	pixels := p.columns * p.colors
	for i := range len(p.this) * perByte {
		shift := 8 - p.bits*(i%perByte+1)
		b := &p.this[i/perByte]
		if i >= pixels {
			*b &^= mask << shift
			continue
		}
		color := &left[i%p.colors]
		*color = (*color + *b>>shift) & mask
		*b = *b&^(mask<<shift) | *color<<shift
	}
}
