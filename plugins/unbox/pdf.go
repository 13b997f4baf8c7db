package unbox

import (
	"errors"
	"io"
	"strings"

	"lazuli/plugin"
	"lazuli/plugins/unbox/pdf"
)

// pdf takes out what lies in a PDF. What every document is full of, such as pages, images and fonts, is left where it is: it would flood
// whoever looks for what does not belong there.
func (b *box) pdf() error {
	b.kind = "pdf"
	passwords, err := b.candidates()
	if err != nil {
		return err
	}
	most := min(len(passwords), b.budget.limits.Passwords)
	report, err := pdf.Walk(b.ctx, b.content, b.content.Size(), pdf.Options{Passwords: passwords[:most]}, b.visitPDF)
	if report != nil && report.Encryption != nil && !report.Encryption.Opened && most < len(passwords) {
		b.budget.tooManyPasswords(most)
	}
	if report != nil && b.job.Err() == nil {
		if failed := b.tellPDF(report); failed != nil {
			return failed
		}
	}
	return b.walked(err)
}

// visitPDF takes out a part.
func (b *box) visitPDF(p pdf.Part, r io.Reader) error {
	if p.Kind.Routine() {
		return nil
	}
	e := p.Entry
	if e.Name == "" {
		e.Name = nameOfPart(p)
	}
	b.relations = []plugin.ChildOption{plugin.Relationship("part", p.Kind.String())}
	for _, r := range [][2]string{
		{"object_id", objectOf(p)}, {"filter", e.Method}, {"language", languageOf(p)}, {"trigger", p.Trigger}, {"content_type", p.Type},
	} {
		if r[1] != "" {
			b.relations = append(b.relations, plugin.Relationship(r[0], r[1]))
		}
	}
	if p.State != pdf.Current {
		b.relations = append(b.relations, plugin.Relationship("state", p.State.String()))
	}
	defer func() { b.relations = nil }()
	return b.visit(e, r)
}

// objectOf is the object that a part is in; "" for what is in none.
func objectOf(p pdf.Part) string {
	if p.Kind == pdf.Lead || p.Kind == pdf.Tail {
		return ""
	}
	return p.Object.String()
}

// languageOf is that of a script. Forms may have others than JavaScript, and say so; whatever else they say stays in content_type.
func languageOf(p pdf.Part) string {
	switch {
	case p.Kind != pdf.Script:
		return ""
	case strings.Contains(strings.ToLower(p.Type), "formcalc"):
		return "FormCalc"
	}
	return "JavaScript"
}

// nameOfPart is a name for a part that has none.
func nameOfPart(p pdf.Part) string {
	object := "object " + p.Object.String()
	switch {
	case p.Kind == pdf.Lead, p.Kind == pdf.Tail:
		return p.Kind.String()
	case languageOf(p) == "JavaScript":
		return object + " (JavaScript).js"
	case p.Kind == pdf.Script:
		return object + " (" + languageOf(p) + ")"
	case p.Kind == pdf.Form:
		return object + " (XFA form).xml"
	case p.Kind == pdf.Other:
		return object
	}
	return object + " (" + p.Kind.String() + ")"
}

// tellPDF records what the report says of the document.
func (b *box) tellPDF(report *pdf.Report) error {
	var failures []error
	set := func(name string, value any, opts ...plugin.FeatureOption) {
		failures = append(failures, b.job.Feature(name, value, opts...))
	}
	for _, d := range report.Dictionaries {
		set("pdf_object_dictionary", d.Text, plugin.Label(d.Object.String()))
	}
	for _, f := range report.Facts {
		set("suspicious", string(f.Kind))
	}
	if e := report.Encryption; e != nil && e.Opened && e.Password != "" {
		set("box_password", e.Password)
		set("password", e.Password)
	}
	for _, limit := range report.Limits {
		b.notes.left(limit)
	}
	return errors.Join(failures...)
}
