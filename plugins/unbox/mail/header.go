package mail

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	mostHeader = 1 << 20 // bytes of a header that are kept
	mostFields = 2000
	mostParams = 100
)

// Field is one of a header, its lines joined. Value is as it stands: Text decodes it.
type Field struct{ Name, Value string }

// Header is what a mail or a part says of itself, in its order. Nothing in it is to be believed, or need be there only once.
type Header []Field

// Get is the value of the first field of a name; "" if there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// header reads up to an empty line or a boundary. What is no field is passed over and noted.
func (w *walk) header() Header {
	var list Header
	var value []byte // of the last field, which goes on in the next line while it is open
	open, size := false, 0
	end := func() {
		if len(list) > 0 && value != nil {
			list[len(list)-1].Value = string(value)
		}
		value, open = nil, false
	}
	for ; w.lines.err == nil; w.lines.next() {
		if _, _, is := w.lines.boundary(); is {
			break
		}
		line := bytes.TrimRight(w.lines.piece, "\r\n")
		if w.lines.begins && len(line) == 0 {
			if len(list) == 0 && w.parts == 0 { // in front of the mail
				continue
			}
			w.lines.next()
			break
		}
		folded := !w.lines.begins || line[0] == ' ' || line[0] == '\t'
		if folded && open {
			if size += len(line); size <= mostHeader {
				value = append(value, line...)
				continue
			}
		}
		if !folded {
			end()
			if name, first, is := field(line); is {
				if size += len(line); size <= mostHeader && len(list) < mostFields {
					list, value, open = append(list, Field{Name: name}), append([]byte{}, first...), true
					continue
				}
			} else if !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte(">From ")) { // of a folder of mails
				w.fault("a line of a header is no field")
			}
		}
		if size > mostHeader || len(list) >= mostFields {
			w.fault("a header is too long")
		}
	}
	end()
	return list
}

// field takes a line apart.
func field(line []byte) (name string, value []byte, is bool) {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	before, after, found := bytes.Cut(line, []byte(":"))
	before = bytes.TrimRight(before, " \t")
	if !found || len(before) == 0 || len(before) > 100 {
		return "", nil, false
	}
	for _, c := range before {
		if c <= ' ' || c > '~' {
			return "", nil, false
		}
	}
	return string(before), bytes.TrimLeft(after, " \t"), true
}

// params takes a field such as Content-Type apart: what it is, in lower case, and its parameters (RFC 2045 5.1, RFC 2231). Of a parameter
// that is there twice the first counts; what is no parameter is passed over.
func params(value string) (kind string, list map[string]string) {
	kind, rest, _ := strings.Cut(value, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	list = map[string]string{}
	pieces := map[string]string{} // by name and number, as name*1
	for n := 0; rest != "" && n < mostParams; n++ {
		var name, text string
		name, rest = upTo(rest, "=;")
		if strings.HasPrefix(rest, "=") {
			text, rest = paramValue(rest[1:])
			_, rest = upTo(rest, ";")
		}
		rest = strings.TrimPrefix(rest, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		switch _, have := list[name]; {
		case name == "":
		case strings.Contains(name, "*"):
			if _, have := pieces[name]; !have {
				pieces[name] = text
			}
		case !have:
			list[name] = Text(text)
		}
	}
	for name := range pieces {
		base, _, _ := strings.Cut(name, "*")
		if _, have := list[base]; !have {
			list[base] = joined(base, pieces)
		}
	}
	return kind, list
}

// upTo splits text before the first of some characters.
func upTo(text, any string) (before, after string) {
	if i := strings.IndexAny(text, any); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// paramValue is a quoted text, or what there is up to the next semicolon.
func paramValue(text string) (value, rest string) {
	text = strings.TrimLeft(text, " \t")
	if !strings.HasPrefix(text, `"`) {
		value, rest = upTo(text, ";")
		return strings.TrimSpace(value), rest
	}
	return unquote(text)
}

// unquote is the content of the quoted text that text begins with, and what follows it.
func unquote(text string) (value, rest string) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:]
		case '\\':
			if i++; i < len(text) {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), ""
}

// joined puts a parameter of RFC 2231 together: name*, or name*0, name*1* and so on.
func joined(name string, pieces map[string]string) string {
	var raw, charset string
	whole, encoded := pieces[name+"*"]
	take := func(piece string, encoded, first bool) {
		if !encoded {
			raw += piece
			return
		}
		if parts := strings.SplitN(piece, "'", 3); first && len(parts) == 3 {
			charset, piece = parts[0], parts[2]
		}
		raw += percent(piece)
	}
	if encoded {
		take(whole, true, true)
	}
	for i := 0; !encoded && i < mostParams; i++ {
		key := name + "*" + strconv.Itoa(i)
		plain, isPlain := pieces[key]
		coded, isCoded := pieces[key+"*"]
		switch {
		case isCoded:
			take(coded, true, i == 0)
		case isPlain:
			take(plain, false, i == 0)
		default:
			i = mostParams
		}
	}
	if charset == "" {
		return Text(raw)
	}
	return Decode([]byte(raw), charset)
}

// percent undoes %XX.
func percent(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if high, low := hexDigit(text[i+1]), hexDigit(text[i+2]); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
