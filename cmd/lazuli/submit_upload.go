package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"

	"lazuli/client"
)

// uploadsAtOnce is how many files are on the way at the same time: enough to hide the sync of each.
const uploadsAtOnce = 4

// upload sends files, keeping their order in the result. One that fails does not stop the others, but a server that cannot
// be reached ends it, and so does one that does not take what is said of all of them.
func (s *submit) upload(ctx context.Context, files []foundFile, result *submission, progress *progress) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	uploads := make([]*submittedFile, len(files))
	var group errgroup.Group
	group.SetLimit(uploadsAtOnce)
	for i, f := range files {
		uploads[i] = &submittedFile{Path: f.path, Size: max(f.size, 0)}
		group.Go(func() error {
			err := s.uploadOne(ctx, f, uploads[i], progress)
			if errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrSaid) {
				cancel(err)
			}
			if err != nil && !errors.Is(err, errEmpty) {
				uploads[i].fail(err)
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is in uploads
	for _, u := range uploads {
		if u.err == nil && u.SHA256 == "" {
			result.Skipped = append(result.Skipped, skippedFile{u.Path, "empty"})
			continue
		}
		result.Files = append(result.Files, u)
	}
}

// errEmpty tells that standard input had nothing in it.
var errEmpty = errors.New("empty")

func (s *submit) uploadOne(ctx context.Context, f foundFile, into *submittedFile, progress *progress) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	content, err := s.openFile(f)
	if err != nil {
		return err
	}
	defer content.Close()
	about := s.about
	about.Filename = f.name
	answer, err := s.api.Submit(ctx, progress.uploading(content), f.size, about)
	if err != nil {
		return err
	}
	into.SHA256, into.Size, into.State = answer.SHA256, answer.Size, answer.State
	return nil
}

// openFile opens a file, or standard input, which is errEmpty if there is nothing in it.
func (s *submit) openFile(f foundFile) (io.ReadCloser, error) {
	if f.path == stdinPath {
		in := bufio.NewReader(s.in)
		if _, err := in.Peek(1); err == io.EOF {
			return nil, errEmpty
		}
		return io.NopCloser(in), nil
	}
	file, err := f.open()
	if err != nil {
		return nil, withoutPath(err)
	}
	return file, nil
}

// waitsAtOnce is how many files are waited for at the same time, each with a request that the server holds.
const waitsAtOnce = 4

// await waits until all that was submitted is analysed.
func (s *submit) await(ctx context.Context, result *submission, progress *progress) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not analysed after %s: ask again with `lazuli show`, or give a longer --timeout", s.timeout))
	defer cancel()
	var group errgroup.Group
	group.SetLimit(waitsAtOnce)
	for _, f := range result.Files {
		if f.err != nil {
			continue
		}
		group.Go(func() error {
			if err := s.awaitOne(ctx, f); err != nil {
				f.fail(err)
			}
			progress.analysed()
			return nil
		})
	}
	_ = group.Wait() // what failed is in the files
}

// The server is asked to hold a request for as long as this, and is not asked again sooner than that.
const (
	holdRequest  = 30 * time.Second
	askAgainFrom = 200 * time.Millisecond
)

func (s *submit) awaitOne(ctx context.Context, f *submittedFile) error {
	for {
		pause := time.NewTimer(askAgainFrom)
		answer, err := s.api.File(ctx, f.SHA256, holdRequest)
		if err != nil {
			return err
		}
		if f.State = answer.State; f.State == client.StateDone {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// progress shows how far uploads and analyses are; a nil one shows nothing.
type progress struct {
	bars     *mpb.Progress
	bytes    *mpb.Bar
	analyses *mpb.Bar // nil when nobody waits for them
}

func newProgress(w io.Writer, f *found, wait bool) *progress {
	if w == nil {
		return nil
	}
	var total int64
	for _, file := range f.files {
		total += max(file.size, 0)
	}
	p := &progress{bars: mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))}
	p.bytes = p.bars.AddBar(total,
		mpb.PrependDecorators(decor.Name("uploaded  "), decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.Percentage()))
	if wait {
		p.analyses = p.bars.AddBar(int64(len(f.files)),
			mpb.PrependDecorators(decor.Name("analysed  "), decor.CountersNoUnit("%d / %d")),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	}
	return p
}

// uploading counts what is read from r.
func (p *progress) uploading(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return countedReader{r, p.bytes}
}

func (p *progress) analysed() {
	if p != nil && p.analyses != nil {
		p.analyses.Increment()
	}
}

// finish leaves the bars as they are.
func (p *progress) finish() {
	if p == nil {
		return
	}
	p.bytes.Abort(false)
	if p.analyses != nil {
		p.analyses.Abort(false)
	}
	p.bars.Wait()
}

type countedReader struct {
	r   io.Reader
	bar *mpb.Bar
}

func (c countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.bar.IncrBy(n)
	return n, err
}
