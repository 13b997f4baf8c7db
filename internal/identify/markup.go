package identify

import (
	"bytes"
	"strings"
)

// markupBytes is how far the root element is looked for.
const markupBytes = 4 << 10

// htmlTags begin HTML. Shorter ones are left out: they begin too much else.
var htmlTags = []string{
	"!doctype html", "html", "head", "title", "body", "script", "table", "iframe", "meta", "style", "h1", "div", "frameset",
}

// markup knows HTML, SVG and XML by their first tag, after comments.
func markup(t *text) (kind, bool) {
	b := t.start(markupBytes)
	if len(b) == 0 || b[0] != '<' {
		return kind{}, false
	}
	declared := hasPrefixFold(b, "<?xml")
	root := skipProlog(b)
	switch {
	case hasTag(root, "svg"):
		return kind{format: "image/svg", mime: "image/svg+xml", label: "SVG Scalable Vector Graphics image", bare: true}, true
	case hasPrefixFold(root, "<!doctype svg"):
		return kind{format: "image/svg", mime: "image/svg+xml", label: "SVG Scalable Vector Graphics image", bare: true}, true
	case declared:
		return kind{format: "document/xml", mime: "text/xml", label: "XML " + xmlVersion(b) + " document"}, true
	}
	for _, tag := range htmlTags {
		if hasTag(root, tag) {
			return kind{format: "code/html", mime: "text/html", label: "HTML document"}, true
		}
	}
	if hasPrefixFold(root, "<!doctype") {
		return kind{format: "code/sgml", mime: "text/plain", label: "exported SGML document"}, true
	}
	return kind{}, false
}

// skipProlog returns what follows processing instructions and comments.
func skipProlog(b []byte) []byte {
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		end := ""
		switch {
		case bytes.HasPrefix(b, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		default:
			return b
		}
		at := bytes.Index(b, []byte(end))
		if at < 0 {
			return nil
		}
		b = b[at+len(end):]
	}
}

// hasTag tells whether b begins with the tag, and not with a longer one.
func hasTag(b []byte, tag string) bool {
	if !hasPrefixFold(b, "<"+tag) {
		return false
	}
	rest := b[1+len(tag):]
	return len(rest) == 0 || strings.IndexByte(" \t\r\n>/", rest[0]) >= 0
}

func xmlVersion(b []byte) string {
	declaration, _, _ := bytes.Cut(b[:min(len(b), 100)], []byte("?>"))
	for _, quote := range []string{`"`, `'`} {
		if _, after, found := strings.Cut(string(declaration), "version="+quote); found {
			if version, _, found := strings.Cut(after, quote); found && len(version) <= 5 {
				return printable([]byte(version))
			}
		}
	}
	return "1.0"
}

// jsonText wants an object or an array that is right to the end, or to the end of the head.
func jsonText(t *text) (kind, bool) {
	b := t.start(1)
	if len(b) == 0 || b[0] != '{' && b[0] != '[' || !validJSON(t.plain, t.whole) {
		return kind{}, false
	}
	return kind{format: "text/json", mime: "application/json", label: "JSON text data", bare: true}, true
}
