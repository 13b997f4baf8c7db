package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// S3 is a Store in a bucket of Amazon S3 or of something that speaks like it.
//
// An object has the name <prefix><source>/<label>/<sha256>. Uploads wait in temporary files on this machine until Commit. A
// range is one request. No request is tried again: see Retry.
//
// Many processes may use one bucket at the same time.
type S3 struct {
	spooler
	api    minio.Core
	lister *minio.Client // tries again by itself, in the middle of a list
	bucket string
	prefix string // "" or with a slash at the end
	idle   func() // closes connections that nobody uses
}

const (
	partSize    = 16 << 20 // of a multipart upload, bytes; larger objects have several parts
	partWorkers = 4        // parts under way at the same time, of one object
	maxCopy     = 5 << 30  // of one request, bytes; larger objects are copied in parts
	orphanAge   = 24 * time.Hour
)

func (s *S3) name(k Key) string { return s.prefix + k.String() }

// Create implements Store.
func (s *S3) Create(ctx context.Context) (Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := s.create()
	if err != nil {
		return nil, err
	}
	return s3Upload{f, s}, nil
}

// s3Upload is a temporary file that becomes an object.
type s3Upload struct {
	*spool
	store *S3
}

// Commit implements Upload. A server that confirms an object has it on its disks.
func (u s3Upload) Commit(ctx context.Context, k Key) error {
	if err := u.mayCommit(ctx, k); err != nil {
		return err
	}
	const doing = "commit"
	info, err := u.store.Stat(ctx, k)
	switch {
	case err == nil && info.Size == u.size:
		u.Discard()
		return nil
	case err == nil:
		slog.Warn("a stored object was damaged; the same file came in again and replaces it",
			"object", k, "size", info.Size, "expected", u.size)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	_, err = u.store.api.Client.PutObject(ctx, u.store.bucket, u.store.name(k), io.NewSectionReader(u.file, 0, u.size), u.size,
		minio.PutObjectOptions{ContentType: "application/octet-stream", PartSize: partSize, NumThreads: partWorkers})
	if err != nil {
		return u.store.trouble(ctx, doing, k, err)
	}
	u.Discard()
	return nil
}

// Open implements Store.
func (s *S3) Open(ctx context.Context, k Key, off, n int64) (io.ReadCloser, error) {
	const doing = "open"
	if err := k.Valid(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if off < 0 {
		return nil, pastEnd(k, off)
	}
	if n == 0 {
		return openNothing(ctx, s, k, off)
	}
	var opts minio.GetObjectOptions
	ranged := off > 0 || n > 0
	if ranged {
		opts.Set("Range", rangeHeader(off, n))
	}
	body, _, header, err := s.api.GetObject(ctx, s.bucket, s.name(k), opts)
	if err != nil {
		err = s.trouble(ctx, doing, k, err)
		if errors.Is(err, ErrRange) && off == 0 {
			return http.NoBody, nil // no range lies inside an empty object
		}
		return nil, err
	}
	if got := header.Get("Content-Range"); ranged && got == "" {
		body.Close()
		return nil, fmt.Errorf("open %s: the server ignores ranges: it cannot be used as a store", k)
	}
	return &s3Body{ReadCloser: body, fault: func(err error) error { return s.trouble(ctx, "read", k, err) }}, nil
}

// rangeHeader asks for n bytes from off on (RFC 9110, section 14.2); n < 0 for all there are.
func rangeHeader(off, n int64) string {
	if end := off + n - 1; n > 0 && end >= off {
		return fmt.Sprintf("bytes=%d-%d", off, end)
	}
	return fmt.Sprintf("bytes=%d-", off)
}

// s3Body is an answer that is being read.
type s3Body struct {
	io.ReadCloser
	fault func(error) error
}

func (b *s3Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.fault(err)
	}
	return n, err
}

// openNothing opens a range of no bytes.
func openNothing(ctx context.Context, s Store, k Key, off int64) (io.ReadCloser, error) {
	info, err := s.Stat(ctx, k)
	if err != nil {
		return nil, err
	}
	if off > info.Size || off == info.Size && off > 0 {
		return nil, pastEnd(k, off)
	}
	return http.NoBody, nil
}

func pastEnd(k Key, off int64) error { return fmt.Errorf("open %s: %w: offset %d", k, ErrRange, off) }

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, k Key) (Info, error) {
	if err := k.Valid(); err != nil {
		return Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	info, err := s.api.StatObject(ctx, s.bucket, s.name(k), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.trouble(ctx, "stat", k, err)
	}
	return Info{Size: info.Size, ModTime: info.LastModified}, nil
}

// Copy implements Store. The server copies; the bytes do not come here.
func (s *S3) Copy(ctx context.Context, from, to Key) error {
	if err := mayCopy(from, to); err != nil {
		return err
	}
	info, err := s.Stat(ctx, from)
	if err != nil {
		return err
	}
	if _, err := s.Stat(ctx, to); !errors.Is(err, ErrNotFound) {
		return err
	}
	dst, src := minio.CopyDestOptions{Bucket: s.bucket, Object: s.name(to)}, minio.CopySrcOptions{Bucket: s.bucket, Object: s.name(from)}
	if info.Size <= maxCopy {
		_, err = s.api.Client.CopyObject(ctx, dst, src)
	} else {
		_, err = s.api.ComposeObject(ctx, dst, src)
	}
	return s.trouble(ctx, "copy", from, err)
}

// mayCopy returns nil if an object can be kept under a second key.
func mayCopy(from, to Key) error {
	if err := errors.Join(from.Valid(), to.Valid()); err != nil {
		return err
	}
	if from.SHA256 != to.SHA256 {
		return fmt.Errorf("%w: cannot copy %s to another SHA-256, %s", ErrKey, from, to)
	}
	return nil
}

// Delete implements Store. S3 does not tell whether there was an object, so that is asked first.
func (s *S3) Delete(ctx context.Context, k Key) error {
	if _, err := s.Stat(ctx, k); err != nil {
		return err
	}
	return s.trouble(ctx, "delete", k, s.api.RemoveObject(ctx, s.bucket, s.name(k), minio.RemoveObjectOptions{}))
}

// Walk implements Store.
func (s *S3) Walk(ctx context.Context, fn func(Key, Info) error) error {
	return s.list(ctx, listing{object: fn, stray: func(string) {}})
}

// list implements keeper.
func (s *S3) list(ctx context.Context, l listing) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the list
	for o := range s.lister.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return s.trouble(ctx, "walk", Key{}, o.Err)
		}
		k, ok := parseKey(strings.TrimPrefix(o.Key, s.prefix))
		if !ok {
			if !strings.HasPrefix(o.Key, s.prefix+checkName) {
				l.stray(s3Scheme + s.bucket + "/" + o.Key)
			}
			continue
		}
		if err := l.object(k, Info{Size: o.Size, ModTime: o.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// parseKey is the reverse of Key.String.
func parseKey(name string) (Key, bool) {
	source, rest, _ := strings.Cut(name, "/")
	label, sha, _ := strings.Cut(rest, "/")
	k := Key{source, label, sha}
	return k, k.Valid() == nil
}

// checkName begins the names of the objects that Check makes. No source can.
const checkName = ".check-"

// Check implements Store.
func (s *S3) Check(ctx context.Context) error {
	const doing, text = "check", "lazuli was here\n"
	name := fmt.Sprintf("%s%s%d", s.prefix, checkName, os.Getpid())
	_, err := s.api.Client.PutObject(ctx, s.bucket, name, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	if err == nil {
		err = s.api.RemoveObject(ctx, s.bucket, name, minio.RemoveObjectOptions{})
	}
	return s.trouble(ctx, doing, Key{}, err)
}

// Close implements Store. Uploads that are still open can no longer be committed.
func (s *S3) Close() error {
	err := s.spooler.close()
	s.idle()
	return err
}

// where implements keeper.
func (s *S3) where(k Key) string { return s3Scheme + s.bucket + "/" + s.name(k) }
