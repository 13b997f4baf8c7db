package innotest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// writer writes the records of a version.
type writer struct {
	number []int
	wide   bool
	bytes.Buffer
}

func newWriter(version string) *writer {
	w := &writer{}
	number, u, _ := strings.Cut(version, " ")
	for _, n := range strings.Split(number, ".") {
		i, err := strconv.Atoi(n)
		if err != nil {
			panic(err)
		}
		w.number = append(w.number, i)
	}
	w.wide = u != "" || w.is(6, 3)
	return w
}

// id is what has the version.
func (w *writer) id(version string) []byte {
	number, u, wide := strings.Cut(version, " ")
	text := "Inno Setup Setup Data (" + number + ")"
	if wide {
		text += " " + u
	}
	return append([]byte(text), make([]byte, 64-len(text))...)
}

// is tells whether it is of a version or a later one.
func (w *writer) is(n ...int) bool { return slices.Compare(w.number, n) >= 0 }

func (w *writer) u8(n ...byte) { w.Write(n) }
func (w *writer) u16(n uint16) { w.Write(binary.LittleEndian.AppendUint16(nil, n)) }
func (w *writer) u32(n int)    { w.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
func (w *writer) u64(n int)    { w.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
func (w *writer) zeros(n int)  { w.Write(make([]byte, n)) }
func (w *writer) raw(s string) { w.u32(len(s)); w.WriteString(s) }

func wide(s string) string {
	var p []byte
	for _, u := range utf16.Encode([]rune(s)) {
		p = binary.LittleEndian.AppendUint16(p, u)
	}
	return string(p)
}

// narrow is a text in the character set of Western Europe.
func narrow(s string) string {
	var p []byte
	for _, r := range s {
		p = append(p, byte(r))
	}
	return string(p)
}

func (w *writer) encoded(s string) string {
	if w.wide {
		return wide(s)
	}
	return narrow(s)
}

// texts writes texts, and empty ones up to n.
func (w *writer) texts(n int, list ...string) {
	for i := range n {
		s := ""
		if i < len(list) {
			s = list[i]
		}
		w.raw(w.encoded(s))
	}
}

// windows writes the versions of Windows that something is for.
func (w *writer) windows() {
	w.u32(0)
	w.u32(0x05000000)
	w.zeros(12)
}

func (w *writer) documents() {
	w.raw(Licence)
	w.raw("")
	w.raw(InfoAfter)
}

func (m Installer) header(w *writer) {
	w.texts(6, "Test", "Test 1.5", "test-id", "", "Somebody", "http://publisher.example/")
	if w.is(5, 1, 13) {
		w.texts(1)
	}
	w.texts(6, "", "", "1.5", `{pf}\Test`, "Test") // up to the name of the installer
	if !w.is(5, 2, 5) {
		w.documents()
	}
	w.texts(7) // up to a serial number
	if !w.is(5, 2, 5) {
		w.raw(Code)
	}
	w.texts(4)
	for _, since := range [][]int{{5, 3, 8}, {5, 3, 10}, {5, 5}, {5, 5, 6}, {5, 6, 1}, {5, 6, 1}, {6, 3}, {6, 3}, {6, 4, 2}, {6, 5}, {6, 7}, {6, 7}, {6, 7}, {6, 7}, {6, 7}} {
		if w.is(since...) {
			w.texts(1)
		}
	}
	if w.is(5, 2, 5) {
		w.documents()
	}
	signed := w.is(5, 2, 1) && !w.is(5, 3, 10)
	if signed {
		w.raw("signature")
	}
	if w.is(5, 2, 5) {
		w.raw(Code)
	}
	if !w.wide {
		w.zeros(32)
	}
	destinations := 1 // one that is not in the installer
	for _, f := range m.Files {
		destinations += len(f.Names)
	}
	for _, n := range []int{1, 1, 1, 1, 1, 1, 1} {
		w.u32(n)
	}
	if w.is(6, 5) {
		w.u32(1)
	}
	for _, n := range []int{destinations, len(m.Files), 1, 1, 1, 1, 1, 1, 1} {
		w.u32(n)
	}
	if w.is(7, 0, 0, 3) {
		w.u32(0x07000003)
	}
	w.windows()
	if !w.is(6, 4, 0, 1) {
		w.zeros(8)
	}
	if !w.is(5, 5, 7) {
		w.zeros(4)
	}
	switch {
	case w.is(6, 7):
		w.zeros(8 + 1 + 1 + 24 + 3)
	case w.is(6, 6, 1):
		w.zeros(8 + 1 + 1 + 16 + 1)
	case w.is(6, 6):
		w.zeros(8 + 1 + 1 + 16)
	case w.is(6, 5, 2):
		w.zeros(1 + 8 + 1 + 8)
	case w.is(6):
		w.zeros(1 + 8 + 1)
	case w.is(5, 5, 7):
		w.zeros(1)
	}
	m.lock(w)
	w.u64(0)
	w.u32(1)
	w.u8(0, 0, 2)
	if w.is(5, 7) {
		w.u8(0)
	}
	w.u8(0, 0, byte(m.Method))
	if !w.is(6, 3) {
		w.u8(0, 0)
	}
	if signed {
		w.zeros(8)
	}
	if w.is(5, 3, 3) {
		w.u8(0, 0)
	}
	if w.is(5, 5) {
		w.u64(0)
	} else if w.is(5, 3, 6) {
		w.u32(0)
	}
	options := make([]byte, 6)
	if w.is(6, 7) {
		options = make([]byte, 8)
	} else if w.is(6, 3) && !w.is(6, 4) {
		options = make([]byte, 7)
	}
	if m.Password != "" && !w.is(6, 5) {
		m.encryptionUsed(w, options)
	}
	w.Write(options)
}

// encryptionUsed sets the option for that, by how many come before it.
func (m Installer) encryptionUsed(w *writer, options []byte) {
	bit := 41 // with 5.3.0
	for _, gone := range [][]int{{5, 3, 3}, {5, 3, 3}, {5, 3, 8}, {5, 3, 10}, {5, 6, 1}, {6, 4}, {6, 4}, {6, 4}, {6, 4}, {6, 4}} {
		if w.is(gone...) {
			bit--
		}
	}
	options[bit/8] |= 1 << (bit % 8)
}

func (m Installer) records(w *writer) {
	if w.is(6, 6) {
		w.texts(4, "en", "English")
	} else {
		w.raw(w.encoded("en"))
		w.raw(wide("English")) // which is never narrow
		w.texts(4)
	}
	w.raw("data")
	w.raw("the licence in English")
	w.raw("")
	w.raw("")
	switch {
	case w.is(6, 6):
		w.zeros(2 + 16 + 1)
	case w.wide && w.is(5, 3):
		w.zeros(4 + 16 + 1)
	default:
		w.u32(0x409)
		w.u32(1252)
		w.zeros(16)
		if w.is(5, 2, 3) {
			w.zeros(1)
		}
	}

	w.texts(2, "Message", "of the installer") // messages
	w.u32(-1)
	w.raw("permissions")
	w.texts(4, "full", "Full") // types
	w.windows()
	w.zeros(1 + 1 + 8)
	w.texts(5, "main", "Main") // components
	w.zeros(8)
	w.level()
	w.u8(1)
	w.windows()
	w.zeros(1 + 8)
	w.texts(6, "icon", "An icon") // tasks
	w.level()
	w.u8(0)
	w.windows()
	w.u8(0)
	w.texts(7, `{app}\data`) // folders
	w.u32(0)
	w.windows()
	w.u16(0xffff)
	w.u8(0)
	if w.is(6, 5) {
		w.texts(3, "key", "key", "runtime")
	}

	for i, f := range m.Files {
		for _, name := range f.Names {
			w.file("", name, i)
		}
	}
	w.file(`{src}\external.dat`, `{app}\`, -1)

	n := 12
	if w.is(5, 3, 5) {
		n++
	}
	w.texts(n, `{group}\Test`, `{app}\program.exe`) // icons
	if w.is(6, 1) {
		w.zeros(16)
	}
	w.windows()
	w.zeros(8 + 1 + 2 + 1)
	w.texts(10, `{app}\t.ini`, "section", "key", "value") // INI
	w.windows()
	w.u8(0)
	w.texts(9, `Software\Test`, "Where", "{app}") // registry
	w.windows()
	w.u32(-0x7ffffffe)
	w.u16(0xffff)
	w.u8(1)
	w.bitness()
	w.u8(0, 0)
	for _, name := range []string{`{app}\old.txt`, `{app}\new.txt`} { // what is deleted
		w.texts(7, name)
		w.windows()
		w.u8(0)
	}
	for _, parameters := range []string{"http://run.example/", "/gone"} { // what is run
		switch {
		case w.is(7):
			w.texts(14, `{app}\program.exe`, parameters)
		case w.is(5, 1, 13):
			w.texts(13, `{app}\program.exe`, parameters)
		default:
			w.texts(12, `{app}\program.exe`, parameters)
		}
		w.windows()
		w.u32(1)
		w.u8(0)
		w.bitness()
		w.u8(0)
		if w.is(5, 1, 10) {
			w.u8(0)
		}
	}
	m.pictures(w)
}

func (w *writer) level() {
	if w.is(6, 7) {
		w.u8(0)
	} else {
		w.u32(0)
	}
}

func (w *writer) bitness() {
	if w.is(7, 0, 0, 3) {
		w.u8(2)
	}
}

func (w *writer) file(source, name string, place int) {
	switch {
	case w.is(6, 5):
		w.texts(15, source, name)
	case w.is(5, 2, 5):
		w.texts(10, source, name)
	default:
		w.texts(9, source, name)
	}
	if w.is(6, 5) {
		w.raw("allowed keys")
		w.zeros(32 + 1)
	}
	w.windows()
	w.u32(place)
	w.u32(0)
	w.u64(0)
	w.u16(0xffff)
	w.bitness()
	switch {
	case w.is(6, 7):
		w.zeros(8)
	case w.is(6, 5):
		w.zeros(5)
	default:
		w.zeros(4)
	}
	w.u8(0)
}

// pictures writes what is behind all records: pictures, and libraries.
func (m Installer) pictures(w *writer) {
	for range 2 {
		if w.is(5, 6) {
			w.u32(1)
		}
		w.raw("picture")
	}
	if m.Method == Zlib || m.Method == Bzip2 {
		w.raw("library")
	}
	if m.Password != "" && !w.is(6, 4) {
		w.raw("library")
	}
}
