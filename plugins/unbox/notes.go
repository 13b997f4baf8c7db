package unbox

import (
	"fmt"
	"strings"

	"lazuli/plugin"
)

// notes are reasons for an archive not being taken out as a whole.
type notes struct {
	list   []string
	more   int  // that are not in the list
	damage bool // one of them is damage
}

const mostNotes = 10

// left notes that something was left out.
func (n *notes) left(why string) {
	for _, known := range n.list {
		if known == why {
			return
		}
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
