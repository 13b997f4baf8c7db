package inno

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"lazuli/plugins/unbox/archive"
)

// The program that unpacks has a resource, RCDATA 11111, that says where everything is in the file. It is looked for by how it begins,
// which holds for programs whose resources cannot be read, too.

const (
	tableIDBytes = 12
	tableBytes   = 44
	largeTable   = 64 // since 6.5

	searched  = 256 << 10 // bytes that are looked through at a time
	mostStub  = 64 << 20  // further behind no table is looked for
	mostTries = 1000      // beginnings that are looked into
)

var tableIDs = []string{"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a", "nS5W7dT\x83\xaa\x1b\x0f\x6a"}

// table says where an installer's parts are.
type table struct {
	header  int64 // version, header and records
	data    int64 // the files; 0 if they are not in this file
	version version
}

// findTable finds the table that leads to a version, and reads that. ErrNotThis if there is none.
func findTable(ctx context.Context, r io.ReaderAt, size int64) (*table, error) {
	window := make([]byte, searched+largeTable)
	tries := 0
	var damage error // the table is sound, and what it leads to is not there
	for off := int64(0); off < min(size, mostStub); off += searched {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := window[:min(int64(len(window)), size-off)]
		if err := archive.ReadAt(r, p, off, "the program"); err != nil {
			return nil, err
		}
		for _, id := range tableIDs {
			for from := 0; tries < mostTries; from++ {
				i := bytes.Index(p[from:], []byte(id))
				if from += i; i < 0 || from >= searched {
					break
				}
				tries++
				t, sound := parseTable(p[from:])
				if t == nil {
					continue
				}
				found, err := t.readVersion(r, size, off+int64(from))
				if found {
					return t, err
				}
				if err != nil && !isDamage(err) {
					return nil, err
				}
				if sound && damage == nil {
					damage = err
				}
			}
		}
	}
	if damage != nil {
		return nil, damage
	}
	return nil, fmt.Errorf("%w: no installer of Inno Setup", archive.ErrNotThis)
}

// parseTable takes a table, and tells whether its checksum is right.
func parseTable(p []byte) (t *table, sound bool) {
	le := binary.LittleEndian
	if len(p) < tableBytes {
		return nil, false
	}
	t = &table{header: int64(le.Uint32(p[32:])), data: int64(le.Uint32(p[36:]))}
	n := tableBytes
	if le.Uint32(p[tableIDBytes:]) > 1 {
		if n = largeTable; len(p) < n {
			return nil, false
		}
		t = &table{header: int64(le.Uint64(p[40:])), data: int64(le.Uint64(p[48:]))}
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
