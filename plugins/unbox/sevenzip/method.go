package sevenzip

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"lazuli/plugins/unbox/lzma"
)

// Method says how a block is packed and encrypted, in the words of 7-Zip: "LZMA2:24 7zAES:19".
func (b *Block) Method() string {
	var list []string
	for i := len(b.coders) - 1; i >= 0; i-- {
		list = append(list, b.coders[i].text())
	}
	return strings.Join(list, " ")
}

func (c *coder) text() string {
	known := coders[c.id]
	if known.name == "" {
		return fmt.Sprintf("%X", c.id)
	}
	text := known.name
	switch {
	case c.id == coderLZMA && len(c.props) >= lzma.PropsBytes:
		text += ":" + sizeText(int64(binary.LittleEndian.Uint32(c.props[1:])))
	case c.id == coderLZMA2 && len(c.props) == 1:
		if size, err := lzma.DictionarySize(c.props[0]); err == nil {
			text += ":" + sizeText(size)
		}
	case c.id == coderPPMd && len(c.props) == 5:
		text += fmt.Sprintf(":o%d:mem%s", c.props[0], sizeText(int64(binary.LittleEndian.Uint32(c.props[1:]))))
	case c.id == coderDelta && len(c.props) == 1:
		text += fmt.Sprintf(":%d", int(c.props[0])+1)
	case c.id == coderAES && len(c.props) > 0:
		text += fmt.Sprintf(":%d", c.props[0]&aesRounds)
	}
	return text
}

// sizeText writes a size as a power of two if it is one, else in the largest unit that fits.
func sizeText(size int64) string {
	switch {
	case size > 0 && size&(size-1) == 0:
		return fmt.Sprint(bits.TrailingZeros64(uint64(size)))
	case size%(1<<20) == 0:
		return fmt.Sprintf("%dm", size>>20)
	case size%(1<<10) == 0:
		return fmt.Sprintf("%dk", size>>10)
	}
	return fmt.Sprintf("%db", size)
}
