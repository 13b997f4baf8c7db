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
	magic := "PNG image data"
	f := big(in.head)
	if in.has(12, "IHDR") {
		width, height, depth, color, interlace := f.u32(16), f.u32(20), f.u8(24), f.u8(25), f.u8(28)
		colors := map[byte]string{0: " grayscale", 2: "/color RGB", 3: " colormap", 4: " gray+alpha", 6: "/color RGBA"}
		magic += fmt.Sprintf(", %d x %d, %d-bit%s", width, height, depth, colors[color])
		if interlace == 0 {
			magic += ", non-interlaced"
		} else {
			magic += ", interlaced"
		}
	}
	return Result{Format: "image/png", MIME: "image/png", Magic: magic}, true
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
	return Result{Format: "image/tiff", MIME: "image/tiff", Magic: kind + " image data, " + order + "-endian"}, true
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
		return bmp(fmt.Sprintf("PC bitmap, %s, %d x %d x %d", system, f.u16(18), f.u16(20), f.u16(24))), true
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
	return bmp(fmt.Sprintf("PC bitmap, %s, %d x %d x %d", system, int32(f.u32(18)), int32(f.u32(22)), f.u16(28))), true
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
	plural := "s"
	if count == 1 {
		plural = ""
	}
	side := func(b byte) int {
		if b == 0 {
			return 256
		}
		return int(b)
	}
	magic := fmt.Sprintf("MS Windows %s resource - %d icon%s, %dx%d", kind, count, plural, side(f.u8(6)), side(f.u8(7)))
	return Result{Format: format, MIME: mime, Magic: magic}, true
}
