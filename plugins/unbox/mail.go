package unbox

import (
	"fmt"
	"io"

	"lazuli/plugins/unbox/mail"
)

// eml takes out what is attached to a mail.
func (b *box) eml() error {
	b.kind = "eml"
	return b.walked(mail.Walk(b.ctx, b.content, b.content.Size(), b.visitMail))
}

// msg takes out what is attached to a message of Outlook.
func (b *box) msg() error {
	b.kind = "msg"
	return b.walked(mail.WalkOutlook(b.ctx, b.content, b.content.Size(), b.visitMail))
}

// visitMail takes out what is attached. The text itself stays where it is; it may have a password.
func (b *box) visitMail(p mail.Part, r io.Reader) error {
	if p.Body {
		text, err := io.ReadAll(io.LimitReader(r, mostTextBytes))
		b.clues.text(text)
		if err != nil && b.job.Err() != nil {
			return b.job.Err()
		}
		return nil // damage of a text is not what is looked for here
	}
	if p.Name == "" {
		p.Name = fmt.Sprintf("part %d", b.listed+1)
	}
	return b.visit(p.Entry, r)
}
