package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lazuli/internal/inspect"
)

func newStringsCmd() *cobra.Command {
	var p stringsPrinter
	cmd := &cobra.Command{
		Use:   "strings PATH…",
		Short: "Print the strings in files",
		Long: "Prints what is text in files, in the files in folders and below, or in standard input (-): ASCII, UTF-8, and UTF-16 of both byte\n" +
			"orders, with offsets. Nothing is sent anywhere. Symbolic links in folders are not followed, and what is not a regular file is\n" +
			"left out.",
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().IntVarP(&p.query.MinLength, "min-length", "n", inspect.DefaultMinLength, "characters of the shortest string")
	cmd.Flags().IntVar(&p.query.MaxLength, "max-length", inspect.MostMaxLength, "characters of the longest string; what is longer comes in parts")
	cmd.Flags().StringVarP(&p.query.Filter, "filter", "f", "", "only strings that hold this `TEXT`, in upper or lower case")
	cmd.Flags().StringVarP(&p.query.Regex, "regex", "e", "", "only strings that match this `REGEX` of RE2")
	cmd.Flags().BoolVar(&p.query.NoNoise, "no-noise", false, "only strings that look as if they were meant as text")
	cmd.Flags().BoolVar(&p.json, "json", false, "print one JSON object for each string, on a line of its own")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.ctx, p.out = cmd.Context(), newLineWriter(cmd.OutOrStdout())
		p.withPath = len(args) > 1 || isFolder(args[0])
		run := localRun{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(), verb: "searched", look: p.file}
		if err := p.check(); err != nil {
			return err
		}
		return errors.Join(run.oneByOne(cmd.Context(), args), p.out.flush())
	}
	return cmd
}

// stringsPrinter prints the strings of files.
type stringsPrinter struct {
	ctx            context.Context
	query          inspect.StringsQuery
	json, withPath bool
	out            *lineWriter
}

// foundString is what `lazuli strings --json` prints of a string.
type foundString struct {
	Path     string `json:"path"`
	Text     string `json:"string"`
	Offset   int64  `json:"offset"`
	Length   int64  `json:"length"`
	Encoding string `json:"encoding"`
}

// check tells what makes no sense in the query, before any file is opened.
func (p *stringsPrinter) check() error {
	_, err := inspect.FindStrings(p.ctx, inspect.ReaderAt(nil, 0), p.query)
	if errors.Is(err, inspect.ErrQuery) {
		return &usageError{err}
	}
	return err
}

func (p *stringsPrinter) file(path string, f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	src, q := inspect.ReaderAt(f, info.Size()), p.query
	q.Take, q.TimeLimit = inspect.MostTake, 24*time.Hour // whoever waits ends it
	for {
		page, err := inspect.FindStrings(p.ctx, src, q)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Strings {
			line, err := p.line(path, s)
			if err != nil {
				return nil, err
			}
			if err := p.out.write(line); err != nil {
				return nil, err
			}
		}
		if !page.HasMore {
			return nil, nil
		}
		q.Offset = page.NextOffset
	}
}

func (p *stringsPrinter) line(path string, s inspect.String) ([]byte, error) {
	if p.json {
		return jsonLine(foundString{path, s.Text, s.Offset, s.Length, s.Coding.String()})
	}
	var line []byte
	if p.withPath {
		line = fmt.Appendf(line, "%s: ", printable(path))
	}
	return fmt.Appendf(line, "%08x  %-8s  %s\n", s.Offset, s.Coding, printable(s.Text)), nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
