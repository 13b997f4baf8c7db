package blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Open opens the store at a location: the path of a directory, or s3://BUCKET/PREFIX with ?endpoint=URL, &region=NAME and
// &profile=NAME.
func Open(ctx context.Context, location string, opts Options) (Store, error) {
	s, err := openKeeper(ctx, location, opts)
	if err != nil || opts.Key == nil {
		return s, err
	}
	sealed, err := Encrypt(s, opts.Key)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return sealed, nil
}

func openKeeper(ctx context.Context, location string, opts Options) (Store, error) {
	if scheme, _, ok := strings.Cut(location, "://"); !ok {
		return OpenFS(location)
	} else if scheme+"://" != s3Scheme {
		return nil, fmt.Errorf("%s: a store is a directory or s3://BUCKET/PREFIX", location)
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
	Key       []byte // of KeySize bytes, with which objects are encrypted; nil for objects as they are

	watch func(http.RoundTripper) http.RoundTripper // around requests, for tests
}
