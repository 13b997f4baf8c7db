package eventlog

import (
	"bytes"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// source is what can be read: the database as it is, or pinned.
type source interface {
	// Get returns a value, which is good until the Closer is closed, or pebble.ErrNotFound.
	Get(key []byte) ([]byte, io.Closer, error)
	NewIter(*pebble.IterOptions) (*pebble.Iterator, error)
}

// pinned is the database as it was at a moment. It is an iterator that is never moved: a snapshot would do the same, but
// closing one waits for the MANIFEST, which a commit must not.
type pinned struct{ at *pebble.Iterator }

func pin(db *pebble.DB) (*pinned, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	return &pinned{it}, nil
}

func (p *pinned) NewIter(opts *pebble.IterOptions) (*pebble.Iterator, error) {
	return p.at.Clone(pebble.CloneOptions{IterOptions: opts})
}

func (p *pinned) Get(key []byte) ([]byte, io.Closer, error) {
	it, err := p.NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: append(bytes.Clone(key), 0)})
	if err != nil {
		return nil, nil, err
	}
	if !it.First() {
		if err := it.Close(); err != nil {
			return nil, nil, err
		}
		return nil, nil, pebble.ErrNotFound
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, nil, errors.Join(err, it.Close())
	}
	return value, it, nil
}

func (p *pinned) Close() error { return p.at.Close() }

// readPlace reads a 'k' entry; nil if there is none.
func readPlace(db source, key []byte) (*place, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, describe(err)
	}
	defer closer.Close()
	at, err := decodePlace(value)
	if err != nil {
		return nil, err
	}
	return &at, nil
}
