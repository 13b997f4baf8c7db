package pdf

import (
	"strconv"
	"strings"
	"time"
)

// visitFiles visits the files that file specifications embed, wherever in the document these are: in the catalog's tree of names,
// in annotations, in media.
func (s *sweep) visitFiles(visit Visit) error {
	type visited struct {
		at   int64
		name string
	}
	seen := map[visited]bool{}
	return s.with(hasFile, func(it *item, o Object) error {
		root := dictOf(o)
		return s.find(o, func(n node) error {
			files := s.d.dict(n.dict.Get("EF"))
			p := Part{Kind: EmbeddedFile, Object: it.id, State: it.state}
			if p.Name = s.fileName(n.dict); len(root) > 0 && len(n.dict) > 0 && &root[0] == &n.dict[0] {
				if s.assets[it.id.Number] {
					p.Kind = Media
				}
				if p.Name == "" {
					p.Name = s.names[it.id.Number]
				}
			}
			visitOne := func(p Part, o Object) error {
				stream, ok := s.d.resolve(o).(*Stream)
				if !ok || seen[visited{stream.at, p.Name}] || len(seen) >= s.d.limits.found {
					return nil
				}
				seen[visited{stream.at, p.Name}] = true
				s.describe(&p, stream)
				return s.visitStream(p, stream, visit)
			}
			for _, pair := range files {
				if s.d.work.spend(objectCost) != nil {
					return nil // told in the report
				}
				if err := visitOne(p, pair.Value); err != nil {
					return err
				}
			}
			return s.related(n.dict, func(name string, o Object) error {
				p.Name = name
				return visitOne(p, o)
			})
		})
	})
}

// related calls use for the files that belong to an embedded one (7.11.4.3).
func (s *sweep) related(spec Dict, use func(name string, o Object) error) error {
	for _, pair := range s.d.dict(spec.Get("RF")) {
		for list := s.d.array(pair.Value); len(list) >= 2; list = list[2:] {
			if s.d.work.spend(objectCost) != nil {
				return nil // told in the report
			}
			if err := use(s.d.text(list[0]), list[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe adds what the stream of an embedded file says of it (table 45 of 7.11.4).
func (s *sweep) describe(p *Part, stream *Stream) {
	d := s.d
	p.Type = d.name(stream.Dict.Get("Subtype")).text()
	parms := d.dict(stream.Dict.Get("Params"))
	if size, ok := integer(d.resolve(parms.Get("Size"))); ok && size > 0 {
		p.Size = size
	}
	for _, key := range []Name{"ModDate", "CreationDate"} {
		if at, ok := dateOf(d.text(parms.Get(key))); ok {
			p.Changed = at
			return
		}
	}
}

// dateOf reads a date (7.9.4), D:20240102030405+01'00', of which everything behind the year may be missing.
func dateOf(text string) (time.Time, bool) {
	text = strings.TrimPrefix(text, "D:")
	fields := [6]int{0, 1, 1, 0, 0, 0} // year, month, day, hour, minute, second
	for i := range fields {
		width := 2
		if i == 0 {
			width = 4
		}
		n, err := strconv.ParseUint(text[:min(width, len(text))], 10, 16)
		if err != nil || len(text) < width {
			if i == 0 {
				return time.Time{}, false
			}
			break
		}
		fields[i], text = int(n), text[width:]
	}
	if fields[1] < 1 || fields[1] > 12 || fields[2] < 1 || fields[2] > 31 || fields[3] > 23 || fields[4] > 59 || fields[5] > 60 {
		return time.Time{}, false
	}
	at := time.Date(fields[0], time.Month(fields[1]), fields[2], fields[3], fields[4], fields[5], 0, time.UTC)
	return at.Add(-zoneOf(text)), true
}

// zoneOf is how far ahead of UTC a date's zone is: +01'00', or nothing that can be read.
func zoneOf(text string) time.Duration {
	if len(text) < 3 || text[0] != '+' && text[0] != '-' {
		return 0
	}
	hours, err := strconv.ParseUint(text[1:3], 10, 8)
	if err != nil || hours > 23 {
		return 0
	}
	offset := time.Duration(hours) * time.Hour
	if rest := strings.Trim(text[3:], "'"); len(rest) >= 2 {
		if minutes, err := strconv.ParseUint(rest[:2], 10, 8); err == nil && minutes < 60 {
			offset += time.Duration(minutes) * time.Minute
		}
	}
	if text[0] == '-' {
		return -offset
	}
	return offset
}
