package unbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/nwaples/rardecode/v2"

	"lazuli/plugin"
	"lazuli/plugins/unbox/lzma"
)

// Limits bound what comes out of one archive. Reaching one of them leaves out what is beyond; what was found is kept, the
// feature suspicious tells of it, and the job ends as completed-with-errors. An archive inside an archive is a job of its
// own, with limits of its own. Every limit is a setting, see settings.go.
type Limits struct {
	Total     int64 // bytes of all files together, those that are left out in the end included
	File      int64 // bytes of one file
	Ratio     int64 // bytes that come out for each byte of the archive, once more than RatioFrom have come out
	RatioFrom int64
	Entries   int // that are listed and taken out
	Name      int // bytes of a name; a longer one is cut

	Dictionary int64 // bytes of what was unpacked last that a compression may refer to, each
	Passwords  int   // that are tried on each archive; fewer where each takes long

	Depth   int // of the file in files, that it is still unpacked; what was submitted is at 1
	Seconds int // for one archive
}

// DefaultLimits let honest archives through and no bomb: a gzip of zeros grows a thousand times, 42.zip to 4.5 PB.
func DefaultLimits() Limits {
	return Limits{
		Total: 1 << 30, File: 256 << 20, Ratio: 200, RatioFrom: 10 << 20, Entries: 1000, Name: 1024, Dictionary: 128 << 20, Passwords: 20,
		Depth: plugin.MaxDepth, Seconds: 600,
	}
}

// Errors of reading beyond a limit.
var (
	errTotalReached = errors.New("the archive has more than may come out of it")
	errFileTooLarge = errors.New("the file is larger than one may be")
	errDictionary   = errors.New("the file needs a larger dictionary than there may be")
	errTimeOver     = errors.New("the archive takes longer than it may")
)

// budget is what is left of the limits for one archive.
type budget struct {
	ctx     context.Context // ends with the time
	limits  Limits
	most    int64  // bytes that may come out of each layer
	why     string // most is what it is
	files   int64  // bytes that came out as files
	entries int
	reached []string // limits, in words
	over    bool     // the walk must end
}

func newBudget(ctx context.Context, l Limits, size int64) *budget {
	b := &budget{ctx: ctx, limits: l, most: l.Total, why: fmt.Sprintf("more than %d bytes in all", l.Total)}
	byRatio := int64(math.MaxInt64)
	if size < math.MaxInt64/l.Ratio {
		byRatio = max(l.RatioFrom, size*l.Ratio)
	}
	if byRatio < b.most {
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

// spend takes n bytes from a layer: the files that come out, or one of the compressions around them. The layers are counted apart: a sparse
// file in a tar is larger than what it is stored in, and what is skipped between files never becomes one.
func (b *budget) spend(layer *int64, n int) error {
	*layer += int64(n)
	if b.late() {
		return errTimeOver
	}
	if *layer <= b.most {
		return nil
	}
	b.reach(b.why)
	b.over = true
	return errTotalReached
}

// late tells whether the time is over, and notes it.
func (b *budget) late() bool {
	if b.ctx.Err() == nil {
		return false
	}
	b.reach(fmt.Sprintf("more than %d seconds", b.limits.Seconds))
	b.over = true
	return true
}

// tooDeep notes that an archive was left as it is.
func (b *budget) tooDeep() {
	b.reach(fmt.Sprintf("more than %d levels of files in files", b.limits.Depth))
}

// tooManyPasswords notes that some were not tried.
func (b *budget) tooManyPasswords(most int) { b.reach(fmt.Sprintf("more than %d passwords", most)) }

// fileTooLarge notes that a file was left out.
func (b *budget) fileTooLarge() { b.reach(fmt.Sprintf("a file of more than %d bytes", b.limits.File)) }

// nameTooLong notes that a name was cut.
func (b *budget) nameTooLong() { b.reach(fmt.Sprintf("a name of more than %d bytes", b.limits.Name)) }

// full tells whether nothing more may come out.
func (b *budget) full() bool { return b.over }

// needsDictionary tells whether a decompressor gave up because it would need more memory than it may have.
func needsDictionary(err error) bool {
	return errors.Is(err, errDictionary) || errors.Is(err, rardecode.ErrDictionaryTooLarge) || errors.Is(err, lzma.ErrDictionary) || errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

// dictionaryTooLarge notes that something was left out.
func (b *budget) dictionaryTooLarge() {
	b.reach(fmt.Sprintf("a dictionary of more than %d bytes", b.limits.Dictionary))
}

func (b *budget) reach(limit string) {
	if !slices.Contains(b.reached, limit) {
		b.reached = append(b.reached, limit)
	}
}
