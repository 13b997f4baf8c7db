package tnef

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

var le = binary.LittleEndian

// message makes TNEF of attributes.
func message(attributes ...string) []byte {
	p := le.AppendUint16(le.AppendUint32(nil, signature), 1)
	p = append(p, raw(levelMessage, 0x00089006, "\x00\x00\x01\x00")...) // the version of TNEF
	p = append(p, raw(levelMessage, attCodePage, "\xe4\x04\x00\x00\x00\x00\x00\x00")...)
	return append(p, strings.Join(attributes, "")...)
}

func raw(level byte, id uint32, data string) string {
	p := le.AppendUint32([]byte{level}, id)
	p = le.AppendUint32(p, uint32(len(data)))
	var sum sum16
	sum.Write([]byte(data))
	return string(append(append(p, data...), sum.Sum(nil)...))
}

func attach(attributes ...string) string {
	return raw(levelAttachment, attBegin, "\x01\x00\xff\xff\xff\xff\x20\x00\x20\x00\x00\x00\x00\x00") + strings.Join(attributes, "")
}

// prop is a property, with its value as it is stored.
type prop struct {
	kind, id uint16
	value    string
	name     string // of a property that has one
}

func properties(list ...prop) string {
	p := le.AppendUint32(nil, uint32(len(list)))
	pad := func() {
		for len(p)%4 != 0 {
			p = append(p, 0)
		}
	}
	for _, x := range list {
		p = le.AppendUint16(le.AppendUint16(p, x.kind), x.id)
		if x.id >= 0x8000 {
			p = append(p, make([]byte, 16)...)
			p = le.AppendUint32(p, 1)
			p = le.AppendUint32(p, uint32(len(x.name)))
			p = append(p, x.name...)
			pad()
		}
		if _, isFixed := fixed[x.kind]; isFixed {
			p = append(p, x.value...)
			continue
		}
		p = le.AppendUint32(p, 1)
		p = le.AppendUint32(p, uint32(len(x.value)))
		p = append(p, x.value...)
		pad()
	}
	return string(p)
}

func wide(s string) string {
	var p []byte
	for _, u := range append(utf16.Encode([]rune(s)), 0) {
		p = le.AppendUint16(p, u)
	}
	return string(p)
}

// compressRTF compresses RTF with literals and the longest matches that there are.
func compressRTF(text string) string {
	window := make([]byte, rtfWindow)
	at := copy(window, rtfBegin)
	known := at
	var out []byte
	flags := 0
	tokens := 0
	token := func(isMatch bool, p ...byte) {
		if tokens%8 == 0 {
			flags = len(out)
			out = append(out, 0)
		}
		if isMatch {
			out[flags] |= 1 << (tokens % 8)
		}
		tokens++
		out = append(out, p...)
	}
	for len(text) > 0 {
		from, length := 0, 0
		for f := range known {
			n := 0
			for n < 17 && n < len(text) && f+n < known && f+n < at && window[f+n] == text[n] {
				n++
			}
			if n > length {
				from, length = f, n
			}
		}
		if length < 2 {
			token(false, text[0])
			length = 1
		} else {
			v := from<<4 | (length - 2)
			token(true, byte(v>>8), byte(v))
		}
		for i := range length {
			window[at] = text[i]
			at = (at + 1) % rtfWindow
			known = min(known+1, rtfWindow)
		}
		text = text[length:]
	}
	token(true, byte(at>>4), byte(at<<4))
	return string(out)
}

func rtfValue(text string) string {
	packed := compressRTF(text)
	p := le.AppendUint32(nil, uint32(len(packed)+12))
	p = le.AppendUint32(p, uint32(len(text)))
	p = le.AppendUint32(p, rtfCompressed)
	p = le.AppendUint32(p, crc(packed))
	return string(p) + packed
}

// crc is that of MS-OXRTFCP 2.1.3.2, without the inversions of the usual one.
func crc(data string) uint32 {
	c := uint32(0)
	for i := range len(data) {
		c ^= uint32(data[i])
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xedb88320
			} else {
				c >>= 1
			}
		}
	}
	return c
}
