package unbox

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/sevenzip"
)

const (
	// mostRounds7z is how many rounds may derive one key, as a power of two: 7-Zip writes 19.
	mostRounds7z = 24
	// allRounds7z is how many there may be for all passwords together: some two seconds' work.
	allRounds7z = 1 << 24
)

// sevenZip takes a 7z apart.
func (b *box) sevenZip() error {
	a, err := b.open7z()
	switch {
	case b.job.Err() != nil:
		return b.job.Err()
	case errors.Is(err, archive.ErrNotThis):
		return b.damagedArchive(err)
	case errors.Is(err, archive.ErrEncrypted):
		b.kind = "sevenzip"
		b.notes.left("the names are encrypted, and no password fits")
		return nil
	case err != nil:
		b.kind = "sevenzip"
		return b.damagedArchive(err)
	}
	b.kind = "sevenzip"
	w := &walk7z{box: b, archive: a, block: -1}
	for i := range a.Files {
		if err := w.file(&a.Files[i]); err != nil {
			return err
		}
	}
	return nil
}

// open7z reads the directory, with a password if that is needed.
func (b *box) open7z() (*sevenzip.Archive, error) {
	open := func(password string) (*sevenzip.Archive, error) {
		return sevenzip.Open(b.content, b.content.Size(), sevenzip.Options{
			Password: password, Dictionary: b.budget.limits.Dictionary, MostRounds: mostRounds7z,
		})
	}
	a, err := open("")
	if !errors.Is(err, archive.ErrEncrypted) {
		return a, err
	}
	_, locked := b.unlock(b.budget.limits.Passwords, func(password string, _ bool) error {
		if a, err = open(password); errors.Is(err, archive.ErrEncrypted) {
			return errPassword
		}
		return nil
	})
	if locked != nil && !errors.Is(locked, errPassword) {
		return nil, locked
	}
	return a, err
}

// walk7z goes through the files of a 7z and the blocks that they lie in.
type walk7z struct {
	*box
	archive *sevenzip.Archive
	block   int       // that is open; -1 for none
	data    io.Reader // the rest of it
	failed  error     // why there is no more of it
}

// file takes out one file.
func (w *walk7z) file(f *sevenzip.File) error {
	if f.Folder || f.Link && f.Size <= mostLink { // the reference neither lists nor counts them
		return w.skip(f)
	}
	e := &entry{name: f.Name, changed: f.Changed, size: f.Size}
	if f.Block >= 0 {
		e.method = w.archive.Blocks[f.Block].Method()
	}
	if err := w.list(e); err != nil || f.Block < 0 {
		return err
	}
	data, err := w.content7z(f)
	if err != nil {
		return w.unreadable(e, err)
	}
	if err := w.extract(e, data); err != nil {
		return err
	}
	return w.rest(data)
}

// skip passes over the content of a file that is not taken out.
func (w *walk7z) skip(f *sevenzip.File) error {
	if f.Block < 0 {
		return nil
	}
	data, err := w.content7z(f)
	if err != nil {
		return w.job.Err()
	}
	return w.rest(data)
}

// rest reads what is left of a file, which the next one lies behind.
func (w *walk7z) rest(data io.Reader) error {
	_, err := io.Copy(io.Discard, data)
	switch {
	case w.job.Err() != nil:
		return w.job.Err()
	case errors.Is(err, errTotalReached):
		return errStop
	case err != nil && w.failed == nil:
		w.failed = err
	}
	return nil
}

// unreadable notes why a file could not be taken out.
func (w *walk7z) unreadable(e *entry, err error) error {
	switch {
	case w.job.Err() != nil:
		return w.job.Err()
	case errors.Is(err, errPassword):
		w.locked(e)
	case needsDictionary(err):
		w.budget.dictionaryTooLarge()
	default:
		w.damagedEntry(e, err)
	}
	return nil
}

// content7z opens the content of a file, behind that of the file before.
func (w *walk7z) content7z(f *sevenzip.File) (io.Reader, error) {
	if f.Block != w.block {
		w.block = f.Block
		w.data, w.failed = w.open7zBlock(f)
	}
	if w.failed != nil {
		return nil, w.failed
	}
	return &file7z{w: w, left: f.Size, want: f.Sum, summed: f.Summed}, nil
}

// open7zBlock opens the block that a file is the first one of.
func (w *walk7z) open7zBlock(first *sevenzip.File) (io.Reader, error) {
	block := &w.archive.Blocks[first.Block]
	open := func(password string) (io.Reader, error) {
		r, err := w.archive.Open(first.Block, password)
		if err != nil {
			return nil, err
		}
		return &layerReader{b: w.box, r: r}, nil
	}
	if !block.Encrypted() {
		return open("")
	}
	var r io.Reader
	tries := max(1, min(w.budget.limits.Passwords, allRounds7z>>min(block.Rounds(), mostRounds7z)))
	_, err := w.unlock(tries, func(password string, fits bool) (err error) {
		if r, err = open(password); err != nil || fits {
			return err
		}
		probe := &file7z{w: &walk7z{box: w.box, data: r}, left: first.Size, want: first.Sum, summed: first.Summed}
		if err := w.confirm(probe, false); err != nil {
			return err
		}
		r, err = open(password)
		return err
	})
	return r, err
}

// file7z reads one file of a block.
type file7z struct {
	w      *walk7z
	left   int64
	sum    uint32
	want   uint32
	summed bool
	err    error
}

func (f *file7z) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.left == 0 {
		f.err = io.EOF
		if f.summed && f.sum != f.want {
			f.err = errChecksum
		}
		return 0, f.err
	}
	n, err := f.w.data.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	f.sum = crc32.Update(f.sum, crc32.IEEETable, p[:n])
	if err == io.EOF && f.left > 0 {
		err = errCutShort
	}
	if err != nil && err != io.EOF {
		f.err, f.w.failed = err, fmt.Errorf("what lies in front of it: %w", err)
		return n, err
	}
	return n, nil
}
