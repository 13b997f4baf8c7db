package mail

import (
	"bufio"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"lazuli/plugins/unbox/archive"
)

// decode undoes a transfer encoding. Like programs that people read mails with, it passes over what does not belong there.
func decode(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return &sixes{r: r}
	case "quoted-printable":
		return &quoted{in: bufio.NewReader(r)}
	}
	return r
}

// sixes reads base64. What is not of its alphabet does not count, and after padding, of which there should be none but at the end, it begins anew.
type sixes struct {
	r     io.Reader
	rest  []byte // decoded
	group uint32 // bits of characters that make no whole group yet
	n     int    // such characters
	pads  int    // behind these
	err   error
	buf   [4 << 10]byte
	out   [4 << 10]byte
}

func (s *sixes) Read(p []byte) (int, error) {
	for len(s.rest) == 0 && s.err == nil {
		n, err := s.r.Read(s.buf[:])
		s.rest, s.err = s.out[:0], err
		for _, c := range s.buf[:n] {
			s.take(c)
		}
		if err != nil {
			s.flush()
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

// sixOf are the values of the characters of base64, above 63 for others.
var sixOf = func() (table [256]byte) {
	for i := range table {
		table[i] = 64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = byte(i)
	}
	return table
}()

func (s *sixes) take(c byte) {
	six := sixOf[c]
	switch {
	case six < 64:
		s.group, s.n, s.pads = s.group<<6|uint32(six), s.n+1, 0
		if s.n == 4 {
			s.flush()
		}
	case c == '=':
		if s.pads++; s.n+s.pads == 4 && s.n >= 2 {
			s.flush()
		}
	}
}

// flush decodes a group, of which some may be missing. Six bits alone are no byte.
func (s *sixes) flush() {
	whole := s.group << (6 * (4 - s.n))
	s.rest = append(s.rest, byte(whole>>16), byte(whole>>8), byte(whole))
	s.rest = s.rest[:len(s.rest)-min(3, 4-s.n)]
	s.group, s.n, s.pads = 0, 0, 0
}

// quoted reads quoted-printable (RFC 2045 6.7). An equals sign that means nothing stands for itself.
type quoted struct {
	in *bufio.Reader
}

const mostSpace = 1000 // characters, more are no end of a line

func (q *quoted) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if n > 0 && q.in.Buffered() == 0 {
			break
		}
		c, err := q.in.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		if c == '=' {
			var is bool
			if c, is = q.escape(); !is {
				continue
			}
		}
		p[n] = c
		n++
	}
	return n, nil
}

// escape reads what follows an equals sign: a byte in hex, or the end of a line, which is none then.
func (q *quoted) escape() (c byte, is bool) {
	next, _ := q.in.Peek(2)
	if len(next) == 2 {
		high, low := hexDigit(next[0]), hexDigit(next[1])
		if high >= 0 && low >= 0 {
			_, _ = q.in.Discard(2)
			return byte(high<<4 | low), true
		}
	}
	if len(next) == 0 { // the end of the part
		return 0, false
	}
	for n := 1; n <= mostSpace; n++ {
		next, err := q.in.Peek(n)
		if err != nil && len(next) < n {
			break
		}
		switch next[n-1] {
		case ' ', '\t', '\r':
			continue
		case '\n':
			_, _ = q.in.Discard(n)
			return 0, false
		}
		break
	}
	return '=', true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// Decode is a text in a character set as UTF-8. In one that is not known, or none, it is UTF-8 or else that of Western Europe.
func Decode(text []byte, charset string) string {
	charset = strings.Trim(strings.ToLower(strings.TrimSpace(charset)), `"'`)
	if charset != "" && charset != "us-ascii" && charset != "utf-8" {
		if e, err := htmlindex.Get(charset); err == nil {
			if decoded, err := e.NewDecoder().Bytes(text); err == nil {
				return strings.ToValidUTF8(string(decoded), "\ufffd")
			}
		}
	}
	return strings.ToValidUTF8(archive.Text(text, charmap.Windows1252), "\ufffd")
}
