package unbox

import (
	"bufio"
	"errors"
	"io"
	"path"
	"strings"

	"lazuli/plugin"
)

// extractNamed unpacks a child in whose bytes nothing tells that they are compressed, but whose name does. What comes out is a child of the
// child: as a job of its own it would go by its content alone, and be of unknown format.
func (b *box) extractNamed(e *entry, child *plugin.NewChild) error {
	if _, named := brotliFile.endings[strings.ToLower(path.Ext(e.name))]; !named {
		return nil
	}
	packed, err := child.Open()
	if err != nil {
		return err
	}
	defer packed.Close() // was only read
	m, err := b.openMembers(brotliFile, bufio.NewReader(packed))
	if err != nil {
		return err
	}
	in := &entryReader{b: b, r: m}
	content := bufio.NewReader(in)
	if _, err := content.Peek(1); err == io.EOF {
		return nil // the name says too much, or there is nothing in it
	}
	inner, err := child.AddChild(content, plugin.Filename(brotliFile.unpackedName(e.name)))
	if errors.Is(err, plugin.ErrAround) {
		return b.circle(e)
	}
	if err != nil {
		return b.readFailed(err)
	}
	if m.extra {
		if err := child.Feature("extra_content", "true"); err != nil {
			return err
		}
	}
	if in.damage == nil {
		return nil
	}
	b.damagedEntry(e, in.damage)
	return inner.Feature("malformed", "damaged: "+damageText(in.damage))
}
