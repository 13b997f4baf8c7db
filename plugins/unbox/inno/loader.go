package inno

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"lazuli/plugins/unbox/archive"
)

// The program that unpacks has a resource, RCDATA 11111, that says where everything is in the file. It is looked for by how it begins,
// which holds for programs whose resources cannot be read, too; where that was altered, by what it says of the header.

const (
	tableIDBytes = 12
	oldTable     = 40 // until 5.1.5
	tableBytes   = 44
	largeTable   = 64 // since 6.5

	// Where the table has the header's place.
	oldHeaderAt   = 28 // until 5.1.5
	headerAt      = 32
	largeHeaderAt = 40

	searched  = 256 << 10 // bytes that are looked through at a time
	mostStub  = 64 << 20  // further behind no table is looked for
	mostTries = 1000      // places that are looked into

	mostHeaders = 4 // for which an altered table is looked for
)

var tableIDs = [][]byte{[]byte(oldTableID), []byte("rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a"), []byte("nS5W7dT\x83\xaa\x1b\x0f\x6a")}

const oldTableID = "rDlPtS07\x87eVx"

// table says where an installer's parts are.
type table struct {
	header  int64 // version, header and records
	data    int64 // the files; 0 if they are not in this file
	version version
}

// findTable finds the table that leads to a version, and reads that. ErrNotThis if there is none.
func findTable(ctx context.Context, r io.ReaderAt, size int64) (*table, error) {
	var found *table
	var damage error // the table is sound, and what it leads to is not there
	look := func(p []byte, at int64) (bool, error) {
		t, sound := parseTable(p)
		known, err := t.readVersion(r, size, at)
		switch {
		case known:
			found = t
			return true, err
		case !isDamage(err):
			return false, err
		case sound && damage == nil:
			damage = err
		}
		return false, nil
	}
	if err := search(ctx, r, min(size, mostStub), tableIDs, look); err != nil || found != nil {
		return found, err
	}
	if damage != nil {
		return nil, damage
	}
	return findAltered(ctx, r, size)
}

// findAltered finds a table that does not begin as it should, by the place of the header that it leads to.
func findAltered(ctx context.Context, r io.ReaderAt, size int64) (*table, error) {
	var found *table
	headers := 0
	err := search(ctx, r, size, [][]byte{[]byte(versionBegins)}, func(_ []byte, header int64) (bool, error) {
		t := &table{header: header}
		known, err := t.readVersion(r, size, header)
		if !known || err != nil {
			return false, passDamage(err)
		}
		block := header + versionBytes
		if t.version.from(6, 5) {
			block += lockBytes
		}
		if _, _, _, err := blockHead(r, block, t.version); err != nil { // as where the program itself has the version
			return false, passDamage(err)
		}
		if headers++; headers > mostHeaders {
			return true, nil
		}
		before, place := int64(headerAt), binary.LittleEndian.AppendUint32(nil, uint32(header))
		if t.version.from(6, 5) {
			before, place = largeHeaderAt, binary.LittleEndian.AppendUint64(nil, uint64(header))
		}
		err = search(ctx, r, min(size, mostStub), [][]byte{place}, func(_ []byte, at int64) (bool, error) {
			var p [largeTable]byte
			if err := archive.ReadAt(r, p[:], at-before, "a table"); err != nil {
				return false, passDamage(err)
			}
			if leads, sound := parseTable(p[:]); sound && leads.header == header {
				found = leads
				found.version = t.version
			}
			return found != nil, nil
		})
		return found != nil, err
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%w: no installer of Inno Setup", archive.ErrNotThis)
	}
	return found, err
}

// passDamage passes over damage.
func passDamage(err error) error {
	if isDamage(err) || errors.Is(err, archive.ErrUnsupported) {
		return nil
	}
	return err
}

// search calls look where one of some bytes are in the first n, with what follows there, until it says that this is enough.
func search(ctx context.Context, r io.ReaderAt, n int64, what [][]byte, look func(p []byte, at int64) (enough bool, err error)) error {
	window := make([]byte, searched+largeTable)
	tries := 0
	for off := int64(0); off < n; off += searched {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := window[:min(int64(len(window)), n-off)]
		if err := archive.ReadAt(r, p, off, "the program"); err != nil {
			return err
		}
		for _, w := range what {
			for from := 0; tries < mostTries; from++ {
				i := bytes.Index(p[from:], w)
				if from += i; i < 0 || from >= searched {
					break
				}
				tries++
				if enough, err := look(p[from:], off+int64(from)); enough || err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// parseTable takes a table, and tells whether its checksum is right.
func parseTable(p []byte) (t *table, sound bool) {
	le := binary.LittleEndian
	if len(p) < largeTable {
		p = append(bytes.Clone(p), make([]byte, largeTable-len(p))...) // one at the end of the file
	}
	t = &table{}
	n := tableBytes
	switch {
	case bytes.HasPrefix(p, []byte(oldTableID)):
		n = oldTable
		t.header, t.data = int64(le.Uint32(p[oldHeaderAt:])), int64(le.Uint32(p[oldHeaderAt+4:]))
	case le.Uint32(p[tableIDBytes:]) > 1:
		n = largeTable
		t.header, t.data = int64(le.Uint64(p[largeHeaderAt:])), int64(le.Uint64(p[largeHeaderAt+8:]))
	default:
		t.header, t.data = int64(le.Uint32(p[headerAt:])), int64(le.Uint32(p[headerAt+4:]))
	}
	return t, crc32.ChecksumIEEE(p[:n-4]) == le.Uint32(p[n-4:])
}

// readVersion reads the version that a table at a place leads to, and tells whether there is one.
func (t *table) readVersion(r io.ReaderAt, size, at int64) (bool, error) {
	if t.header <= 0 || t.header > size-versionBytes || t.data < 0 {
		return false, archive.Damagef(at, "the installer's header is not in the file")
	}
	var p [versionBytes]byte
	if err := archive.ReadAt(r, p[:], t.header, "the version"); err != nil {
		return false, err
	}
	v, ok := parseVersion(p[:])
	switch {
	case !ok:
		return false, archive.Damagef(t.header, "no version of Inno Setup")
	case !v.known():
		return true, fmt.Errorf("%s: %w", v, archive.ErrUnsupported)
	}
	t.version = v
	return true, nil
}
