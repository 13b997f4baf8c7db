package pdf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Object is a value of a PDF (ISO 32000-2, 7.3): nil, bool, int64, float64, Name, String, Array, Dict, Ref or *Stream.
type Object any

// Name is a name with its #xx escapes decoded, without the slash.
type Name string

// text is a name to show. Names are UTF-8 by convention, and any bytes by the standard.
func (n Name) text() string {
	return cut(strings.ToValidUTF8(string(n[:min(len(n), 2*mostText)]), "\ufffd"), mostText)
}

// String holds the bytes of a string, decrypted if its file could be opened.
type String string

// Array is an array.
type Array []Object

// Dict is a dictionary in the order of the file. A key may come twice: what readers make of that differs, here the last counts.
type Dict []Pair

// Pair is a key with its value.
type Pair struct {
	Key   Name
	Value Object
}

// Get returns the value of a key, or nil.
func (d Dict) Get(key Name) Object {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i].Key == key {
			return d[i].Value
		}
	}
	return nil
}

// ID names an indirect object. The zero ID names none: it is the head of the list of free objects.
type ID struct {
	Number     uint32
	Generation uint16
}

func (id ID) String() string { return fmt.Sprintf("%d %d", id.Number, id.Generation) }

// Ref points to an indirect object.
type Ref ID

// Stream is a dictionary with data that lie in the file.
type Stream struct {
	Dict Dict
	id   ID
	at   int64 // offset of the data in the file
	size int64 // bytes of the data in the file, as it really is
	lies bool  // its Length says something else
	open bool  // the data go on to the end of the file, where they are cut short
}

// dictOf returns the dictionary of a dictionary or stream, nil of anything else.
func dictOf(o Object) Dict {
	switch o := o.(type) {
	case Dict:
		return o
	case *Stream:
		return o.Dict
	}
	return nil
}

// integer returns a number as an integer. ok is false for what is no number, and for one that does not fit.
func integer(o Object) (n int64, ok bool) {
	switch o := o.(type) {
	case int64:
		return o, true
	case float64:
		if math.Abs(o) < 1<<53 {
			return int64(o), true
		}
	}
	return 0, false
}

// Text writes an object as a PDF does, on one line, and stops with an ellipsis after about most bytes.
func Text(o Object, most int) string {
	w := writer{most: most}
	w.object(o, 0)
	if w.full() {
		return strings.ToValidUTF8(w.b.String()[:most], "") + "…"
	}
	return w.b.String()
}

// writer writes objects until it has enough.
type writer struct {
	b    strings.Builder
	most int
}

func (w *writer) full() bool { return w.b.Len() > w.most }

func (w *writer) object(o Object, depth int) {
	if w.full() {
		return
	}
	switch o := o.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(o))
	case int64:
		w.b.WriteString(strconv.FormatInt(o, 10))
	case float64:
		w.b.WriteString(strconv.FormatFloat(o, 'f', -1, 64))
	case Name:
		w.name(o)
	case String:
		w.string(o)
	case Ref:
		fmt.Fprintf(&w.b, "%d %d R", o.Number, o.Generation)
	case *Stream:
		w.object(o.Dict, depth)
	case Array:
		w.b.WriteByte('[')
		for i, item := range o {
			if w.full() {
				return
			}
			if i > 0 {
				w.b.WriteByte(' ')
			}
			w.object(item, depth+1)
		}
		w.b.WriteByte(']')
	case Dict:
		w.b.WriteString("<<")
		for _, pair := range o {
			if w.full() {
				return
			}
			w.b.WriteByte(' ')
			w.name(pair.Key)
			w.b.WriteByte(' ')
			w.object(pair.Value, depth+1)
		}
		w.b.WriteString(" >>")
	}
}

// name writes a name; what cannot stand in one is escaped (7.3.5).
func (w *writer) name(n Name) {
	w.b.WriteByte('/')
	for i := 0; i < len(n) && !w.full(); i++ {
		if c := n[i]; c == '#' || !regular(int(c)) || c < '!' || c > '~' {
			fmt.Fprintf(&w.b, "#%02X", c)
			continue
		}
		w.b.WriteByte(n[i])
	}
}

// string writes a string: as text when it is text, in hexadecimal digits otherwise.
func (w *writer) string(s String) {
	s = s[:min(len(s), w.most+1)]
	if text, ok := plainText(s); ok {
		w.b.WriteByte('(')
		w.b.WriteString(strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text))
		w.b.WriteByte(')')
		return
	}
	fmt.Fprintf(&w.b, "<%x>", string(s))
}
