package unbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// The records of a zip (PKWARE APPNOTE 6.3.10). All numbers are little-endian.
const (
	localSignature  = "PK\x03\x04" // 4.3.7, in front of each entry's data
	entrySignature  = "PK\x01\x02" // 4.3.12, one for each entry in the central directory
	endSignature    = "PK\x05\x06" // 4.3.16, end of the central directory
	end64Signature  = "PK\x06\x06" // 4.3.14
	locatorSig      = "PK\x06\x07" // 4.3.15, where the latter lies
	signedSignature = "PK\x05\x05" // 4.3.13
	extraSignature  = "PK\x06\x08" // 4.3.11

	localBytes   = 30 // of each without what varies
	entryBytes   = 46
	endBytes     = 22
	end64Bytes   = 56
	locatorBytes = 20
	mostComment  = 1<<16 - 1
)

// zipEntry is an entry as the central directory or its local header describes it. Nothing in it is true until its data was
// read.
type zipEntry struct {
	name     string
	flags    uint16
	method   uint16
	sum      uint32 // CRC-32
	packed   int64  // bytes in the archive
	size     int64  // bytes unpacked
	offset   int64  // of the local header
	mode     uint32 // of Unix; 0 from other systems
	changed  time.Time
	clock    uint16 // the time of MS-DOS
	strength byte   // of AES: 1 to 3 for 128, 192 and 256 bits; 0 for none
	unsummed bool   // sum says nothing: AES in version 2, which has a sum of its own
}

const (
	flagEncrypted  = 1 << 0
	flagLZMAMark   = 1 << 1 // a mark ends the data
	flagDescriptor = 1 << 3 // sum and sizes come behind the data
	flagStrong     = 1 << 6 // encryption that only PKWARE's programs know

	modeType = 0xf000
	modeLink = 0xa000
)

func (e *zipEntry) encrypted() bool { return e.flags&flagEncrypted != 0 || e.method == methodAES }

// aes tells whether an entry is encrypted with WinZip's AES.
func (e *zipEntry) aes() bool { return e.strength >= 1 && e.strength <= 3 }

// directory is where a central directory lies.
type directory struct {
	start, end int64
	base       int64 // what offsets in it count from: not 0 when something was put in front of the zip
}

// findDirectory looks for the last end record with a directory in front of it; what follows the zip does not matter as long
// as it is no longer than a comment may be.
func findDirectory(r io.ReaderAt, size int64) (d directory, ok bool, err error) {
	tail := make([]byte, min(size, endBytes+mostComment))
	from := size - int64(len(tail))
	if err := readFull(r, tail, from); err != nil {
		return d, false, err
	}
	for i := len(tail); ; {
		if i = bytes.LastIndex(tail[:i], []byte(endSignature)); i < 0 {
			return d, false, nil
		}
		if len(tail)-i < endBytes {
			continue
		}
		if d, ok, err = readEnd(r, tail[i:], from+int64(i)); ok || err != nil {
			return d, ok, err
		}
	}
}

// readEnd reads the end record that lies at at. ok is false if it does not lead to a directory.
func readEnd(r io.ReaderAt, end []byte, at int64) (d directory, ok bool, err error) {
	count := binary.LittleEndian.Uint16(end[10:])
	bytes, offset := uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	d.end = at
	if count == 0xffff || bytes == 0xffffffff || offset == 0xffffffff {
		if at64, bytes64, offset64, ok := readEnd64(r, at); ok {
			d.end, bytes, offset = at64, bytes64, offset64
		}
	}
	if bytes == 0 && count == 0 && at == 0 {
		return d, true, nil // an empty zip
	}
	if bytes <= uint64(d.end) && offset <= uint64(d.end) {
		d.start = d.end - int64(bytes)
		d.base = d.start - int64(offset)
		if has(r, d.start, entrySignature) {
			return d, true, nil
		}
	}
	if offset < uint64(d.end) && has(r, int64(offset), entrySignature) {
		d.start, d.base = int64(offset), 0
		return d, true, nil
	}
	return directory{}, false, nil
}

// readEnd64 reads the end record of zip64, which the locator in front of the end record at at points to.
func readEnd64(r io.ReaderAt, end int64) (at int64, bytes, offset uint64, ok bool) {
	var locator [locatorBytes]byte
	if end < locatorBytes || readFull(r, locator[:], end-locatorBytes) != nil || string(locator[:4]) != locatorSig {
		return 0, 0, 0, false
	}
	near := end - locatorBytes - end64Bytes // where it lies if something was put in front of the zip
	var record [end64Bytes]byte
	for _, at := range []int64{int64(binary.LittleEndian.Uint64(locator[8:])), near} {
		if at >= 0 && at < end && readFull(r, record[:], at) == nil && string(record[:4]) == end64Signature {
			return at, binary.LittleEndian.Uint64(record[40:]), binary.LittleEndian.Uint64(record[48:]), true
		}
	}
	return 0, 0, 0, false
}

// has tells whether a signature lies at at.
func has(r io.ReaderAt, at int64, signature string) bool {
	var found [4]byte
	return readFull(r, found[:], at) == nil && string(found[:]) == signature
}

// readFull reads all of p, or returns an error: errCutShort when the file ends before.
func readFull(r io.ReaderAt, p []byte, at int64) error {
	if at < 0 {
		return errCutShort
	}
	if n, err := r.ReadAt(p, at); n < len(p) {
		return cutShort(err)
	}
	return nil
}

// errNoEntry tells that there are no more records in a directory.
var errNoEntry = errors.New("no more entries")

// readEntry reads the next record of a central directory.
func readEntry(r *bufio.Reader) (*zipEntry, error) {
	signature, err := r.Peek(4)
	switch {
	case err == io.EOF && len(signature) == 0:
		return nil, errNoEntry
	case err != nil:
		return nil, cutShort(err)
	case string(signature) == signedSignature || string(signature) == endSignature || string(signature) == end64Signature || string(signature) == locatorSig:
		return nil, errNoEntry
	case string(signature) != entrySignature:
		return nil, fmt.Errorf("the directory has %x where an entry should be", signature)
	}
	var h [entryBytes]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, cutShort(err)
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	e := &zipEntry{
		flags: u16(h[8:]), method: u16(h[10:]), clock: u16(h[12:]), changed: dosTime(u16(h[14:]), u16(h[12:])), sum: u32(h[16:]),
		packed: int64(u32(h[20:])), size: int64(u32(h[24:])), offset: int64(u32(h[42:])),
	}
	if system := h[5]; system == 3 || system == 19 { // Unix, macOS: 4.4.2.2
		e.mode = u32(h[38:]) >> 16
	}
	name, extra := int(u16(h[28:])), int(u16(h[30:]))
	text := make([]byte, name+extra)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, cutShort(err)
	}
	e.name = string(text[:name])
	e.extras(text[name:], true)
	if _, err := r.Discard(int(u16(h[32:]))); err != nil {
		return nil, cutShort(err)
	}
	return e, nil
}

// readLocal reads the local header at at, and tells where the entry's data begins.
func readLocal(r io.ReaderAt, at int64) (e *zipEntry, data int64, err error) {
	var h [localBytes]byte
	if err := readFull(r, h[:], at); err != nil {
		return nil, 0, err
	}
	if string(h[:4]) != localSignature {
		return nil, 0, errNoLocalHeader
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	e = &zipEntry{
		flags: u16(h[6:]), method: u16(h[8:]), clock: u16(h[10:]), changed: dosTime(u16(h[12:]), u16(h[10:])), sum: u32(h[14:]),
		packed: int64(u32(h[18:])), size: int64(u32(h[22:])), offset: at,
	}
	name, extra := int(u16(h[26:])), int(u16(h[28:]))
	text := make([]byte, name+extra)
	if err := readFull(r, text, at+localBytes); err != nil {
		return nil, 0, err
	}
	e.name = string(text[:name])
	e.extras(text[name:], false)
	return e, at + localBytes + int64(len(text)), nil
}

var errNoLocalHeader = errors.New("there is no header in front of its data")

// Extra fields (4.5.2 and 4.6) that say something of use.
const (
	extraZip64 = 0x0001 // numbers that do not fit 32 bits
	extraNTFS  = 0x000a
	extraUnix  = 0x5455 // extended timestamp
	extraName  = 0x7075 // in UTF-8, for a name that is in another character set
	extraAES   = 0x9901
)

// extras reads extra fields; in the directory zip64 has the offset, too.
func (e *zipEntry) extras(b []byte, central bool) {
	var ntfs time.Time
	for len(b) >= 4 {
		id, size := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if size > len(b)-4 {
			break
		}
		field := b[4 : 4+size]
		b = b[4+size:]
		switch {
		case id == extraZip64:
			e.zip64(field, central)
		case id == extraUnix && size >= 5 && field[0]&1 != 0:
			e.changed = time.Unix(int64(binary.LittleEndian.Uint32(field[1:])), 0).UTC() // unsigned, as 7-Zip has it
		case id == extraNTFS && size >= 16 && field[4] == 1 && field[5] == 0: // tag 1, behind 4 reserved bytes
			ntfs = windowsTime(binary.LittleEndian.Uint64(field[8:]))
		case id == extraAES && size >= 7:
			if e.method == methodAES {
				e.method, e.strength = binary.LittleEndian.Uint16(field[5:]), field[4]
				e.flags |= flagEncrypted
				e.unsummed = field[0] == 2
			}
		case id == extraName && size > 5 && field[0] == 1 && binary.LittleEndian.Uint32(field[1:]) == crc32.ChecksumIEEE([]byte(e.name)):
			e.name = string(field[5:])
		}
	}
	if !ntfs.IsZero() { // the finest of the three
		e.changed = ntfs
	}
}

// zip64 takes the numbers that are marked as too large, in their order. Those of 2^63 and more become negative: no data.
func (e *zipEntry) zip64(field []byte, central bool) {
	numbers := []*int64{&e.size, &e.packed}
	if central {
		numbers = append(numbers, &e.offset)
	}
	for _, n := range numbers {
		if *n == 0xffffffff && len(field) >= 8 {
			*n = int64(binary.LittleEndian.Uint64(field))
			field = field[8:]
		}
	}
}

// dosTime is a date and a time of MS-DOS. They have no zone and are taken as UTC; a date that there cannot be is none.
func dosTime(date, clock uint16) time.Time {
	year, month, day := 1980+int(date>>9), time.Month(date>>5&15), int(date&31)
	if month < 1 || month > 12 || day == 0 {
		return time.Time{}
	}
	return time.Date(year, month, day, int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

// windowsTime is a FILETIME: units of 100 ns since 1601.
func windowsTime(t uint64) time.Time {
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const perSecond = 10_000_000
	const epoch = 11_644_473_600 // seconds from 1601 to 1970
	return time.Unix(int64(t/perSecond)-epoch, int64(t%perSecond)*100).UTC()
}
