package auth

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// secretFile is a file whose one line is a password or a token. When it changes, what it holds now counts, and what it held
// before does not. A file that cannot be read any more changes nothing.
type secretFile struct {
	owner    string // for the log: "user a"
	path     string
	modified time.Time
	size     int64
	use      func(secret string) error
}

// load reads the file if it differs from what was read last.
func (f *secretFile) load() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if info.ModTime().Equal(f.modified) && info.Size() == f.size {
		return nil
	}
	f.modified, f.size = info.ModTime(), info.Size()
	secret, err := readSecret(f.path, info.Size())
	if err != nil {
		return err
	}
	return f.use(secret)
}

func readSecret(path string, size int64) (string, error) {
	if size > maxSecret {
		return "", fmt.Errorf("%s is larger than %d bytes: it should hold one secret", path, maxSecret)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s must hold one line with the secret", path)
	}
	return secret, nil
}

// secretFiles are looked at when requests come, at most once in every; so a secret that is changed counts within that time.
type secretFiles struct {
	every  time.Duration
	logger *slog.Logger

	mu    sync.Mutex
	files []*secretFile
	last  time.Time
}

// lookEvery bounds how often the files of secrets are looked at.
const lookEvery = time.Second

// refresh reads what has changed. Whoever comes while another looks goes on with what is known.
func (s *secretFiles) refresh() {
	if len(s.files) == 0 || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.last) < s.every {
		return
	}
	s.last = now
	for _, f := range s.files {
		if err := f.load(); err != nil {
			s.logger.Warn("a secret stays as it was", "of", f.owner, "err", err)
		}
	}
}

// passwordFile keeps the HMAC of what a user's file holds.
func (g *Gate) passwordFile(name, path string, u *user) *secretFile {
	return &secretFile{owner: "user " + name, path: path, use: func(password string) error {
		m := g.mac(name, password)
		u.known.Store(&m)
		return nil
	}}
}

// tokenFile keeps the hash of what a token's file holds.
func tokenFile(name, path string, t *token) *secretFile {
	return &secretFile{owner: "token " + name, path: path, use: func(text string) error {
		if len(text) < minToken {
			return fmt.Errorf("the token in %s has fewer than %d characters: `openssl rand -hex 32` makes a good one", path, minToken)
		}
		sum := sha256.Sum256([]byte(text))
		t.sum.Store(&sum)
		return nil
	}}
}
