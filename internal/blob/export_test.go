package blob

import (
	"os"
	"syscall"
	"testing"
)

// FillDisk makes the files of new uploads devices that are always full.
func FillDisk(t *testing.T, s *FS) {
	s.createTemp = func(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) }
	if f, err := s.createTemp(""); err != nil {
		t.Skipf("SKIPPED: this system cannot play a full disk: %v", err)
	} else {
		f.Close()
	}
}

// FailCreate makes new uploads fail with err.
func FailCreate(s *FS, err error) {
	s.createTemp = func(string) (*os.File, error) { return nil, err }
}

// ForbidHardLinks makes s behave as on a file system without them.
func ForbidHardLinks(s *FS) {
	s.link = func(old, path string) error {
		if _, err := os.Lstat(path); err == nil {
			return &os.LinkError{Op: "link", Old: old, New: path, Err: syscall.EEXIST}
		}
		return &os.LinkError{Op: "link", Old: old, New: path, Err: syscall.EPERM}
	}
}
