package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate with its key, as their files are now: when one of them changes, the next connection gets the
// new pair. A pair that cannot be read or does not fit together is logged, and the old one stays.
type Certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	loaded stamps // of the files when they were last read, well or not
}

// stamps tell whether files have changed.
type stamps [2]stamp

type stamp struct {
	modified time.Time
	size     int64
}

// LoadCertificate reads a certificate (with those between it and the root) and its private key, both PEM.
func LoadCertificate(certFile, keyFile string, logger *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	now, err := c.stat()
	if err != nil {
		return nil, err
	}
	return c, c.load(now)
}

func (c *Certificate) stat() (s stamps, err error) {
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return s, fmt.Errorf("read the certificate: %w", err)
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, nil
}

// load reads the files, which were last changed at now. The caller holds c.mu, or is the only one.
func (c *Certificate) load(now stamps) error {
	c.loaded = now
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read the certificate from %s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair = &pair
	return nil
}

// get is what a handshake asks. Two calls of stat cost next to nothing beside it.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.stat()
	if err == nil && now != c.loaded {
		err = c.load(now)
	}
	if err != nil {
		c.logger.Warn("the certificate stays as it was", "err", err)
	}
	return c.pair, nil
}
