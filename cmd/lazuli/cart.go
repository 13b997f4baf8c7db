package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"lazuli/internal/cart"
)

// maxMalPZ is the largest content of a MalPZ, in bytes: it is unwrapped in memory.
const maxMalPZ = 200 << 20

func newCartCmd() *cobra.Command {
	var w wrapping
	cmd := &cobra.Command{
		Use:   "cart FILE…",
		Short: "Wrap files as CaRT, so that nothing runs or scans them by accident",
		Long: "Writes FILE.cart beside each file. Wrapped malware can be sent and kept: nothing runs it by a double click, and no scanner\n" +
			"removes it. It is not encryption: unless there is a --key, the key is in the file. `lazuli uncart` unwraps it.",
	}
	w.flags(cmd)
	cmd.Flags().StringVarP(&w.name, "name", "n", "", "the file name that the CaRT tells, instead of the file's")
	return w.command(cmd, w.pack)
}

func newUncartCmd() *cobra.Command {
	var w wrapping
	cmd := &cobra.Command{
		Use:   "uncart FILE…",
		Short: "Unwrap files of CaRT or MalPZ",
		Long: "Writes what is in FILE.cart to FILE, readable and writable by you alone; a container with another name gets .uncart added. Names that\n" +
			"a container tells are shown by --showmeta and never used. What comes out may be malware, and nothing keeps it from running any more.",
	}
	w.flags(cmd)
	cmd.Flags().BoolVarP(&w.showmeta, "showmeta", "s", false, "check the container and print what it tells, as JSON; write nothing")
	return w.command(cmd, w.unpack)
}

// wrapping is what `lazuli cart` and `lazuli uncart` have in common.
type wrapping struct {
	outfile, key, name            string
	force, deleteSource, showmeta bool
	private                       cart.Key
	in                            io.Reader
	out, errOut                   io.Writer
}

func (w *wrapping) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&w.outfile, "outfile", "o", "", "write to this `FILE`, or to standard output (-)")
	cmd.Flags().BoolVarP(&w.force, "force", "f", false, "replace files that are there")
	cmd.Flags().BoolVarP(&w.deleteSource, "delete", "d", false, "delete the source when its output is complete")
	cmd.Flags().StringVarP(&w.key, "key", "k", "", "a private RC4 key of 16 bytes in `BASE64`, which the CaRT does not hold")
}

// command runs one for each file, and goes on after a failure; the error is the first one.
func (w *wrapping) command(cmd *cobra.Command, one func(path string) error) *cobra.Command {
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		w.in, w.out, w.errOut = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
		if w.outfile != "" && len(args) > 1 {
			return usagef("--outfile is for one file, and there are %d", len(args))
		}
		key, err := base64.StdEncoding.DecodeString(w.key)
		if err != nil || w.key != "" && len(key) != len(w.private) {
			return usagef("--key must be 16 bytes in base64, such as $(openssl rand -base64 16)")
		}
		copy(w.private[:], key)
		var first error
		for _, path := range args {
			if err := one(path); err != nil {
				err = fmt.Errorf("%s: %w", printable(path), err)
				if first == nil {
					first = err
				} else {
					fmt.Fprintln(w.errOut, err)
				}
			}
		}
		return first
	}
	return cmd
}

func (w *wrapping) pack(path string) error {
	return w.convert(path, path+".cart", func(to io.Writer, from *bufio.Reader) error {
		head, err := from.Peek(cart.SniffBytes)
		if err != nil && err != io.EOF {
			return err
		}
		if kind := cart.KindOf(head); kind != cart.Raw {
			return fmt.Errorf("it is a %s already", kind)
		}
		var meta cart.Metadata
		switch {
		case w.name != "":
			meta = cart.Metadata{"name": w.name}
		case path != stdinPath:
			meta = cart.Metadata{"name": filepath.Base(path)}
		}
		return cart.Wrap(to, from, w.private, meta)
	})
}

func (w *wrapping) unpack(path string) error {
	to := strings.TrimSuffix(strings.TrimSuffix(path, ".cart"), ".malpz")
	if to == path || filepath.Base(to) == "." || strings.HasSuffix(to, "/") {
		to = path + ".uncart"
	}
	return w.convert(path, to, func(to io.Writer, from *bufio.Reader) error {
		c, err := cart.Open(from, w.private, maxMalPZ)
		if err != nil {
			return err
		}
		if c.Kind == cart.Raw {
			return errors.New("it is neither a CaRT nor a MalPZ")
		}
		if _, err := io.Copy(to, c); err != nil {
			return err
		}
		if !w.showmeta {
			return nil
		}
		text, err := json.Marshal(struct {
			Path     string        `json:"path"`
			Kind     cart.Kind     `json:"kind"`
			Metadata cart.Metadata `json:"metadata"`
			Footer   cart.Metadata `json:"footer,omitempty"`
		}{path, c.Kind, c.Metadata, c.Footer()})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.out, "%s\n", text)
		return err
	})
}

// convert reads one file into another, which is there only if it is complete.
func (w *wrapping) convert(path, to string, do func(io.Writer, *bufio.Reader) error) error {
	from := w.in
	if path == stdinPath {
		to = stdinPath // to standard output
	} else {
		f, err := os.Open(path)
		if err != nil {
			return withoutPath(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is not a regular file")
		}
		if err != nil {
			return err
		}
		bar := w.bar(filepath.Base(path), info.Size())
		defer bar.end()
		from = bar.reading(f)
	}
	if w.outfile != "" {
		to = w.outfile
	}
	write := func(out io.Writer) error { return do(out, bufio.NewReaderSize(from, 64<<10)) }
	switch {
	case w.showmeta:
		return write(io.Discard)
	case to == stdinPath:
		if isTerminal(w.out) {
			return usagef("it is binary, and standard output is a terminal: use --outfile")
		}
		return write(w.out)
	}
	if err := writeWhole(to, w.force, write); err != nil {
		return err
	}
	if w.deleteSource && path != stdinPath {
		return withoutPath(os.Remove(path))
	}
	return nil
}

// writeWhole makes a file for its owner alone that is there only if write succeeds.
func writeWhole(path string, replace bool, write func(io.Writer) error) (err error) {
	if !replace { // keeps the name, which somebody else might take meanwhile
		kept, openErr := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(openErr, fs.ErrExist) {
			return fmt.Errorf("%s is there already; --force replaces it", printable(path))
		}
		if openErr != nil {
			return openErr
		}
		kept.Close()
		defer func() {
			if err != nil {
				os.Remove(path)
			}
		}()
	}
	var f *os.File
	f, err = os.CreateTemp(filepath.Dir(path), ".lazuli-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain, once it has its name
	out := bufio.NewWriterSize(f, 256<<10)
	err = write(out)
	if err == nil {
		err = out.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// byteBar shows how much of a file is read; a nil one shows nothing.
type byteBar struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

func (w *wrapping) bar(name string, size int64) *byteBar {
	if !isTerminal(w.errOut) || size < 16<<20 {
		return nil
	}
	bars := mpb.New(mpb.WithOutput(w.errOut), mpb.WithWidth(40))
	bar := bars.New(size, mpb.BarStyle(), mpb.PrependDecorators(decor.Name(printable(name)+" ")), mpb.AppendDecorators(decor.CountersKibiByte("% .0f / % .0f")))
	return &byteBar{bars, bar}
}

func (b *byteBar) reading(r io.Reader) io.Reader {
	if b == nil {
		return r
	}
	return b.bar.ProxyReader(r)
}

func (b *byteBar) end() {
	if b != nil {
		b.bar.Abort(true)
		b.bars.Wait()
	}
}
