package pdf

import (
	"fmt"
	"slices"
	"strings"
)

// actionKinds are the actions that are told (table 201 of 12.6.4): all but those that only turn pages or show and hide things.
var actionKinds = []Name{
	"GoToE", "GoToR", "ImportData", "JavaScript", "Launch", "Movie", "Named", "Rendition", "RichMediaExecute", "Sound", "SubmitForm", "Thread", "URI",
}

// action notes a dictionary that is one.
func (s *sweep) action(it *item, n node) {
	kind := s.d.name(n.dict.Get("S"))
	if !slices.Contains(actionKinds, kind) || len(s.actions) >= s.d.limits.found {
		return
	}
	// What leads to it is only known when all objects were seen: until then the trail is in Trigger, see actionList.
	a := Action{Kind: string(kind), Target: cut(s.target(kind, n.dict), mostTarget), Trigger: cut(n.key.text(), 32) + "\x00" + n.trail, Object: it.id, State: it.state}
	s.actions = append(s.actions, a)
}

// actionList completes the triggers and leaves out what is the same.
func (s *sweep) actionList() []Action {
	var list []Action
	for _, a := range s.actions {
		key, trail, _ := strings.Cut(a.Trigger, "\x00")
		a.Trigger = s.trigger(&item{id: a.Object}, Name(key), trail)
		same := Action{Kind: a.Kind, Target: a.Target, Trigger: a.Trigger}
		if !s.actionsSeen[same] || a.Kind == "JavaScript" {
			s.actionsSeen[same] = true
			list = append(list, a)
		}
	}
	return list
}

const (
	mostText   = 2048 // bytes of a name or another text that is reported
	mostTarget = 4000 // bytes of what an action goes to
)

// cut cuts a text that is too long.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// text resolves to a text string, "" when it cannot be decrypted.
func (d *document) text(o Object) string {
	if d.crypt.locked() && d.crypt.strings != methodNone {
		return ""
	}
	s := d.string(o)
	s = s[:min(len(s), mostText+100)]
	if d.work.spend(int64(len(s))) != nil {
		return ""
	}
	return cut(textOf(s), mostText)
}

// target says what an action goes to.
func (s *sweep) target(kind Name, dict Dict) string {
	d := s.d
	switch kind {
	case "URI":
		return d.text(dict.Get("URI"))
	case "Named":
		return d.name(dict.Get("N")).text()
	case "Launch":
		return s.launch(dict)
	case "JavaScript", "Rendition", "RichMediaExecute", "Sound", "Movie":
		return ""
	}
	return s.fileName(dict.Get("F"))
}

// launch writes a file or command and its parameters (table 207).
func (s *sweep) launch(dict Dict) string {
	parts := []string{s.fileName(dict.Get("F"))}
	for _, system := range []Name{"Win", "Mac", "Unix"} {
		own := s.d.dict(dict.Get(system))
		if own == nil {
			if name := s.fileName(dict.Get(system)); name != "" {
				parts = append(parts, name)
			}
			continue
		}
		parts = append(parts, s.fileName(own.Get("F")), s.d.text(own.Get("P")))
		if folder := s.d.text(own.Get("D")); folder != "" {
			parts = append(parts, fmt.Sprintf("(in %s)", folder))
		}
		if verb := s.d.text(own.Get("O")); verb != "" && verb != "open" {
			parts = append(parts, fmt.Sprintf("(to %s)", verb))
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}

// fileName is the name in a file specification (7.11), which may be a string.
func (s *sweep) fileName(spec Object) string {
	spec = s.d.resolve(spec)
	if dict := dictOf(spec); dict != nil {
		for _, key := range []Name{"UF", "F", "DOS", "Unix", "Mac"} {
			if name := s.d.text(dict.Get(key)); name != "" {
				return name
			}
		}
		return ""
	}
	return s.d.text(spec)
}
