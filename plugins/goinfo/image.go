package goinfo

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
)

// image is one executable as the system would load it: which stretches of the file come to lie at which addresses. Fat Mach-O files and archives of objects have
// several.
type image struct {
	file    file
	name    string // of the architecture, where a file can have several
	buildID string // where the headers have it
	order   binary.ByteOrder
	ptrSize int // 4 or 8
	regions []*region
	named   map[string]span // what the section headers say: convenient, and not to be trusted
	patches []patch         // pointers that the file does not have where they belong, by address
	notes   *notes          // on this image alone
	total   uint64          // size of all regions
	loaded  uint64          // bytes in memory
}

// Limits on what is read of a file.
const (
	mostLoaded  = 192 << 20 // bytes of an image in memory
	mostRegions = 512
	mostOverlap = 2       // regions may be so many times as large as the file together, so that searching them all stays cheap
	mostPatches = 3 << 20 // a program of 100 MB has a million
)

// region is a stretch of the file that is loaded to consecutive addresses.
type region struct {
	addr       uint64
	off        int64 // in the image's file
	size       uint64
	executable bool
	writable   bool
	data       []byte // once it is loaded
	failed     error  // why it cannot be loaded
}

func (r *region) end() uint64 { return r.addr + r.size }

// span is a stretch of addresses.
type span struct{ addr, size uint64 }

// patch is a pointer that the loader would write.
type patch struct{ addr, value uint64 }

// file is a stretch of the content that is a file of its own.
type file struct {
	content io.ReaderAt
	base    int64 // where it begins in the content
	size    int64
}

// errOutside tells that something points to where nothing is.
var errOutside = errors.New("points outside of the file")

// read returns n bytes from off on, or as many as there are up to the file's end when that is fewer than n.
func (f file) read(off int64, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > f.size {
		return nil, errOutside
	}
	buf := make([]byte, min(n, f.size-off))
	if _, err := f.content.ReadAt(buf, f.base+off); err != nil && err != io.EOF {
		return nil, err
	}
	return buf, nil
}

// exactly returns n bytes from off on.
func (f file) exactly(off int64, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > f.size || n > f.size-off {
		return nil, errOutside
	}
	return f.read(off, n)
}

// within returns a stretch of f as a file.
func (f file) within(off, size int64) (file, error) {
	if off < 0 || size < 0 || off > f.size || size > f.size-off {
		return file{}, errOutside
	}
	return file{f.content, f.base + off, size}, nil
}

// addRegion adds a stretch if the file has it, and notes when the file ends before it does.
func (m *image) addRegion(r region, what string) {
	if len(m.regions) >= mostRegions || r.size == 0 || r.addr+r.size < r.addr {
		return
	}
	left := max(m.file.size-r.off, 0)
	if r.off < 0 || left == 0 {
		m.notes.damaged(fmt.Sprintf("%s lies outside of the file", what))
		return
	}
	if r.size > uint64(left) {
		m.notes.damaged(fmt.Sprintf("%s is cut short", what))
		r.size = uint64(left)
	}
	if m.total += r.size; m.total > mostOverlap*uint64(m.file.size) {
		m.notes.damaged("more is loaded than the file has")
		return
	}
	m.regions = append(m.regions, &r)
}

// finish puts the regions in order. It is called once, when all are known.
func (m *image) finish() {
	slices.SortStableFunc(m.regions, func(a, b *region) int { return cmp.Compare(a.addr, b.addr) })
}

// at returns the region that an address lies in; of several the last that begins before it.
func (m *image) at(addr uint64) *region {
	i := sort.Search(len(m.regions), func(i int) bool { return m.regions[i].addr > addr })
	if i == 0 || addr >= m.regions[i-1].end() {
		return nil
	}
	return m.regions[i-1]
}

// offset returns where in the content the byte at an address lies.
func (m *image) offset(addr uint64) (uint64, bool) {
	r := m.at(addr)
	if r == nil {
		return 0, false
	}
	return uint64(m.file.base+r.off) + (addr - r.addr), true
}

// load reads a region and applies the patches that lie in it.
func (m *image) load(r *region) ([]byte, error) {
	if r.data != nil || r.failed != nil {
		return r.data, r.failed
	}
	if m.loaded+r.size > mostLoaded {
		r.failed = fmt.Errorf("more than %d MiB would have to be read", mostLoaded>>20)
		m.notes.left(r.failed.Error())
		return nil, r.failed
	}
	data, err := m.file.exactly(r.off, int64(r.size))
	if err != nil {
		r.failed = err
		return nil, err
	}
	m.loaded += r.size
	first := sort.Search(len(m.patches), func(i int) bool { return m.patches[i].addr >= r.addr })
	for _, p := range m.patches[first:] {
		if p.addr-r.addr >= r.size {
			break
		}
		if at := data[p.addr-r.addr:]; len(at) >= m.ptrSize {
			m.putWord(at, p.value)
		}
	}
	r.data = data
	return data, nil
}

// bytes returns what lies from an address on to the end of its region; nil if there is nothing.
func (m *image) bytes(addr uint64) []byte {
	r := m.at(addr)
	if r == nil {
		return nil
	}
	data, err := m.load(r)
	if err != nil {
		return nil
	}
	return data[addr-r.addr:]
}

// word reads a pointer or an uintptr.
func (m *image) word(b []byte) uint64 { return word(m.order, m.ptrSize, b) }

func word(order binary.ByteOrder, ptrSize int, b []byte) uint64 {
	if ptrSize == 4 {
		return uint64(order.Uint32(b))
	}
	return order.Uint64(b)
}

func (m *image) putWord(b []byte, v uint64) {
	if m.ptrSize == 4 {
		m.order.PutUint32(b, uint32(v))
		return
	}
	m.order.PutUint64(b, v)
}

// addPatch remembers a pointer that load writes.
func (m *image) addPatch(addr, value uint64) {
	if len(m.patches) < mostPatches {
		m.patches = append(m.patches, patch{addr, value})
	}
}

// sortPatches makes the patches ready for load.
func (m *image) sortPatches() {
	slices.SortStableFunc(m.patches, func(a, b patch) int { return cmp.Compare(a.addr, b.addr) })
}

// windowBytes is how much of a region is searched at a time; windows overlap by overlapBytes, so that nothing shorter than that is cut in two.
const (
	windowBytes  = 1 << 20
	overlapBytes = 256
)

// search calls fn for every place of a region at which one of the patterns begins, with what follows there: at least overlapBytes unless the region
// ends. It stops when fn returns false. The region is not kept in memory: most files are not Go's, and are searched as a whole.
func (m *image) search(r *region, patterns [][]byte, fn func(pattern int, addr uint64, rest []byte) bool) error {
	var buf []byte
	for from := uint64(0); from < r.size; from += windowBytes {
		n := min(r.size-from, windowBytes+overlapBytes)
		window := r.data
		if window != nil {
			window = window[from : from+n]
		} else {
			if buf == nil {
				buf = make([]byte, n)
			}
			window = buf[:n]
			if _, err := m.file.content.ReadAt(window, m.file.base+r.off+int64(from)); err != nil && err != io.EOF {
				return err
			}
		}
		for which, pattern := range patterns {
			for at := 0; ; at++ {
				i := bytes.Index(window[at:], pattern)
				if i < 0 || at+i >= windowBytes {
					break
				}
				at += i
				if !fn(which, r.addr+from+uint64(at), window[at:]) {
					return nil
				}
			}
		}
	}
	return nil
}

// peek reads n bytes at an address without loading the region; nil if they are not all there.
func (m *image) peek(addr, n uint64) []byte {
	r := m.at(addr)
	if r == nil || n > r.end()-addr {
		return nil
	}
	if r.data != nil {
		return r.data[addr-r.addr:][:n]
	}
	b, err := m.file.exactly(r.off+int64(addr-r.addr), int64(n))
	if err != nil {
		return nil
	}
	return b
}

// mostText is the longest name that is read, in bytes. Names of instances of generic types can have a thousand.
const mostText = 8192

// stringAt returns the string that begins at a place of a table and ends with a zero; "" if it is not there or longer than mostText.
func stringAt(table []byte, at uint64) string {
	if at >= uint64(len(table)) {
		return ""
	}
	b := table[at:]
	b = b[:min(len(b), mostText)]
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return ""
	}
	return string(b[:end])
}
