package plugin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"lazuli/event"
)

// memoryBytes is how much of a produced stream is kept in memory; the rest goes to a temporary file.
const memoryBytes = 64 << 10

// spool keeps what r has and returns it as a stream. The file, if there is one, is removed by cleanup.
func spool(dir string, label event.Label, r io.Reader) (s Stream, cleanup func(), err error) {
	cleanup = func() {}
	sum := sha256.New()
	var head bytes.Buffer
	n, err := io.Copy(io.MultiWriter(&head, sum), io.LimitReader(r, memoryBytes))
	if err != nil {
		return Stream{}, cleanup, err
	}
	s = Stream{Label: label, Size: n}
	if n < memoryBytes {
		data := head.Bytes()
		s.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		s.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return s, cleanup, nil
	}
	file, err := os.CreateTemp(dir, "stream-")
	if err != nil {
		return Stream{}, cleanup, fmt.Errorf("keep a stream: %w", err)
	}
	name := file.Name()
	cleanup = func() { os.Remove(name) }
	_, err = file.Write(head.Bytes())
	if err == nil {
		n, err = io.Copy(io.MultiWriter(file, sum), r)
		s.Size += n
	}
	if err = errors.Join(err, file.Close()); err != nil {
		cleanup()
		return Stream{}, func() {}, err
	}
	s.Open = func() (io.ReadCloser, error) { return os.Open(name) }
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return s, cleanup, nil
}
