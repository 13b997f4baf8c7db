package identify

import (
	"bytes"
	"fmt"
	"strings"
)

// images begin with their signatures; those of icons and bitmaps are so short that their headers are checked too.
var images = []matcher{
	png, jpeg, gif, webp, tiff, bitmap, icon,
	signatures(
		signature{0, "\xd7\xcd\xc6\x9a", Result{Format: "image/wmf", MIME: "image/wmf", Magic: "Windows metafile"}},
		signature{0, "\x01\x00\x09\x00\x00\x03", Result{Format: "image/wmf", MIME: "image/wmf", Magic: "Windows metafile"}},
	),
}

func png(in *input) (Result, bool) {
	if !in.has(0, "\x89PNG\r\n\x1a\n") {
		return Result{}, false
	}
	return Result{Format: "image/png", MIME: "image/png", Magic: pngMagic(big(in.head))}, true
}

func pngMagic(f *fields) string {
	if f.u32(12) != 0x49484452 { // IHDR
		return "PNG image data"
	}
	width, height, depth, color, interlace := f.u32(16), f.u32(20), f.u8(24), f.u8(25), f.u8(28)
	colors := map[byte]string{0: " grayscale", 2: "/color RGB", 3: " colormap", 4: " gray+alpha", 6: "/color RGBA"}
	magic := fmt.Sprintf("PNG image data, %d x %d, %d-bit%s", width, height, depth, colors[color])
	if interlace == 0 {
		return magic + ", non-interlaced"
	}
	return magic + ", interlaced"
}

// jpeg follows ITU T.81 (B.1.1.2, B.2.2), JFIF 1.02 and the Exif standard, as far as the head reaches.
func jpeg(in *input) (Result, bool) {
	if !in.has(0, "\xff\xd8\xff") {
		return Result{}, false
	}
	var b strings.Builder
	b.WriteString("JPEG image data")
	f := big(in.head)
	if in.has(6, "JFIF\x00") {
		fmt.Fprintf(&b, ", JFIF standard %d.%02d", f.u8(11), f.u8(12))
		unit := "aspect ratio"
		switch f.u8(13) {
		case 1:
			unit = "resolution (DPI)"
		case 2:
			unit = "resolution (DPCM)"
		}
		fmt.Fprintf(&b, ", %s, density %dx%d, segment length %d", unit, f.u16(14), f.u16(16), f.u16(4))
		if w, h := f.u8(18), f.u8(19); w > 0 {
			fmt.Fprintf(&b, ", thumbnail %dx%d", w, h)
		}
	} else if in.has(6, "Exif\x00") {
		b.WriteString(", Exif standard")
	}
	const segments = 200
	at := 2
	for range segments {
		if f.u8(at) != 0xff || f.short {
			break
		}
		marker, length := f.u8(at+1), int(f.u16(at+2))
		switch {
		case marker == 0xfe:
			if comment := f.take(at+4, length-2); length > 2 && comment != nil && b.Len() < maxMagic {
				comment, _, _ = bytes.Cut(comment, []byte{0})
				fmt.Fprintf(&b, ", comment: \"%s\"", octalText(comment[:min(len(comment), 128)]))
			}
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			names := [...]string{"baseline", "extended sequential", "progressive", "lossless"}
			fmt.Fprintf(&b, ", %s, precision %d, %dx%d, components %d", names[marker&3], f.u8(at+4), f.u16(at+7), f.u16(at+5), f.u8(at+9))
			return Result{Format: "image/jpg", MIME: "image/jpeg", Magic: b.String()}, true
		case marker == 0xda || marker == 0xd9:
			return Result{Format: "image/jpg", MIME: "image/jpeg", Magic: b.String()}, true
		}
		at += 2 + length
	}
	return Result{Format: "image/jpg", MIME: "image/jpeg", Magic: b.String()}, true
}

func gif(in *input) (Result, bool) {
	if !in.has(0, "GIF87a") && !in.has(0, "GIF89a") {
		return Result{}, false
	}
	f := little(in.head)
	return Result{
		Format: "image/gif", MIME: "image/gif",
		Magic: fmt.Sprintf("GIF image data, version %s, %d x %d", in.head[3:6], f.u16(6), f.u16(8)),
	}, true
}

func webp(in *input) (Result, bool) {
	if !in.has(0, "RIFF") || !in.has(8, "WEBP") {
		return Result{}, false
	}
	return Result{Format: "image/webp", MIME: "image/webp", Magic: "RIFF (little-endian) data, Web/P image"}, true
}

func tiff(in *input) (Result, bool) {
	var order string
	switch {
	case in.has(0, "II*\x00"), in.has(0, "II+\x00\x08\x00"):
		order = "little"
	case in.has(0, "MM\x00*"), in.has(0, "MM\x00+\x00\x08"):
		order = "big"
	default:
		return Result{}, false
	}
	kind := "TIFF"
	if bytes.IndexByte(in.head[:4], '+') >= 0 {
		kind = "Big TIFF"
	}
	magic := kind + " image data, " + order + "-endian"
	if kind == "TIFF" {
		magic += tiffEntries(in, order == "little")
	}
	return Result{Format: "image/tiff", MIME: "image/tiff", Magic: magic}, true
}

var (
	tiffCompressions = map[uint16]string{
		1: "none", 2: "huffman", 3: "bi-level group 3", 4: "bi-level group 4", 5: "LZW", 6: "JPEG (old)", 7: "JPEG", 8: "deflate", 0x8005: "PackBits (Macintosh RLE)",
		0x80b2: "Deflate (PKZIP)",
	}
	tiffColors = map[uint16]string{
		0: "WhiteIsZero", 1: "BlackIsZero", 2: "RGB", 3: "RGB Palette", 4: "Transparency Mask", 5: "CMYK", 6: "YCbCr", 8: "CIELab",
	}
)

// tiffEntries says what the first directory (TIFF 6.0, section 2) says of the image.
func tiffEntries(in *input, littleEndian bool) string {
	const entry, most = 12, 40
	head := big(in.head)
	if littleEndian {
		head = little(in.head)
	}
	at := int64(head.u32(4))
	count := &fields{b: in.at(at, 2), order: head.order}
	n := int(count.u16(0))
	if count.short {
		return ""
	}
	text := fmt.Sprintf(", direntries=%d", n)
	f := &fields{b: in.at(at+2, min(n, most)*entry), order: head.order}
	for i := range min(n, most) {
		tag, value := f.u16(i*entry), f.u16(i*entry+8)
		if f.short {
			break
		}
		switch tag {
		case 0x100:
			text += fmt.Sprintf(", width=%d", value)
		case 0x101:
			text += fmt.Sprintf(", height=%d", value)
		case 0x102:
			text += fmt.Sprintf(", bps=%d", value)
		case 0x103:
			if name := tiffCompressions[value]; name != "" {
				text += ", compression=" + name
			}
		case 0x106:
			if name := tiffColors[value]; name != "" {
				text += ", PhotometricInterpretation=" + name
			}
		}
	}
	return text
}

// bitmap knows the sizes of the headers that Windows and OS/2 put behind the file header.
func bitmap(in *input) (Result, bool) {
	if !in.has(0, "BM") || len(in.head) < 26 {
		return Result{}, false
	}
	f := little(in.head)
	var system string
	switch f.u32(14) {
	case 12:
		system = "OS/2 1.x format"
		return bmp(fmt.Sprintf("PC bitmap, %s, %d x %d x %d", system, f.u16(18), f.u16(20), f.u16(24)) + bitmapSizes(f)), true
	case 16, 64:
		system = "OS/2 2.x format"
	case 40:
		system = "Windows 3.x format"
	case 52, 56:
		system = "Adobe Photoshop"
	case 108:
		system = "Windows 95/NT4 and newer format"
	case 124:
		system = "Windows 98/2000 and newer format"
	default:
		return Result{}, false
	}
	magic := fmt.Sprintf("PC bitmap, %s, %d x %d x %d", system, int32(f.u32(18)), int32(f.u32(22)), f.u16(28))
	compressions := [...]string{1: ", 8-bit RLE compression", 2: ", 4-bit RLE compression", 3: ", bit field compression", 4: ", JPEG compression", 5: ", PNG compression"}
	if c := f.u32(30); c < uint32(len(compressions)) {
		magic += compressions[c]
	}
	if size := f.u32(34); size > 0 {
		magic += fmt.Sprintf(", image size %d", size)
	}
	if x := f.u32(38); x > 0 {
		magic += fmt.Sprintf(", resolution %d x %d px/m", x, f.u32(42))
	}
	if colors := f.u32(46); colors > 0 {
		magic += fmt.Sprintf(", %d important colors", colors)
	}
	return bmp(magic + bitmapSizes(f)), true
}

func bitmapSizes(f *fields) string {
	return fmt.Sprintf(", cbSize %d, bits offset %d", f.u32(2), f.u32(10))
}

func bmp(magic string) Result { return Result{Format: "image/bmp", MIME: "image/bmp", Magic: magic} }

// icon checks the first entry of the directory: a reserved byte, and an image that lies behind the directory.
func icon(in *input) (Result, bool) {
	kind, format, mime := "icon", "image/icon", "image/vnd.microsoft.icon"
	switch {
	case in.has(0, "\x00\x00\x01\x00"):
	case in.has(0, "\x00\x00\x02\x00"):
		kind, format, mime = "cursor", "image/cursor", "image/x-win-bitmap"
	default:
		return Result{}, false
	}
	const entry = 16
	f := little(in.head)
	count, size, offset := int64(f.u16(4)), int64(f.u32(14)), int64(f.u32(18))
	if f.short || count == 0 || f.u8(9) != 0 || size == 0 || offset < 6+count*entry || offset+size > max(in.size, 22) {
		return Result{}, false
	}
	magic := fmt.Sprintf("MS Windows %s resource - %d icon%s", kind, count, pluralOf(count))
	for i := range int(min(count, 2)) {
		magic += iconEntry(in, 6+i*entry, kind == "cursor")
	}
	return Result{Format: format, MIME: mime, Magic: magic}, true
}

// iconEntry describes one image of an icon or a cursor.
func iconEntry(in *input, at int, cursor bool) string {
	f := little(in.head)
	side := func(b byte) int {
		if b == 0 {
			return 256
		}
		return int(b)
	}
	text := fmt.Sprintf(", %dx%d", side(f.u8(at)), side(f.u8(at+1)))
	if colors := f.u8(at + 2); colors != 0 {
		text += fmt.Sprintf(", %d colors", colors)
	}
	if image := in.at(int64(f.u32(at+12)), 29); image != nil && string(image[:4]) == "\x89PNG" {
		text += " with " + pngMagic(big(image))
	}
	if x, y := f.u16(at+4), f.u16(at+6); cursor {
		text += fmt.Sprintf(", hotspot @%dx%d", x, y)
	} else {
		if x > 1 {
			text += fmt.Sprintf(", %d planes", x)
		}
		if y > 1 {
			text += fmt.Sprintf(", %d bits/pixel", y)
		}
	}
	return text
}
