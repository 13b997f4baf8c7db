package goinfo

import (
	"bytes"
	"strings"
)

// partsOf returns the files in a file that can be executables: the slices of a fat Mach-O, the objects of an archive, or the file itself.
func partsOf(whole file) []file {
	if slices := fatSlices(whole); slices != nil {
		return slices
	}
	if objects := members(whole); objects != nil {
		return objects
	}
	return []file{whole}
}

// openImage reads the headers of an executable; nil if the file is none.
func openImage(f file) *image {
	for _, read := range []func(*image) error{readELF, readPE, readMachO} {
		m := &image{file: f, named: map[string]span{}, notes: &notes{}}
		if read(m) == nil {
			return m
		}
	}
	return nil
}

// packedWithUPX tells whether UPX made a file: it names sections of PE files, and leaves its header at the beginning and at the end of others.
func packedWithUPX(f file) bool {
	const nearStart, nearEnd = 4096, 64
	if m := openImage(f); m != nil {
		for name := range m.named {
			if strings.HasPrefix(name, "UPX") {
				return true
			}
		}
	}
	for _, at := range []int64{0, max(f.size-nearEnd, 0)} {
		if b, err := f.read(at, nearStart); err == nil && bytes.Contains(b, []byte("UPX!")) {
			return true
		}
	}
	return false
}
