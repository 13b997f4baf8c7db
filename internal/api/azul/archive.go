package azul

import (
	"archive/zip"
	"errors"
	"io"
	"net/http"
	"os"
	"unicode/utf8"

	"lazuli/internal/api/submit/unzip"
)

// Limits of an archive whose files are submitted one by one, those of the reference.
const (
	maxArchiveBytes   = 100 << 20
	maxExtractedBytes = 200 << 20
	maxMembers        = 1000
	maxMemberName     = 255 // characters
)

// archive keeps the files of a ZIP file, each as a file of its own.
func (u *receiver) archive(r io.Reader) error {
	file, err := os.CreateTemp("", "lazuli-archive-")
	if err != nil {
		return err
	}
	defer file.Close()
	_ = os.Remove(file.Name()) // it lives as long as it is open
	n, err := io.Copy(file, io.LimitReader(r, maxArchiveBytes+1))
	switch {
	case err != nil:
		return err
	case n > maxArchiveBytes:
		return badArchive("the archive has more than %d bytes", maxArchiveBytes)
	case n == 0:
		return badArchive("no content in request body")
	}
	archive, err := zip.NewReader(file, n)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return badArchive("this is no ZIP file: %s", err.Error())
	}
	return u.members(archive)
}

func badArchive(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "bad archive", format, args...)
}

func (u *receiver) members(archive *zip.Reader) error {
	files := 0
	left := int64(maxExtractedBytes)
	for _, m := range archive.File {
		if m.FileInfo().IsDir() || m.UncompressedSize64 == 0 {
			continue
		}
		if files++; files > maxMembers {
			return badArchive("the archive has more than %d files", maxMembers)
		}
		name := memberName(m.Name)
		if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxMemberName {
			return badArchive("the archive has a file whose path is not text of at most %d characters", maxMemberName)
		}
		content, err := unzip.Open(m, u.password)
		if err != nil {
			return badArchive("%s cannot be extracted: %s", name, err.Error())
		}
		counted := &extracted{r: content, left: &left}
		err = errors.Join(u.keep(counted, name), content.Close())
		if counted.err != nil {
			return badArchive("%s cannot be extracted: %s", name, counted.err.Error())
		}
		if err != nil {
			return err
		}
	}
	if files == 0 {
		return badArchive("the archive has no files")
	}
	return nil
}

var errTooMuch = errors.New("all files together have more than the 200 MiB that are extracted")

// extracted counts what comes out of an archive, whatever that says of its size, and keeps what went wrong with it.
type extracted struct {
	r    io.Reader
	left *int64
	err  error
}

func (e *extracted) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if *e.left -= int64(n); *e.left < 0 {
		err = errTooMuch
	}
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, err
}
