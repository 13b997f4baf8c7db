package unbox

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits bound what comes out of one archive. Reaching one ends the extraction there: what was found before is kept, and the job says so.
type Limits struct {
	Total     int64 // bytes of all files together
	File      int64 // bytes of one file; a larger one is left out
	Ratio     int64 // bytes out for each byte of the archive, once more than RatioFrom have come out
	RatioFrom int64
	Entries   int // listed
	Name      int // bytes of a name; a longer one is cut
}

// DefaultLimits let any honest archive through and no bomb: 42.zip unpacks to 4.5 PB, a gzip of zeros to a thousand times its size.
func DefaultLimits() Limits {
	return Limits{Total: 1 << 30, File: 256 << 20, Ratio: 200, RatioFrom: 10 << 20, Entries: 1000, Name: 1024}
}

func (l Limits) settings() map[string]string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return map[string]string{
		"max_total_bytes": number(l.Total), "max_file_bytes": number(l.File), "max_ratio": number(l.Ratio),
		"max_extracted_files": strconv.Itoa(l.Entries), "max_name_bytes": strconv.Itoa(l.Name),
	}
}

// budget is what is left of the limits for one archive.
type budget struct {
	limits  Limits
	most    int64 // bytes that may come out in all
	why     string
	out     int64 // bytes that came out
	entries int
	reached []string
	over    bool
	streams bool // the archive itself is unpacked on the way; see stream
}

// errTooLarge tells that one file was larger than a file may be.
var errTooLarge = errors.New("the file is too large")

func newBudget(l Limits, size int64) *budget {
	b := &budget{limits: l, most: l.Total, why: fmt.Sprintf("more than %d bytes in all", l.Total)}
	if byRatio := max(l.RatioFrom, size*l.Ratio); byRatio < b.most {
		b.most, b.why = byRatio, fmt.Sprintf("more than %d bytes for each byte of the archive", l.Ratio)
	}
	return b
}

// entry tells whether one more entry may be listed.
func (b *budget) entry() bool {
	if b.entries >= b.limits.Entries {
		b.reach(fmt.Sprintf("more than %d entries", b.limits.Entries))
		b.over = true
		return false
	}
	b.entries++
	return true
}

// full tells whether nothing more may come out.
func (b *budget) full() bool { return b.over }

func (b *budget) reach(why string) {
	for _, r := range b.reached {
		if r == why {
			return
		}
	}
	b.reached = append(b.reached, why)
}

// reader counts what is read of one file and fails when a limit is passed.
func (b *budget) reader(r io.Reader) io.Reader {
	return &countedReader{b: b, r: r, most: b.limits.File, total: !b.streams}
}

// stream counts what comes out of the compression around an archive. From then on the bytes of its files are not counted once more; those
// that are skipped are, or a bomb could hide in them.
func (b *budget) stream(r io.Reader) io.Reader {
	b.streams = true
	return &countedReader{b: b, r: r, most: b.most + 1, total: true}
}

type countedReader struct {
	b     *budget
	r     io.Reader
	n     int64
	most  int64 // of this reader alone
	total bool  // counts for the whole archive
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.total {
		c.b.out += int64(n)
	}
	switch {
	case c.b.out > c.b.most:
		c.b.reach(c.b.why)
		c.b.over = true
		return 0, errTooLarge
	case c.n > c.most:
		c.b.reach(fmt.Sprintf("a file of more than %d bytes", c.b.limits.File))
		return 0, errTooLarge
	}
	return n, err
}
