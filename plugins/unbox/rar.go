package unbox

import (
	"errors"
	"io"
	"io/fs"

	"github.com/nwaples/rardecode/v2"

	"lazuli/plugin"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/oldrar"
)

const (
	// mostRoundsRAR is how many rounds may derive one key, as a power of two: RAR 5 writes 15.
	mostRoundsRAR = 20
	// allRoundsRAR is how many there may be for all passwords together.
	allRoundsRAR = 1 << 21
	// roundsRAR4 is what older versions do without saying so.
	roundsRAR4 = 18
)

// rar takes a RAR of version 1.5 to 7 apart.
func (b *box) rar() error {
	b.kind, b.action = "rar", "unrar"
	w := &walkRAR{box: b, head: scanRAR(b.content, b.content.Size())}
	w.layer.b = b
	if w.head.volume {
		b.notes.left("the archive is a volume of several")
	}
	err := archive.Guard(func() error { return w.walk() })
	if err == nil || errors.Is(err, errStop) {
		return err
	}
	return b.damagedArchive(err)
}

// walkRAR goes through the files of a RAR.
type walkRAR struct {
	*box
	head     rarHead
	r        *rardecode.Reader
	at       int // of the next file
	password string
	layer    layerReader // counts what is unpacked and thrown away, too
}

// walk takes out all files. The library reads from the beginning for each password; files that were seen are passed over then.
func (w *walkRAR) walk() error {
	if err := w.openAny(); err != nil {
		return w.ended(err)
	}
	for {
		h, err := w.r.Next()
		if err != nil {
			return w.ended(err)
		}
		w.at++
		if err := archive.Callback(func() error { return w.file(h) }); err != nil {
			return err
		}
	}
}

// ended sorts out why there is no next file. io.EOF is the end.
func (w *walkRAR) ended(err error) error {
	switch {
	case w.job.Err() != nil:
		return w.job.Err()
	case err == io.EOF:
		return nil
	case errors.Is(err, errPassword):
		w.notes.left("the names are encrypted, and no password fits")
		return nil
	case w.head.volume && (errors.Is(err, rardecode.ErrMultiVolume) || errors.Is(err, rardecode.ErrInvalidFileBlock) || errors.Is(err, rardecode.ErrUnexpectedArcEnd)):
		return nil // it was said
	}
	return err
}

// open opens the archive and passes over the first n files.
func (w *walkRAR) open(password string, n int) error {
	if _, err := w.content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	options := []rardecode.Option{rardecode.MaxDictionarySize(w.budget.limits.Dictionary)}
	if password != "" {
		options = append(options, rardecode.Password(password))
	}
	source := io.Reader(w.content)
	if w.head.old {
		source = oldSource{&layerReader{b: w.box, r: oldrar.New(w.ctx, w.content, w.head.at, w.content.Size(), password)}}
	}
	return archive.Guard(func() error {
		r, err := rardecode.NewReader(source, options...)
		if err != nil {
			return err
		}
		for range n {
			if _, err := r.Next(); err != nil {
				return err
			}
		}
		w.r, w.at, w.password = r, n, password
		return nil
	})
}

// oldSource reads an archive that is made readable on the way. What the library passes over is decompressed, too, and counts.
type oldSource struct{ layer *layerReader }

func (s oldSource) Read(p []byte) (n int, err error) {
	err = archive.Callback(func() error {
		var failed error
		n, failed = s.layer.Read(p)
		return failed
	})
	return n, err
}

// openAny opens the archive, with a password if the headers need one.
func (w *walkRAR) openAny() error {
	err := w.open("", 0)
	if err == nil {
		_, err = w.r.Next()
	}
	if !errors.Is(err, rardecode.ErrArchiveEncrypted) {
		return w.open("", 0)
	}
	password, err := w.tryAll(func(password string) error {
		if err := w.open(password, 0); err != nil {
			return err
		}
		_, err := w.r.Next()
		return err
	})
	if err != nil {
		return err
	}
	return w.open(password, 0)
}

// tryAll tries passwords; an error of try means that one does not fit.
func (w *walkRAR) tryAll(try func(password string) error) (string, error) {
	rounds := w.head.rounds
	if rounds == 0 && !w.oldKey() {
		rounds = roundsRAR4
	}
	if rounds > mostRoundsRAR {
		return "", errPassword
	}
	return w.unlock(max(1, min(w.budget.limits.Passwords, allRoundsRAR>>rounds)), func(password string, _ bool) error {
		if err := archive.Guard(func() error { return try(password) }); err != nil && w.job.Err() == nil {
			return errPassword
		}
		return w.job.Err()
	})
}

// file lists a file and takes it out.
func (w *walkRAR) file(h *rardecode.FileHeader) error {
	e := &entry{name: h.Name, changed: h.ModificationTime}
	if !h.UnKnownSize {
		e.size = h.UnPackedSize
	}
	if h.IsDir {
		e.name += "/"
	}
	if err := w.list(e); err != nil {
		return err
	}
	if i := w.at - 1; i < len(w.head.methods) && !h.IsDir {
		if err := w.job.Feature("rar_compression", w.head.methods[i], plugin.Label(e.name)); err != nil {
			return err
		}
	}
	if h.IsDir || h.LinkType != rardecode.LinkTypeNone || h.Mode()&fs.ModeSymlink != 0 && e.size <= mostLink {
		return nil
	}
	if w.oldKey() && h.UnPackedSize == 0 {
		return nil // every password fits
	}
	if h.Encrypted || w.oldKey() {
		err := w.unlockFile()
		if errors.Is(err, errPassword) {
			w.locked(e)
			return nil
		}
		if err != nil {
			return err
		}
	}
	w.layer.r = archive.Guarded(rarContent{w.r})
	if err := w.extract(e, &w.layer); err != nil || !w.head.solid {
		return err
	}
	return w.rest()
}

// rest reads what is left of a file, which the next one depends on.
func (w *walkRAR) rest() error {
	_, err := io.Copy(io.Discard, &w.layer)
	switch {
	case w.job.Err() != nil:
		return w.job.Err()
	case errors.Is(err, errTotalReached):
		return errStop
	}
	return nil // damage of a file that is left out; the next one tells
}

// oldKey tells whether the file at hand is encrypted as RAR 1.5 and 2 did it, which the library does not see once there is a password.
func (w *walkRAR) oldKey() bool {
	i := w.at - 1
	return i >= 0 && i < len(w.head.oldKeys) && w.head.oldKeys[i]
}

// unlockFile finds the password of the file at hand, and opens it anew with that.
func (w *walkRAR) unlockFile() error {
	here, before := w.at, w.password
	if w.password != "" {
		// It fitted another file; RAR 5 tells at once if it does not fit this one.
		if w.oldKey() {
			return nil
		}
		if _, err := w.r.Read(nil); err == nil {
			return nil
		}
	}
	password, err := w.tryAll(func(password string) error {
		if err := w.open(password, here); err != nil {
			return err
		}
		return w.confirm(archive.Guarded(rarContent{w.r}), false)
	})
	if errors.Is(err, errPassword) {
		return errors.Join(errPassword, w.open(before, here))
	}
	if err != nil {
		return err
	}
	return w.open(password, here)
}

var (
	errElsewhere = errors.New("it goes on in another volume")
	errOldRAR    = errors.New("the compression cannot be unpacked")
)

// rarContent reads the file at hand.
type rarContent struct{ r *rardecode.Reader }

func (c rarContent) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	switch {
	case errors.Is(err, rardecode.ErrMultiVolume):
		err = errElsewhere
	case errors.Is(err, rardecode.ErrUnexpectedArcEnd), errors.Is(err, rardecode.ErrShortFile):
		err = errCutShort
	case errors.Is(err, rardecode.ErrUnsupportedDecoder), errors.Is(err, rardecode.ErrUnknownDecoder):
		err = errOldRAR
	case errors.Is(err, rardecode.ErrBadFileChecksum):
		err = errChecksum
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		err = errDictionary
	}
	return n, err
}
