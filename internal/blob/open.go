package blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// Open opens the store at a location: the path of a directory, or s3://BUCKET/PREFIX with ?endpoint=URL, &region=NAME and
// &profile=NAME.
func Open(ctx context.Context, location string, opts Options) (Store, error) {
	s, err := openKeeper(ctx, location, opts)
	if err != nil {
		return nil, err
	}
	if opts.Key != nil {
		sealed, err := Encrypt(s, opts.Key)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s = sealed
	}
	if err := probe(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if _, local := keeperOf(s).(*FS); !local && opts.CacheBytes > 0 { // the kernel caches what is on a disk
		s = Cache(s, opts.CacheBytes)
	}
	return s, nil
}

// CheckLocation returns nil if a store could be at a location.
func CheckLocation(location string) error {
	scheme, _, isURL := strings.Cut(location, "://")
	switch {
	case !isURL:
		return nil
	case scheme+"://" != s3Scheme:
		return fmt.Errorf("%s: a store is a directory or s3://BUCKET/PREFIX", location)
	}
	_, err := parseS3(location)
	return err
}

func openKeeper(ctx context.Context, location string, opts Options) (Store, error) {
	if err := CheckLocation(location); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(location, s3Scheme) {
		if _, err := os.Stat(location); opts.MustExist && err != nil {
			return nil, err
		}
		return OpenFS(location)
	}
	s, err := openS3(ctx, location, opts)
	if err != nil {
		return nil, err
	}
	return Retry(s), nil
}

// Options are what a location does not tell.
type Options struct {
	Scratch   string // directory where uploads to a server wait for their commit; "" is the system's
	MustExist bool   // do not make what is missing
	// CacheBytes is how much of what was read from a server stays in memory.
	CacheBytes int64
	Key        []byte // of KeySize bytes, with which objects are encrypted; nil for objects as they are

	watch func(http.RoundTripper) http.RoundTripper // around requests, for tests
}
