package installer

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// made is an installer of NSIS that a test makes.
type made struct {
	files       []madeFile
	wide        bool // texts of NSIS 3 in UTF-16, else of NSIS 2
	wideOffsets bool // of 64 bits
	method      string
	solid       bool
}

type madeFile struct {
	folder, name, content string
	at                    int // in the data, if not where the content is put
}

func deflated(p []byte) []byte {
	var buf bytes.Buffer
	w, _ := flate.NewWriter(&buf, flate.BestCompression)
	w.Write(p)
	w.Close()
	return buf.Bytes()
}

func (m made) bytes() []byte {
	le := binary.LittleEndian
	var texts []byte
	add := func(s string) int {
		unit := 1
		s = strings.ReplaceAll(s, "$INSTDIR", "\x03\x95\x80")
		if m.wide {
			unit = 2
		}
		at := len(texts) / unit
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == 3 && m.wide:
				texts = append(texts, 3, 0, s[i+1], s[i+2])
				i += 2
			case s[i] == 3:
				texts = append(texts, 253, s[i+1], s[i+2])
				i += 2
			case m.wide:
				texts = le.AppendUint16(texts, utf16.Encode([]rune(s[i : i+1]))[0])
			default:
				texts = append(texts, s[i])
			}
		}
		texts = append(texts, 0)
		if m.wide {
			texts = append(texts, 0)
		}
		return at
	}
	add("")
	var entries, data []byte
	entry := func(values ...int) {
		for i := range entrySize / 4 {
			v := 0
			if i < len(values) {
				v = values[i]
			}
			entries = le.AppendUint32(entries, uint32(v))
		}
	}
	entry(entryFolder, add("not set"), 0)
	for _, f := range m.files {
		at := len(data)
		if f.at != 0 {
			at = f.at
		}
		if f.folder != "" {
			entry(entryFolder, add(f.folder), 1)
		}
		const changed = 133_486_382_460_000_000 // 2024-01-02 03:04:06
		low := uint32(changed & 0xffffffff)
		entry(entryExtract, 0, add(f.name), at, int(low), changed>>32)
		word, content := uint32(len(f.content)), []byte(f.content)
		if m.method == methodDeflate && !m.solid {
			content = deflated(content)
			word = uint32(len(content)) | packedBit
		}
		data = append(le.AppendUint32(data, word), content...)
	}
	add("http://example.com/")
	script := le.AppendUint32(nil, 0)
	offset := 4 + numBlocks*8
	if m.wideOffsets {
		offset = 4 + numBlocks*12
	}
	offsets := [numBlocks]int{offset, offset, offset, offset + len(entries), offset + len(entries) + len(texts)}
	counts := [numBlocks]int{blockEntries: len(entries) / entrySize}
	for i := range numBlocks {
		script = le.AppendUint32(script, uint32(offsets[i]))
		if m.wideOffsets {
			script = le.AppendUint32(script, 0)
		}
		script = le.AppendUint32(script, uint32(counts[i]))
	}
	script = append(append(script, entries...), texts...)

	word, packed := uint32(len(script)), script
	if m.method == methodDeflate && !m.solid {
		packed = deflated(script)
		word = uint32(len(packed)) | packedBit
	}
	body := append(append(le.AppendUint32(nil, word), packed...), data...)
	if m.solid {
		body = deflated(body)
	}
	stub := append([]byte("MZ Nullsoft Install System v2.46</description>"), make([]byte, 1024-46)...)
	head := le.AppendUint32(nil, 0)
	head = append(head, "\xef\xbe\xad\xdeNullsoftInst"...)
	head = le.AppendUint32(head, uint32(len(script)))
	head = le.AppendUint32(head, uint32(nsisHeader+len(body)))
	return append(append(stub, head...), body...)
}

func some(method string, solid bool) made {
	return made{method: method, solid: solid, files: []madeFile{
		{"$INSTDIR", "readme.txt", "read me\n", 0}, {`$INSTDIR\sub`, "big.bin", strings.Repeat("0123456789", 5000), 0}, {"", "empty", "", 0},
		{`C:\elsewhere`, "last.txt", "the last\n", 0}, {`$OUTDIR\below`, "below.txt", "below", 0},
	}}
}
