package inspect

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Limits of a page of hex, in bytes of the file.
const (
	DefaultHexBytes = 64 << 10
	MaxHexBytes     = 1 << 20
	hexRowBytes     = 16
)

// HexView is a page of rows. H is how the bytes of a row are told: []string or string.
type HexView[H []string | string] struct {
	Rows          []HexRow[H]  `json:"hex_strings"` // never nil
	Header        HexHeader[H] `json:"header"`
	HasMore       bool         `json:"has_more"`
	NextOffset    int64        `json:"next_offset"`
	ContentLength int64        `json:"content_length"` // of the whole file
}

// HexRow is up to 16 bytes, the first of them at Address.
type HexRow[H []string | string] struct {
	Address int64  `json:"address"`
	Hex     H      `json:"hex"`
	ASCII   string `json:"ascii"` // a dot for what is not printable
}

// HexHeader stands above the rows; in Hex are the last digits of the addresses below, 00 to 0F for a page that begins there.
type HexHeader[H []string | string] struct {
	Address string `json:"address"`
	Hex     H      `json:"hex"`
	ASCII   string `json:"ascii"`
}

// Hex shows bytes from offset on, at most max of them: 0 is DefaultHexBytes, and what is more than MaxHexBytes is left for the
// next page. Behind the end of the file there are no rows. Bytes are two upper-case digits each.
func Hex(ctx context.Context, src Source, offset, max int64) (*HexView[[]string], error) {
	return hexView(ctx, src, offset, max, func(row []byte) []string {
		digits := make([]string, len(row))
		for i, b := range row {
			digits[i] = upperHex[b]
		}
		return digits
	})
}

// HexShort is Hex with rows of one string each, of lower-case digits with a blank between two bytes.
func HexShort(ctx context.Context, src Source, offset, max int64) (*HexView[string], error) {
	return hexView(ctx, src, offset, max, func(row []byte) string {
		line := make([]byte, 0, 3*len(row))
		for _, b := range row {
			line = append(hex.AppendEncode(line, []byte{b}), ' ')
		}
		return strings.TrimSuffix(string(line), " ")
	})
}

// upperHex holds every byte as text, so that a row costs no allocation for each.
var upperHex = func() (text [256]string) {
	for b := range text {
		text[b] = fmt.Sprintf("%02X", b)
	}
	return text
}()

func hexView[H []string | string](ctx context.Context, src Source, offset, max int64, digits func([]byte) H) (*HexView[H], error) {
	if max == 0 {
		max = DefaultHexBytes
	}
	from, to, err := span(src, offset, min(max, MaxHexBytes))
	if err != nil {
		return nil, err
	}
	var columns [hexRowBytes]byte
	for i := range columns {
		columns[i] = byte(from+int64(i)) % hexRowBytes
	}
	v := &HexView[H]{
		Rows:          make([]HexRow[H], 0, (to-from+hexRowBytes-1)/hexRowBytes),
		Header:        HexHeader[H]{Address: "Address", Hex: digits(columns[:]), ASCII: "ASCII"},
		HasMore:       to < src.Size(),
		NextOffset:    to,
		ContentLength: src.Size(),
	}
	content, err := read(ctx, src, from, to)
	if err != nil {
		return nil, err
	}
	for at := from; at < to; at += hexRowBytes {
		row := content[at-from : min(at-from+hexRowBytes, to-from)]
		v.Rows = append(v.Rows, HexRow[H]{at, digits(row), dotted(row)})
	}
	return v, nil
}

// read returns a small range as a whole.
func read(ctx context.Context, src Source, from, to int64) ([]byte, error) {
	if from >= to {
		return nil, nil
	}
	r, err := src.Open(ctx, from, to-from)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content := make([]byte, to-from)
	n, err := io.ReadFull(r, content)
	return content, ended(err, from+int64(n), to)
}

func dotted(row []byte) string {
	text := make([]byte, len(row))
	for i, b := range row {
		if b < ' ' || b > '~' {
			b = '.'
		}
		text[i] = b
	}
	return string(text)
}
