package archive

import (
	"errors"
	"hash"
	"io"
)

// Damage is something wrong whose place is not known where it is found, as in a decompressor. It wraps ErrDamaged.
type Damage string

func (d Damage) Error() string { return string(d) }

// Is implements what errors.Is asks for.
func (d Damage) Is(target error) bool { return target == ErrDamaged }

// Content reads what a decompressor or the archive itself gives for an entry: exactly Size bytes, whose checksum is compared when all are
// read. What is missing or differs is damage at Off.
type Content struct {
	R    io.Reader
	Off  int64 // where the entry is in the archive
	Size int64
	Sum  hash.Hash // nil for none
	Want []byte    // what Sum must be

	n   int64
	err error
}

func (c *Content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.n >= c.Size {
		c.err = c.verify()
		return 0, c.err
	}
	n, err := c.R.Read(p[:min(int64(len(p)), c.Size-c.n)])
	c.n += int64(n)
	if c.Sum != nil {
		c.Sum.Write(p[:n])
	}
	var damage Damage
	switch {
	case err == nil:
	case err == io.EOF && c.n >= c.Size:
		c.err = c.verify()
	case err == io.EOF:
		c.err = Damagef(c.Off, "%d bytes of %d", c.n, c.Size)
	case errors.As(err, &damage):
		c.err = Damagef(c.Off, "%w", err)
	default:
		c.err = err
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

func (c *Content) verify() error {
	if c.Sum == nil || string(c.Sum.Sum(nil)) == string(c.Want) {
		return io.EOF
	}
	return Damagef(c.Off, "the checksum differs")
}

// Broken is content that cannot be had, for the reason Err.
type Broken struct{ Err error }

func (b Broken) Read([]byte) (int, error) { return 0, b.Err }
