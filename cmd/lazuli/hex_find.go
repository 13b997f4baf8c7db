package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"lazuli/internal/inspect"
)

// hexFinder prints where bytes stand in files.
type hexFinder struct {
	hexPrinter
	pattern  string
	withPath bool
}

// foundBytes is what `lazuli hex --find --json` prints of a place.
type foundBytes struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Hex    string `json:"hex"`
}

func (f *hexFinder) query() inspect.BytesQuery {
	return inspect.BytesQuery{Pattern: f.pattern, Offset: f.offset, MaxBytes: f.bytes, Take: inspect.MostTake, TimeLimit: 24 * time.Hour}
}

// check tells what makes no sense in the pattern, before any file is opened.
func (f *hexFinder) check() error {
	_, err := inspect.FindBytes(f.ctx, inspect.ReaderAt(nil, 0), f.query())
	if errors.Is(err, inspect.ErrQuery) {
		return &usageError{err}
	}
	return err
}

func (f *hexFinder) file(path string, file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	src, q := inspect.ReaderAt(file, info.Size()), f.query()
	end := info.Size()
	if f.bytes > 0 && f.bytes < end-f.offset {
		end = f.offset + f.bytes
	}
	for q.Offset < end {
		q.MaxBytes = end - q.Offset
		page, err := inspect.FindBytes(f.ctx, src, q)
		if err != nil {
			return nil, err
		}
		for _, hit := range page.Strings {
			line, err := f.line(path, src, hit)
			if err != nil {
				return nil, err
			}
			if err := f.out.write(line); err != nil {
				return nil, err
			}
		}
		q.Offset = page.NextOffset
	}
	return nil, nil
}

func (f *hexFinder) line(path string, src inspect.Source, hit inspect.String) ([]byte, error) {
	if f.json {
		return jsonLine(foundBytes{path, hit.Offset, hit.Length, hit.Text})
	}
	page, err := inspect.HexShort(f.ctx, src, hit.Offset, 16)
	if err != nil {
		return nil, err
	}
	line := hexLine(page.Rows[0])
	if f.withPath {
		line = append(fmt.Appendf(nil, "%s: ", printable(path)), line...)
	}
	return line, nil
}
