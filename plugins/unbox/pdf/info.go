package pdf

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
)

const mostFields = 100 // of metadata

// info reads the document information dictionary (14.3.3).
func (s *sweep) info() []Field {
	var list []Field
	for _, pair := range s.d.dict(s.d.trailer.Get("Info")) {
		if len(list) == mostFields {
			break
		}
		value := ""
		switch o := s.d.resolve(pair.Value).(type) {
		case String:
			value = s.d.text(o)
		case nil:
		default:
			value = Text(o, mostText)
		}
		if value != "" {
			list = append(list, Field{pair.Key.text(), value})
		}
	}
	return list
}

// xmpSpaces are the namespaces whose fields tell who made a document, with and when.
var xmpSpaces = map[string]string{
	"http://ns.adobe.com/xap/1.0/":                     "xmp",
	"http://ns.adobe.com/xap/1.0/mm/":                  "xmpMM",
	"http://ns.adobe.com/pdf/1.3/":                     "pdf",
	"http://purl.org/dc/elements/1.1/":                 "dc",
	"http://www.aiim.org/pdfa/ns/id/":                  "pdfaid",
	"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
}

// xmp reads the metadata of the catalog (14.3.2).
func (s *sweep) xmp() []Field {
	catalog := s.d.dict(s.d.trailer.Get("Root"))
	stream, ok := s.d.resolve(catalog.Get("Metadata")).(*Stream)
	if !ok {
		return nil
	}
	const most = 1 << 20
	content, _ := s.d.content(stream, most) // of damaged metadata what there is
	if bytes.HasPrefix(content, []byte("\xfe\xff")) || bytes.HasPrefix(content, []byte("\xff\xfe")) {
		content = []byte(textOf(String(content)))
	}
	return xmpFields(content)
}

// xmpFields finds elements and attributes of the namespaces above, as far as the XML can be read.
func xmpFields(content []byte) []Field {
	const mostOpen = 100 // elements in one another
	dec := xml.NewDecoder(bytes.NewReader(content))
	dec.Strict = false
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	prefixes := map[string]string{} // where they are declared does not matter
	var open []xml.Name
	var list []Field
	add := func(name xml.Name, value string) {
		space, known := xmpSpaces[prefixes[name.Space]]
		value = strings.TrimSpace(value)
		if known && value != "" && len(list) < mostFields {
			list = append(list, Field{space + ":" + name.Local, cut(value, mostText)})
		}
	}
	for {
		token, err := dec.RawToken()
		if err != nil {
			return list
		}
		switch t := token.(type) {
		case xml.StartElement:
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" && len(prefixes) < mostFields {
					prefixes[a.Name.Local] = a.Value
				}
			}
			for _, a := range t.Attr {
				add(a.Name, a.Value)
			}
			if len(open) == mostOpen {
				return list
			}
			open = append(open, t.Name)
		case xml.EndElement:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			// Values of lists, rdf:li, belong to the element around them.
			i := slices.IndexFunc(open, func(n xml.Name) bool { _, ok := xmpSpaces[prefixes[n.Space]]; return ok })
			if i >= 0 {
				add(open[i], string(t))
			}
		}
	}
}
