// Package blob keeps the bytes of files: immutable objects, named by source, label and the SHA-256 of their content.
//
// It knows nothing of events. Every implementation passes the suite in blobtest. Begin with Store; FS keeps objects in a
// directory.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Store keeps objects. All methods may be called at the same time from many goroutines.
type Store interface {
	// Create begins an upload. Nothing is seen of it by the other methods until Commit.
	Create(ctx context.Context) (Upload, error)
	// Open returns n bytes of the object from off on; n < 0 means to the end, and what lies past the end is left out.
	// ErrNotFound if there is no object; ErrRange unless off lies inside it. (Offset 0 of an empty object is fine.)
	Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error)
	// Stat returns size and time of an object, or ErrNotFound.
	Stat(ctx context.Context, k Key) (Info, error)
	// Copy keeps the object under a second key with the same SHA-256. ErrNotFound if from is not there; a to that is there
	// is left alone.
	Copy(ctx context.Context, from, to Key) error
	// Delete removes an object, or returns ErrNotFound.
	Delete(ctx context.Context, k Key) error
	// Walk calls fn for every object, in no order, until fn returns an error, which Walk returns.
	Walk(ctx context.Context, fn func(Key, Info) error) error
	// Check writes and removes a small object: nil means that the store can be used.
	Check(ctx context.Context) error
	Close() error
}

// Upload is an object that is being written. It may be read while and after it is written, until Commit or Discard.
type Upload interface {
	io.Writer
	io.ReaderAt
	// Commit keeps what was written under k; k.SHA256 is the caller's promise. When it returns nil the object survives a
	// power cut. An object that is there already is not written again. On an error nothing is kept.
	Commit(ctx context.Context, k Key) error
	// Discard forgets the upload; after Commit it does nothing, so it may be deferred.
	Discard()
}

// Key names an object. Source and Label are names as Valid accepts them, SHA256 is lower-case hex.
type Key struct{ Source, Label, SHA256 string }

func (k Key) String() string { return k.Source + "/" + k.Label + "/" + k.SHA256 }

// Valid returns nil if the key can be used in any store: Source and Label are 1 to 64 of a-z A-Z 0-9 . _ - and begin with
// a letter or digit, so that no untrusted name ever becomes a path; SHA256 is 64 lower-case hex digits.
func (k Key) Valid() error {
	if !validName(k.Source) {
		return fmt.Errorf("%w: source %q must be 1 to 64 letters, digits, dots, dashes or underscores", ErrKey, k.Source)
	}
	if !validName(k.Label) {
		return fmt.Errorf("%w: label %q must be 1 to 64 letters, digits, dots, dashes or underscores", ErrKey, k.Label)
	}
	if len(k.SHA256) != 64 {
		return fmt.Errorf("%w: %q is not a SHA-256 (64 hex digits)", ErrKey, k.SHA256)
	}
	for _, c := range []byte(k.SHA256) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return fmt.Errorf("%w: %q is not a SHA-256 in lower-case hex", ErrKey, k.SHA256)
		}
	}
	return nil
}

func validName(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// Info describes an object.
type Info struct {
	Size    int64 // bytes
	ModTime time.Time
}

// The errors of a Store that mean something to its users. Any other error is trouble of the back end.
var (
	ErrNotFound = errors.New("no such object")
	ErrRange    = errors.New("range begins past the end of the object")
	ErrKey      = errors.New("bad object name")
	ErrFull     = errors.New("no space left in the store")
	ErrAway     = errors.New("the store's server does not answer as it should") // trying again may help
	ErrDenied   = errors.New("the store's server does not let this process in")
)
