package web

import (
	"testing"
	"time"

	"lazuli/internal/api"
)

// TestJobs: a file with several events has several jobs of one plugin, which a reader wants told once.
func TestJobs(t *testing.T) {
	waiting := api.PendingJob{Plugin: "P", Version: "1", State: "waiting", Position: "a/0/1"}
	second, running := waiting, waiting
	second.Position = "b/0/1"
	running.State, running.Since = "running", time.Now()
	list := []api.PendingJob{waiting, running, second}
	if got := jobs(list); len(got) != 2 || got[0] != waiting || got[1] != running || list[2] != second {
		t.Errorf("%+v of %+v", got, list)
	}
}
