package event

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// avroReader reads the values of Avro's binary encoding (Avro 1.12, "Binary Encoding") one after the other. It trusts no
// length: a list or text that claims more than the bytes that are left can hold is an error. The first error stays, and
// everything read after it is empty, so that only loops must look at err.
type avroReader struct {
	data   []byte
	at     int
	layout int // the version whose fields are read
	err    error
	place
}

// place is where in an event a reader or a writer is, for errors alone.
type place struct{ steps []step }

type step struct {
	name  string
	index int // of a list's element, from 0; -1 for none
}

func (p *place) enter(name string) { p.steps = append(p.steps, step{name, -1}) }

func (p *place) leave() { p.steps = p.steps[:len(p.steps)-1] }

// element tells that the i-th element of the list that was entered last is next; -1 is the list itself.
func (p *place) element(i int) { p.steps[len(p.steps)-1].index = i }

// of returns the whole name of a field.
func (p *place) of(field string) string {
	var b strings.Builder
	for _, s := range p.steps {
		b.WriteString(s.name)
		if s.index >= 0 {
			fmt.Fprintf(&b, "[%d]", s.index)
		}
		b.WriteByte('.')
	}
	return strings.TrimSuffix(b.String()+field, ".")
}

func (r *avroReader) fail(field, problem string) {
	if r.err == nil {
		r.err = &fieldError{r.of(field), fmt.Sprintf("at byte %d %s", r.at, problem)}
	}
	r.at = len(r.data) // nothing more is read
}

func (r *avroReader) left() int { return len(r.data) - r.at }

// end refuses bytes behind what was read.
func (r *avroReader) end() {
	if r.err == nil && r.left() > 0 {
		r.err = fmt.Errorf("at byte %d it is over, %d more bytes follow", r.at, r.left())
	}
}

// peekLong returns the long that data begins with and its length; 0 and 0 if there is none.
func peekLong(data []byte) (int64, int) {
	u, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, 0
	}
	return int64(u>>1) ^ -int64(u&1), n
}

func (r *avroReader) long(field string) int64 {
	v, n := peekLong(r.data[r.at:])
	if n == 0 {
		r.fail(field, "is no number: it ends too early or is too large")
	}
	r.at += n
	return v
}

// count reads a long that is not negative.
func (r *avroReader) count(field string) uint64 {
	v := r.long(field)
	if v < 0 {
		r.fail(field, fmt.Sprintf("is %d, which is negative", v))
		return 0
	}
	return uint64(v)
}

// take returns the next n bytes of data itself.
func (r *avroReader) take(field string, n int64) []byte {
	if n < 0 || n > int64(r.left()) {
		r.fail(field, fmt.Sprintf("has %d bytes, %d are left", n, r.left()))
		return nil
	}
	b := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *avroReader) bytes(field string) []byte { return r.take(field, r.long(field)) }

func (r *avroReader) text(field string) string { return validText(string(r.bytes(field))) }

// validText replaces every bad byte by U+FFFD, as encoding/json does.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// object reads a free JSON object. One that is no object is Validate's business, as in JSON.
func (r *avroReader) object(field string) json.RawMessage {
	start := r.at
	raw := normalObject(r.bytes(field))
	if raw == nil {
		return nil
	}
	if !json.Valid(raw) {
		r.at = start
		r.fail(field, "is not JSON")
		return nil
	}
	return slices.Clone(raw)
}

// Times are microseconds since 1970; absent is the first moment of year 1.
const (
	noTime   = -62_135_596_800_000_000
	lastTime = 253_402_300_799_999_999 // the end of year 9999
)

func (r *avroReader) time(field string) Time {
	start := r.at
	micros := r.long(field)
	switch {
	case r.err != nil || micros == noTime:
		return Time{}
	case micros < noTime || micros > lastTime:
		r.at = start
		r.fail(field, errYear.Error())
		return Time{}
	}
	return At(time.UnixMicro(micros).UTC())
}

// fixed reads an unsigned number of eight bytes, big-endian.
func (r *avroReader) fixed(field string) uint64 {
	if b := r.take(field, 8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *avroReader) double(field string) float64 {
	b := r.take(field, 8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.at -= 8
		r.fail(field, "is no finite number")
		return 0
	}
	return v
}

func (r *avroReader) boolean(field string) bool {
	b := r.take(field, 1)
	if b != nil && b[0] > 1 {
		r.at--
		r.fail(field, fmt.Sprintf("is %d, neither false nor true", b[0]))
	}
	return b != nil && b[0] == 1
}

// block reads the beginning of a list's block: how many elements of at least so many bytes it has, and where it ends, -1 if
// it does not say. No elements are the list's end.
func (r *avroReader) block(least int) (n, end int) {
	r.element(-1)
	start := r.at
	count := r.long("")
	end = -1
	room := r.left()
	if count < 0 {
		size := r.long("")
		if count == math.MinInt64 || size < 0 || size > int64(r.left()) {
			r.at = start
			r.fail("", fmt.Sprintf("has a block of %d bytes, %d are left", size, room))
			return 0, -1
		}
		count, end, room = -count, r.at+int(size), int(size)
	}
	if count > int64(room/least) {
		r.at = start
		r.fail("", fmt.Sprintf("has a block of %d elements in %d bytes", count, room))
		return 0, -1
	}
	return int(count), end
}

func (r *avroReader) endBlock(end int) {
	if r.err == nil && end >= 0 && r.at != end {
		r.element(-1)
		r.fail("", fmt.Sprintf("has a block that should end at byte %d", end))
	}
}

const noLimit = math.MaxInt

// readList reads a list whose elements have at least so many bytes; nil for an empty one. The last element is what the first
// error is in.
func readList[T any](r *avroReader, field string, least, limit int, read func(*avroReader, *T)) []T {
	r.enter(field)
	var list []T
	for r.err == nil {
		n, end := r.block(least)
		if n == 0 {
			break
		}
		if n > limit-len(list) {
			r.fail("", fmt.Sprintf("has more than %d elements", limit))
			break
		}
		list = slices.Grow(list, n)
		for ; n > 0 && r.err == nil; n-- {
			r.element(len(list))
			list = append(list, *new(T))
			read(r, &list[len(list)-1])
		}
		r.endBlock(end)
	}
	r.leave()
	return list
}

func (r *avroReader) texts(field string) []string {
	return readList(r, field, leastText, noLimit, func(r *avroReader, s *string) { *s = r.text("") })
}

// pairs reads a map; nil for an empty one. Of equal keys the last stays.
func (r *avroReader) pairs(field string) map[string]string {
	r.enter(field)
	var m map[string]string
	for r.err == nil {
		n, end := r.block(2 * leastText)
		if n == 0 {
			break
		}
		if m == nil {
			m = make(map[string]string, min(n, 8))
		}
		for ; n > 0 && r.err == nil; n-- {
			key := r.text("key")
			m[key] = r.text("value")
		}
		r.endBlock(end)
	}
	r.leave()
	return m
}

// avroWriter appends values in Avro's binary encoding. The first error stays.
type avroWriter struct {
	b   []byte
	err error
	place
}

func (w *avroWriter) fail(field, problem string) {
	if w.err == nil {
		w.err = &fieldError{w.of(field), problem}
	}
}

func (w *avroWriter) long(v int64) { w.b = binary.AppendUvarint(w.b, uint64(v)<<1^uint64(v>>63)) }

// count writes a long. Validate refuses what is larger than a long, but does not look at the input of a status.
func (w *avroWriter) count(n uint64) { w.long(int64(min(n, math.MaxInt64))) }

func (w *avroWriter) text(s string) {
	s = validText(s)
	w.long(int64(len(s)))
	w.b = append(w.b, s...)
}

// object leaves out what is no object, as JSON does.
func (w *avroWriter) object(field string, raw json.RawMessage) {
	if raw = writtenObject(raw); raw != nil && !json.Valid(raw) {
		w.fail(field, "is not JSON")
	}
	w.long(int64(len(raw)))
	w.b = append(w.b, raw...)
}

func (w *avroWriter) time(field string, t Time) {
	if err := t.check(); err != nil {
		w.fail(field, err.Error())
	}
	w.long(t.UnixMicro())
}

func (w *avroWriter) fixed(n uint64) { w.b = binary.BigEndian.AppendUint64(w.b, n) }

func (w *avroWriter) double(field string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.fail(field, "is no finite number")
	}
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
}

func (w *avroWriter) boolean(v bool) {
	if v {
		w.b = append(w.b, 1)
		return
	}
	w.b = append(w.b, 0)
}

// writeList writes a list as one block.
func writeList[T any](w *avroWriter, field string, list []T, write func(*avroWriter, *T)) {
	if len(list) > 0 {
		w.enter(field)
		w.long(int64(len(list)))
		for i := range list {
			w.element(i)
			write(w, &list[i])
		}
		w.leave()
	}
	w.long(0)
}

func (w *avroWriter) texts(list []string) {
	writeList(w, "", list, func(w *avroWriter, s *string) { w.text(*s) })
}

// pairs writes a map by its sorted keys, so that equal events have equal bytes.
func (w *avroWriter) pairs(m map[string]string) {
	if len(m) > 0 {
		w.long(int64(len(m)))
		for _, key := range slices.Sorted(maps.Keys(m)) {
			w.text(key)
			w.text(m[key])
		}
	}
	w.long(0)
}
