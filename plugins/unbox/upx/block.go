package upx

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/lzma"
	"lazuli/plugins/unbox/nrv"
)

const mostUnpacked = 512 << 20 // bytes of a program

// decompress decompresses a block that gives size bytes. With an error it returns what there is.
func decompress(method byte, in []byte, size int64) ([]byte, error) {
	switch method {
	case 2, 3, 4, 5, 6, 7, 8, 9, 10:
		kind := []nrv.Method{nrv.B, nrv.D, nrv.E}[(method-2)/3]
		word := []nrv.Bits{nrv.Bits32, nrv.Bits8, nrv.Bits16}[(method-2)%3]
		return nrv.Decompress(in, int(size), kind, word)
	case 14:
		return decompressLZMA(in, size)
	case 15:
		return readAll(flate.NewReader(bytes.NewReader(in)), size)
	}
	return nil, ErrUnsupported
}

// decompressLZMA decompresses LZMA with settings in two bytes in front, pb and lp + lc, then lp and lc.
func decompressLZMA(in []byte, size int64) ([]byte, error) {
	if len(in) < 2 {
		return nil, archive.Damage("LZMA: the data is cut short")
	}
	lc, lp, pb := in[1]&15, in[1]>>4, in[0]&7
	if lc > 8 || lp > 4 || pb > 4 {
		return nil, archive.Damage("LZMA: impossible settings")
	}
	props := binary.LittleEndian.AppendUint32([]byte{(pb*5+lp)*9 + lc}, uint32(size))
	r, err := lzma.NewReader(bufio.NewReader(bytes.NewReader(in[2:])), props, size, size)
	if err != nil {
		return nil, archive.Damage(err.Error())
	}
	return readAll(r, size)
}

// readAll reads what must be size bytes.
func readAll(r io.Reader, size int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, size))
	switch {
	case err != nil && !errors.Is(err, archive.ErrDamaged):
		return out, archive.Damage(err.Error())
	case err == nil && int64(len(out)) < size:
		return out, archive.Damage("less than it should be")
	}
	return out, err
}

// adler continues Adler-32 (RFC 1950) from a sum.
func adler(sum uint32, p []byte) uint32 {
	const mod, most = 65521, 5552
	a, b := sum&0xffff, sum>>16
	for len(p) > 0 {
		n := min(len(p), most)
		for _, c := range p[:n] {
			a += uint32(c)
			b += a
		}
		a, b, p = a%mod, b%mod, p[n:]
	}
	return b<<16 | a
}
