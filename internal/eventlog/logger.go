package eventlog

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLogger hands Pebble's complaints to slog. What Pebble would end the process for freezes the log instead.
type pebbleLogger struct {
	log  *slog.Logger
	gate *gate
}

// Infof drops what Pebble has to say about its daily work.
func (l *pebbleLogger) Infof(string, ...any) {}

func (l *pebbleLogger) Errorf(format string, args ...any) {
	l.log.Warn("event log: storage", "msg", fmt.Sprintf(format, args...))
}

func (l *pebbleLogger) Fatalf(format string, args ...any) {
	l.gate.trip(fmt.Errorf(format, args...))
}

// events are the ones that a user can do something about.
func (l *pebbleLogger) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { l.log.Warn("event log: flush or compaction failed", "err", err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.log.Error("event log: damaged file", "path", info.Path, "err", info.Details)
		},
	}
}
