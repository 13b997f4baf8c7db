package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"lazuli/plugins/unbox/archive"
)

// document is a file whose objects can be asked for.
type document struct {
	ctx    context.Context
	limits *limits
	notes  *reached
	src    *source
	work   *work // of the phase
	parser parser

	version       string // in the header
	base          int64  // offset of the header
	seen          *survey
	xrefs         *xrefs // nil if the file has none that can be used
	ignoredStarts int    // startxref at the end of the file that lead nowhere
	rebuilt       bool   // objects are where the scan found them, for want of cross-references
	trailer       Dict

	current map[uint32]place
	spare   []spare // objects that are not current
	lost    []lost  // entries of the cross-references that lie
	crypt   *crypt  // nil if the file is not encrypted

	cache       map[uint32]Object
	cached      int // values in the cache
	bundles     []*bundle
	scratch     bytes.Buffer
	opening     map[int64]bool // offsets of object streams that are being read
	depth       int            // of resolve
	surveyed    int64          // the object whose names are looked at
	memberNamed func(Name)     // is told names with escapes in object streams
	escaped     []escapedName
	escapes     int
}

// place is where an object lies.
type place struct {
	at    int64 // offset of its header, or of that of the object stream that it is in
	index int32 // in the object stream; inFile if it is in none
}

const inFile = -1

// spare is an object that the cross-references do not lead to.
type spare struct {
	place place
	id    ID
	state State
}

// lost is an entry of the cross-references without its object.
type lost struct {
	number uint32
	at     int64 // as the entry says
	found  int64 // where the object is, or nowhere
}

const nowhere = -1

// openDocument finds out where the objects of a file are, and opens it with the first password that does.
func openDocument(ctx context.Context, r io.ReaderAt, size int64, passwords []string, l *limits) (*document, error) {
	d := &document{ctx: ctx, limits: l, notes: &reached{}, current: map[uint32]place{}, cache: map[uint32]Object{}, opening: map[int64]bool{}}
	d.src = &source{ctx: ctx, file: r, size: size}
	d.parser = parser{lexer: lexer{src: d.src, most: l.text}, limits: l, notes: d.notes, levels: allLevels}
	d.begin("read the cross-references", l.parse)
	at, version, hasHeader := d.findHeader()
	d.base, d.version = at, version
	d.findXRefs()
	d.begin("find the objects", l.parse)
	d.seen = d.scan()
	if err := d.failed(); err != nil {
		return nil, err
	}
	if !hasHeader && len(d.seen.objects) == 0 {
		return nil, archive.ErrNotThis
	}
	d.begin("put the objects in order", l.parse)
	if !d.settle() || !d.complete(passwords) {
		d.rebuild()
		d.complete(passwords)
	}
	return d, d.failed()
}

// begin begins a phase with work of its own: perByte for each byte of the file.
func (d *document) begin(phase string, perByte int64) {
	const most = 1 << 50 // bytes, so that the product fits
	d.work = &work{left: d.limits.base + min(d.src.size, most)*perByte, phase: phase, notes: d.notes}
	d.src.work = d.work
	if errors.Is(d.src.err, ErrLimit) {
		d.src.err = nil
	}
}

// failed returns what stands in the way of going on: the context, or a file that cannot be read.
func (d *document) failed() error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	if errors.Is(d.src.err, ErrLimit) {
		return nil
	}
	return d.src.err
}

const mostRefs = 32 // that lead to one another

// resolve follows references. What leads nowhere is nil.
func (d *document) resolve(o Object) Object {
	for range mostRefs {
		ref, ok := o.(Ref)
		if !ok {
			return o
		}
		o = d.object(ref.Number)
	}
	return nil
}

// dict resolves to a dictionary, that of a stream too, or nil.
func (d *document) dict(o Object) Dict { return dictOf(d.resolve(o)) }

// array resolves to an array, or nil.
func (d *document) array(o Object) Array {
	a, _ := d.resolve(o).(Array)
	return a
}

// name resolves to a name, or "".
func (d *document) name(o Object) Name {
	n, _ := d.resolve(o).(Name)
	return n
}

// string resolves to a string, or "".
func (d *document) string(o Object) String {
	s, _ := d.resolve(o).(String)
	return s
}

const mostCached = 250_000 // values: some 10 MB

// object returns the current object of a number, or nil. Generations are not compared: readers do not agree on them.
func (d *document) object(number uint32) Object {
	if o, ok := d.cache[number]; ok {
		return o
	}
	p, ok := d.current[number]
	if !ok || d.depth > mostRefs {
		return nil
	}
	d.depth++
	defer func() { d.depth-- }()
	o := d.load(p, number)
	if d.cached += o.values + 4; d.cached > mostCached {
		clear(d.cache)
		d.cached = o.values + 4
	}
	d.cache[number] = o.value
	return o.value
}

// load reads an object. One that is not there, or bears another number, is null.
func (d *document) load(p place, number uint32) indirect {
	if p.index != inFile {
		return d.member(p, number)
	}
	o, ok := d.indirect(p.at)
	if !ok || o.id.Number != number {
		return indirect{id: ID{Number: number}}
	}
	if d.crypt != nil {
		o.value = d.crypt.object(o.value, o.id)
	}
	return o
}

// damaged makes an error of what is damaged.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", archive.ErrDamaged, fmt.Sprintf(format, args...))
}
