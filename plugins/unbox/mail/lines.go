package mail

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
)

// lines reads a mail line by line, with one of them read ahead. A line that is longer than the buffer comes in pieces.
type lines struct {
	ctx    context.Context
	in     *bufio.Reader
	piece  []byte // that was read ahead, valid until the next
	begins bool   // piece is the beginning of a line
	err    error
	ends   []string // boundaries of all the parts around, the outermost first
}

func newLines(ctx context.Context, r io.Reader) *lines {
	l := &lines{ctx: ctx, in: bufio.NewReaderSize(r, 64<<10)}
	l.next()
	return l
}

// next reads a piece. At the end of the mail there is err, which is io.EOF, or what went wrong.
func (l *lines) next() {
	if l.err = l.ctx.Err(); l.err != nil {
		return
	}
	l.begins = len(l.piece) == 0 || l.piece[len(l.piece)-1] == '\n'
	l.piece, l.err = l.in.ReadSlice('\n')
	if l.err == bufio.ErrBufferFull || l.err == io.EOF && len(l.piece) > 0 {
		l.err = nil
	}
}

// failed is what went wrong, nil at the end of the mail.
func (l *lines) failed() error {
	if l.err == io.EOF {
		return nil
	}
	return l.err
}

// boundary tells whether the next line is a boundary, of which of the parts around, and whether nothing should follow in it.
func (l *lines) boundary() (level int, last, is bool) {
	if l.err != nil || !l.begins || !bytes.HasPrefix(l.piece, []byte("--")) {
		return 0, false, false
	}
	line := strings.TrimRight(string(l.piece[2:]), " \t\r\n")
	for level := len(l.ends) - 1; level >= 0; level-- {
		switch line {
		case l.ends[level]:
			return level, false, true
		case l.ends[level] + "--":
			return level, true, true
		}
	}
	return 0, false, false
}

// content reads a part up to the next boundary, of whichever part around. The end of the line before a boundary belongs to the boundary.
type content struct {
	l    *lines
	rest []byte
	held []byte // the end of a line, which is content if no boundary follows
	buf  []byte
	done bool
}

func (c *content) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.done {
			return 0, c.end()
		}
		c.fill()
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *content) end() error {
	if err := c.l.failed(); err != nil {
		return err
	}
	return io.EOF
}

func (c *content) fill() {
	if c.l.err != nil {
		c.rest, c.held, c.done = c.held, nil, true
		return
	}
	if _, _, is := c.l.boundary(); is {
		c.done = true
		return
	}
	line := bytes.TrimSuffix(c.l.piece, []byte("\n"))
	if len(line) < len(c.l.piece) {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	c.buf = append(append(c.buf[:0], c.held...), line...)
	c.held = append(c.held[:0], c.l.piece[len(line):]...)
	c.rest = c.buf
	c.l.next()
}
