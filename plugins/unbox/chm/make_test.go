package chm

import (
	"encoding/binary"
	"math/rand/v2"

	"lazuli/plugins/unbox/lzx"
	"lazuli/plugins/unbox/lzx/lzxtest"
)

const none = 1<<32 - 1

// made is a help that a test makes.
type made struct {
	files   []file
	bits    int  // of the window
	reset   int  // frames
	noTable bool // no reset table
}

type file struct {
	name, content string
	stored        bool
	offset        int // in the section, if it is not where the content is
}

func (m made) bytes() []byte {
	data, _ := m.build()
	return data
}

// build returns the help, and where its compressed content begins.
func (m made) build() (data []byte, content int) {
	le := binary.LittleEndian
	var plain, packed []byte
	var entries []byte
	numEntries := 0
	entry := func(name string, section, off, n int) {
		numEntries++
		entries = append(entries, encint(len(name))...)
		entries = append(entries, name...)
		for _, v := range []int{section, off, n} {
			entries = append(entries, encint(v)...)
		}
	}
	entry("/", 0, 0, 0)
	for _, f := range m.files {
		at, section := &packed, 1
		if f.stored {
			at, section = &plain, 0
		}
		off := len(*at)
		*at = append(*at, f.content...)
		if f.offset != 0 {
			off = f.offset
		}
		entry(f.name, section, off, len(f.content))
	}
	own := func(name string, p []byte) {
		entry(name, 0, len(plain), len(p))
		plain = append(plain, p...)
	}
	padded := append(packed, make([]byte, lzx.FrameSize-len(packed)%lzx.FrameSize)...)
	stream := lzxtest.Encode(padded, m.bits, 0, m.reset, 1)
	names := []byte{0, 0, 2, 0}
	for _, n := range []string{"Uncompressed", "MSCompressed"} {
		names = le.AppendUint16(names, uint16(len(n)))
		for _, c := range n + "\x00" {
			names = le.AppendUint16(names, uint16(c))
		}
	}
	names[0] = byte(len(names) / 2)
	own(dataSpace+"NameList", names)
	own(storage+"Transform/List", []byte("{\x007\x00F\x00C\x002\x008\x009\x004\x000\x00-\x009\x00D\x003\x001\x00-\x001\x001\x00D\x000\x00"))
	own(storage+"SpanInfo", le.AppendUint64(nil, uint64(len(packed))))
	control := le.AppendUint32(nil, 6)
	control = append(control, "LZXC"...)
	for _, v := range []int{2, m.reset, 1 << m.bits >> 15, 1, 0} {
		control = le.AppendUint32(control, uint32(v))
	}
	var frames []byte
	table := le.AppendUint32(nil, 2)
	table = le.AppendUint32(table, uint32(len(stream.Frames)))
	table = le.AppendUint32(table, 8)
	table = le.AppendUint32(table, resetHeader)
	table = le.AppendUint64(table, uint64(len(packed)))
	table = le.AppendUint64(table, 0)
	table = le.AppendUint64(table, 32<<10)
	for _, f := range stream.Frames {
		table = le.AppendUint64(table, uint64(len(frames)))
		frames = append(frames, f...)
	}
	le.PutUint64(table[0x18:], uint64(len(frames)))
	own(controlName, control)
	if !m.noTable {
		own(resetsName, table)
	}
	own(contentName, frames)

	const block = 0x1000
	dir := append([]byte("ITSP"), make([]byte, directorySize-4)...)
	for at, v := range map[int]uint32{
		4: 1, 8: directorySize, 0xc: 10, 0x10: block, 0x14: 2, 0x18: 1, 0x1c: none, 0x28: none, 0x2c: 1, 0x30: 0x409, 0x44: directorySize, 0x48: none, 0x4c: none, 0x50: none,
	} {
		le.PutUint32(dir[at:], v)
	}
	listing := append([]byte("PMGL"), make([]byte, block-4)...)
	le.PutUint32(listing[4:], uint32(block-listingSize-len(entries)))
	le.PutUint32(listing[0xc:], none)
	le.PutUint32(listing[0x10:], none)
	le.PutUint16(listing[block-2:], uint16(numEntries))
	if copy(listing[listingSize:], entries) < len(entries) {
		panic("too many entries for one block")
	}
	dir = append(dir, listing...)
	const first = 0x18 // bytes of the first section of the header
	whole := headerSize + first + len(dir) + len(plain)
	head := append([]byte("ITSF"), make([]byte, headerSize+first-4)...)
	for at, v := range map[int]uint64{
		0x38: headerSize, 0x40: first, 0x48: headerSize + first, 0x50: uint64(len(dir)), 0x58: uint64(whole - len(plain)),
		headerSize: 0x1fe, headerSize + 8: uint64(whole),
	} {
		le.PutUint64(head[at:], v)
	}
	le.PutUint32(head[4:], 3)
	le.PutUint32(head[8:], headerSize)
	le.PutUint32(head[12:], 1)
	data = append(append(head, dir...), plain...)
	return data, len(data) - len(frames)
}

func encint(v int) []byte {
	p := []byte{byte(v & 0x7f)}
	for v >>= 7; v > 0; v >>= 7 {
		p = append([]byte{byte(v&0x7f) | 0x80}, p...)
	}
	return p
}

// pseudo is data that compresses somewhat, the same each time.
func pseudo(n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	var data []byte
	for len(data) < n {
		if len(data) == 0 || rng.IntN(3) == 0 {
			for range 1 + rng.IntN(100) {
				data = append(data, byte(rng.Uint32()))
			}
		}
		from := rng.IntN(len(data))
		data = append(data, data[from:min(len(data), from+rng.IntN(300))]...)
	}
	return string(data[:n])
}

// some has something of everything: compressed and not, empty, over several resets, a folder.
func some() made {
	return made{bits: 16, reset: 2, files: []file{
		{name: "/#SYSTEM", content: "system", stored: true}, {name: "/folder/"}, {name: "/index.htm", content: "<html>index</html>"},
		{name: "/folder/big.bin", content: pseudo(200_000, 1)}, {name: "/empty"}, {name: "/last.htm", content: "the last"},
	}}
}
