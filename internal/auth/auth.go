// Package auth decides who may speak to a port: users with passwords (HTTP Basic) and holders of tokens (Bearer).
//
// It keeps hashes, never passwords. A password costs an argon2id hash when it is seen for the first time; after that it is
// known by an HMAC under a key of this process, so that a plugin that polls pays nothing. It knows nothing of what is
// behind the port, and nothing of what a caller may do there: whoever is let in may do everything. Begin with New and Gate.Guard.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"lazuli/internal/config"
)

// Gate knows the credentials of a port. It is safe for use from many goroutines.
type Gate struct {
	users  map[string]*user
	tokens []*token
	files  secretFiles
	key    [32]byte // of the HMACs; lives as long as this process

	hashing chan struct{}      // holds one while a password is hashed: a flood of them takes one core and one hash's memory
	waiting atomic.Int32       // distinct credentials that wait for that
	same    singleflight.Group // a thousand plugins that begin with one password cost one hash

	mu    sync.Mutex
	wrong map[mac]bool // passwords that were found wrong lately
}

// mac stands for a name with a password.
type mac [sha256.Size]byte

// token is the SHA-256 of a token; nobody can guess what is hashed.
type token struct {
	sum atomic.Pointer[[sha256.Size]byte]
}

type user struct {
	hash  *hash               // nil when the password came from a file, and is known
	known atomic.Pointer[mac] // of the right password, once it was seen
}

// Bounds on what may be waited for and remembered.
const (
	maxWaiting  = 64
	maxWrong    = 4096
	maxPassword = 1 << 10
	maxSecret   = 4 << 10 // bytes of a file with a password or token
	minToken    = 16      // bytes: what is shorter can be guessed
)

// New reads the credentials of a configuration, with the files that it names, which are read anew when they change. An
// error names the key.
func New(c config.Auth, logger *slog.Logger) (*Gate, error) {
	g := newGate()
	g.files.logger = logger
	for _, u := range c.Users {
		known := &user{}
		g.users[u.Name] = known
		if u.PasswordFile != "" {
			f := g.passwordFile(u.Name, u.PasswordFile, known)
			if err := f.load(); err != nil {
				return nil, fmt.Errorf("user %s: password_file: %w", u.Name, err)
			}
			g.files.files = append(g.files.files, f)
			continue
		}
		h, err := parseHash(u.PasswordHash)
		if err != nil {
			return nil, fmt.Errorf("user %s: password_hash %w", u.Name, err)
		}
		known.hash = &h
	}
	for _, t := range c.Tokens {
		known := &token{}
		g.tokens = append(g.tokens, known)
		if t.File != "" {
			f := tokenFile(t.Name, t.File, known)
			if err := f.load(); err != nil {
				return nil, fmt.Errorf("token %s: file: %w", t.Name, err)
			}
			g.files.files = append(g.files.files, f)
			continue
		}
		var sum [sha256.Size]byte
		if n, err := hex.Decode(sum[:], []byte(t.SHA256)); err != nil || n != len(sum) {
			return nil, fmt.Errorf("token %s: sha256 must be 64 hex digits: `lazuli hash-password --token` makes them", t.Name)
		}
		known.sum.Store(&sum)
	}
	return g, nil
}

// ForToken returns a gate that only the holder of one token passes.
func ForToken(text string) *Gate {
	g := newGate()
	sum := sha256.Sum256([]byte(text))
	known := &token{}
	known.sum.Store(&sum)
	g.tokens = append(g.tokens, known)
	return g
}

func newGate() *Gate {
	g := &Gate{users: map[string]*user{}, hashing: make(chan struct{}, 1), wrong: map[mac]bool{}, files: secretFiles{every: lookEvery}}
	rand.Read(g.key[:]) // never fails
	return g
}

// token tells whether a token is one of those configured. All are compared, in constant time.
func (g *Gate) token(text string) bool {
	sum := sha256.Sum256([]byte(text))
	found := 0
	for _, t := range g.tokens {
		found |= subtle.ConstantTimeCompare(sum[:], t.sum.Load()[:])
	}
	return found == 1
}

// errBusy tells that too many passwords wait to be hashed.
var errBusy = errors.New("too many unknown passwords are being tried")

// password tells whether a user has a password. Names are no secret: how long it takes tells whether a name is known.
func (g *Gate) password(ctx context.Context, name, password string) (bool, error) {
	u := g.users[name]
	if u == nil || len(password) > maxPassword {
		return false, nil
	}
	m := g.mac(name, password)
	if known := u.known.Load(); known != nil && hmac.Equal(known[:], m[:]) {
		return true, nil
	}
	if u.hash == nil || g.isWrong(m) {
		return false, nil
	}
	result := g.same.DoChan(string(m[:]), func() (any, error) { return g.hashOnce(u, m, password) })
	select {
	case r := <-result:
		return r.Val.(bool), r.Err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// hashOnce finds out the hard way, and remembers.
func (g *Gate) hashOnce(u *user, m mac, password string) (bool, error) {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > maxWaiting {
		return false, errBusy
	}
	g.hashing <- struct{}{}
	defer func() { <-g.hashing }()
	if !u.hash.matches(password) {
		g.noteWrong(m)
		return false, nil
	}
	u.known.Store(&m)
	return true, nil
}

func (g *Gate) isWrong(m mac) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wrong[m]
}

func (g *Gate) noteWrong(m mac) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.wrong) >= maxWrong {
		clear(g.wrong)
	}
	g.wrong[m] = true
}

func (g *Gate) mac(name, password string) (m mac) {
	h := hmac.New(sha256.New, g.key[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name)))) // or user "a" with "bc" would be "ab" with "c"
	h.Write([]byte(name))
	h.Write([]byte(password))
	h.Sum(m[:0])
	return m
}
