package unbox

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"lazuli/plugin"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/ppmd"
)

// content is what is taken apart: the file, or a stretch of it.
type content interface {
	io.ReaderAt
	io.ReadSeeker
	Size() int64
}

// box is one archive that is being taken apart.
type box struct {
	ctx       context.Context
	job       *plugin.Job
	content   content
	budget    *budget
	relations []plugin.ChildOption // of the child that is being taken out, beside the action
	clues     clues
	prefix    string // of all names, of archives inside this one
	action    string // of the relationship of children, if they are not just extracted
	kind      string // box_type; "" until the archive is recognised
	listed    int
	notes     notes
	inflate   inflater
	ppmd      ppmd.Reader
	packed    packedReader // of the entry of a zip that is being unpacked
	passwords passwords
	usual     []string // passwords
	window    []byte   // scratch for the search for headers of a zip
}

// entry is what an archive says of one file in it.
type entry struct {
	name    string // "" when the archive has none
	changed time.Time
	method  string // of compression; "" when there is nothing to say
	size    int64  // bytes, as the archive says; 0 when it does not
	heard   bool   // its text is looked at by who takes it out
}

// errStop ends a walk through an archive when a limit is reached, which the budget has noted.
var errStop = errors.New("a limit is reached")

// list records an entry on the archive, with its name made safe to show. errStop when there are enough.
func (b *box) list(e *entry) error {
	if err := b.job.Err(); err != nil {
		return err
	}
	if b.budget.late() || !b.budget.entry() {
		return errStop
	}
	b.listed++
	if e.name == "" {
		return b.dated(e)
	}
	e.name = b.prefix + e.name
	clean, oddity, cut := cleanName(e.name, b.budget.limits.Name)
	e.name = clean
	if cut {
		b.budget.nameTooLong()
	}
	if oddity != "" {
		if err := b.job.Feature("suspicious", oddity, plugin.Label(e.name)); err != nil {
			return err
		}
	}
	if err := b.job.Feature("box_filepath", e.name); err != nil {
		return err
	}
	if e.method != "" {
		if err := b.job.Feature("box_compression", e.method, plugin.Label(e.name)); err != nil {
			return err
		}
	}
	return b.dated(e)
}

// dated records when an entry was changed, if its archive gives a year that can be written.
func (b *box) dated(e *entry) error {
	if year := e.changed.UTC().Year(); e.changed.IsZero() || year < 1 || year > 9999 {
		return nil
	}
	return b.job.Feature("box_insertdate", e.changed, plugin.Label(e.name))
}

// extract makes a child of an entry's bytes, unless there are none. Of a damaged entry it takes what can be read. An error
// ends the walk through the archive: errStop when a limit is reached, or one for Run to return.
func (b *box) extract(e *entry, r io.Reader) error {
	if e.size > b.budget.limits.File {
		b.budget.fileTooLarge() // there is no point in finding out whether that is true
		return nil
	}
	r, heard := b.listen(e, r)
	in := &entryReader{b: b, r: r}
	first := make([]byte, 8) // enough to know what may be encrypted
	n, err := io.ReadFull(in, first)
	if err == io.EOF {
		b.damagedEntry(e, in.damage)
		return nil
	}
	if err != nil && err != io.ErrUnexpectedEOF {
		return b.readFailed(err)
	}
	first = first[:n]
	var opts []plugin.ChildOption
	if e.name != "" {
		opts = append(opts, plugin.Filename(e.name))
	}
	opts = append(opts, b.relations...)
	if b.action != "" || len(b.relations) > 0 {
		opts = append(opts, plugin.Relationship("action", cmp.Or(b.action, "extracted")))
	}
	child, err := b.job.AddChild(io.MultiReader(strings.NewReader(string(first)), in), opts...)
	if errors.Is(err, plugin.ErrAround) {
		return b.circle(e)
	}
	if err != nil {
		return b.readFailed(err)
	}
	if heard != nil {
		b.clues.text(heard.Bytes())
	}
	if begins(first, lockable) && !slices.Contains(b.clues.archives, child) {
		b.clues.archives = append(b.clues.archives, child)
	}
	if in.damage == nil {
		return b.extractNamed(e, child)
	}
	b.damagedEntry(e, in.damage)
	return child.Feature("malformed", "damaged in its archive: "+damageText(in.damage))
}

// circle tells of an entry that is the archive itself, or one that the archive came out of. It was unpacked already.
func (b *box) circle(e *entry) error {
	const what = "a file that contains itself"
	b.notes.left(short(e.name) + ": " + what)
	return b.job.Feature("suspicious", what, plugin.Label(e.name))
}

// readFailed sorts out why an entry did not become a child.
func (b *box) readFailed(err error) error {
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, errFileTooLarge), errors.Is(err, errDictionary):
		return nil // smaller ones may follow
	case errors.Is(err, errTotalReached), errors.Is(err, errTimeOver), b.budget.late():
		return errStop
	}
	return err
}

func (b *box) damagedEntry(e *entry, damage error) {
	if damage != nil && !b.budget.late() {
		b.notes.damaged(short(e.name) + ": " + damageText(damage))
	}
}

// damagedArchive sorts out why a walk cannot go on: an error of the job goes through, a limit that was passed on the way is
// errStop, and anything else is the archive's damage, with which the walk just ends.
func (b *box) damagedArchive(err error) error {
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case b.budget.late(), b.budget.full():
		return errStop
	case needsDictionary(err):
		b.budget.dictionaryTooLarge()
		return errStop
	}
	b.notes.damaged(plain(err))
	return nil
}

// plain is an error's text without the jargon of decoders.
func plain(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errCutShort) {
		return "the archive is cut short"
	}
	return damageText(err)
}

// damageText is an error's text without the word that there is damage, which its place tells.
func damageText(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+archive.ErrDamaged.Error())
}

// errCutShort tells that data ends before it should.
var errCutShort = errors.New("the data is cut short")

// entryReader reads an entry's bytes within the limits. Damage ends the entry where it is, and is remembered.
type entryReader struct {
	b      *box
	r      io.Reader
	n      int64
	damage error
	end    error // how it ended, which comes again for ever: r is not asked twice, as readers compare checksums at their ends
}

func (e *entryReader) Read(p []byte) (int, error) {
	if e.end != nil {
		return 0, e.end
	}
	n, err := e.read(p)
	e.end = err
	return n, err
}

func (e *entryReader) read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	if limit := e.b.budget.spend(&e.b.budget.files, n); limit != nil {
		return 0, limit
	}
	if e.n > e.b.budget.limits.File {
		e.b.budget.fileTooLarge()
		return 0, errFileTooLarge
	}
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case e.b.job.Err() != nil || errors.Is(err, errTotalReached), errors.Is(err, errTimeOver): // the last two from a stream below
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errCutShort
	case needsDictionary(err):
		e.b.budget.dictionaryTooLarge()
		return n, errDictionary
	}
	e.damage = err
	return n, io.EOF
}

// conclude records what holds for the whole archive and turns what went wrong into the job's end.
func (b *box) conclude(err error) error {
	if err != nil && !errors.Is(err, errStop) && !(b.budget.late() && b.job.Err() == nil) {
		return err
	}
	if err := b.passWords(); err != nil {
		return err
	}
	if b.kind != "" {
		if err := b.job.Feature("box_type", b.kind); err != nil {
			return err
		}
		if err := b.job.Feature("box_count", b.listed); err != nil {
			return err
		}
	}
	for _, limit := range b.budget.reached {
		limit = "extraction limit reached: " + limit
		if err := b.job.Feature("suspicious", limit); err != nil {
			return err
		}
		b.notes.left(limit)
	}
	return b.notes.verdict()
}
