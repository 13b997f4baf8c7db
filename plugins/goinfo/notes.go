package goinfo

import (
	"fmt"
	"slices"
	"strings"

	"lazuli/plugin"
)

// notes are reasons for a file not being told as a whole.
type notes struct {
	where  string // which image of the file those that are added next are about
	list   []string
	more   int  // that are not in the list
	damage bool // one of them is damage
}

const mostNotes = 10

// left notes that something was left out.
func (n *notes) left(why string) {
	if n.where != "" {
		why = n.where + ": " + why
	}
	if slices.Contains(n.list, why) {
		return
	}
	if len(n.list) >= mostNotes {
		n.more++
		return
	}
	n.list = append(n.list, why)
}

// damaged notes that something is damaged.
func (n *notes) damaged(why string) {
	n.damage = true
	n.left(why)
}

// add takes over the notes of an image.
func (n *notes) add(more *notes) {
	for _, why := range more.list {
		n.left(why)
	}
	n.more += more.more
	n.damage = n.damage || more.damage
}

// verdict is what Run returns.
func (n *notes) verdict() error {
	text := strings.Join(n.list, "; ")
	if n.more > 0 {
		text += fmt.Sprintf("; and %d more", n.more)
	}
	switch {
	case n.damage:
		return plugin.Malformed(text)
	case text != "":
		return plugin.Partial(text)
	}
	return nil
}
