// Package sevenzip reads 7z archives (7zFormat.txt of the LZMA SDK 24.09).
//
// It exists beside the library that there is because directories of 7z can ask for any amount of memory: here counts are held to the
// bytes that a directory has. Begin with Open; directory.go reads what is in an archive, block.go unpacks it.
package sevenzip

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"lazuli/plugins/unbox/archive"
)

// Magic begins an archive.
const Magic = "7z\xbc\xaf\x27\x1c"

const (
	startBytes        = 32       // in front of everything
	mostDirectory     = 64 << 20 // bytes, unpacked
	mostNested        = 4        // directories that are packed and lead to a packed one
	idDirectory       = 0x01
	idPackedDirectory = 0x17
)

func damaged(what string) error { return fmt.Errorf("7z: %s: %w", what, archive.ErrDamaged) }

var errCut = damaged("the directory lies beyond the end: the archive is cut short, or a volume of several")

// Options say how an archive is read.
type Options struct {
	Password   string
	Dictionary int64 // bytes that a decompressor may keep of what it unpacked
	MostRounds int   // of the derivation of a key from a password, as a power of two
}

// Archive is an archive whose directory was read.
type Archive struct {
	// Files are in the order of the directory. Those with content follow one another in the order in which they lie in the blocks.
	Files  []File
	Blocks []Block
	// Encrypted tells that the directory itself is encrypted.
	Encrypted bool

	r       io.ReaderAt
	size    int64
	options Options
	keys    keys
}

// File is one entry.
type File struct {
	Name    string
	Size    int64     // bytes
	Changed time.Time // zero if it is not known
	Folder  bool
	Link    bool // its content is the path of what it points to
	Block   int  // in which its content lies; -1 for none
	Sum     uint32
	Summed  bool // Sum is known: CRC-32
}

// Open reads an archive that begins at r. archive.ErrNotThis if it is none; archive.ErrEncrypted if its directory is encrypted and the password does not fit.
func Open(r io.ReaderAt, size int64, o Options) (*Archive, error) {
	var start [startBytes]byte
	if _, err := r.ReadAt(start[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	if string(start[:6]) != Magic {
		return nil, archive.ErrNotThis
	}
	u64 := binary.LittleEndian.Uint64
	offset, length, sum := u64(start[12:]), u64(start[20:]), binary.LittleEndian.Uint32(start[28:])
	if crc32.ChecksumIEEE(start[12:]) != binary.LittleEndian.Uint32(start[8:]) {
		return nil, damaged("the checksum of the beginning differs")
	}
	a := &Archive{r: r, size: size, options: o}
	if length == 0 {
		return a, nil // an archive of nothing
	}
	if rest := uint64(max(0, size-startBytes)); offset > rest || length > rest-offset {
		return nil, errCut
	}
	if length > mostDirectory {
		return nil, damaged("the directory is too large")
	}
	directory := make([]byte, length)
	if _, err := r.ReadAt(directory, startBytes+int64(offset)); err != nil && err != io.EOF {
		return nil, err
	}
	if crc32.ChecksumIEEE(directory) != sum {
		return nil, damaged("the checksum of the directory differs")
	}
	return a, a.readDirectory(directory)
}

// readDirectory reads a directory, and before it those that it is packed in.
func (a *Archive) readDirectory(raw []byte) error {
	for range mostNested {
		d := &directory{b: raw, budget: len(raw)}
		switch d.id() {
		case idDirectory:
			return a.read(d)
		case idPackedDirectory:
			streams, err := d.streams()
			if err != nil {
				return err
			}
			if raw, err = a.unpackDirectory(streams); err != nil {
				return err
			}
		default:
			return damaged("the directory begins with something else")
		}
	}
	return damaged("the directory is packed too often")
}

// unpackDirectory unpacks the only block of some streams.
func (a *Archive) unpackDirectory(s *streams) ([]byte, error) {
	if len(s.blocks) != 1 || s.blocks[0].Size > mostDirectory {
		return nil, damaged("the directory is not packed as one block of a reasonable size")
	}
	block := &s.blocks[0]
	a.Encrypted = a.Encrypted || block.Encrypted()
	raw, err := a.unpackSmall(block)
	if err == nil && block.summed && crc32.ChecksumIEEE(raw) != block.sum {
		err = damaged("the checksum of the directory differs")
	}
	if err != nil && block.Encrypted() {
		return nil, fmt.Errorf("7z: the directory: %w (%v)", archive.ErrEncrypted, err)
	}
	return raw, err
}

// unpackSmall unpacks a block into memory.
func (a *Archive) unpackSmall(block *Block) ([]byte, error) {
	r, err := a.open(block, a.options.Password)
	if err != nil {
		return nil, err
	}
	// Growing with what comes, and not made at once: the size is only what somebody says.
	raw, err := io.ReadAll(io.LimitReader(r, block.Size))
	if err == nil && int64(len(raw)) < block.Size {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}
