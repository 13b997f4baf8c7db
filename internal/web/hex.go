package web

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"lazuli/internal/index"
	"lazuli/internal/inspect"
)

const (
	hexRow      = 16
	hexPage     = 4096 // bytes
	maxHexHits  = 200
	maxHexMarks = 500 // features that are listed
)

type hexData struct {
	SHA256, Name   string
	Size           int64
	Offset         int64 // that was asked for
	Rows           []hexLine
	Previous, Next string // addresses
	Find, As       string
	Hits           []hexPlace
	MoreHits       bool
	Problem        string // what is wrong with what is looked for
	Features       []hexPlace
}

// hexPlace is a place in the file and the address that shows it.
type hexPlace struct {
	Offset  uint64
	Length  uint64
	Name    string
	Value   string
	Address string
}

// hexLine is a row, in stretches that are marked alike.
type hexLine struct {
	Address   string // hex digits
	Stretches []stretch
}

// stretch is some bytes of a row.
type stretch struct {
	Hex, ASCII string
	Mark       string // why they are marked: here, hit, feature or "feature odd"; "" if they are not
	Title      string
}

// mark is a part of the file that is marked.
type mark struct {
	from, to    int64
	kind, title string
}

// hexAddress shows a place in a file.
func hexAddress(sha256 string, offset, length uint64) string {
	v := url.Values{"offset": {fmt.Sprintf("%#x", offset)}}
	if length > 0 {
		v.Set("length", fmt.Sprint(length))
	}
	return "/file/" + sha256 + "/hex?" + v.Encode()
}

// hexAt is hexAddress for a feature.
func hexAt(sha256 string, offset, length *uint64) string {
	if length == nil {
		return hexAddress(sha256, *offset, 0)
	}
	return hexAddress(sha256, *offset, *length)
}

// hexOf writes an offset.
func hexOf(n any) string {
	if p, ok := n.(*uint64); ok {
		n = *p
	}
	return fmt.Sprintf("%#x", n)
}

// hex shows bytes of a file. Without length the byte at offset is meant.
func (w *Web) hex(rw http.ResponseWriter, r *http.Request) {
	b, src, ok := w.content(rw, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	d := hexData{SHA256: b.SHA256, Name: nameOf(b), Size: src.Size(), Find: q.Get("find"), As: q.Get("as")}
	var marks []mark
	if text := strings.TrimSpace(q.Get("offset")); text != "" {
		var err error
		if d.Offset, err = strconv.ParseInt(text, 0, 64); err != nil || d.Offset < 0 {
			w.problem(rw, r, http.StatusBadRequest, "An offset is a number of bytes such as 512 or 0x200.")
			return
		}
		length, err := strconv.ParseInt(q.Get("length"), 0, 64)
		if err != nil || length < 1 || length > src.Size() {
			length = 1
		}
		marks = append(marks, mark{d.Offset, d.Offset + min(length, src.Size()), "here", "here"})
	}
	if d.Find != "" {
		err := w.findBytes(r.Context(), src, &d, q)
		if err != nil {
			w.failed(rw, r, err)
			return
		}
		if len(d.Hits) > 0 && q.Get("offset") == "" {
			d.Offset = int64(d.Hits[0].Offset)
		}
		for _, h := range d.Hits {
			marks = append(marks, mark{int64(h.Offset), int64(h.Offset + h.Length), "hit", "found"})
		}
	}
	d.Features = places(b)
	for i, f := range d.Features {
		kind := [2]string{"feature", "feature odd"}[i%2] // so that one sees where one ends and the next begins
		if to := f.Offset + max(f.Length, 1); to > f.Offset && to <= uint64(src.Size()) {
			marks = append(marks, mark{int64(f.Offset), int64(to), kind, shorten(clean(f.Name+": "+f.Value), 200)})
		}
	}
	if err := d.read(r.Context(), src, marks, q); err != nil {
		w.failed(rw, r, err)
		return
	}
	w.render(rw, r, http.StatusOK, "hex", view{Title: "Hex of " + clean(d.Name), Data: d})
}

// content opens the file that the address names. When it cannot be looked at it answers itself.
func (w *Web) content(rw http.ResponseWriter, r *http.Request) (*index.Binary, inspect.Source, bool) {
	b, ok := w.binary(rw, r)
	if !ok {
		return nil, nil, false
	}
	src, err := w.api.Azul(r.Context()).Content(r.Context(), b.SHA256)
	switch {
	case errors.Is(err, index.ErrNotFound):
		w.problem(rw, r, http.StatusNotFound, "The content of this file is not stored.")
		return nil, nil, false
	case err != nil:
		w.failed(rw, r, err)
		return nil, nil, false
	}
	return b, src, true
}

// read fills the rows of the page that has the offset in its first row.
func (d *hexData) read(ctx context.Context, src inspect.Source, marks []mark, q url.Values) error {
	from := d.Offset &^ (hexRow - 1)
	page, err := inspect.Hex(ctx, src, from, hexPage)
	if err != nil {
		return err
	}
	for _, row := range page.Rows {
		d.Rows = append(d.Rows, hexLine{fmt.Sprintf("%08x", row.Address), stretches(row.Address, row.Hex, row.ASCII, marks)})
	}
	at := func(offset int64) string {
		v := url.Values{"offset": {fmt.Sprintf("%#x", offset)}}
		for _, keep := range []string{"find", "as"} {
			if q.Get(keep) != "" {
				v.Set(keep, q.Get(keep))
			}
		}
		return "/file/" + d.SHA256 + "/hex?" + v.Encode()
	}
	if from > 0 {
		d.Previous = at(max(min(from, src.Size())-hexPage, 0) &^ (hexRow - 1))
	}
	if page.HasMore {
		d.Next = at(page.NextOffset)
	}
	return nil
}

// stretches cuts a row where marks begin and end. Of several marks on a byte the first counts.
func stretches(address int64, bytes []string, ascii string, marks []mark) []stretch {
	over := slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return m.to <= address || m.from >= address+hexRow })
	at := func(i int) int {
		return slices.IndexFunc(over, func(m mark) bool { return m.from <= address+int64(i) && address+int64(i) < m.to })
	}
	var list []stretch
	for from := 0; from < len(bytes); {
		m, to := at(from), from+1
		for to < len(bytes) && at(to) == m {
			to++
		}
		s := stretch{Hex: strings.Join(bytes[from:to], " "), ASCII: ascii[from:to]}
		if m >= 0 {
			s.Mark, s.Title = over[m].kind, over[m].title
		}
		list = append(list, s)
		from = to
	}
	return list
}

// places lists the features that say where in the file they were found, by their offsets.
func places(b *index.Binary) []hexPlace {
	var list []hexPlace
	for _, f := range b.Features {
		if f.Offset == nil {
			continue
		}
		p := hexPlace{Offset: *f.Offset, Name: f.Name, Value: f.Value}
		if f.Length != nil {
			p.Length = *f.Length
		}
		p.Address = hexAddress(b.SHA256, p.Offset, p.Length)
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(x, y hexPlace) int {
		if x.Offset < y.Offset {
			return -1
		}
		return min(int(x.Offset-y.Offset), 1)
	})
	return list[:min(len(list), maxHexMarks)]
}

// findBytes looks for bytes or a text in the whole file.
func (w *Web) findBytes(ctx context.Context, src inspect.Source, d *hexData, q url.Values) error {
	found, err := inspect.FindBytes(ctx, src, inspect.BytesQuery{Pattern: pattern(d.Find, d.As), Take: maxHexHits})
	if errors.Is(err, inspect.ErrQuery) {
		d.Problem = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	d.MoreHits = found.HasMore
	for _, s := range found.Strings {
		v := url.Values{"offset": {fmt.Sprintf("%#x", s.Offset)}, "length": {fmt.Sprint(s.Length)}, "find": {d.Find}, "as": {d.As}}
		d.Hits = append(d.Hits, hexPlace{Offset: uint64(s.Offset), Length: uint64(s.Length), Address: "/file/" + d.SHA256 + "/hex?" + v.Encode()})
	}
	return nil
}

// pattern is what is looked for: hex digits as they are written, a text by its bytes.
func pattern(text, as string) string {
	switch as {
	case "hex":
		return text
	case "utf-16":
		var b []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			b = append(b, byte(unit), byte(unit>>8)) // little-endian, as Windows has it
		}
		return hex.EncodeToString(b)
	}
	return hex.EncodeToString([]byte(text))
}
