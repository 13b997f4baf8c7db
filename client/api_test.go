package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lazuli/client"
)

// newAPI starts a server with h and a client for it.
func newAPI(t *testing.T, h http.HandlerFunc) *client.API {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	api, err := client.NewAPI(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return api
}

func TestAPISubmit(t *testing.T) {
	content := strings.Repeat("lazuli ", 300_000) // 2 MiB: large enough to be asked for first
	var query url.Values
	var got []byte
	api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/binaries" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		query = r.URL.Query()
		var err error
		if got, err = io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"sha256":"ab","size":7,"source":"s","event":"e","state":"working"}`)
	})
	for _, size := range []int64{int64(len(content)), -1} {
		out, err := api.Submit(t.Context(), strings.NewReader(content), size, client.Submission{
			Source: "s", Filename: "a b&c", References: map[string]string{"user": "x=y", "case": "7"}, Security: "OFFICIAL",
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&client.Submitted{SHA256: "ab", Size: 7, Source: "s", Event: "e", State: client.StateWorking}, out); diff != "" {
			t.Error(diff)
		}
		if string(got) != content {
			t.Errorf("size %d: %d bytes arrived", size, len(got))
		}
		want := url.Values{"source": {"s"}, "filename": {"a b&c"}, "ref": {"case=7", "user=x=y"}, "security": {"OFFICIAL"}}
		if diff := cmp.Diff(want, query); diff != "" {
			t.Error(diff)
		}
	}
}

// TestAPISubmitSaid: what is wrong with what is said of a file is told from what is wrong with the file.
func TestAPISubmitSaid(t *testing.T) {
	for title, said := range map[string]bool{"bad source": true, "bad references": true, "bad security": true, "Bad Request": false} {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"title":%q,"status":400,"detail":"no"}`, title)
		})
		if _, err := api.Submit(t.Context(), strings.NewReader("x"), 1, client.Submission{}); err == nil || errors.Is(err, client.ErrSaid) != said {
			t.Errorf("%s: %v", title, err)
		}
	}
}

// TestAPISubmitTooLarge: an upload that is not wanted is told so, although nothing of it was read.
func TestAPISubmitTooLarge(t *testing.T) {
	api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, `{"title":"too large","status":413,"detail":"the file is larger than 1 GiB"}`)
	})
	_, err := api.Submit(t.Context(), io.LimitReader(zeros{}, 64<<20), 64<<20, client.Submission{})
	var refused *client.APIError
	if !errors.As(err, &refused) || refused.Status != http.StatusRequestEntityTooLarge || err.Error() != "the file is larger than 1 GiB" {
		t.Errorf("got %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestAPISubmitBadFile: what is wrong with the file is not blamed on the server.
func TestAPISubmitBadFile(t *testing.T) {
	api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	broken := errors.New("input/output error")
	for name, tc := range map[string]struct {
		r    io.Reader
		size int64
		want string
	}{
		"unreadable": {io.MultiReader(strings.NewReader("ab"), failing{broken}), 4, broken.Error()},
		"shorter":    {strings.NewReader("ab"), 4, "it changed while it was read"},
		"longer":     {strings.NewReader("abcdef"), 4, "it changed while it was read"},
	} {
		_, err := api.Submit(t.Context(), tc.r, tc.size, client.Submission{})
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAPIReads(t *testing.T) {
	answers := map[string]string{
		"/api/v1/binaries/AB?wait=30s":         `{"sha256":"ab","size":3,"file_format":"text/plain","state":"working","pending":[{"plugin":"Entropy","version":"1","state":"running"}]}`,
		"/api/v1/binaries/AB/tree":             `{"binary":{"sha256":"ab"},"children":[{"binary":{"sha256":"cd"},"filename":"x","relationship":{"action":"extracted"},"children":[],"truncated":true}]}`,
		"/api/v1/search?limit=2&q=size%3A%3E1": `{"hits":[{"sha256":"ab","features":4}],"next":"c2"}`,
		"/api/v1/search?cursor=c2&q=x":         `{"hits":[]}`,
		"/api/v1/plugins":                      `{"plugins":[{"name":"Entropy","version":"1","states":{"completed":3}}]}`,
		"/api/v1/dead":                         `{"dead":[{"id":"1","plugin":"Unbox","attempts":3}]}`,
		"/readyz":                              `ok`,
	}
	api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.String()]
		if !ok {
			t.Errorf("unexpected request %s", r.URL)
		}
		io.WriteString(w, answer)
	})
	ctx := t.Context()

	file, err := api.File(ctx, "AB", 30*time.Second)
	if err != nil || file.SHA256 != "ab" || file.State != client.StateWorking || len(file.Pending) != 1 || file.Pending[0].Plugin != "Entropy" {
		t.Errorf("File: %+v, %v", file, err)
	}
	tree, err := api.Tree(ctx, "AB", 0)
	if err != nil || len(tree.Children) != 1 || tree.Children[0].Filename != "x" || !tree.Children[0].Truncated {
		t.Errorf("Tree: %+v, %v", tree, err)
	}
	page, err := api.Search(ctx, "size:>1", 2, "")
	if err != nil || len(page.Hits) != 1 || page.Hits[0].Features != 4 || page.Next != "c2" {
		t.Errorf("Search: %+v, %v", page, err)
	}
	if page, err = api.Search(ctx, "x", 0, "c2"); err != nil || len(page.Hits) != 0 || page.Next != "" {
		t.Errorf("Search with a cursor: %+v, %v", page, err)
	}
	plugins, err := api.Plugins(ctx)
	if err != nil || len(plugins) != 1 || plugins[0].States["completed"] != 3 {
		t.Errorf("Plugins: %+v, %v", plugins, err)
	}
	dead, err := api.DeadLetters(ctx, 0, "")
	if err != nil || len(dead.Dead) != 1 || dead.Dead[0].Attempts != 3 {
		t.Errorf("DeadLetters: %+v, %v", dead, err)
	}
	if err := api.Ready(ctx); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

func TestAPIErrors(t *testing.T) {
	for _, tc := range []struct {
		name     string
		status   int
		body     string
		want     string
		notFound bool
	}{
		{"problem", 404, `{"title":"not found","detail":"no file with this hash is known"}`, "no file with this hash is known", true},
		{"title only", 503, `{"title":"busy"}`, "busy", false},
		{"details", 422, `{"title":"x","detail":"validation failed","errors":[{"message":"limit must be 1 to 1000"}]}`, "validation failed: limit must be 1 to 1000", false},
		{"a proxy", 502, `<html>bad gateway</html>`, "the server answered 502 Bad Gateway", false},
		{"not JSON", 200, `<html>`, "is not lazuli's REST", false},
	} {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
		})
		_, err := api.File(t.Context(), "x", 0)
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, client.ErrNotFound) != tc.notFound || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestAPIUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	api, err := client.NewAPI(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Search(t.Context(), "secret words", 0, ""); !errors.Is(err, client.ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := api.Search(ctx, "x", 0, ""); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("cancelled: got %v", err)
	}
	for _, bad := range []string{"127.0.0.1:8080", "ftp://x", "http://", "http://x?y", ":"} {
		if _, err := client.NewAPI(bad); err == nil {
			t.Errorf("%q: accepted as a server", bad)
		}
	}
}
