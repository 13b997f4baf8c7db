// Package cfbtest makes compound files for tests.
package cfbtest

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// Stream is one to put into a compound file. Its name may have slashes: what is before them are storages.
type Stream struct{ Name, Content string }

const (
	sector  = 512
	cutoff  = 4096
	end     = 0xfffffffe
	fatPart = 0xfffffffd
	free    = 0xffffffff
)

// Make makes a compound file of sectors of 512 bytes, the root of which has a class. Siblings are a list, not a balanced tree.
func Make(class [16]byte, streams []Stream) []byte {
	le := binary.LittleEndian
	var body, small []byte
	var fat, mini []uint32
	put := func(content []byte) uint32 {
		if len(content) == 0 {
			return end
		}
		start := uint32(len(fat))
		for from := 0; from < len(content); from += sector {
			fat = append(fat, uint32(len(fat)+1))
		}
		fat[len(fat)-1] = end
		body = append(append(body, content...), make([]byte, (sector-len(content)%sector)%sector)...)
		return start
	}
	putSmall := func(content []byte) uint32 {
		if len(content) == 0 {
			return end
		}
		start := uint32(len(mini))
		for from := 0; from < len(content); from += 64 {
			mini = append(mini, uint32(len(mini)+1))
		}
		mini[len(mini)-1] = end
		small = append(append(small, content...), make([]byte, (64-len(content)%64)%64)...)
		return start
	}
	type entry struct {
		name               string
		kind               byte
		left, right, child uint32
		start              uint32
		size               int
	}
	entries := []entry{{name: "Root Entry", kind: 5, left: free, right: free, child: free}}
	last := map[string]int{} // the latest entry of a storage
	find := map[string]int{"": 0}
	add := func(storage, name string, kind byte) int {
		entries = append(entries, entry{name: name, kind: kind, left: free, right: free, child: free, start: 0})
		at := len(entries) - 1
		if before, ok := last[storage]; ok {
			entries[before].right = uint32(at)
		} else {
			entries[find[storage]].child = uint32(at)
		}
		last[storage] = at
		return at
	}
	for _, s := range streams {
		storage, name := "", s.Name
		for {
			part, rest, ok := strings.Cut(name, "/")
			if !ok {
				break
			}
			inner := storage + "/" + part
			if _, ok := find[inner]; !ok {
				find[inner] = add(storage, part, 1)
			}
			storage, name = inner, rest
		}
		at := add(storage, name, 2)
		entries[at].size = len(s.Content)
		if len(s.Content) < cutoff {
			entries[at].start = putSmall([]byte(s.Content))
		} else {
			entries[at].start = put([]byte(s.Content))
		}
	}
	entries[0].size, entries[0].start = len(small), put(small)
	var miniFAT []byte
	for _, n := range mini {
		miniFAT = le.AppendUint32(miniFAT, n)
	}
	for len(miniFAT)%sector != 0 {
		miniFAT = append(miniFAT, 0xff)
	}
	miniStart := put(miniFAT)
	var directory []byte
	for i, e := range entries {
		p := make([]byte, 128)
		units := utf16.Encode([]rune(e.name))
		for j, u := range units {
			le.PutUint16(p[2*j:], u)
		}
		le.PutUint16(p[64:], uint16(2*len(units)+2))
		p[66], p[67] = e.kind, 1
		for at, v := range map[int]uint32{68: e.left, 72: e.right, 76: e.child, 116: e.start, 120: uint32(e.size)} {
			le.PutUint32(p[at:], v)
		}
		if i == 0 {
			copy(p[80:], class[:])
		}
		directory = append(directory, p...)
	}
	directoryStart := put(directory)
	fatSectors := 0
	for fatSectors*sector/4 < len(fat)+fatSectors {
		fatSectors++
	}
	if fatSectors > 109 {
		panic("too large")
	}
	header := make([]byte, sector)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	for at, v := range map[int]uint16{24: 0x3e, 26: 3, 28: 0xfffe, 30: 9, 32: 6} {
		le.PutUint16(header[at:], v)
	}
	for at, v := range map[int]uint32{44: uint32(fatSectors), 48: directoryStart, 56: cutoff, 60: miniStart, 64: uint32(len(miniFAT) / sector), 68: end} {
		le.PutUint32(header[at:], v)
	}
	for i := range 109 {
		v := uint32(free)
		if i < fatSectors {
			v = uint32(len(fat))
			fat = append(fat, fatPart)
		}
		le.PutUint32(header[76+4*i:], v)
	}
	for len(fat) < fatSectors*sector/4 {
		fat = append(fat, free)
	}
	for _, n := range fat {
		body = le.AppendUint32(body, n)
	}
	return append(header, body...)
}
