package pdf

import "strings"

// A trail tells what sets off an action, as far as one object shows it: "OpenAction", "page AA/O", "annotation A". One that begins
// with a slash goes on where another object leads here.

// mostTrail bounds the bytes of a trail, roughly.
const mostTrail = 200

// step returns the trail to what stands under a key of a dictionary, "" if that is no action or nothing that leads to one.
func step(owner, trail string, key Name) string {
	switch key {
	case "OpenAction":
		return "OpenAction"
	case "Next":
		if len(trail) > mostTrail {
			return trail
		}
		return trail + "/Next"
	case "A", "PA", "AA":
		return strings.TrimSpace(owner + " " + string(key))
	case "JavaScript":
		return "Names"
	}
	if strings.HasSuffix(trail, "AA") {
		return trail + "/" + cut(key.text(), 32)
	}
	return ""
}

// ownerOf says what a dictionary with actions is.
func ownerOf(d Dict) string {
	switch {
	case d.Get("Type") == Name("Catalog"):
		return "catalog"
	case d.Get("Type") == Name("Page"):
		return "page"
	case d.Get("FT") != nil:
		return "field"
	case d.Get("Rect") != nil:
		return "annotation"
	case d.Get("Title") != nil:
		return "outline"
	}
	return ""
}

// trigger completes the trail of an action with those that lead to its object.
func (s *sweep) trigger(it *item, key Name, trail string) string {
	const most = 16 // objects in a row
	number := it.id.Number
	for range most {
		if trail != "" && !strings.HasPrefix(trail, "/") {
			return trail
		}
		c, ok := s.causes[number]
		if !ok {
			break
		}
		if trail == "" && strings.HasSuffix(c.trail, "AA") && key != "" {
			trail = "/" + cut(key.text(), 32)
		}
		number, trail, key = c.from, cut(c.trail+trail, 2*mostTrail), ""
	}
	return strings.TrimPrefix(trail, "/")
}
