package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/digest"
	"lazuli/internal/identify"
)

// UploadOptions are what a client may ask of an upload.
type UploadOptions struct {
	SkipIdentify bool   // only size and SHA-256
	SHA256       string // what the client expects, lower-case hex; "" for anything
}

// The errors of an upload that are the client's.
var (
	ErrEmpty    = errors.New("no content in request body")
	ErrMismatch = errors.New("sha256 mismatch")
	ErrTooLarge = errors.New("the upload is larger than the limit")
)

// Upload keeps a stream under the SHA-256 of its bytes and describes it. It reads r once: hashes are made while it is
// written to the store's own disk. When it returns nil the object survives a power cut.
func (d *Dispatcher) Upload(ctx context.Context, source, label string, r io.Reader, opts UploadOptions) (event.Datastream, error) {
	if err := d.checkSource(source); err != nil {
		return event.Datastream{}, err
	}
	if !event.Label(label).Valid() {
		return event.Datastream{}, &invalidError{fmt.Errorf("label %q is not known", label)}
	}
	up, err := d.store.Create(ctx)
	if err != nil {
		return event.Datastream{}, fmt.Errorf("begin an upload: %w", err)
	}
	defer up.Discard()
	hashed := digest.Copy
	if opts.SkipIdentify {
		hashed = digest.CopySHA256
	}
	sum, err := hashed(up, io.LimitReader(r, d.opts.MaxUploadBytes+1))
	n := sum.Size
	switch {
	case err != nil:
		return event.Datastream{}, fmt.Errorf("read the upload: %w", err)
	case n == 0:
		return event.Datastream{}, &invalidError{ErrEmpty}
	case n > d.opts.MaxUploadBytes:
		return event.Datastream{}, &invalidError{fmt.Errorf("%w of %d bytes", ErrTooLarge, d.opts.MaxUploadBytes)}
	}
	if opts.SHA256 != "" && opts.SHA256 != sum.SHA256 {
		return event.Datastream{}, &invalidError{ErrMismatch}
	}
	stream := event.Datastream{Label: event.Label(label), Size: uint64(n), SHA256: sum.SHA256}
	if !opts.SkipIdentify {
		id := identify.File(up, n)
		stream = event.Datastream{
			IdentifyVersion: identify.Version, Label: event.Label(label), Size: uint64(n),
			SHA512: sum.SHA512, SHA256: sum.SHA256, SHA1: sum.SHA1, MD5: sum.MD5, SSDeep: sum.SSDeep, TLSH: sum.TLSH,
			MIME: id.MIME, Magic: id.Magic, FileFormat: id.Format, FileExtension: id.Extension,
		}
	}
	if err := up.Commit(ctx, blob.Key{Source: source, Label: label, SHA256: sum.SHA256}); err != nil {
		return event.Datastream{}, fmt.Errorf("keep the upload: %w", err)
	}
	d.metrics.uploads.Inc()
	if stream.FileFormat == "unknown" {
		d.metrics.unknownFormats.Inc()
	}
	d.metrics.uploadedBytes.Add(float64(n))
	return stream, nil
}

// checkSource refuses names that could never be a source, before anything is read.
func (d *Dispatcher) checkSource(source string) error {
	if err := d.opts.Sources.SourceAllowed(source); err != nil {
		return &invalidError{err}
	}
	return nil
}
