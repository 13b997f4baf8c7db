package cab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/text/encoding/charmap"

	"lazuli/plugins/unbox/archive"
)

const (
	signature  = "MSCF"
	headerSize = 36
	folderSize = 8
	fileSize   = 16
	dataSize   = 8
	mostText   = 256 // bytes of a name with its zero

	flagPrevious = 1 // of a cabinet: it goes on where another one ended
	flagNext     = 2
	flagReserve  = 4

	nameIsUTF8 = 0x80 // attribute of a file

	// Folders of files that lie in more than one cabinet.
	fromPrevious = 0xfffd
	toNext       = 0xfffe
	throughout   = 0xffff
)

// header is what a cabinet begins with: MS-CAB 2.1.
type header struct {
	size            int64 // bytes of the cabinet, as stated
	files           int64 // offset of the first
	numFolders      int
	numFiles        int
	previous, next  string // cabinets of the set, "" for none
	folderReserve   int64
	dataReserve     int64
	folders         int64 // offset of the first
	hasPrev, hasNxt bool
}

// parseHeader reads the header at the beginning of r.
func parseHeader(r io.ReaderAt, size int64) (*header, error) {
	p, err := archive.Begin(r, headerSize)
	if err != nil {
		return nil, err
	}
	if string(p[:4]) != signature {
		return nil, fmt.Errorf("%w: no cabinet", archive.ErrNotThis)
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	h := &header{
		size: int64(u32(p[8:])), files: int64(u32(p[16:])), numFolders: int(u16(p[26:])), numFiles: int(u16(p[28:])), folders: headerSize,
	}
	if p[25] != 1 {
		return nil, fmt.Errorf("%w: a cabinet of version %d.%d", archive.ErrNotThis, p[25], p[24])
	}
	flags := u16(p[30:])
	if flags&flagReserve != 0 {
		var q [4]byte
		if err := archive.ReadAt(r, q[:], h.folders, "the sizes of reserved fields"); err != nil {
			return nil, err
		}
		h.folderReserve, h.dataReserve = int64(q[2]), int64(q[3])
		h.folders += 4 + int64(u16(q[:]))
	}
	for _, neighbour := range []struct {
		flag uint16
		name *string
		has  *bool
	}{{flagPrevious, &h.previous, &h.hasPrev}, {flagNext, &h.next, &h.hasNxt}} {
		if flags&neighbour.flag == 0 {
			continue
		}
		*neighbour.has = true
		for i := range 2 { // the cabinet, and the disk that it is on
			text, n, err := readText(r, h.folders, size)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				*neighbour.name = decodeName(text, false)
			}
			h.folders += n
		}
	}
	return h, nil
}

// readText reads a text that ends with a zero. It returns the text and how many bytes it takes.
func readText(r io.ReaderAt, off, size int64) ([]byte, int64, error) {
	p := make([]byte, max(0, min(mostText, size-off)))
	if err := archive.ReadAt(r, p, off, "a name"); err != nil {
		return nil, 0, err
	}
	end := bytes.IndexByte(p, 0)
	if end < 0 {
		return nil, 0, archive.Damagef(off, "a name without an end")
	}
	return p[:end], int64(end) + 1, nil
}

// decodeName decodes a name, whose parts are joined by backslashes.
func decodeName(name []byte, isUTF8 bool) string {
	name = bytes.ReplaceAll(name, []byte(`\`), []byte("/"))
	if isUTF8 {
		return string(name)
	}
	return archive.Text(name, charmap.Windows1252)
}

// folder is a stretch of data that is compressed as one: MS-CAB 2.2.
type folder struct {
	data   int64 // offset of its first block
	blocks int
	kind   uint16
}

func (h *header) parseFolders(r io.ReaderAt, size int64) ([]folder, error) {
	each := folderSize + h.folderReserve
	n := min(int64(h.numFolders), max(0, size-h.folders)/each)
	folders := make([]folder, n)
	p := make([]byte, each)
	for i := range folders {
		off := h.folders + int64(i)*each
		if err := archive.ReadAt(r, p, off, "a folder"); err != nil {
			return folders[:i], err
		}
		folders[i] = folder{
			int64(binary.LittleEndian.Uint32(p)), int(binary.LittleEndian.Uint16(p[4:])), binary.LittleEndian.Uint16(p[6:]),
		}
	}
	if n < int64(h.numFolders) {
		return folders, archive.Damagef(h.folders, "%d folders where there is room for %d", h.numFolders, n)
	}
	return folders, nil
}

// file is a file as it is listed: MS-CAB 2.3.
type file struct {
	entry  archive.Entry
	offset int64 // in its folder, decompressed
	folder uint16
}

// parseFile reads the file at off, and returns where the next one is.
func parseFile(r io.ReaderAt, off, size int64) (file, int64, error) {
	var p [fileSize]byte
	if err := archive.ReadAt(r, p[:], off, "a file's header"); err != nil {
		return file{}, 0, err
	}
	name, n, err := readText(r, off+fileSize, size)
	if err != nil {
		return file{}, 0, err
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	return file{
		entry: archive.Entry{
			Name: decodeName(name, u16(p[14:])&nameIsUTF8 != 0), Size: int64(u32(p[:])), Changed: archive.DOSTime(u16(p[10:]), u16(p[12:])),
		},
		offset: int64(u32(p[4:])), folder: u16(p[8:]),
	}, off + fileSize + n, nil
}

// Find returns where cabinets are in a file of another kind, such as a program that unpacks itself: in its resources, behind its end,
// anywhere. Something is a cabinet if its header can be one.
func Find(ctx context.Context, r io.ReaderAt, size int64) ([]*io.SectionReader, error) {
	var found []*io.SectionReader
	const chunk = 256 << 10
	window := make([]byte, chunk+len(signature)-1)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		p := window[:min(int64(len(window)), size-off)]
		if err := archive.ReadAt(r, p, off, "the file"); err != nil {
			return found, err
		}
		next := off + chunk
		for from := 0; ; {
			i := bytes.Index(p[from:], []byte(signature))
			if i < 0 {
				break
			}
			at := off + int64(from+i)
			from += i + 1
			n, err := plausible(r, at, size)
			if err != nil {
				return found, err
			}
			if n > 0 {
				found = append(found, io.NewSectionReader(r, at, n))
				next = at + n
				break
			}
		}
		off = next
	}
	return found, nil
}

// plausible returns how many bytes the cabinet at off has, 0 if there can be none.
func plausible(r io.ReaderAt, off, size int64) (int64, error) {
	rest := size - off
	if rest < headerSize {
		return 0, nil
	}
	p := make([]byte, headerSize)
	if err := archive.ReadAt(r, p, off, "the file"); err != nil {
		return 0, err
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	stated, files := int64(u32(p[8:])), int64(u32(p[16:]))
	folders := int64(u16(p[26:]))
	sound := u32(p[4:]) == 0 && u32(p[12:]) == 0 && p[24] == 3 && p[25] == 1 && folders > 0 && u16(p[28:]) > 0 && u16(p[30:]) <= 7 &&
		files >= headerSize+folderSize*folders && files+fileSize < min(stated, rest)
	if !sound {
		return 0, nil
	}
	return min(stated, rest), nil
}
