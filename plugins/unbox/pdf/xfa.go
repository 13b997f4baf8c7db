package pdf

import (
	"bytes"
	"encoding/xml"
	"html"
	"io"
	"strings"
)

// mostPackets bounds the streams of one form: there are some ten in an honest one.
const mostPackets = 1000

// packets are the streams that an XFA form is made of (12.7.8): one, or many that belong together, each behind its name.
func (s *sweep) packets(form Object) []*Stream {
	switch form := s.d.resolve(form).(type) {
	case *Stream:
		return []*Stream{form}
	case Array:
		var list []*Stream
		for _, o := range form {
			if len(list) == mostPackets || s.d.work.spend(objectCost) != nil {
				break
			}
			if _, ok := o.(Ref); !ok {
				continue
			}
			if stream, ok := s.d.resolve(o).(*Stream); ok {
				list = append(list, stream)
			}
		}
		return list
	}
	return nil
}

// eachForm calls use for each form.
func (s *sweep) eachForm(use func(it *item, packets []*Stream) error) error {
	seen := map[int64]bool{}
	return s.with(hasForm, func(it *item, o Object) error {
		return s.find(o, func(n node) error {
			packets := s.packets(n.dict.Get("XFA"))
			if len(packets) == 0 || seen[packets[0].at] {
				return nil
			}
			seen[packets[0].at] = true
			return use(it, packets)
		})
	})
}

// visitForms visits XFA forms, each as one document.
func (s *sweep) visitForms(visit Visit) error {
	return s.eachForm(func(it *item, packets []*Stream) error {
		p := Part{Kind: Form, Object: it.id, State: it.state}
		if len(packets) == 1 {
			return s.visitStream(p, packets[0], visit)
		}
		for _, stream := range packets {
			s.taken[stream.at] = true
		}
		first := s.d.decode(packets[0], s.d.work)
		p.Method, p.Encrypted = methodOf(first.filters), first.encrypted
		if first.r == nil {
			return visit(p, nil)
		}
		return visit(p, &joined{d: s.d, streams: packets})
	})
}

// visitFormScripts visits the scripts in XFA forms.
func (s *sweep) visitFormScripts(visit Visit) error {
	return s.eachForm(func(it *item, packets []*Stream) error {
		content, _ := io.ReadAll(io.LimitReader(&joined{d: s.d, streams: packets}, s.d.limits.inner)) // damage is told with the form
		for _, script := range formScripts(content, s.d.limits.found) {
			p := Part{Kind: Script, Object: it.id, State: it.state, Trigger: strings.TrimSpace("XFA " + script.activity), Type: script.kind}
			if err := visit(p, strings.NewReader(script.code)); err != nil {
				return err
			}
		}
		return nil
	})
}

// formScript is a script in a form.
type formScript struct {
	code     string
	kind     string // contentType, as stated
	activity string // of the event that it is for
}

// formScripts finds script elements, in XML that need not be well-formed otherwise.
func formScripts(content []byte, most int) []formScript {
	var list []formScript
	activity := ""
	for len(list) < most {
		begin := bytes.IndexByte(content, '<')
		if begin < 0 {
			break
		}
		content = content[begin+1:]
		name, attributes, rest, ok := openTag(content)
		if !ok {
			continue
		}
		switch name {
		case "event":
			activity = attribute(attributes, "activity")
		case "/event":
			activity = ""
		case "script":
			code, after := untilClosed(rest)
			if text := characters(code); strings.TrimSpace(text) != "" {
				list = append(list, formScript{text, attribute(attributes, "contentType"), activity})
			}
			rest = after
		}
		content = rest
	}
	return list
}

// openTag reads a tag behind its bracket: its name without the prefix, with a slash if it closes, and its attributes. rest is what
// follows; for <script/> it is what closes it, too.
func openTag(content []byte) (name string, attributes, rest []byte, ok bool) {
	const mostTag = 1024 // bytes
	end := 0
	for end < len(content) && end < mostTag && content[end] != '>' && content[end] != '<' {
		end++
	}
	if end == len(content) || content[end] != '>' {
		return "", nil, content, false
	}
	tag := content[:end]
	rest = content[end+1:]
	word := tag
	if i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 {
		word = tag[:i]
	}
	closes := bytes.HasPrefix(word, []byte("/"))
	empty := bytes.HasSuffix(tag, []byte("/"))
	word = bytes.Trim(word, "/")
	if i := bytes.IndexByte(word, ':'); i >= 0 {
		word = word[i+1:]
	}
	name = string(word)
	if closes {
		name = "/" + name
	}
	if empty && name == "script" {
		return "", nil, rest, true
	}
	return name, tag, rest, true
}

// attribute returns the value of an attribute of a tag.
func attribute(tag []byte, name string) string {
	for rest := tag; ; {
		i := bytes.Index(rest, []byte(name))
		if i < 0 {
			return ""
		}
		before := rest[:i]
		rest = bytes.TrimLeft(rest[i+len(name):], " \t\r\n")
		if len(before) == 0 || !space(int(before[len(before)-1])) || len(rest) < 2 || rest[0] != '=' {
			continue
		}
		value := bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(value) == 0 || value[0] != '"' && value[0] != '\'' {
			continue
		}
		end := bytes.IndexByte(value[1:], value[0])
		if end < 0 {
			return ""
		}
		return html.UnescapeString(string(value[1 : 1+end]))
	}
}

// untilClosed splits at the tag that closes a script, which may have CDATA in it.
func untilClosed(content []byte) (code, rest []byte) {
	for at := 0; at < len(content); {
		i := bytes.IndexByte(content[at:], '<')
		if i < 0 {
			break
		}
		at += i
		if bytes.HasPrefix(content[at:], []byte("<![CDATA[")) {
			end := bytes.Index(content[at:], []byte("]]>"))
			if end < 0 {
				break
			}
			at += end
			continue
		}
		if name, _, after, ok := openTag(content[at+1:]); ok && name == "/script" {
			return content[:at], after
		}
		at++
	}
	return content, nil
}

// characters is the text of a script: CDATA as it is, the rest unescaped. Where scripts are not valid XML they are left as they are.
func characters(code []byte) string {
	dec := xml.NewDecoder(bytes.NewReader(code))
	dec.Strict = false
	dec.Entity = xml.HTMLEntity
	var b strings.Builder
	for {
		token, err := dec.RawToken()
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.Comment:
		case nil:
			if err == io.EOF {
				return b.String()
			}
			return strings.ToValidUTF8(string(code), "\ufffd")
		default:
			return strings.ToValidUTF8(string(code), "\ufffd")
		}
	}
}
