package tnef

import (
	"encoding/binary"
	"io"

	"lazuli/plugins/unbox/archive"
)

// Compressed RTF: MS-OXRTFCP.
const (
	rtfHeader       = 16
	rtfCompressed   = 0x75465a4c // "LZFu"
	rtfUncompressed = 0x414c454d // "MELA"
	rtfWindow       = 4096
	rtfBegin        = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArial` +
		`Times New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx` // what the window begins with
)

// rtf decompresses RTF while it is read.
type rtf struct {
	in     []byte
	window [rtfWindow]byte
	at     int // in the window
	flags  byte
	left   int // flags
	from   int // of a match
	length int // that is left of it
	err    error
}

// RTF decompresses a value of PidTagRtfCompressed, and says how many bytes it should become.
func RTF(value []byte) (io.Reader, int64, error) {
	if len(value) < rtfHeader {
		return nil, 0, archive.Damage("compressed RTF that is too short")
	}
	le := binary.LittleEndian
	size := int64(le.Uint32(value[4:]))
	switch le.Uint32(value[8:]) {
	case rtfUncompressed:
		n := min(size, int64(len(value)-rtfHeader))
		return &bytesReader{value[rtfHeader : rtfHeader+n]}, n, nil
	case rtfCompressed:
		r := &rtf{in: value[rtfHeader:]}
		r.at = copy(r.window[:], rtfBegin)
		return r, size, nil
	}
	return nil, 0, archive.Damage("RTF compressed in an unknown way")
}

type bytesReader struct{ p []byte }

func (b *bytesReader) Read(p []byte) (int, error) {
	if len(b.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.p)
	b.p = b.p[n:]
	return n, nil
}

func (r *rtf) Read(p []byte) (n int, err error) {
	for n < len(p) && r.err == nil {
		if r.length > 0 {
			p[n] = r.window[r.from]
			r.from = (r.from + 1) % rtfWindow
			r.length--
			r.remember(p[n])
			n++
			continue
		}
		if literal, ok := r.next(); ok {
			p[n] = literal
			r.remember(literal)
			n++
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

func (r *rtf) remember(b byte) {
	r.window[r.at] = b
	r.at = (r.at + 1) % rtfWindow
}

// next reads a literal, or begins a match.
func (r *rtf) next() (byte, bool) {
	if r.left == 0 {
		if len(r.in) == 0 {
			r.err = archive.Damage("compressed RTF that is cut short")
			return 0, false
		}
		r.flags, r.in, r.left = r.in[0], r.in[1:], 8
	}
	isMatch := r.flags&1 == 1
	n := 1
	if isMatch {
		n = 2
	}
	if len(r.in) < n {
		r.err = archive.Damage("compressed RTF that is cut short")
		return 0, false
	}
	r.flags >>= 1
	r.left--
	token := r.in[:n]
	r.in = r.in[n:]
	if !isMatch {
		return token[0], true
	}
	v := int(binary.BigEndian.Uint16(token))
	r.from, r.length = v>>4, v&15+2
	if r.from == r.at { // the end
		r.length, r.err = 0, io.EOF
	}
	return 0, false
}
