//go:build !linux

package worker

import (
	"errors"
	"log/slog"
	"os"
	"syscall"
)

// Elsewhere workers are processes of their own with time limits, but neither their memory nor what they may touch is
// limited.

func thisProgram() (string, error) { return os.Executable() }

func childAttributes() *syscall.SysProcAttr { return nil }

func (s *spawner) begin() {
	go func() {
		defer close(s.ended)
		for f := range s.requests {
			f()
		}
	}()
}

func residentBytes(int) (int64, error) { return 0, errors.ErrUnsupported }

func limitResources(int64) error { return nil }

func confine(_ ChildOptions, _ string, logger *slog.Logger) error {
	logger.Warn("there is no sandbox on this system: plugins run with all rights of the user")
	return nil
}
