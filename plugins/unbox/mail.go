package unbox

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"lazuli/plugin"
	"lazuli/plugins/unbox/mail"
)

const (
	mostLinks     = 500     // of a mail
	mostLinkBytes = 1 << 20 // of each body that is looked at for links
	mostLinkTotal = 4 << 20 // of all bodies
)

// eml takes a mail apart.
func (b *box) eml() error {
	b.kind = "eml"
	v := &mailVisit{box: b, bodies: map[string]int{}}
	return v.ended(mail.Walk(b.ctx, b.content, b.content.Size(), v.visit))
}

// msg takes a message of Outlook apart.
func (b *box) msg() error {
	b.kind = "msg"
	v := &mailVisit{box: b, bodies: map[string]int{}}
	return v.ended(mail.WalkOutlook(b.ctx, b.content, b.content.Size(), v.visit))
}

// mailVisit is a walk through a mail.
type mailVisit struct {
	*box
	bodies map[string]int // by endings of names
	read   int            // bytes of bodies that were looked at for links
	links  int
}

// ended records what the mail says of itself, which comes at its end.
func (v *mailVisit) ended(report *mail.Report, err error) error {
	if report != nil && v.job.Err() == nil {
		if failed := v.tellMail(report); failed != nil {
			return failed
		}
	}
	return v.walked(err)
}

// visit takes out a part.
func (v *mailVisit) visit(p mail.Part, r io.Reader) error {
	e := &entry{name: p.Name, method: p.Method, size: p.Size}
	if e.name == "" {
		e.name = v.nameOf(p)
	}
	if err := v.list(e); err != nil {
		return err
	}
	v.relations = []plugin.ChildOption{plugin.Relationship("part", string(p.Kind))}
	if p.Type != "" {
		v.relations = append(v.relations, plugin.Relationship("content_type", short(p.Type)))
		if err := v.job.Feature("mime_part_type", short(p.Type), plugin.Label(e.name)); err != nil {
			return err
		}
	}
	if p.Method != "" {
		v.relations = append(v.relations, plugin.Relationship("encoding", short(p.Method)))
	}
	defer func() { v.relations = nil }()
	if p.Kind == mail.Body {
		return v.body(p, e, r)
	}
	return v.extract(e, r)
}

// body takes out a body and looks for links and passwords in it, unless there are only spaces.
func (v *mailVisit) body(p mail.Part, e *entry, r io.Reader) error {
	in := bufio.NewReader(r)
	if first, err := in.Peek(in.Size()); err == io.EOF && len(bytes.TrimSpace(first)) == 0 {
		return nil
	}
	text := &bounded{b: &bytes.Buffer{}, most: min(mostLinkBytes, mostLinkTotal-v.read)}
	e.heard = true
	if err := v.extract(e, io.TeeReader(in, text)); err != nil {
		return err
	}
	v.read += text.b.Len()
	readable := mail.Decode(text.b.Bytes(), p.Charset)
	if !strings.HasSuffix(p.Type, "/rtf") { // what it has between its words looks like passwords
		v.clues.text([]byte(readable[:min(len(readable), mostTextBytes)]))
	}
	links, more := mail.Links(readable, p.Type, mostLinks-v.links)
	v.links += len(links)
	if more {
		v.notes.left(fmt.Sprintf("more than %d links", mostLinks))
	}
	for _, l := range links {
		if err := v.job.Feature("uri", l.URI, plugin.Label(l.In)); err != nil {
			return err
		}
	}
	return nil
}

// endings are those of names for parts that have none.
var endings = map[string]string{
	"": ".txt", "text/plain": ".txt", "text/html": ".html", "text/x-amp-html": ".html", "text/calendar": ".ics", "text/rtf": ".rtf", "application/rtf": ".rtf",
	"text/xml": ".xml", "message/rfc822": ".eml", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/pdf": ".pdf", "application/zip": ".zip",
}

// nameOf is a name for a part that has none.
func (v *mailVisit) nameOf(p mail.Part) string {
	ending := endings[p.Type]
	if p.Kind != mail.Body {
		return fmt.Sprintf("part %d%s", v.listed+1, ending)
	}
	ending = cmp.Or(ending, ".txt")
	if v.bodies[ending]++; v.bodies[ending] > 1 {
		return fmt.Sprintf("body %d%s", v.bodies[ending], ending)
	}
	return "body" + ending
}
