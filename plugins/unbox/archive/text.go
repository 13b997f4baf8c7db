package archive

import (
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

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
