// Package archive holds what the parsers of archive formats below plugins/unbox have in common.
//
// A parser is a package with one function,
//
//	func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error
//
// that lists the entries of an archive in the order they have in it. It knows nothing of plugins, budgets or features: whoever
// calls it decides in visit what is read. An error of visit ends the walk and is returned as it is.
package archive

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Entry is one thing in an archive, as the archive states it: nothing in it is to be believed.
type Entry struct {
	Name      string    // as stored, decoded to UTF-8; it may hold any character, and be empty
	Size      int64     // of the content in bytes, as stated; 0 if the archive does not say
	Changed   time.Time // zero if the archive does not say
	Method    string    // how the content is stored, in the format's own terms; may be empty
	Folder    bool
	Link      string // what a symbolic or hard link points to; empty for what is none
	Encrypted bool
}

// Visit gets each entry of an archive. r reads its content once, from the beginning, and is valid only during the call; it is nil
// for a folder or a link, and for content that cannot be had, as an encrypted entry without its password. What fails while
// r is read is returned by r, wrapping one of the errors below; visit may pass it over and return nil to go on with the next entry.
type Visit func(e Entry, r io.Reader) error

var (
	// ErrNotThis is returned for bytes that are not of the format at all, before anything is visited.
	ErrNotThis = errors.New("not of this format")
	// ErrDamaged is wrapped with what is damaged and where. What could be read before it was visited.
	ErrDamaged = errors.New("damaged")
	// ErrEncrypted is returned where nothing can be listed or read without a password.
	ErrEncrypted = errors.New("encrypted")
	// ErrUnsupported is wrapped with what nothing here can unpack, though it may well be sound.
	ErrUnsupported = errors.New("cannot be unpacked")
	// ErrCutShort is returned where the archive ends too early, of those that are read from front to back. It wraps ErrDamaged.
	ErrCutShort = fmt.Errorf("%w, cut short: %w", ErrDamaged, io.ErrUnexpectedEOF)
)
