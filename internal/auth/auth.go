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
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"lazuli/internal/config"
)

// Gate knows the credentials of a port. It is safe for use from many goroutines.
type Gate struct {
	users  map[string]*user
	tokens [][sha256.Size]byte
	key    [32]byte // of the HMACs; lives as long as this process

	hashing chan struct{}      // holds one while a password is hashed: a flood of them takes one core and one hash's memory
	waiting atomic.Int32       // distinct credentials that wait for that
	same    singleflight.Group // a thousand plugins that begin with one password cost one hash

	mu    sync.Mutex
	wrong map[mac]bool // passwords that were found wrong lately
}

// mac stands for a name with a password.
type mac [sha256.Size]byte

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

// New reads the credentials of a configuration, with the files that it names. An error names the key.
func New(c config.Auth) (*Gate, error) {
	g := &Gate{users: map[string]*user{}, hashing: make(chan struct{}, 1), wrong: map[mac]bool{}}
	rand.Read(g.key[:]) // never fails
	for _, u := range c.Users {
		var known user
		if u.PasswordFile != "" {
			password, err := readSecret(u.PasswordFile)
			if err != nil {
				return nil, fmt.Errorf("user %s: password_file: %w", u.Name, err)
			}
			m := g.mac(u.Name, password)
			known.known.Store(&m)
		} else {
			h, err := parseHash(u.PasswordHash)
			if err != nil {
				return nil, fmt.Errorf("user %s: password_hash %w", u.Name, err)
			}
			known.hash = &h
		}
		g.users[u.Name] = &known
	}
	for _, t := range c.Tokens {
		sum, err := tokenSum(t)
		if err != nil {
			return nil, fmt.Errorf("token %s: %w", t.Name, err)
		}
		g.tokens = append(g.tokens, sum)
	}
	return g, nil
}

// ForToken returns a gate that only the holder of one token passes.
func ForToken(token string) *Gate {
	g := &Gate{hashing: make(chan struct{}, 1), wrong: map[mac]bool{}}
	g.tokens = append(g.tokens, sha256.Sum256([]byte(token)))
	return g
}

func tokenSum(t config.AuthToken) (sum [sha256.Size]byte, err error) {
	if t.File == "" {
		n, err := hex.Decode(sum[:], []byte(t.SHA256))
		if err != nil || n != len(sum) {
			return sum, errors.New("sha256 must be 64 hex digits: `lazuli hash-password --token` makes them")
		}
		return sum, nil
	}
	token, err := readSecret(t.File)
	if err != nil {
		return sum, fmt.Errorf("file: %w", err)
	}
	if len(token) < minToken {
		return sum, fmt.Errorf("file: the token in %s has fewer than %d characters: `openssl rand -hex 32` makes a good one", t.File, minToken)
	}
	return sha256.Sum256([]byte(token)), nil
}

// readSecret reads a file that holds one password or token, perhaps with a newline at its end.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxSecret {
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

// token tells whether a token is one of those configured. All are compared, in constant time.
func (g *Gate) token(token string) bool {
	sum := sha256.Sum256([]byte(token))
	found := 0
	for i := range g.tokens {
		found |= subtle.ConstantTimeCompare(sum[:], g.tokens[i][:])
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
