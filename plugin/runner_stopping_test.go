package plugin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/client"
)

// TestDispatcherThatStops: a dispatcher that answers polls at once with nothing is not asked again at once, and registered
// with anew when it is back.
func TestDispatcherThatStops(t *testing.T) {
	var polls, registrations atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/poll") {
			registrations.Add(1)
			io.WriteString(w, `{"total_ok":1,"total_failures":0,"failures":[]}`)
			return
		}
		if polls.Add(1) == 4 { // two of them begin a connection and are answered at once by every dispatcher
			cancel()
		}
		io.WriteString(w, `{"consumer":-1}`)
	}))
	defer s.Close()
	d, err := client.NewDispatcher(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := NewRunner(d, RunnerOptions{TempDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}, named("P"))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < firstPause/2 || registrations.Load() != 2 {
		t.Errorf("four polls in %s, %d registrations", took, registrations.Load())
	}
}
