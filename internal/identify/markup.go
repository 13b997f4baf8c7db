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

// markup knows SVG and XML by their declaration and their first tag, after comments.
func markup(t *text) (kind, bool) {
	b := t.start(markupBytes)
	if len(b) == 0 || b[0] != '<' {
		return kind{}, false
	}
	root := skipProlog(b)
	switch {
	case hasTag(root, "svg"), hasPrefixFold(root, "<!doctype svg"):
		return kind{"image/svg", "image/svg+xml", "SVG Scalable Vector Graphics image", false, true}, true
	case !hasPrefixFold(b, "<?xml"):
		return kind{}, false
	case contains(b, "http://www.opengis.net/kml"):
		return kind{"code/xml", "application/vnd.google-earth.kml+xml", "OpenGIS KML document", false, false}, true
	}
	return kind{format: "document/xml", mime: "text/xml", label: "XML " + xmlVersion(b) + " document"}, true
}

// tagged knows pages and other markup by the first tag where nothing else was found.
func tagged(t *text) (kind, bool) {
	b := t.start(markupBytes)
	if len(b) < 2 || b[0] != '<' {
		return kind{}, false
	}
	root := skipProlog(b)
	for _, tag := range htmlTags {
		if hasTag(root, tag) {
			return htmlKind, true
		}
	}
	end := trimEnd(t.plain)
	if open := bytes.LastIndexByte(end, '<'); open > 0 && t.whole && isLetter(b[1]) && end[len(end)-1] == '>' && end[open+1] == '/' {
		return kind{format: "code/xml", mime: "text/plain"}, true
	}
	return kind{}, false
}

// pageBefore knows pages with something behind them that is no text: browsers show them nevertheless.
func pageBefore(in *input) (Result, bool) {
	const looked = 256 // bytes
	b := trimBlanks(in.head[:min(len(in.head), looked)])
	if isText(in) || !hasPrefixFold(b, "<!doctype html") && !hasTag(b, "html") && !hasTag(b, "script") && !hasTag(b, "body") {
		return Result{}, false
	}
	return Result{Format: htmlKind.format, MIME: octetStream, Magic: "data"}, true
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

// jsonText wants an object or an array that is right to the end, or to the end of the head; or several, one a line.
func jsonText(t *text) (kind, bool) {
	b := t.start(1)
	if len(b) == 0 || b[0] != '{' && b[0] != '[' {
		return kind{}, false
	}
	if validJSON(t.plain, t.whole) {
		return kind{"text/json", "application/json", "JSON text data", false, true}, true
	}
	first, rest, more := bytes.Cut(t.plain, []byte{'\n'})
	second, _, _ := bytes.Cut(rest, []byte{'\n'})
	if more && len(second) > 0 && (second[0] == '{' || second[0] == '[') && validJSON(first, true) && validJSON(second, true) {
		return kind{"text/json", "application/x-ndjson", "New Line Delimited JSON text data", false, true}, true
	}
	return kind{}, false
}
