// Package inspect shows what an analyst looks at in the raw bytes of a stored file: rows of hex, strings, places where bytes
// stand, strings that files have in common.
//
// It knows nothing of stores and HTTP. A file is a Source, which is read by ranges: each call opens one range and takes the
// same memory whatever the file's size. Answers are pages: NextOffset is where the next one begins, and pages one after
// another are what a single look at the whole file would have shown. The results are encoded to the JSON of Azul's REST API.
//
// Begin with Hex, FindStrings, FindBytes and CommonStrings. A file's content is never trusted, and neither is a query: what
// makes no sense in one is an ErrQuery.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Source is a file that is read by ranges.
type Source interface {
	// Size is the file's length in bytes.
	Size() int64
	// Open returns n bytes from off on. It is asked only for what is there: 0 <= off, 0 < n, off+n <= Size.
	Open(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// Object is a Source made of a size and of a function such as the Open of a store.
type Object struct {
	Bytes int64
	Range func(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// Size implements Source.
func (o Object) Size() int64 { return o.Bytes }

// Open implements Source.
func (o Object) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return o.Range(ctx, off, n)
}

// ReaderAt makes a Source of an open file, or of bytes.
func ReaderAt(r io.ReaderAt, size int64) Source {
	return Object{size, func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, off, n)), nil
	}}
}

// ErrQuery tells that the caller asked for what makes no sense. It comes wrapped in a sentence that says what.
var ErrQuery = errors.New("bad query")

func queryf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrQuery}, args...)...)
}

// defaultTimeLimit is how long a call works when the query does not say.
const defaultTimeLimit = 10 * time.Second

// maxFoundBytes is how much text one answer holds; a page ends there.
const maxFoundBytes = 32 << 20

// Found is what a search found in a part of a file. Strings is never nil.
type Found struct {
	Strings []String `json:"strings"`
	// HasMore tells that the file goes on at NextOffset, where the next call may begin: nothing is found twice, and nothing
	// is left out.
	HasMore    bool  `json:"has_more"`
	NextOffset int64 `json:"next_offset"`
	// TimeOut tells that the search ended at NextOffset because its time was over.
	TimeOut bool `json:"time_out"`
}

// String is one thing found.
type String struct {
	Text     string   `json:"string"`
	Offset   int64    `json:"offset"` // bytes into the file
	Length   int64    `json:"length"` // bytes in the file, not characters
	Encoding Encoding `json:"encoding"`
	Coding   Coding   `json:"-"`
}

// Encoding names codings as the reference does. Its clients refuse any other name.
type Encoding string

// The encodings there are.
const (
	EncodingASCII Encoding = "ASCII" // also UTF-8
	EncodingUTF16 Encoding = "UTF-16"
	EncodingHex   Encoding = "hex"
)

// Coding is how the text stands in the file.
type Coding uint8

// The codings there are.
const (
	UTF8    Coding = iota // ASCII is a part of it
	UTF16LE               // little-endian, as Windows has it
	UTF16BE               // big-endian, as Java, macOS and fonts have it
	Bytes                 // the text is not in the file, but its bytes are, in hex
)

func (c Coding) String() string { return [...]string{"utf-8", "utf-16le", "utf-16be", "hex"}[c] }

func (c Coding) encoding() Encoding {
	return [...]Encoding{EncodingASCII, EncodingUTF16, EncodingUTF16, EncodingHex}[c]
}

// span checks the part of a file that a query names; max is a number of bytes, or 0 for all. A part that begins behind the
// file's end is empty.
func span(src Source, off, max int64) (from, to int64, err error) {
	if off < 0 {
		return 0, 0, queryf("offset %d is negative", off)
	}
	if max < 0 {
		return 0, 0, queryf("max_bytes_to_read %d is negative", max)
	}
	size := src.Size()
	from = min(off, size)
	to = size
	if max > 0 && max < size-from {
		to = from + max
	}
	return from, to, nil
}
