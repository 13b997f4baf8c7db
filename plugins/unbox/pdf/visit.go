package pdf

import (
	"errors"
	"io"
	"strings"

	"lazuli/plugins/unbox/archive"
)

// visitAll visits all parts.
func (s *sweep) visitAll(visit Visit) error {
	for _, step := range []func(Visit) error{s.visitFiles, s.visitScripts, s.visitFormScripts, s.visitForms, s.visitAround} {
		if err := step(visit); err != nil {
			return err
		}
	}
	for _, kind := range []Kind{EmbeddedFile, Media, Other, Metadata, Profile, Image, Font, Content, Index} { // without a name, or a use, as yet
		if err := s.visitStreams(kind, visit); err != nil {
			return err
		}
	}
	return nil
}

// with calls use for each object that has something.
func (s *sweep) with(has contents, use func(it *item, o Object) error) error {
	for i := range s.items {
		it := &s.items[i]
		if it.has&has == 0 {
			continue
		}
		if err := s.d.failed(); err != nil {
			return err
		}
		if err := use(it, s.d.load(it.place, it.id.Number).value); err != nil {
			return err
		}
	}
	return nil
}

// find calls use for each dictionary in an object until it returns an error.
func (s *sweep) find(o Object, use func(node) error) error {
	var err error
	s.each(o, func(n node) {
		if err == nil && n.dict != nil {
			err = use(n)
		}
	})
	return err
}

// visitStream visits a part that is a stream.
func (s *sweep) visitStream(p Part, stream *Stream, visit Visit) error {
	s.taken[stream.at] = true
	decoded := s.d.decode(stream, s.d.work)
	p.Method, p.Encrypted = methodOf(decoded.filters), decoded.encrypted
	return visit(p, decoded.r)
}

// visitText visits a part that is a string.
func (s *sweep) visitText(p Part, text String, visit Visit) error {
	if c := s.d.crypt; c != nil && c.strings != methodNone {
		p.Encrypted = true
		if c.key == nil {
			return visit(p, nil)
		}
	}
	return visit(p, strings.NewReader(textOf(text)))
}

// visitStreams visits the streams of a kind that were not visited as something else.
func (s *sweep) visitStreams(kind Kind, visit Visit) error {
	for i := range s.items {
		it := &s.items[i]
		if it.kind == NoKind || s.kindOfUse(it) != kind {
			continue
		}
		if err := s.d.failed(); err != nil {
			return err
		}
		stream, ok := s.d.load(it.place, it.id.Number).value.(*Stream)
		if !ok || s.taken[stream.at] {
			continue
		}
		p := Part{Kind: kind, Object: it.id, State: it.state}
		if kind == EmbeddedFile {
			s.describe(&p, stream)
		}
		if err := s.visitStream(p, stream, visit); err != nil {
			return err
		}
	}
	return nil
}

// visitAround visits what is in front of the header and behind the end.
func (s *sweep) visitAround(visit Visit) error {
	if s.d.base > 0 {
		if err := s.visitRaw(Lead, 0, s.d.base, visit); err != nil {
			return err
		}
	}
	if at, size := s.d.behind(); size > 0 {
		return s.visitRaw(Tail, at, size, visit)
	}
	return nil
}

func (s *sweep) visitRaw(kind Kind, at, size int64, visit Visit) error {
	p := Part{Kind: kind, Entry: archive.Entry{Size: size}}
	return visit(p, &stage{r: s.d.src.section(at, size), work: s.d.work, most: s.d.limits.stream, name: kind.String()})
}

// behind is what follows the last %%EOF, white space aside.
func (d *document) behind() (at, size int64) {
	if d.seen.ends == 0 {
		return 0, 0
	}
	at = d.seen.lastEnd
	for space(d.src.byteAt(at)) {
		at++
	}
	return at, max(0, d.src.size-at)
}

// joined reads streams one after the other. Damage in one is told at the end.
type joined struct {
	d       *document
	streams []*Stream
	r       io.Reader
	damage  error
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.r == nil {
			if len(j.streams) == 0 {
				if j.damage != nil {
					return 0, j.damage
				}
				return 0, io.EOF
			}
			j.r = j.d.decode(j.streams[0], j.d.work).r
			j.streams = j.streams[1:]
			continue
		}
		n, err := j.r.Read(p)
		if errors.Is(err, archive.ErrDamaged) {
			j.damage, err = err, io.EOF
		}
		if err == io.EOF {
			j.r = nil
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
