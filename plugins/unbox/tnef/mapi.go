package tnef

import (
	"encoding/binary"
	"unicode/utf16"

	"golang.org/x/text/encoding"

	"lazuli/plugins/unbox/archive"
)

// Properties of messages and attachments: MS-OXPROPS.
const (
	propSubject      = 0x0037
	propBody         = 0x1000
	propRTF          = 0x1009
	propHTML         = 0x1013
	propDisplayName  = 0x3001
	propContent      = 0x3701
	propFilename     = 0x3704
	propLongFilename = 0x3707
)

// Types of properties: MS-OXCDATA 2.11.1.
const (
	typeShort   = 0x02
	typeLong    = 0x03
	typeFloat   = 0x04
	typeDouble  = 0x05
	typeMoney   = 0x06
	typeAppTime = 0x07
	typeError   = 0x0a
	typeBool    = 0x0b
	typeObject  = 0x0d
	typeInt64   = 0x14
	typeString8 = 0x1e
	typeUnicode = 0x1f
	typeTime    = 0x40
	typeGUID    = 0x48
	typeBinary  = 0x102
	multiple    = 0x1000
)

const mostValues = 1 << 16 // of one property

// fixed are bytes of values of fixed size, padded to four.
var fixed = map[uint16]int{
	typeShort: 4, typeLong: 4, typeFloat: 4, typeDouble: 8, typeMoney: 8, typeAppTime: 8, typeError: 4, typeBool: 4, typeInt64: 8, typeTime: 8, typeGUID: 16,
}

// property is one whose value has no fixed size: the first, if there are several.
type property struct {
	id, kind uint16
	value    []byte
	at       int // in the list
}

// parseProperties takes a list of properties: MS-OXTNEF 2.1.3.3. What is behind something that is damaged is lost.
func parseProperties(p []byte) (list []property, ok bool) {
	c := cursor{p: p}
	count := c.u32()
	for i := uint32(0); i < count && !c.bad; i++ {
		kind, id := c.u16(), c.u16()
		if id >= 0x8000 { // it has a name of its own
			c.skip(16)
			if c.u32() == 0 {
				c.skip(4)
			} else {
				c.padded()
			}
		}
		values := uint32(1)
		single := kind &^ multiple
		size, isFixed := fixed[single]
		if kind&multiple != 0 || !isFixed {
			values = c.u32()
		}
		if values > mostValues || !isFixed && !variable(single) {
			return list, false
		}
		for v := uint32(0); v < values && !c.bad; v++ {
			if isFixed {
				c.skip(size)
				continue
			}
			at := c.at + 4
			value := c.padded()
			if v == 0 && !c.bad {
				list = append(list, property{id, single, value, at})
			}
		}
	}
	return list, !c.bad
}

func variable(kind uint16) bool {
	return kind == typeString8 || kind == typeUnicode || kind == typeBinary || kind == typeObject
}

// cursor reads along a list. Once something is missing it is bad, and reads nothing more.
type cursor struct {
	p   []byte
	at  int
	bad bool
}

func (c *cursor) skip(n int) []byte {
	if c.bad || n < 0 || n > len(c.p)-c.at {
		c.bad = true
		return nil
	}
	c.at += n
	return c.p[c.at-n : c.at]
}

func (c *cursor) u16() uint16 {
	if p := c.skip(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if p := c.skip(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// padded reads a length and as many bytes, which are filled up to four.
func (c *cursor) padded() []byte {
	n := int64(c.u32())
	if n > int64(len(c.p)) {
		c.bad = true
		return nil
	}
	value := c.skip(int(n))
	c.skip(min((4-int(n)%4)%4, max(0, len(c.p)-c.at))) // at the end of a list the padding is sometimes missing
	return value
}

// text is the value of a string.
func (p property) text(page encoding.Encoding) string {
	if p.kind == typeUnicode {
		units := make([]uint16, len(p.value)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(p.value[2*i:])
		}
		return upToZero(string(utf16.Decode(units)))
	}
	return upToZero(archive.Text(p.value, page))
}
