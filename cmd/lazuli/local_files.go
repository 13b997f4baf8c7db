package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// localRun looks at files of this machine, several at a time, and prints what was found in the order of their names.
//
// Folders are walked; links and what is no regular file are left out in them, but are an error when they are named.
type localRun struct {
	in          io.Reader // for stdinPath
	out, errOut io.Writer
	verb        string // as in "12 files identified"

	// look returns the line for one file, with its end. It runs at the same time for several files.
	look func(path string, f *os.File) ([]byte, error)
}

// localCommand makes a command print for each file what of finds out: as text, or with --json as a document of its own.
func localCommand[T any](cmd *cobra.Command, verb string, of func(path string, f *os.File) (T, error), text func(T) []byte) *cobra.Command {
	asJSON := cmd.Flags().Bool("json", false, "print one JSON object for each file, on a line of its own")
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		run := localRun{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(), verb: verb}
		run.look = func(path string, f *os.File) ([]byte, error) {
			found, err := of(path, f)
			if err != nil {
				return nil, err
			}
			if *asJSON {
				return jsonLine(found)
			}
			return text(found), nil
		}
		return run.run(cmd.Context(), args)
	}
	return cmd
}

// waitingLines is how many files may be done before one that takes longer.
const waitingLines = 512

// localFile is a file on its way through a localRun.
type localFile struct {
	path  string
	walk  bool  // found in a folder
	err   error // it could not be looked at
	line  []byte
	ready chan struct{} // closed when line and err are set
}

// run looks at what the arguments name. The error tells of the first that failed; the others are printed nevertheless.
func (r *localRun) run(ctx context.Context, args []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inOrder := make(chan *localFile, waitingLines)
	todo := make(chan *localFile)
	go func() {
		defer close(inOrder)
		defer close(todo)
		walkLocal(args, func(f *localFile) bool {
			f.ready = make(chan struct{})
			if f.err != nil {
				close(f.ready)
			}
			select {
			case inOrder <- f:
			case <-ctx.Done():
				return false
			}
			if f.err != nil {
				return true
			}
			select {
			case todo <- f:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for f := range todo {
				f.line, f.err = r.one(f)
				close(f.ready)
			}
		}()
	}
	return r.print(ctx, inOrder)
}

// print writes the lines in order as they get ready, and the errors to the other output.
func (r *localRun) print(ctx context.Context, inOrder <-chan *localFile) error {
	progress := r.progress()
	defer progress.end()
	out := newLineWriter(r.out)
	var result localResult
	for f := range inOrder {
		select {
		case <-f.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		progress.more()
		result.add(r, f)
		if f.err != nil {
			continue
		}
		if err := out.write(f.line); err != nil {
			return err
		}
	}
	if err := errors.Join(ctx.Err(), out.flush()); err != nil {
		return err
	}
	return result.err(r)
}

// oneByOne looks at what the arguments name, one file after another: for a look that prints for itself, more than can be kept.
// The error is as that of run.
func (r *localRun) oneByOne(ctx context.Context, args []string) error {
	var result localResult
	walkLocal(args, func(f *localFile) bool {
		if f.err == nil {
			_, f.err = r.one(f)
		}
		if ctx.Err() != nil {
			return false
		}
		result.add(r, f)
		return true
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return result.err(r)
}

// localResult is how a localRun went.
type localResult struct {
	done, failed int
	first        error
}

// add counts a file and names its error, but for the first one.
func (l *localResult) add(r *localRun, f *localFile) {
	l.done++
	if f.err == nil {
		return
	}
	l.failed++
	err := fmt.Errorf("%s: %w", f.path, withoutPath(f.err))
	if l.first == nil {
		l.first = err
		return
	}
	fmt.Fprintln(r.errOut, "failed: "+printable(err.Error()))
}

func (l *localResult) err(r *localRun) error {
	if l.failed > 1 {
		return fmt.Errorf("%d of %s not %s, the first: %w", l.failed, count(l.done, "file"), r.verb, l.first)
	}
	return l.first
}

// walkLocal hands over every file that the arguments name, in order, until take returns false.
func walkLocal(args []string, take func(*localFile) bool) {
	for _, arg := range args {
		if arg == stdinPath {
			if !take(&localFile{path: arg}) {
				return
			}
			continue
		}
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			if !walkFolder(arg, take) {
				return
			}
			continue
		}
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a regular file")
		}
		if !take(&localFile{path: arg, err: err}) {
			return
		}
	}
}

func walkFolder(root string, take func(*localFile) bool) (more bool) {
	more = true
	// A link that is named itself is a folder to the user: WalkDir goes into it only with a slash at the end.
	_ = filepath.WalkDir(root+string(filepath.Separator), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.Type().IsRegular() {
			return nil
		}
		if more = take(&localFile{path: filepath.Clean(path), walk: true, err: err}); !more {
			return fs.SkipAll
		}
		return nil
	})
	return more
}

func (r *localRun) one(f *localFile) ([]byte, error) {
	if f.path == stdinPath {
		return r.stdin()
	}
	file, err := foundFile{path: f.path, walk: f.walk}.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return r.look(f.path, file)
}

// stdin keeps standard input in a file while it is looked at: what is said of a file may be at its end.
func (r *localRun) stdin() ([]byte, error) {
	spool, err := os.CreateTemp("", "lazuli-stdin-")
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	if err := os.Remove(spool.Name()); err != nil {
		return nil, err
	}
	if _, err := io.Copy(spool, r.in); err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return r.look(stdinPath, spool)
}

// jsonLine is a document as the line of a file, escaped as printJSON does it.
func jsonLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return safeJSON(b.Bytes()), err
}

// lineWriter gathers lines until there are enough for a write, or some time has passed.
type lineWriter struct {
	w       io.Writer
	lines   []byte
	written time.Time
}

func newLineWriter(w io.Writer) *lineWriter { return &lineWriter{w: w, written: time.Now()} }

func (l *lineWriter) write(line []byte) error {
	const enough, longest = 32 << 10, 100 * time.Millisecond
	l.lines = append(l.lines, line...)
	if len(l.lines) < enough && time.Since(l.written) < longest {
		return nil
	}
	return l.flush()
}

func (l *lineWriter) flush() error {
	_, err := l.w.Write(l.lines)
	l.lines, l.written = l.lines[:0], time.Now()
	return err
}

// fileCounter shows how many files are done; a nil one shows nothing.
type fileCounter struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// progress is for those who watch and do not see the lines themselves.
func (r *localRun) progress() *fileCounter {
	if !isTerminal(r.errOut) || isTerminal(r.out) {
		return nil
	}
	bars := mpb.New(mpb.WithOutput(r.errOut), mpb.WithWidth(4))
	bar := bars.New(0, mpb.SpinnerStyle(),
		mpb.AppendDecorators(decor.CurrentNoUnit("%d files "+r.verb), decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	return &fileCounter{bars, bar}
}

func (c *fileCounter) more() {
	if c != nil {
		c.bar.Increment()
	}
}

func (c *fileCounter) end() {
	if c != nil {
		c.bar.Abort(false)
		c.bars.Wait()
	}
}
