package blob

import "context"

// Open opens the store at a location: the path of a directory.
func Open(_ context.Context, location string, _ Options) (Store, error) {
	return OpenFS(location)
}

// Options are what a location does not tell.
type Options struct{}
