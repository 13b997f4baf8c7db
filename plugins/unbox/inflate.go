package unbox

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater decompresses deflated data (RFC 1951), one stretch after the other with the same 40 KB of tables.
type inflater struct{ r io.Reader }

// reader decompresses what begins at r, and reads not a byte beyond its end. The one before is not valid any more.
func (f *inflater) reader(r *bufio.Reader) io.Reader {
	if f.r == nil {
		f.r = flate.NewReader(r)
		return f.r
	}
	_ = f.r.(flate.Resetter).Reset(r, nil) // fails only with a dictionary that is too large
	return f.r
}
