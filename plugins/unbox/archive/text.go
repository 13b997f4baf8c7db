package archive

import (
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

var codePages = map[uint32]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 852: charmap.CodePage852, 866: charmap.CodePage866, 874: charmap.Windows874,
	932: japanese.ShiftJIS, 936: simplifiedchinese.GBK, 949: korean.EUCKR, 950: traditionalchinese.Big5, 1250: charmap.Windows1250,
	1251: charmap.Windows1251, 1253: charmap.Windows1253, 1254: charmap.Windows1254, 1255: charmap.Windows1255, 1256: charmap.Windows1256,
	1257: charmap.Windows1257, 1258: charmap.Windows1258,
}

// CodePage is a character set by its number on Windows; that of Western Europe if the number is not known.
func CodePage(number uint32) encoding.Encoding {
	if page, ok := codePages[number]; ok {
		return page
	}
	return charmap.Windows1252
}

// Text decodes a name that an archive has in UTF-8 or in some older character set, without telling which: what is valid UTF-8 is taken
// to be that.
func Text(name []byte, older encoding.Encoding) string {
	if utf8.Valid(name) {
		return string(name)
	}
	text, err := older.NewDecoder().Bytes(name)
	if err != nil || !utf8.Valid(text) {
		return string(name)
	}
	return string(text)
}

// DOSTime is a date and a time of MS-DOS, of two seconds' precision and in whatever zone the archive was made; UTC is said of it
// because there is nothing better to say. The zero date is no time.
func DOSTime(date, clock uint16) time.Time {
	if date == 0 {
		return time.Time{}
	}
	return time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), 2*int(clock&31), 0, time.UTC)
}
