package unbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"lazuli/plugin"
	"lazuli/plugins/unbox/archive"
)

// Programs that unpack themselves have an archive behind their code or among their resources. Its signature alone says little, as what packs
// and unpacks has it in its code: what counts is a header whose checksum is right, or a directory that lies where it says.

const (
	embeddedChunk      = 256 << 10
	embeddedOverlap    = 64   // bytes that a signature is looked at with
	mostEmbedded       = 64   // archives in one program
	mostEmbeddedChecks = 1000 // signatures that are looked into
)

// Kinds of archives that are looked for in programs.
const (
	embeddedZip = "PK\x05\x06" // the end of the directory: what is in front follows from it
	embedded7z  = "7z\xbc\xaf\x27\x1c"
	embeddedRAR = "Rar!\x1a\x07"
)

// embedded is an archive in a program.
type embedded struct {
	signature string
	off, end  int64 // where it lies
	base      int64 // from where its offsets count
}

// embeddedArchives finds the archives in a program, without those inside another.
func embeddedArchives(ctx context.Context, r io.ReaderAt, size int64) ([]embedded, error) {
	var found []embedded
	checks := 0
	window := make([]byte, embeddedChunk+embeddedOverlap)
	for off := int64(0); off < size; off += embeddedChunk {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		p := window[:min(int64(len(window)), size-off)]
		if err := archive.ReadAt(r, p, off, "the program"); err != nil {
			return found, err
		}
		for _, signature := range []string{embedded7z, embeddedRAR, embeddedZip} {
			for from := 0; ; from++ {
				i := bytes.Index(p[from:], []byte(signature))
				if from += i; i < 0 || from >= embeddedChunk || checks == mostEmbeddedChecks || len(found) == mostEmbedded {
					break
				}
				checks++
				e, ok, err := checkEmbedded(r, size, signature, off+int64(from))
				if err != nil {
					return found, err
				}
				if ok {
					found = addEmbedded(found, e)
				}
			}
		}
	}
	return found, nil
}

// addEmbedded adds an archive, unless it lies in another, and takes away those that lie in it.
func addEmbedded(list []embedded, e embedded) []embedded {
	kept := list[:0]
	for _, other := range list {
		if other.off <= e.off && e.end <= other.end {
			return list
		}
		if e.off > other.off || other.end > e.end {
			kept = append(kept, other)
		}
	}
	return append(kept, e)
}

// checkEmbedded tells whether an archive is at a place where its signature is.
func checkEmbedded(r io.ReaderAt, size int64, signature string, at int64) (e embedded, ok bool, err error) {
	head := make([]byte, min(embeddedOverlap, size-at))
	if err := archive.ReadAt(r, head, at, "the program"); err != nil {
		return e, false, err
	}
	switch signature {
	case embedded7z:
		n := check7z(head)
		return embedded{signature, at, at + n, at}, n > 0 && n <= size-at, nil
	case embeddedRAR:
		return embedded{signature, at, size, at}, at > 0 && checkRAR(head), nil
	}
	base, n := checkZipEnd(head, at)
	if n == 0 || n > size-at {
		return e, false, nil
	}
	const offsetAt = 42 // of the entry, in the directory (APPNOTE 4.3.12)
	var first [offsetAt + 4]byte
	if readFull(r, first[:], at-directoryBytes(head)) != nil || string(first[:4]) != entrySignature {
		return e, false, nil
	}
	off := base + int64(binary.LittleEndian.Uint32(first[offsetAt:]))
	return embedded{signature, off, at + n, base}, has(r, off, localSignature), nil
}

// check7z returns how many bytes the 7z has that begins with head, 0 if none does (7zFormat.txt, "SignatureHeader").
func check7z(head []byte) int64 {
	const header = 32
	le := binary.LittleEndian
	if len(head) < header || crc32.ChecksumIEEE(head[12:header]) != le.Uint32(head[8:]) {
		return 0
	}
	next, size := le.Uint64(head[12:]), le.Uint64(head[20:])
	if next > 1<<62 || size > 1<<62 {
		return 0
	}
	return header + int64(next+size)
}

// checkRAR tells whether a RAR begins with head: its first block's checksum is right (technote.txt of RAR 4; RAR 5.0 archive format).
func checkRAR(head []byte) bool {
	le := binary.LittleEndian
	switch {
	case bytes.HasPrefix(head, []byte(rar5Magic)):
		block := head[len(rar5Magic):]
		if len(block) < 6 {
			return false
		}
		size, n := binary.Uvarint(block[4:])
		if n <= 0 || size < 2 || size > uint64(len(block)-4-n) {
			return false
		}
		return crc32.ChecksumIEEE(block[4:4+n+int(size)]) == le.Uint32(block)
	case bytes.HasPrefix(head, []byte(rar4Magic)):
		block := head[len(rar4Magic):]
		if len(block) < 13 || block[2] != rar4Archive {
			return false
		}
		size := int(le.Uint16(block[5:]))
		return size >= 13 && size <= len(block) && uint16(crc32.ChecksumIEEE(block[2:size])) == le.Uint16(block)
	}
	return false
}

// directoryBytes is the size of the directory that an end of one tells.
func directoryBytes(end []byte) int64 { return int64(binary.LittleEndian.Uint32(end[12:])) }

// checkZipEnd returns where the zip begins whose end of the directory is at a place, and how many bytes that end has; 0 if it can be none.
func checkZipEnd(end []byte, at int64) (base, n int64) {
	const record = 22
	le := binary.LittleEndian
	if len(end) < record || le.Uint16(end[4:]) != 0 || le.Uint16(end[8:]) == 0 || le.Uint16(end[8:]) != le.Uint16(end[10:]) {
		return 0, 0
	}
	base = at - directoryBytes(end) - int64(le.Uint32(end[16:]))
	if base < 0 || directoryBytes(end) == 0 {
		return 0, 0
	}
	return base, record + int64(le.Uint16(end[20:]))
}

// embedded takes the archives of some kinds in a program apart; unpack has one for each signature.
func (b *box) embedded(unpack map[string]func(*box) error) error {
	program := b.content
	found, err := embeddedArchives(b.ctx, program, program.Size())
	if failed := b.job.Err(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	defer func() { b.content = program }()
	mine := false
	for _, e := range found {
		open := unpack[e.signature]
		if open == nil {
			continue
		}
		mine = true
		b.content = io.NewSectionReader(program, e.base, e.end-e.base)
		if err := open(b); err != nil && !errors.Is(err, plugin.ErrNotMine) {
			return err
		}
	}
	if !mine {
		return plugin.ErrNotMine
	}
	return nil
}

// zipProgram takes out what lies in the zips and 7z archives of a program.
func (b *box) zipProgram() error {
	return b.embedded(map[string]func(*box) error{
		embeddedZip: (*box).zip, embedded7z: (*box).sevenZip,
	})
}

// rarProgram takes out what lies in the RARs of a program.
func (b *box) rarProgram() error {
	return b.embedded(map[string]func(*box) error{embeddedRAR: (*box).rar})
}
