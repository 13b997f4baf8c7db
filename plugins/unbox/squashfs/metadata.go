package squashfs

import (
	"encoding/binary"
	"io"
	"math"

	"lazuli/plugins/unbox/archive"
)

const (
	metadataBytes  = 8 << 10 // that a block of metadata unpacks to
	metadataStored = 1 << 15 // in the size: it is not packed
	mostMetadata   = 64      // blocks that are kept
)

// metadataBlock is an unpacked block of metadata (2.2).
type metadataBlock struct {
	data []byte
	next int64 // where the block behind it begins
}

// block reads the block of metadata at at.
func (s *image) block(at int64) (metadataBlock, error) {
	if b, ok := s.metadata[at]; ok {
		return b, nil
	}
	var h [2]byte
	if err := archive.ReadAt(s.r, h[:], at, "metadata"); err != nil {
		return metadataBlock{}, err
	}
	size := int(binary.LittleEndian.Uint16(h[:]))
	stored := size&metadataStored != 0
	size &^= metadataStored
	if size == 0 || size > metadataBytes {
		return metadataBlock{}, archive.Damagef(at, "metadata of %d bytes", size)
	}
	data, err := s.unpacked(at+2, size, stored, metadataBytes)
	if err != nil {
		return metadataBlock{}, err
	}
	if len(s.metadata) >= mostMetadata {
		clear(s.metadata)
	}
	b := metadataBlock{data, at + 2 + int64(size)}
	s.metadata[at] = b
	return b, nil
}

// unpacked reads a block that unpacks to most bytes, or fewer.
func (s *image) unpacked(at int64, size int, stored bool, most int) ([]byte, error) {
	data := make([]byte, size)
	if err := archive.ReadAt(s.r, data, at, "a block"); err != nil || stored {
		return data, err
	}
	data, err := s.unpack(data, most)
	if err != nil {
		return nil, archive.Damagef(at, "a block cannot be unpacked: %w", err)
	}
	return data, nil
}

// cursor reads metadata across blocks.
type cursor struct {
	s    *image
	at   int64 // of the next block
	data []byte
}

// cursor begins at a place of a table: 16 bits of the reference are a place in a block, those above say where in the table that begins.
func (s *image) cursor(table int64, ref uint64) (*cursor, error) {
	c := &cursor{s: s, at: table + int64(min(ref>>16, math.MaxInt64/4))}
	if err := c.load(); err != nil {
		return nil, err
	}
	from := int(ref & 0xffff)
	if from > len(c.data) {
		return nil, archive.Damagef(c.at, "a reference leads beyond its block")
	}
	c.data = c.data[from:]
	return c, nil
}

func (c *cursor) load() error {
	b, err := c.s.block(c.at)
	c.data, c.at = b.data, b.next
	return err
}

func (c *cursor) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		if err := c.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.data)
	c.data = c.data[n:]
	if n == 0 && len(p) > 0 {
		return 0, archive.Damagef(c.at, "a block is empty")
	}
	return n, nil
}

// take reads n bytes.
func (c *cursor) take(n int) ([]byte, error) {
	p := make([]byte, n)
	_, err := io.ReadFull(c, p)
	return p, err
}

// Kinds of inodes (5). Those with more fields come sevenfold later.
const (
	kindFolder = 1
	kindFile   = 2
	kindLink   = 3
	kindOther  = 4 // to 7: devices, pipes and sockets
	kindLong   = 7
)

// noFragment stands for the fragment of a file that ends with a block of its own.
const noFragment = math.MaxUint32

// inode is what an inode says.
type inode struct {
	at      int64 // of its block
	kind    uint16
	changed uint32
	link    string

	size     int64  // of a file or a folder
	start    uint64 // of a file's blocks, or the reference of a folder in its table
	fragment uint32
	within   uint32  // place in the fragment
	blocks   *cursor // at the sizes of a file's blocks
}

// inode reads the inode of a reference.
func (s *image) inode(ref uint64) (n inode, err error) {
	c, err := s.cursor(s.inodeTable, ref)
	if err != nil {
		return n, err
	}
	n.at = c.at
	h, err := c.take(16)
	if err != nil {
		return n, err
	}
	kind := binary.LittleEndian.Uint16(h)
	n.kind, n.changed = kind, binary.LittleEndian.Uint32(h[8:])
	if kind > kindLong {
		n.kind -= kindLong
	}
	switch kind {
	case kindFolder:
		err = n.shortFolder(c)
	case kindFolder + kindLong:
		err = n.longFolder(c)
	case kindFile:
		err = n.shortFile(c)
	case kindFile + kindLong:
		err = n.longFile(c)
	case kindLink, kindLink + kindLong:
		err = n.target(c)
	default:
		if n.kind < kindOther || n.kind > kindLong {
			err = archive.Damagef(n.at, "an inode of kind %d", kind)
		}
	}
	return n, err
}

// shortFolder and longFolder read 5.2.
func (n *inode) shortFolder(c *cursor) error {
	p, err := c.take(16)
	if err != nil {
		return err
	}
	n.size = int64(binary.LittleEndian.Uint16(p[8:]))
	n.start = uint64(binary.LittleEndian.Uint32(p))<<16 | uint64(binary.LittleEndian.Uint16(p[10:]))
	return nil
}

func (n *inode) longFolder(c *cursor) error {
	p, err := c.take(24)
	if err != nil {
		return err
	}
	n.size = int64(binary.LittleEndian.Uint32(p[4:]))
	n.start = uint64(binary.LittleEndian.Uint32(p[8:]))<<16 | uint64(binary.LittleEndian.Uint16(p[18:]))
	return nil
}

// shortFile and longFile read 5.3.
func (n *inode) shortFile(c *cursor) error {
	p, err := c.take(16)
	if err != nil {
		return err
	}
	n.start, n.fragment = uint64(binary.LittleEndian.Uint32(p)), binary.LittleEndian.Uint32(p[4:])
	n.within, n.size = binary.LittleEndian.Uint32(p[8:]), int64(binary.LittleEndian.Uint32(p[12:]))
	n.blocks = c
	return nil
}

func (n *inode) longFile(c *cursor) error {
	p, err := c.take(40)
	if err != nil {
		return err
	}
	size := binary.LittleEndian.Uint64(p[8:])
	if size > math.MaxInt64 {
		return archive.Damagef(n.at, "a file of %d bytes", size)
	}
	n.start, n.size = binary.LittleEndian.Uint64(p), int64(size)
	n.fragment, n.within = binary.LittleEndian.Uint32(p[28:]), binary.LittleEndian.Uint32(p[32:])
	n.blocks = c
	return nil
}

// target reads 5.4.
func (n *inode) target(c *cursor) error {
	p, err := c.take(8)
	if err != nil {
		return err
	}
	size := binary.LittleEndian.Uint32(p[4:])
	if size == 0 || size > mostTarget {
		return archive.Damagef(n.at, "a link to a path of %d bytes", size)
	}
	path, err := c.take(int(size))
	n.link = string(path)
	return err
}

// folder calls found for what is in a folder (6), with the references of inodes.
func (s *image) folder(n inode, found func(name string, ref uint64) error) error {
	left := n.size - 3 // for the folder itself and the one around it, which are not stored
	if left <= 0 {
		return nil
	}
	if s.folderLeft -= left; s.folderLeft < 0 {
		return archive.Damagef(n.at, "folders of more than %d bytes", mostFolderBytes)
	}
	c, err := s.cursor(s.folderTable, n.start)
	if err != nil {
		return err
	}
	for left > 0 {
		h, err := c.take(12)
		if err != nil {
			return err
		}
		left -= 12
		count, block := binary.LittleEndian.Uint32(h), uint64(binary.LittleEndian.Uint32(h[4:]))
		for i := uint32(0); i <= count && left > 0; i++ {
			p, err := c.take(8)
			if err != nil {
				return err
			}
			size := int64(binary.LittleEndian.Uint16(p[6:])) + 1
			if left -= 8 + size; left < 0 {
				return archive.Damagef(n.at, "a folder is cut short")
			}
			name, err := c.take(int(size))
			if err != nil {
				return err
			}
			if err := found(string(name), block<<16|uint64(binary.LittleEndian.Uint16(p))); err != nil {
				return err
			}
		}
	}
	return nil
}
