package pdf

import (
	"bufio"
	"errors"
	"io"
	"slices"
)

// filterReader reads what a step of a simple filter makes, some bytes at a time.
type filterReader struct {
	in   *bufio.Reader
	step func(*filterReader) error // adds to out, which is empty
	out  []byte
	at   int // in out
	err  error
	odd  error // what was passed over; told at the end
}

func (f *filterReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if f.at < len(f.out) {
			c := copy(p[n:], f.out[f.at:])
			n, f.at = n+c, f.at+c
			continue
		}
		if f.err != nil {
			break
		}
		f.out, f.at = f.out[:0], 0
		if f.err = f.step(f); f.err == io.EOF && f.odd != nil {
			f.err = f.odd
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, f.err
	}
	return n, nil
}

// some returns bytes of the input, at least one unless there is an error. They are taken.
func (f *filterReader) some() ([]byte, error) {
	if _, err := f.in.Peek(1); err != nil {
		return nil, err
	}
	b, _ := f.in.Peek(f.in.Buffered())
	_, _ = f.in.Discard(len(b)) // they stay where they are until the next read
	return b, nil
}

var errOddCharacter = errors.New("a character that does not belong there")

// newHexReader decodes hexadecimal digits (7.4.2).
func newHexReader(r io.Reader) io.Reader {
	high := -1
	end := func(f *filterReader) {
		if high >= 0 {
			f.out = append(f.out, byte(high<<4))
			high = -1
		}
	}
	return &filterReader{in: bufio.NewReader(r), step: func(f *filterReader) error {
		piece, err := f.some()
		for _, c := range piece {
			d := hexDigit(int(c))
			switch {
			case c == '>':
				end(f)
				return io.EOF
			case d < 0:
				if !space(int(c)) {
					f.odd = errOddCharacter
				}
			case high < 0:
				high = d
			default:
				f.out = append(f.out, byte(high<<4|d))
				high = -1
			}
		}
		if err == io.EOF {
			end(f)
		}
		return err
	}}
}

// newBase85Reader decodes base 85 (7.4.3).
func newBase85Reader(r io.Reader) io.Reader {
	var group uint32
	digits := 0
	flush := func(f *filterReader) { // digits of a group that is not full make one byte less
		for i := digits; i < 5; i++ {
			group = group*85 + 84
		}
		for i := range max(0, digits-1) {
			f.out = append(f.out, byte(group>>(24-8*i)))
		}
		group, digits = 0, 0
	}
	begun := false
	return &filterReader{in: bufio.NewReader(r), step: func(f *filterReader) error {
		if !begun {
			begun = true
			if mark, _ := f.in.Peek(2); string(mark) == "<~" { // as in PostScript
				_, _ = f.in.Discard(2) // it was peeked at
			}
		}
		piece, err := f.some()
		for _, c := range piece {
			switch {
			case c == '~':
				flush(f)
				return io.EOF
			case c == 'z' && digits == 0:
				f.out = append(f.out, 0, 0, 0, 0)
			case c >= '!' && c <= 'u':
				group = group*85 + uint32(c-'!')
				if digits++; digits == 5 {
					flush(f)
				}
			case !space(int(c)):
				f.odd = errOddCharacter
			}
		}
		if err == io.EOF {
			flush(f)
		}
		return err
	}}
}

// newRunLengthReader decodes runs of bytes (7.4.5).
func newRunLengthReader(r io.Reader) io.Reader {
	return &filterReader{in: bufio.NewReader(r), step: func(f *filterReader) error {
		n, err := f.in.ReadByte()
		switch {
		case err != nil:
			return err
		case n == 128:
			return io.EOF
		case n > 128:
			c, err := f.in.ReadByte()
			if err != nil {
				return noEnd(err)
			}
			for range 257 - int(n) {
				f.out = append(f.out, c)
			}
			return nil
		}
		f.out = slices.Grow(f.out, 128)[:int(n)+1]
		got, err := io.ReadFull(f.in, f.out)
		f.out = f.out[:got]
		return noEnd(err)
	}}
}

// noEnd says that data end where they must not.
func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
