package auth

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lazuli/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const longToken = "6f1f2a0d8c44d9a1"

func exampleGate(t *testing.T) *Gate {
	t.Helper()
	g, err := New(config.Auth{
		Users: []config.AuthUser{
			{Name: "runner", PasswordHash: HashPassword("correct horse")},
			{Name: "feed", PasswordFile: secret(t, "from a file\n")},
		},
		Tokens: []config.AuthToken{
			{Name: "a", SHA256: HashToken("token-of-a")},
			{Name: "b", File: secret(t, longToken)},
		},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func basic(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func header(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

func TestGuard(t *testing.T) {
	g := exampleGate(t)
	var outcomes []Outcome
	h := g.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		func(w http.ResponseWriter, code int, title, detail string) { http.Error(w, title+": "+detail, code) },
		func(o Outcome) { outcomes = append(outcomes, o) }, "/")
	for _, c := range []struct {
		name string
		give func(*http.Request)
		path string
		want Outcome // "" is let through
	}{
		{"nothing", func(*http.Request) {}, "/x", Missing},
		{"an open path", func(*http.Request) {}, "/", ""},
		{"below an open path", func(*http.Request) {}, "//x", Missing},
		{"right password", basic("runner", "correct horse"), "/x", ""},
		{"right password again", basic("runner", "correct horse"), "/x", ""},
		{"wrong password", basic("runner", "correct horsE"), "/x", Wrong},
		{"no password", basic("runner", ""), "/x", Wrong},
		{"password of another", basic("runner", "from a file"), "/x", Wrong},
		{"moved border of name and password", basic("runnerc", "orrect horse"), "/x", Wrong},
		{"password of a file", basic("feed", "from a file"), "/x", ""},
		{"wrong password of a file", basic("feed", "from a file\n"), "/x", Wrong},
		{"unknown name", basic("nobody", "correct horse"), "/x", Wrong},
		{"huge password", basic("runner", strings.Repeat("a", maxPassword+1)), "/x", Wrong},
		{"token", header("Bearer token-of-a"), "/x", ""},
		{"token, another case", header("bearer  token-of-a "), "/x", ""},
		{"second token", header("Bearer " + longToken), "/x", ""},
		{"wrong token", header("Bearer token-of-c"), "/x", Wrong},
		{"empty token", header("Bearer "), "/x", Wrong},
		{"a token's hash is no token", header("Bearer " + HashToken("token-of-a")), "/x", Wrong},
		{"damaged basic", header("Basic %%%"), "/x", Wrong},
		{"another scheme", header("Digest username=runner"), "/x", Missing},
	} {
		outcomes = nil
		r := httptest.NewRequest(http.MethodGet, "http://host"+c.path, nil)
		c.give(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c.want == "" {
			if w.Code != http.StatusNoContent || len(outcomes) > 0 {
				t.Errorf("%s: %d %s %v", c.name, w.Code, w.Body, outcomes)
			}
			continue
		}
		if w.Code != http.StatusUnauthorized || len(outcomes) != 1 || outcomes[0] != c.want {
			t.Errorf("%s: %d %s %v, want %s", c.name, w.Code, w.Body, outcomes, c.want)
		}
		if got := strings.Join(w.Header().Values("WWW-Authenticate"), " "); !strings.HasPrefix(got, "Basic realm=") || !strings.Contains(got, "Bearer realm=") {
			t.Errorf("%s: asks for %q", c.name, got)
		}
	}
}

// TestKnownPasswordsAreCheap: after the first time no request waits for a hash, right or wrong.
func TestKnownPasswordsAreCheap(t *testing.T) {
	g := exampleGate(t)
	if ok, err := g.password(t.Context(), "runner", "correct horse"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := g.password(t.Context(), "runner", "wrong"); ok || err != nil {
		t.Fatal(ok, err)
	}
	g.hashing <- struct{}{} // whoever hashes now waits for ever
	for range 1000 {
		if ok, err := g.password(t.Context(), "runner", "correct horse"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := g.password(t.Context(), "runner", "wrong"); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	<-g.hashing
}

// TestManyAtOnce: plugins that begin together cost one hash, and guesses do not pile up without bound.
func TestManyAtOnce(t *testing.T) {
	g := exampleGate(t)
	g.hashing <- struct{}{}
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			if ok, err := g.password(t.Context(), "runner", "correct horse"); !ok || err != nil {
				t.Errorf("%v %v", ok, err)
			}
		})
	}
	<-g.hashing
	callers.Wait()

	g.waiting.Store(maxWaiting)
	r := httptest.NewRequest(http.MethodGet, "http://host/x", nil)
	r.SetBasicAuth("runner", "a guess")
	w := httptest.NewRecorder()
	g.Guard(http.NotFoundHandler(), func(w http.ResponseWriter, code int, _, _ string) { w.WriteHeader(code) }, nil).ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("one guess too many is answered %d", w.Code)
	}
	r.SetBasicAuth("runner", "correct horse")
	if g.admit(r) != "" {
		t.Error("who is known is turned away while others guess")
	}
}

func TestForgetsWrongPasswords(t *testing.T) {
	g := exampleGate(t)
	for i := range maxWrong + 1 {
		g.noteWrong(mac{byte(i), byte(i >> 8)})
	}
	if len(g.wrong) > maxWrong {
		t.Errorf("%d wrong passwords are remembered", len(g.wrong))
	}
}

func TestFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for want, c := range map[string]config.Auth{
		"user a: password_hash is no argon2id hash": {Users: []config.AuthUser{{Name: "a", PasswordHash: "$argon2id$v=19$m=1,t=1,p=1$x$y"}}},
		"user b: password_file: ":                   {Users: []config.AuthUser{{Name: "b", PasswordFile: missing}}},
		"user c: password_file: ":                   {Users: []config.AuthUser{{Name: "c", PasswordFile: secret(t, "\n")}}},
		"one line":                                  {Users: []config.AuthUser{{Name: "d", PasswordFile: secret(t, "a\nb\n")}}},
		"larger than 4096 bytes":                    {Users: []config.AuthUser{{Name: "e", PasswordFile: secret(t, strings.Repeat("a", 5000))}}},
		"token f: file: ":                           {Tokens: []config.AuthToken{{Name: "f", File: missing}}},
		"fewer than 16 characters":                  {Tokens: []config.AuthToken{{Name: "g", File: secret(t, "short")}}},
		"token h: sha256 must be":                   {Tokens: []config.AuthToken{{Name: "h", SHA256: "abc"}}},
	} {
		if _, err := New(c, slog.Default()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestHash(t *testing.T) {
	first, second := HashPassword("p"), HashPassword("p")
	if first == second {
		t.Error("two hashes have one salt")
	}
	h, err := parseHash(first)
	if err != nil || !h.matches("p") || h.matches("q") || h.String() != first {
		t.Errorf("%s is read as %s, %v", first, h, err)
	}
	// Made with the reference implementation's command: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
	other, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil || !other.matches("password") {
		t.Errorf("a hash of the reference implementation: %v", err)
	}
	begun := time.Now()
	h.matches("p")
	t.Logf("one hash takes %s", time.Since(begun))
}

func FuzzParseHash(f *testing.F) {
	f.Add(hash{8, 1, 1, make([]byte, 8), make([]byte, 16)}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967296,t=-1,p=256$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		again, err := parseHash(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%q is read as %s, and that as %s, %v", text, h, again, err)
		}
		if h.memoryKiB <= 64 && h.passes <= 4 {
			h.matches("p")
		}
	})
}

// BenchmarkKnownPassword is what a poll pays for its credentials.
func BenchmarkKnownPassword(b *testing.B) {
	g, err := New(config.Auth{Users: []config.AuthUser{{Name: "runner", PasswordHash: HashPassword("p")}}}, slog.Default())
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "http://host/x", nil)
	r.SetBasicAuth("runner", "p")
	g.admit(r)
	for b.Loop() {
		if g.admit(r) != "" {
			b.Fatal("refused")
		}
	}
}

// TestFilesThatChange: a secret that was changed counts, the old one no longer; a file that went away changes nothing.
func TestFilesThatChange(t *testing.T) {
	passwordFile, tokenFile := secret(t, "first"), secret(t, "first-token-0123456789")
	g, err := New(config.Auth{
		Users:  []config.AuthUser{{Name: "feed", PasswordFile: passwordFile}},
		Tokens: []config.AuthToken{{Name: "a", File: tokenFile}},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	wants := func(which, name string) {
		t.Helper()
		for _, word := range []string{"first", "second"} {
			r := httptest.NewRequest(http.MethodGet, "http://host/x", nil)
			r.SetBasicAuth("feed", word)
			bearer := httptest.NewRequest(http.MethodGet, "http://host/x", nil)
			bearer.Header.Set("Authorization", "Bearer "+word+"-token-0123456789")
			if got := g.admit(r) == "" && g.admit(bearer) == ""; got != (word == which) {
				t.Errorf("%s: %s is let in: %v", name, word, got)
			}
		}
	}
	change := func(name, text string, at int64) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	g.files.every = time.Hour
	wants("first", "at first")
	change(passwordFile, "second", 1_700_000_000)
	change(tokenFile, "second-token-0123456789", 1_700_000_000)
	wants("first", "within the time between two looks")
	g.files.every = 0
	wants("second", "after the change")
	change(tokenFile, "short", 1_700_000_001)
	if err := os.Remove(passwordFile); err != nil {
		t.Fatal(err)
	}
	wants("second", "after a broken change")
}
