package unbox

import (
	"errors"
	"fmt"
	"io"

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
		e.Name = fmt.Sprintf("object %s", p.Object)
	}
	b.relations = []plugin.ChildOption{plugin.Relationship("object_id", p.Object.String())}
	if e.Method != "" {
		b.relations = append(b.relations, plugin.Relationship("filter", e.Method))
	}
	defer func() { b.relations = nil }()
	return b.visit(e, r)
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
