package upx

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"os/exec"

	"lazuli/plugins/unbox/nrv"
	"lazuli/plugins/unbox/nrv/nrvtest"
)

var le = binary.LittleEndian

// pack compresses by a method, as far as a test has a compressor.
func pack(method byte, data []byte) []byte {
	switch {
	case method >= 2 && method <= 10:
		return nrvtest.Encode(data, []nrv.Method{nrv.B, nrv.D, nrv.E}[(method-2)/3], []nrv.Bits{nrv.Bits32, nrv.Bits8, nrv.Bits16}[(method-2)%3], 1)
	case method == 15:
		var buf bytes.Buffer
		w, _ := flate.NewWriter(&buf, 9)
		w.Write(data)
		w.Close()
		return buf.Bytes()
	}
	if method == 14 {
		cmd := exec.Command("xz", "--format=lzma", "--lzma1=lc=3,lp=1,pb=1")
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output()
		if err != nil {
			panic(err)
		}
		return append([]byte{1, 1<<4 | 3}, out[13:]...)
	}
	panic("no compressor")
}

// rawHeader is UPX's own header.
func rawHeader(format, method byte, memory, packed []byte, filter, mark byte) []byte {
	p := append([]byte(magic), 13, format, method, 9)
	order := binary.ByteOrder(le)
	values := []uint32{adler(1, memory), adler(1, packed), uint32(len(memory)), uint32(len(packed)), uint32(len(memory))}
	if format >= bigEndian {
		order = binary.BigEndian
		values = []uint32{uint32(len(memory)), uint32(len(packed)), adler(1, memory), adler(1, packed), uint32(len(memory))}
	}
	for _, v := range values {
		p = append(p, 0, 0, 0, 0)
		order.PutUint32(p[len(p)-4:], v)
	}
	p = append(p, filter, mark, 0)
	sum := 0
	for _, b := range p[4:] {
		sum += int(b)
	}
	return append(p, byte(sum%251))
}

// filtered does to calls and jumps what unfilter undoes: those to addresses in the code are marked.
func filtered(code []byte, mark byte, origin uint32, conditional bool) []byte {
	out := bytes.Clone(code)
	for at := 1; at < len(out)-operandSize-1; at++ {
		is := out[at] == 0xe8 || out[at] == 0xe9 || conditional && out[at-1] == 0x0f && out[at]&0xf0 == 0x80
		to := le.Uint32(out[at+1:]) + uint32(at) + 1
		if is && to < uint32(len(out)) {
			binary.BigEndian.PutUint32(out[at+1:], to+origin+uint32(mark)<<24)
			at += operandSize
		}
	}
	return out
}

// someCode has calls, jumps and conditional jumps, and no byte 0x17, which is the mark, where it would be taken for one.
func someCode(n int) []byte {
	var p []byte
	for i := 0; len(p) < n-16; i++ {
		p = append(p, 0x55, 0x8b, byte(i), 0x90)
		switch i % 4 {
		case 0:
			p = append(p, 0xe8)
		case 1:
			p = append(p, 0xe9)
		case 2:
			p = append(p, 0x0f, 0x84)
		default:
			continue
		}
		to := i*37%n - len(p) - 4
		if byte(to) == mark {
			to++
		}
		p = le.AppendUint32(p, uint32(to))
	}
	return append(p, make([]byte, n-len(p))...)
}

const mark = 0x17

// program is an ELF that a test packs: two segments, a gap between them, and something behind.
func program(order binary.ByteOrder, wide bool) (file []byte, segments []segment, headers int) {
	file = make([]byte, 30_000)
	copy(file, someCode(len(file)))
	for i := range file[20_000:] {
		file[20_000+i] = byte(i * i >> 8)
	}
	copy(file, "\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	if order == binary.BigEndian {
		file[5] = 2
	}
	segments = []segment{{0, 18_000}, {20_480, 5000}}
	headers = 52 + 2*32
	if wide {
		file[4], headers = 2, 64+2*56
	}
	clear(file[16:headers])
	for i, s := range segments {
		if wide {
			order.PutUint64(file[32:], 64)
			order.PutUint16(file[54:], 56)
			order.PutUint16(file[56:], 2)
			p := file[64+56*i:]
			order.PutUint32(p, ptLoad)
			order.PutUint64(p[8:], uint64(s.off))
			order.PutUint64(p[32:], uint64(s.size))
			continue
		}
		order.PutUint32(file[28:], 52)
		order.PutUint16(file[42:], 32)
		order.PutUint16(file[44:], 2)
		p := file[52+32*i:]
		order.PutUint32(p, ptLoad)
		order.PutUint32(p[4:], uint32(s.off))
		order.PutUint32(p[16:], uint32(s.size))
	}
	return file, segments, headers
}

// packELF packs as UPX does: headers, segments, the loader, gaps, and UPX's own header.
func packELF(order binary.ByteOrder, wide bool, format, method, filter byte) (packed, file []byte) {
	file, segments, headers := program(order, wide)
	const blockSize = 16_384
	out := bytes.Clone(file[:headers])
	out = append(out, 0, 0, 0, 0)
	out = append(out, magic...)
	out = append(out, 0, 0, 13, format)
	put32 := func(values ...int) {
		for _, v := range values {
			out = append(out, 0, 0, 0, 0)
			order.PutUint32(out[len(out)-4:], uint32(v))
		}
	}
	put32(0, len(file), blockSize)
	var all []byte
	block := func(p []byte, filter byte) {
		for len(p) > 0 {
			part := p[:min(len(p), blockSize)]
			p = p[len(part):]
			all = append(all, part...)
			data := part
			switch filter {
			case 0x46, 0x49:
				data = filtered(part, mark, 0, filter == 0x49)
			}
			c := pack(method, data)
			if len(c) >= len(data) {
				c, filter = part, 0
			}
			put32(len(part), len(c))
			out = append(out, method, filter, mark, 0)
			out = append(out, c...)
		}
	}
	block(file[:headers], 0)
	block(file[headers:segments[0].size], filter)
	block(file[segments[1].off:][:segments[1].size], 0)
	out = append(out, "the loader $Id: UPX 3.96 Copyright (C) 1996-2020 the UPX Team. All Rights Reserved. $\n"...)
	for _, g := range gaps(segments, int64(len(file))) {
		block(file[g.off:][:g.size], 0)
	}
	put32(0)
	out = append(out, magic...)
	out = append(out, rawHeader(format, method, all, all, filter, mark)...)
	return append(out, 0, 0, 0, 0), file
}
