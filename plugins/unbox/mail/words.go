package mail

import (
	"io"
	"regexp"
	"strings"
	"unicode"
)

// encodedWord is a word of RFC 2047: character set (with a language, RFC 2231 5), encoding, text.
var encodedWord = regexp.MustCompile(`=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=`)

// Text is a value of a header as people read it: encoded words are decoded, what is in some other character set is made UTF-8, and what cannot
// be seen, as the end of a line in a subject, is a space.
func Text(value string) string {
	var b strings.Builder
	var raw []byte // of words one after the other, which may share a character
	charset, end := "", 0
	flush := func() {
		b.WriteString(Decode(raw, charset))
		raw = raw[:0]
	}
	for _, m := range encodedWord.FindAllStringSubmatchIndex(value, -1) {
		between := value[end:m[0]]
		next := strings.ToLower(value[m[2]:m[3]])
		if end == 0 || strings.TrimSpace(between) != "" {
			flush()
			b.WriteString(Decode([]byte(between), ""))
		} else if next != charset {
			flush()
		}
		charset, end = next, m[1]
		raw = append(raw, wordBytes(value[m[4]], value[m[6]:m[7]])...)
	}
	flush()
	b.WriteString(Decode([]byte(value[end:]), ""))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, b.String()))
}

// wordBytes undoes the encoding of a word, and of a damaged one what can be read.
func wordBytes(encoding byte, text string) []byte {
	if encoding == 'b' || encoding == 'B' {
		raw, _ := io.ReadAll(&sixes{r: strings.NewReader(text)}) // a text is read without errors
		return raw
	}
	text = strings.ReplaceAll(text, "_", " ")
	var raw []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '=' && i+2 < len(text) {
			if high, low := hexDigit(text[i+1]), hexDigit(text[i+2]); high >= 0 && low >= 0 {
				raw = append(raw, byte(high<<4|low))
				i += 2
				continue
			}
		}
		raw = append(raw, text[i])
	}
	return raw
}
