package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// maker writes PDFs, good ones and others.
type maker struct {
	bytes.Buffer
	at    map[int]int // offsets of objects since the last cross-reference, by number
	most  int
	prev  int // offset of the last cross-reference
	begun bool
}

func newMaker() *maker {
	m := &maker{at: map[int]int{}}
	m.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return m
}

// object writes an object as it stands.
func (m *maker) object(number int, format string, args ...any) *maker {
	m.at[number] = m.Len()
	m.most = max(m.most, number)
	fmt.Fprintf(m, "%d 0 obj\n%s\nendobj\n", number, fmt.Sprintf(format, args...))
	return m
}

// stream writes a stream. dict is what its dictionary has beside Length.
func (m *maker) stream(number int, dict string, data []byte) *maker {
	return m.object(number, "<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

// table writes a cross-reference table of what was written since the last one, and the end. trailer is what its dictionary has
// beside Size and Prev.
func (m *maker) table(trailer string) *maker {
	at := m.Len()
	m.WriteString("xref\n")
	if !m.begun {
		m.WriteString("0 1\n0000000000 65535 f \n")
	}
	numbers := slices.Sorted(func(yield func(int) bool) {
		for n := range m.at {
			if !yield(n) {
				return
			}
		}
	})
	for _, n := range numbers {
		fmt.Fprintf(m, "%d 1\n%010d 00000 n \n", n, m.at[n])
	}
	prev := ""
	if m.begun {
		prev = fmt.Sprintf(" /Prev %d", m.prev)
	}
	fmt.Fprintf(m, "trailer\n<< %s /Size %d%s >>\n", trailer, m.most+1, prev)
	return m.end(at)
}

// end writes what leads to the cross-reference at at.
func (m *maker) end(at int) *maker {
	fmt.Fprintf(m, "startxref\n%d\n%%%%EOF\n", at)
	m.prev, m.begun = at, true
	clear(m.at)
	return m
}

// minimal is a document of one page, objects 1 to 3, for more to be added to; catalog is what the catalog has beside Pages.
func minimal(catalog string) *maker {
	return newMaker().object(1, "<< /Type /Catalog /Pages 2 0 R %s >>", catalog).
		object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>").
		object(3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>")
}

func (m *maker) finish() []byte { return m.table("/Root 1 0 R").Bytes() }

// bundled is the content of an object stream, and where its first object is.
func bundled(objects map[int]string) (content []byte, first int) {
	var head, body strings.Builder
	for _, n := range slices.Sorted(func(yield func(int) bool) {
		for n := range objects {
			if !yield(n) {
				return
			}
		}
	}) {
		fmt.Fprintf(&head, "%d %d ", n, body.Len())
		body.WriteString(objects[n] + "\n")
	}
	return []byte(head.String() + body.String()), head.Len()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write(data)
	must(err)
	must(w.Close())
	return b.Bytes()
}

func base85(data []byte) []byte {
	var b bytes.Buffer
	w := ascii85.NewEncoder(&b)
	_, err := w.Write(data)
	must(err)
	must(w.Close())
	return append(b.Bytes(), "~>"...)
}

func hexed(data []byte) []byte { return []byte(hex.EncodeToString(data) + ">") }

// runLengths encodes runs of three and more as runs.
func runLengths(data []byte) []byte {
	var out []byte
	for len(data) > 0 {
		n := 1
		for n < len(data) && n < 128 && data[n] == data[0] {
			n++
		}
		if n >= 3 {
			out = append(out, byte(257-n), data[0])
			data = data[n:]
			continue
		}
		n = 1
		for n < len(data) && n < 128 && !(n+2 < len(data) && data[n] == data[n+1] && data[n] == data[n+2]) {
			n++
		}
		out = append(append(out, byte(n-1)), data[:n]...)
		data = data[n:]
	}
	return append(out, 128)
}

// lzw compresses as the filter has it.
func lzw(data []byte, early int) []byte {
	var out []byte
	var bits uint64
	var count uint
	width := uint(9)
	emit := func(code int) {
		bits = bits<<width | uint64(code)
		for count += width; count >= 8; count -= 8 {
			out = append(out, byte(bits>>(count-8)))
		}
	}
	codes := map[string]int{}
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return codes[s]
	}
	next := 258
	emit(256)
	word := ""
	for _, c := range data {
		longer := word + string([]byte{c})
		if _, known := codes[longer]; known || len(longer) == 1 {
			word = longer
			continue
		}
		emit(code(word))
		codes[longer] = next
		next++
		// The encoder is one code ahead of the decoder.
		if next+early-1 >= 1<<width {
			width++
		}
		if next == 4095 {
			emit(256)
			clear(codes)
			next, width = 258, 9
		}
		word = string([]byte{c})
	}
	if word != "" {
		emit(code(word))
		if next++; next+early-1 >= 1<<width && width < 12 {
			width++
		}
	}
	emit(257)
	if count > 0 {
		out = append(out, byte(bits<<(8-count)))
	}
	return out
}

// pngRows filters rows as PNG does, with each kind in turn.
func pngRows(data []byte, row, pixel int) []byte {
	var out []byte
	last := make([]byte, row)
	for i := 0; len(data) > 0; i++ {
		this := data[:min(row, len(data))]
		data = data[len(this):]
		kind := byte(i % 5)
		out = append(out, kind)
		for k, c := range this {
			var left, corner byte
			if k >= pixel {
				left, corner = this[k-pixel], last[k-pixel]
			}
			switch kind {
			case 1:
				c -= left
			case 2:
				c -= last[k]
			case 3:
				c -= byte((int(left) + int(last[k])) / 2)
			case 4:
				c -= paeth(left, last[k], corner)
			}
			out = append(out, c)
		}
		last = this
	}
	return out
}

// some is data that are neither random nor all the same.
func some(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.IntN(4) * r.IntN(64))
		if i > 10 && r.IntN(3) > 0 {
			data[i] = data[i-1-r.IntN(10)]
		}
	}
	return data
}

// zoo is a document with a stream for every filter and predictor, and one object for everything that syntax can be, but for plus
// signs and points at the end of a number, which qpdf 11 writes into its JSON as they are.
func zoo() []byte {
	m := minimal("/Zoo 100 0 R /Metadata 106 0 R")
	data := some(20_000)
	n := 10
	add := func(dict string, data []byte) {
		m.stream(n, dict, data)
		n++
	}
	add("", data)
	add("/Filter /FlateDecode", deflated(data))
	add("/Filter [/FlateDecode]", deflated(nil))
	add("/Filter /ASCIIHexDecode", hexed(data))
	add("/Filter /ASCIIHexDecode", []byte("4 8 65\n6C6c6F2>"))
	add("/Filter /ASCII85Decode", base85(append(make([]byte, 40), data...)))
	for i := range 5 {
		add("/Filter /ASCII85Decode", base85(data[100:100+i]))
	}
	add("/Filter /RunLengthDecode", runLengths(data))
	add("/Filter /LZWDecode", lzw(data, 1))
	add("/Filter /LZWDecode /DecodeParms << /EarlyChange 0 >>", lzw(data, 0))
	for _, size := range []int{0, 1, 2, 253, 254, 255, 256, 257, 509, 510, 511, 512, 4000} {
		add("/Filter /LZWDecode", lzw(data[:size], 1))
		add("/Filter /LZWDecode /DecodeParms [<< /EarlyChange 0 >>]", lzw(data[:size], 0))
	}
	add("/Filter [/ASCII85Decode /ASCIIHexDecode /RunLengthDecode /LZWDecode /FlateDecode]", base85(hexed(runLengths(lzw(deflated(data), 1)))))
	add("/Filter [/ASCIIHexDecode /FlateDecode] /DecodeParms [null << /Predictor 12 /Columns 7 >>]", hexed(deflated(pngRows(data[:7*2000], 7, 1))))
	for _, bits := range []int{1, 2, 4, 8, 16} {
		for _, colors := range []int{1, 3, 4} {
			const columns = 17
			row := (colors*bits*columns + 7) / 8
			whole := data[:len(data)/row*row]
			parms := fmt.Sprintf("/Colors %d /BitsPerComponent %d /Columns %d", colors, bits, columns)
			add("/Filter /FlateDecode /DecodeParms << /Predictor 15 "+parms+" >>", deflated(pngRows(whole, row, (colors*bits+7)/8)))
			add("/Filter /FlateDecode /DecodeParms << /Predictor 2 "+parms+" >>", deflated(whole))
			add("/Filter /LZWDecode /DecodeParms << /Predictor 10 "+parms+" >>", lzw(pngRows(whole, row, (colors*bits+7)/8), 1))
		}
	}
	add("/Filter /DCTDecode /Subtype /Image /Width 1 /Height 1", data[:100])
	m.object(n, "<< /Length %d 0 R /Indirect true >>\nstream\r\n%s\nendstream", n+1, "endstream is no end")
	m.object(n+1, "19")
	m.object(100, `[ null true false 0 -0 17 -98 34.5 -3.62 123.6 -.002 0.0 2147483648 (text) () (a (nested \(one\)) \053\53\0533 \
joined\n\r\t\b\f\q) <> <48656C6C6F> <4 8 6 > (line
end) /Name /A;Name_With-Various***Characters? /1.2 /$$ /@pattern /.notdef /Lime#20Green /paired#28#29parentheses /A#42 /
<< /A << /B [ [ ] << >> ] >> /Ref 3 0 R /Gone 999 0 R /Null null >> %% a comment (with) [ everything
3 0 R 3 0 R] `)
	m.object(101, "[[[[[1]]]]]")
	m.object(102, "(\xfe\xff\x00U\x00n\x00i\x20\xac)")
	m.object(103, "(\xef\xbb\xbfUTF-8 \xe2\x82\xac)")
	m.object(104, "(\x80\x92\xa0\xe4\x18)")
	m.object(105, "<</Title(no space)/Array[1 0 R(x)/N<41>]>>")
	m.stream(106, "/Type /Metadata /Subtype /XML", []byte("<x/>"))
	return m.table("/Root 1 0 R /Info 105 0 R /ID [<0123456789abcdef0123456789abcdef> <00>]").Bytes()
}
