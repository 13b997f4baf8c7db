package eventlog_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet keeps expected warnings out of the test's output.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestSuite(t *testing.T) {
	for name, newFS := range map[string]func() vfs.FS{
		"disk":   func() vfs.FS { return vfs.Default },
		"memory": func() vfs.FS { return vfs.NewCrashableMem() },
	} {
		t.Run(name, func(t *testing.T) {
			type place struct {
				fs  vfs.FS
				dir string
			}
			places := make(map[eventlog.Log]place)
			open := func(t *testing.T, p place) eventlog.Log {
				l, err := eventlog.Open(p.dir, eventlog.Options{FS: p.fs, Logger: quiet()})
				if err != nil {
					t.Fatal(err)
				}
				places[l] = p
				return l
			}
			eventlogtest.Run(t, eventlogtest.Subject{
				Open: func(t *testing.T) eventlog.Log { return open(t, place{newFS(), t.TempDir()}) },
				Reopen: func(t *testing.T, l eventlog.Log) eventlog.Log {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					return open(t, places[l])
				},
			})
		})
	}
}
