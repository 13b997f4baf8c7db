package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lazuli/internal/api/access"
)

// rebuilds is a Reindexer that ends with an error, if it has one.
type rebuilds struct{ err error }

func (r rebuilds) Reindex(_ context.Context, progress func(done, all int64)) error {
	progress(1, 2)
	progress(2, 2)
	return r.err
}

// TestReindex: lines tell how far it is, the last one how it ended.
func TestReindex(t *testing.T) {
	for want, deps := range map[string]Deps{
		"1 of 2 records\n2 of 2 records\ndone\n":                        {Reindexer: rebuilds{}},
		"1 of 2 records\n2 of 2 records\nerror: no space left\n":        {Reindexer: rebuilds{errors.New("no space left")}},
		`{"detail":"this platform cannot build its index anew","status`: {},
	} {
		deps.Metrics, deps.Logger, deps.Access = prometheus.NewRegistry(), slog.New(slog.DiscardHandler), access.Anybody(nil)
		rec := httptest.NewRecorder()
		New(deps, Options{}).Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/reindex", nil))
		if got := rec.Body.String(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
