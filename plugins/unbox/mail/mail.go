// Package mail takes mails apart: those of RFC 5322 and MIME, and Outlook's messages (MS-OXMSG). Begin with Walk and WalkOutlook.
//
// Who sends malware writes mails that filters read in another way than the program of who gets them. So all that is damaged is read as far
// as there is any sense in it: lines that are no fields, parameters twice, parts without an end or behind it.
package mail

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"lazuli/plugins/unbox/archive"
)

const (
	mostDepth    = 16 // of parts in parts
	mostParts    = 10_000
	mostBoundary = 200 // characters; RFC 2046 has 70
)

// Kind is what a part is to its mail.
type Kind string

// Kinds of parts.
const (
	Body       Kind = "body" // what is shown as the mail
	Attachment Kind = "attachment"
	Inline     Kind = "inline" // attached, and shown within the body
)

// Part is something in a mail.
type Part struct {
	archive.Entry        // Method is its transfer encoding
	Kind          Kind   // a Body need not have a name
	Type          string // the MIME type that is stated, in lower case; "" for none
	Charset       string // of a text; "" if it is not stated
}

// Visit gets each part, as archive.Visit gets each entry.
type Visit func(p Part, r io.Reader) error

// Report is what a mail says of itself.
type Report struct {
	Header     Header
	Boundaries []string
	Parts      int      // without those that consist of parts
	Attached   []Header // of Outlook's messages in this one; mails in mails are parts
	Odd        []string // what no ordinary mail has

	faults []string
}

func (r *Report) odd(what string) {
	if !slices.Contains(r.Odd, what) {
		r.Odd = append(r.Odd, what)
	}
}

func (r *Report) fault(what string) {
	if !slices.Contains(r.faults, what) {
		r.faults = append(r.faults, what)
	}
}

// damage is an error of all that was wrong, nil if nothing was.
func (r *Report) damage() error {
	if len(r.faults) == 0 {
		return nil
	}
	return archive.Damage(strings.Join(r.faults, ", "))
}

// Walk visits the parts of a mail in their order. A mail that is attached is visited as it is. The report is of what was seen until an error,
// and nil for what is no mail.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit Visit) (*Report, error) {
	w := &walk{ctx: ctx, visit: visit, report: &Report{}, lines: newLines(ctx, io.NewSectionReader(r, 0, size))}
	w.report.Header = w.header()
	if err := w.lines.failed(); err != nil {
		return nil, err
	}
	if len(w.report.Header) == 0 {
		return nil, archive.ErrNotThis
	}
	w.twice()
	if err := w.part(w.report.Header, 0); err != nil {
		return w.report, err
	}
	return w.report, w.report.damage()
}

type walk struct {
	ctx    context.Context
	visit  Visit
	lines  *lines
	report *Report
	parts  int // with those that consist of parts
}

func (w *walk) fault(what string) { w.report.fault(what) }

// once are fields of which there is no second one (RFC 5322 3.6, RFC 2045): filters and programs may believe different ones.
var once = []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}

func (w *walk) twice() {
	count := map[string]int{}
	for _, f := range w.report.Header {
		count[strings.ToLower(f.Name)]++
	}
	for _, name := range once {
		if count[strings.ToLower(name)] > 1 {
			w.report.odd("more than one " + name)
		}
	}
}

// part visits one part, or those that it consists of.
func (w *walk) part(header Header, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.parts++; w.parts > mostParts {
		return archive.Damage(fmt.Sprintf("more than %d parts", mostParts))
	}
	kind, list := params(header.Get("Content-Type"))
	if edge := list["boundary"]; strings.HasPrefix(kind, "multipart/") && edge != "" && len(edge) <= mostBoundary && depth < mostDepth {
		return w.multipart(edge, depth)
	}
	w.report.Parts++
	p := Part{Type: kind, Charset: list["charset"]}
	disposition, more := params(header.Get("Content-Disposition"))
	if p.Name = more["filename"]; p.Name == "" {
		p.Name = list["name"]
	}
	p.Method = Text(header.Get("Content-Transfer-Encoding"))
	text := kind == "" || strings.HasPrefix(kind, "text/")
	switch {
	case disposition == "attachment":
		p.Kind = Attachment
	case text && (p.Name == "" || depth == 0):
		p.Kind = Body
	case disposition == "inline" || header.Get("Content-ID") != "":
		p.Kind = Inline
	default:
		p.Kind = Attachment
	}
	if err := w.visit(p, decode(p.Method, &content{l: w.lines})); err != nil {
		return err
	}
	return w.skip()
}

// skip reads on to the next boundary.
func (w *walk) skip() error {
	for w.lines.err == nil {
		if _, _, is := w.lines.boundary(); is {
			return nil
		}
		w.lines.next()
	}
	return w.lines.failed()
}

// multipart visits the parts between lines with a boundary (RFC 2046 5.1).
func (w *walk) multipart(edge string, depth int) error {
	if !slices.Contains(w.report.Boundaries, edge) {
		w.report.Boundaries = append(w.report.Boundaries, edge)
	}
	mine := len(w.lines.ends)
	w.lines.ends = append(w.lines.ends, edge)
	defer func() { w.lines.ends = w.lines.ends[:mine] }()
	ended := false
	for {
		if err := w.skip(); err != nil {
			return err
		}
		level, last, is := w.lines.boundary()
		if !is || level < mine {
			if !ended {
				w.fault("parts without an end")
			}
			return nil
		}
		w.lines.next()
		if last {
			ended = true
			continue
		}
		if ended {
			w.report.odd("parts behind the end")
		}
		if err := w.part(w.header(), depth+1); err != nil {
			return err
		}
	}
}
