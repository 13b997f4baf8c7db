package identify

import (
	"bytes"
	"fmt"
	"strings"
)

// documents begin with their signatures. A PDF with something before it is found among data, after all signatures.
var documents = []matcher{
	pdfAtStart,
	ole,
	rtf,
	postScript,
}

func pdfAtStart(in *input) (Result, bool) {
	for _, prefix := range []string{"", "\xef\xbb\xbf", "\n"} {
		if in.has(len(prefix), "%PDF-") && in.has(0, prefix) {
			return pdf(in, len(prefix)), true
		}
	}
	return Result{}, false
}

// pdfLater finds the header where readers still accept it: in the first 1,024 bytes (ISO 32000-1, annex H, note 13).
func pdfLater(in *input) (Result, bool) {
	at := bytes.Index(in.head[:min(len(in.head), 1<<10)], []byte("%PDF-"))
	if at < 0 || isText(in) && !bytes.Contains(in.head, []byte(" obj")) {
		return Result{}, false
	}
	return pdf(in, at), true
}

// pdf tells encrypted documents and portfolios apart by names in the head and the tail, where trailers and catalogs mostly
// are.
func pdf(in *input, at int) Result {
	version, _, _ := bytes.Cut(in.head[at+5:min(at+8, len(in.head))], []byte{'\r'})
	res := Result{Format: "document/pdf", MIME: "application/pdf", Magic: "PDF document, version " + strings.TrimSpace(printable(version))}
	tail := in.tail(tailBytes)
	mentions := func(name string) bool {
		return bytes.Contains(in.head, []byte(name)) || bytes.Contains(tail, []byte(name))
	}
	if pages := pageCount(in.head); pages != "" {
		res.Magic += ", " + pages + " pages"
	}
	switch {
	case mentions("/Encrypt"):
		res.Format = "document/pdf/passwordprotected"
	case mentions("/Catalog") && mentions("/Collection"):
		res.Format = "document/pdf/portfolio"
	}
	return res
}

// pageCount returns the first number of pages that the head mentions.
func pageCount(b []byte) string {
	at := bytes.Index(b, []byte("/Count "))
	if at < 0 {
		return ""
	}
	digits := b[at+len("/Count "):]
	n := 0
	for n < min(len(digits), 9) && isDigit(digits[n]) {
		n++
	}
	return string(digits[:n])
}

// rtf accepts what Word does: {\rt is enough for it, and attackers know.
func rtf(in *input) (Result, bool) {
	at := 0
	for at < min(len(in.head), 64) && isBlank(in.head[at]) {
		at++
	}
	if !in.has(at, `{\rt`) {
		return Result{}, false
	}
	magic := "Rich Text Format data"
	if f := little(in.head); f.u8(at+4) == 'f' && isDigit(f.u8(at+5)) {
		magic += fmt.Sprintf(", version %c", f.u8(at+5))
	}
	for _, set := range []struct{ word, name string }{{`\ansi`, "ANSI"}, {`\mac`, "Apple Macintosh"}, {`\pc`, "IBM PC, code page 437"}} {
		if bytes.Contains(in.head[at:min(len(in.head), at+40)], []byte(set.word)) {
			magic += ", " + set.name
			break
		}
	}
	return Result{Format: "document/office/rtf", MIME: "text/rtf", Magic: magic}, true
}

func postScript(in *input) (Result, bool) {
	at := 0
	if in.has(0, "\x04") {
		at = 1 // some drivers begin with end-of-file
	}
	if !in.has(at, "%!") {
		return Result{}, false
	}
	magic := "PostScript document text"
	if in.has(at, "%!PS-Adobe-") {
		level, kind, _ := bytes.Cut(restOfLine(in.head[at+11:min(len(in.head), at+80)]), []byte{' '})
		magic += " conforming DSC level " + printable(bytes.TrimRight(level[:min(len(level), 3)], "\r\n"))
		for _, known := range []string{"EPS", "Query", "ExitServer"} {
			if startsWith(kind, known) {
				magic += ", type " + known
			}
		}
	} else if in.has(at, "%!PS-AdobeFont-") || in.has(at, "%!FontType1") {
		return Result{Format: "document/ps", MIME: "font/x-postscript-pfb", Magic: "PostScript Type 1 font text"}, true
	}
	return Result{Format: "document/ps", MIME: "application/postscript", Magic: magic}, true
}
