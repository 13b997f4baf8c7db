package iso

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// image makes an ISO 9660 image of one folder for tests: what makers of images do not make.
type image struct {
	files    []file
	joliet   []file // of a second tree; their contents are not shared
	boot     string // content of a boot image
	bootKind byte
}

type file struct {
	name, content string
	pieces        int    // records that the file is in, if more than one
	system        string // fields of SUSP
	flags, unit   byte
	at            int // block, if it is not to be put somewhere
}

func (m image) bytes() []byte {
	const firstFree = 24
	img := make([]byte, firstFree*sectorSize)
	put := func(content string) int {
		at := len(img) / sectorSize
		img = append(img, content...)
		img = append(img, make([]byte, (sectorSize-len(img)%sectorSize)%sectorSize)...)
		return at
	}
	folder := func(files []file, joliet bool) int {
		var records [][]byte
		for _, f := range files {
			pieces := max(1, f.pieces)
			each := (len(f.content)/pieces + sectorSize - 1) / sectorSize * sectorSize
			for i := range pieces {
				flags, part := f.flags, f.content[min(len(f.content), i*each):]
				if i < pieces-1 {
					flags, part = flags|flagMore, part[:each]
				}
				at := f.at
				if at == 0 {
					at = put(part)
				}
				name := f.name
				if joliet {
					name = utf16BE(name)
				}
				records = append(records, rawRecord(name, at, len(part), flags, f.unit, f.system))
			}
		}
		at := len(img) / sectorSize
		self := rawRecord("\x00", at, sectorSize, flagFolder, 0, "SP\x07\x01\xbe\xef\x00")
		parent := rawRecord("\x01", at, sectorSize, flagFolder, 0, "")
		data := bytes.Join(append([][]byte{self, parent}, records...), nil)
		if len(data) > sectorSize {
			panic("too much for one sector")
		}
		return put(string(data))
	}
	descriptor := func(sector int, kind byte, root int, escape string) {
		p := img[sector*sectorSize:]
		copy(p, string(kind)+"CD001\x01")
		binary.LittleEndian.PutUint16(p[128:], sectorSize)
		copy(p[88:], escape)
		copy(p[156:], rawRecord("\x00", root, sectorSize, flagFolder, 0, ""))
	}
	root := folder(m.files, false)
	descriptor(16, descriptorPrimary, root, "")
	next := 17
	if m.joliet != nil {
		root := folder(m.joliet, true)
		descriptor(next, descriptorOther, root, "%/E")
		next++
	}
	if m.boot != "" {
		at := put(m.boot)
		catalog := "\x01\x00\x00\x00" + strings.Repeat("\x00", 26) + "\x55\xaa" + "\x88" + string(m.bootKind) + "\x00\x00\x00\x00\x01\x00"
		catalog += string(binary.LittleEndian.AppendUint32(nil, uint32(at))) + strings.Repeat("\x00", 20)
		catalog += "\x91\xef\x01\x00" + strings.Repeat("\x00", 28)
		catalog += "\x88\x00\x00\x00\x00\x00\x02\x00" + string(binary.LittleEndian.AppendUint32(nil, uint32(at))) + strings.Repeat("\x00", 20)
		where := put(catalog)
		p := img[next*sectorSize:]
		copy(p, "\x00CD001\x01EL TORITO SPECIFICATION")
		binary.LittleEndian.PutUint32(p[71:], uint32(where))
		next++
	}
	copy(img[next*sectorSize:], "\xffCD001\x01")
	return img
}

func rawRecord(name string, block, size int, flags, unit byte, system string) []byte {
	p := make([]byte, recordSize)
	binary.LittleEndian.PutUint32(p[2:], uint32(block))
	binary.LittleEndian.PutUint32(p[10:], uint32(size))
	copy(p[18:], []byte{124, 1, 2, 3, 4, 6, 4}) // 2024-01-02 03:04:06 +01:00
	p[25], p[26], p[32] = flags, unit, byte(len(name))
	p = append(p, name...)
	if len(p)%2 == 1 {
		p = append(p, 0)
	}
	p = append(p, system...)
	if len(p)%2 == 1 {
		p = append(p, 0)
	}
	p[0] = byte(len(p))
	return p
}

func utf16BE(s string) string {
	var p []byte
	for _, u := range utf16.Encode([]rune(s)) {
		p = binary.BigEndian.AppendUint16(p, u)
	}
	return string(p)
}

// smallUDF makes a volume of UDF with blocks of 512 bytes: one file whose content is in its entry, one with extents, one of which is not
// recorded, one through a second block of extents.
func smallUDF() []byte {
	const sector, start = 512, 260
	img := make([]byte, 320*sector)
	le := binary.LittleEndian
	tag := func(kind, sectorAt, at int) []byte {
		p := img[sectorAt*sector : (sectorAt+1)*sector]
		le.PutUint16(p, uint16(kind))
		le.PutUint32(p[12:], uint32(at))
		p[4] = 0
		for _, b := range append(append([]byte(nil), p[:4]...), p[5:16]...) {
			p[4] += b
		}
		return p
	}
	anchor := tag(tagAnchor, 256, 256)
	le.PutUint32(anchor[16:], 3*sector)
	le.PutUint32(anchor[20:], 257)
	le.PutUint32(tag(tagPartition, 257, 257)[188:], start)
	volume := tag(tagVolume, 258, 258)
	le.PutUint32(volume[212:], sector)
	le.PutUint32(volume[264:], 6)
	copy(volume[440:], []byte{1, 6, 1, 0, 0, 0})
	tag(tagEnd, 259, 259)
	le.PutUint32(tag(tagFileSet, start, 0)[404:], 1) // the root is in block 1
	entry := func(block int, kind byte, how uint16, size int, data string) {
		p := tag(tagFile, start+block, block)
		p[27] = kind
		le.PutUint16(p[34:], how)
		le.PutUint64(p[56:], uint64(size))
		copy(p[84:], []byte{60, 16, 0xe8, 7, 1, 2, 3, 4, 6}) // 2024-01-02 03:04:06 +01:00
		le.PutUint32(p[172:], uint32(len(data)))
		copy(p[176:], data)
	}
	u32 := func(values ...uint32) string {
		var p []byte
		for _, v := range values {
			p = le.AppendUint32(p, v)
		}
		return string(p)
	}
	name := func(name string, block int, flags byte) string {
		p := make([]byte, 38, 64)
		le.PutUint16(p, tagFileID)
		p[18], p[19] = flags, byte(len(name)+1)
		le.PutUint32(p[24:], uint32(block))
		p = append(append(p, 8), name...)
		return string(append(p, make([]byte, (4-len(p)%4)%4)...))
	}
	folder := name("", 1, 2|8) + name("inside", 2, 0) + name("pieces", 3, 0) + name("link", 5, 0) + name("gone", 2, 4) + name("folder", 6, 2)
	entry(1, kindFolder, embedded, len(folder), folder)
	entry(2, 5, embedded, 6, "inside")
	entry(3, 5, shortExtents, 1800, u32(512, 10, 512|2<<30, 0, 512|3<<30, 4))
	more := tag(tagMoreExtents, start+4, 4)
	le.PutUint32(more[20:], 16)
	copy(more[24:], u32(512, 12, 512, 11))
	copy(img[(start+10)*sector:], bytes.Repeat([]byte("0"), sector))
	copy(img[(start+11)*sector:], bytes.Repeat([]byte("3"), sector))
	copy(img[(start+12)*sector:], bytes.Repeat([]byte("2"), sector))
	link := "\x03\x00\x00\x00\x05\x05\x00\x00\x08pass"
	entry(5, kindLink, embedded, len(link), link)
	nothing := name("", 1, 2|8)
	entry(6, kindFolder, embedded, len(nothing), nothing)
	return img
}
