package identify

import "fmt"

// media are sound, film and Flash. Bare MPEG audio has no signature and is last.
var media = []matcher{
	riff,
	ogg,
	isoMedia,
	id3,
	flash,
	midi,
	signatures(
		signature{44, "SCRM", Result{Format: "audio/s3m", MIME: "audio/x-s3m", Magic: "ScreamTracker III Module sound data"}},
		signature{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", Result{Format: "video/asf", MIME: "video/x-ms-asf", Magic: "Microsoft ASF"}},
	),
	mpegAudio,
}

func riff(in *input) (Result, bool) {
	switch {
	case !in.has(0, "RIFF"):
	case in.has(8, "WAVE"):
		return Result{Format: "audio/wav", MIME: "audio/x-wav", Magic: "RIFF (little-endian) data, WAVE audio" + waveCoding(in)}, true
	case in.has(8, "AVI "):
		return Result{Format: "video/avi", MIME: "video/x-msvideo", Magic: "RIFF (little-endian) data, AVI"}, true
	}
	return Result{}, false
}

func waveCoding(in *input) string {
	const pcm = 1
	f := little(in.head)
	if !in.has(12, "fmt ") || f.u16(20) != pcm {
		return ""
	}
	channels := fmt.Sprintf("%d channels", f.u16(22))
	switch f.u16(22) {
	case 1:
		channels = "mono"
	case 2:
		channels = "stereo"
	}
	return fmt.Sprintf(", Microsoft PCM, %d bit, %s %d Hz", f.u16(34), channels, f.u32(24))
}

// ogg looks at the first packet of the first page (RFC 3533) for what is inside.
func ogg(in *input) (Result, bool) {
	if !in.has(0, "OggS") {
		return Result{}, false
	}
	res := Result{Format: "audio/ogg", MIME: "application/ogg", Magic: "Ogg data"}
	packet := 27 + int(little(in.head).u8(26))
	switch {
	case in.has(packet, "\x01vorbis"):
		res.MIME, res.Magic = "audio/ogg", "Ogg data, Vorbis audio"
	case in.has(packet, "OpusHead"):
		res.MIME, res.Magic = "audio/ogg", "Ogg data, Opus audio"
	case in.has(packet, "\x80theora"):
		res.MIME, res.Magic = "video/ogg", "Ogg data, Theora video"
	}
	return res, true
}

// isoMedia reads the brand of the first box (ISO/IEC 14496-12, 4.3). Old QuickTime files have none.
func isoMedia(in *input) (Result, bool) {
	quickTime := Result{Format: "video/quicktime", MIME: "video/quicktime", Magic: "ISO Media, Apple QuickTime movie"}
	if in.has(4, "moov") || in.has(4, "mdat") {
		return quickTime, true
	}
	if !in.has(4, "ftyp") || len(in.head) < 12 {
		return Result{}, false
	}
	switch brand := string(in.head[8:12]); brand {
	case "qt  ":
		return quickTime, true
	case "M4A ", "M4B ", "M4P ":
		return Result{Format: "audio/mp4", MIME: "audio/x-m4a", Magic: "ISO Media, Apple iTunes ALAC/AAC-LC (.M4A) Audio"}, true
	case "M4V ", "M4VH", "M4VP":
		return Result{Format: "video/mp4", MIME: "video/x-m4v", Magic: "ISO Media, Apple iTunes Video (.M4V) Video"}, true
	case "isom":
		return Result{Format: "video/mp4", MIME: "video/mp4", Magic: "ISO Media, MP4 Base Media v1 [ISO 14496-12:2003]"}, true
	case "iso2":
		return Result{Format: "video/mp4", MIME: "video/mp4", Magic: "ISO Media, MP4 Base Media v2 [ISO 14496-12:2005]"}, true
	case "mp41":
		return Result{Format: "video/mp4", MIME: "video/mp4", Magic: "ISO Media, MP4 v1 [ISO 14496-1:ch13]"}, true
	case "mp42":
		return Result{Format: "video/mp4", MIME: "video/mp4", Magic: "ISO Media, MP4 v2 [ISO 14496-14]"}, true
	case "avc1", "iso4", "iso5", "iso6", "dash", "mmp4", "MSNV":
		return Result{Format: "video/mp4", MIME: "video/mp4", Magic: "ISO Media, MPEG v4 system"}, true
	case "heic", "heix", "mif1":
		return Result{Format: unknown, MIME: "image/heic", Magic: "ISO Media, HEIF Image"}, true
	case "avif":
		return Result{Format: unknown, MIME: "image/avif", Magic: "ISO Media, AVIF Image"}, true
	}
	return Result{Format: unknown, MIME: octetStream, Magic: "ISO Media"}, true
}

func id3(in *input) (Result, bool) {
	if !in.has(0, "ID3") || len(in.head) < 10 {
		return Result{}, false
	}
	return Result{
		Format: "audio/mp3", MIME: "audio/mpeg",
		Magic: fmt.Sprintf("Audio file with ID3 version 2.%d.%d", in.head[3], in.head[4]),
	}, true
}

func midi(in *input) (Result, bool) {
	if !in.has(0, "MThd\x00\x00\x00\x06") {
		return Result{}, false
	}
	f := big(in.head)
	tracks := "track"
	if f.u16(10) > 1 {
		tracks = "tracks"
	}
	magic := fmt.Sprintf("Standard MIDI data (format %d) using %d %s at 1/%d", f.u16(8), f.u16(10), tracks, f.u16(12)&0x7fff)
	return Result{Format: "audio/midi", MIME: "audio/midi", Magic: magic}, true
}

func flash(in *input) (Result, bool) {
	packed := map[string]string{"FWS": "", "CWS": " (compressed)", "ZWS": " (lzma compressed)"}
	if len(in.head) < 8 {
		return Result{}, false
	}
	suffix, ok := packed[string(in.head[:3])]
	version := in.head[3]
	if !ok || version == 0 || version > 64 {
		return Result{}, false
	}
	return Result{
		Format: "audiovisual/flash", MIME: "application/x-shockwave-flash",
		Magic: fmt.Sprintf("Macromedia Flash data%s, version %d", suffix, version),
	}, true
}

// mpegAudio wants two frames (ISO/IEC 11172-3, 2.4.1) in a row: one header alone is 11 bits that occur anywhere.
func mpegAudio(in *input) (Result, bool) {
	first := mpegFrame(in.head)
	if first.length == 0 || first.length >= len(in.head) || mpegFrame(in.head[first.length:]).layer != first.layer {
		return Result{}, false
	}
	format := "audio/mp2"
	if first.layer == 3 {
		format = "audio/mp3"
	}
	channels := [...]string{"Stereo", "JntStereo", "2x Monaural", "Monaural"}[in.head[3]>>6]
	return Result{
		Format: format, MIME: "audio/mpeg",
		Magic: fmt.Sprintf("MPEG ADTS, layer %s, v1, %3d kbps, %g kHz, %s", "III"[:first.layer], first.kbits, float64(first.rate)/1000, channels),
	}, true
}

// mpegHeader is the header of an MPEG-1 frame of layer II or III.
type mpegHeader struct {
	length int // of the frame in bytes; 0 if there is none
	layer  int
	kbits  int // in a second
	rate   int // Hz
}

func mpegFrame(b []byte) mpegHeader {
	kbits := [2][16]int{
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0}, // layer II
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},  // layer III
	}
	rates := [4]int{44100, 48000, 32000, 0}
	if len(b) < 4 || b[0] != 0xff || b[1]&0xf8 != 0xf8 {
		return mpegHeader{}
	}
	layer := 4 - int(b[1]>>1&3)
	if layer != 2 && layer != 3 {
		return mpegHeader{}
	}
	rate, bits := rates[b[2]>>2&3], kbits[layer-2][b[2]>>4]
	if rate == 0 || bits == 0 {
		return mpegHeader{}
	}
	return mpegHeader{144*bits*1000/rate + int(b[2]>>1&1), layer, bits, rate}
}
