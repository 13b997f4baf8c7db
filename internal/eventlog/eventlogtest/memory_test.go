package eventlogtest_test

import (
	"testing"

	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
)

func TestMemory(t *testing.T) {
	for name, lazy := range map[string]bool{"replaces at once": false, "replaces never": true} {
		t.Run(name, func(t *testing.T) {
			eventlogtest.Run(t, eventlogtest.Subject{
				Open: func(*testing.T) eventlog.Log {
					m := eventlogtest.NewMemory()
					m.Lazy = lazy
					return m
				},
				Reopen: func(t *testing.T, l eventlog.Log) eventlog.Log {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					l.(*eventlogtest.Memory).Reopen()
					return l
				},
			})
		})
	}
}
