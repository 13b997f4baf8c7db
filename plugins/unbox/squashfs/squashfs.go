// Package squashfs reads images of Squashfs 4.0, as installers, AppImages and firmware hold them: gzip, LZMA, xz, LZ4 and Zstandard.
//
// The format is described in "Squashfs Binary Format" of squashfs-tools-ng, whose chapters the comments name. The libraries that there are
// trust what they read. Begin at Walk; metadata.go has the blocks that inodes and folders lie in, content.go those of files.
package squashfs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"lazuli/plugins/unbox/archive"
)

const (
	magic      = "hsqs"
	superBytes = 96

	leastBlock = 4 << 10
	mostBlock  = 1 << 20

	mostDepth       = 64   // folders in folders
	mostPath        = 4096 // bytes of a path
	mostTarget      = 4096 // bytes of what a link points to
	mostFolderBytes = 64 << 20
)

// image is one image and the walk through it. Its fields are those of the superblock (3).
type image struct {
	ctx   context.Context
	r     io.ReaderAt
	size  int64
	visit archive.Visit

	blockBytes                        int64
	fragments                         uint32
	compression                       string
	unpack                            unpacker
	root                              uint64
	inodeTable, folderTable, fragment int64 // where these tables begin

	metadata   map[int64]metadataBlock // that were read, a few
	tail       []byte                  // the fragment that was read last
	tailAt     int64
	folderLeft int64 // bytes that may still be read as folders
	damage     error // the first
	stopped    error // what visit said, damage or not
}

// Walk visits the files of an image.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	super, err := archive.Begin(r, superBytes)
	if err != nil {
		return err
	}
	if string(super[:4]) != magic {
		return fmt.Errorf("%w: no Squashfs of little endian", archive.ErrNotThis)
	}
	s := &image{
		ctx: ctx, r: r, size: size, visit: visit, metadata: map[int64]metadataBlock{}, tailAt: -1, folderLeft: mostFolderBytes,
		blockBytes: int64(binary.LittleEndian.Uint32(super[12:])), fragments: binary.LittleEndian.Uint32(super[16:]),
		root: binary.LittleEndian.Uint64(super[32:]), inodeTable: offset(super[64:]), folderTable: offset(super[72:]), fragment: offset(super[80:]),
	}
	major, minor := binary.LittleEndian.Uint16(super[28:]), binary.LittleEndian.Uint16(super[30:])
	if major != 4 {
		return fmt.Errorf("version %d.%d %w", major, minor, archive.ErrUnsupported)
	}
	if s.blockBytes < leastBlock || s.blockBytes > mostBlock {
		return archive.Damagef(12, "blocks of %d bytes", s.blockBytes)
	}
	if s.compression, s.unpack, err = unpackerOf(binary.LittleEndian.Uint16(super[20:])); err != nil {
		return err
	}
	if err := s.walk(); err != nil {
		return err
	}
	return s.damage
}

// offset is one of 64 bits. What no file has is beyond the end, where reading tells so.
func offset(p []byte) int64 { return int64(min(binary.LittleEndian.Uint64(p), math.MaxInt64/2)) }

// through keeps damage for the end of the walk and lets everything else through.
func (s *image) through(err error) error {
	if s.stopped != nil || !errors.Is(err, archive.ErrDamaged) {
		return err
	}
	if s.damage == nil {
		s.damage = err
	}
	return nil
}

// place is a folder that is still to be read.
type place struct {
	path  string
	inode inode
	depth int
}

// walk lists the tree, each folder before what is in it.
func (s *image) walk() error {
	root, err := s.inode(s.root)
	if err == nil && root.kind != kindFolder {
		err = archive.Damagef(32, "the root is no folder")
	}
	if err != nil {
		return err
	}
	known := map[uint64]bool{s.root: true}
	for open := []place{{"", root, 0}}; len(open) > 0; {
		p := open[len(open)-1]
		open = open[:len(open)-1]
		var inner []place
		err := s.folder(p.inode, func(name string, ref uint64) error {
			node, err := s.inode(ref)
			if err != nil {
				return s.through(err)
			}
			path := name
			if p.path != "" {
				path = p.path + "/" + name
			}
			switch {
			case len(path) > mostPath:
				return s.through(archive.Damagef(p.inode.at, "a path of more than %d bytes", mostPath))
			case node.kind != kindFolder:
				return s.emit(path, node)
			case known[ref]:
				return s.through(archive.Damagef(node.at, "a folder is in more than one place"))
			case p.depth == mostDepth:
				return s.through(archive.Damagef(node.at, "more than %d folders in one another", mostDepth))
			}
			known[ref] = true
			inner = append(inner, place{path, node, p.depth + 1})
			return s.emit(path, node)
		})
		if err := s.through(err); err != nil {
			return err
		}
		for i := len(inner) - 1; i >= 0; i-- { // the first is read next
			open = append(open, inner[i])
		}
	}
	return nil
}

// emit visits what an inode describes.
func (s *image) emit(path string, n inode) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	e := archive.Entry{Name: path, Changed: time.Unix(int64(n.changed), 0).UTC(), Folder: n.kind == kindFolder, Link: n.link}
	var r io.Reader
	if n.kind == kindFile {
		e.Size, e.Method = n.size, s.compression
		r = s.content(n)
	}
	s.stopped = s.visit(e, r)
	return s.stopped
}
