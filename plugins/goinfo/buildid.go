package goinfo

import (
	"bytes"
	"strings"
)

const (
	mostNoteBytes  = 64 << 10
	mostTextSearch = 64 << 10 // the build id stands at the beginning of the code
	mostBuildID    = 1024     // bytes; the go command's have 83
	goNoteType     = 4
)

// buildIDFromNotes reads Go's build id from the notes of an ELF file.
func (f *elfFile) buildIDFromNotes() string {
	for _, s := range f.noteSpans {
		b, err := f.file.read(int64(s.addr), int64(min(s.size, mostNoteBytes)))
		if err != nil {
			continue
		}
		for len(b) >= 12 {
			nameSize, size, kind := uint64(f.order.Uint32(b)), uint64(f.order.Uint32(b[4:])), f.order.Uint32(b[8:])
			b = b[12:]
			at := (nameSize + 3) &^ 3
			if at+size > uint64(len(b)) {
				break
			}
			if kind == goNoteType && string(b[:nameSize]) == "Go\x00\x00" && size <= mostBuildID {
				return string(b[at : at+size])
			}
			b = b[min(at+(size+3)&^3, uint64(len(b))):]
		}
	}
	return ""
}

var (
	buildIDStart = []byte("\xff Go build ID: \"")
	buildIDEnd   = []byte("\"\n \xff")
)

// buildIDFromText finds the build id that the linker puts in front of the code where there are no notes.
func (m *image) buildIDFromText() string {
	for _, r := range m.regions {
		if !r.executable {
			continue
		}
		b := m.peek(r.addr, min(r.size, mostTextSearch))
		_, b, found := bytes.Cut(b, buildIDStart)
		if !found {
			continue
		}
		if id, _, found := bytes.Cut(b[:min(len(b), mostBuildID)], buildIDEnd); found && !strings.ContainsAny(string(id), "\"\n") {
			return string(id)
		}
	}
	return ""
}
