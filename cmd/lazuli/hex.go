package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"lazuli/internal/inspect"
)

func newHexCmd() *cobra.Command {
	var p hexPrinter
	var find string
	cmd := &cobra.Command{
		Use:   "hex PATH…",
		Short: "Print the bytes of a file in hex, or find bytes in files",
		Long: "Prints the bytes of a file, or of standard input (-), in rows of sixteen: address, hex, and what of it is printable.\n\n" +
			"With --find it prints where bytes stand in files, in those in folders and below: the address of each place and the sixteen\n" +
			"bytes from there on. A question mark is any digit, text stands in quotes, behind an L in UTF-16:\n" +
			"  lazuli hex --find '4d5a ?? 00' suspicious/\n" +
			"  lazuli hex --find 'L\"cmd.exe\" 00 00' suspicious.exe",
		Args: cobra.MinimumNArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVarP(&find, "find", "f", "", "print where these `BYTES` are: hex digits, ?? for any byte, \"text\", L\"text in UTF-16\"")
	flags.Int64Var(&p.offset, "offset", 0, "begin at this byte, which may be hex as in 0x1f0")
	flags.Int64Var(&p.bytes, "bytes", 0, "end after so many bytes (default: at the end of the file)")
	flags.BoolVar(&p.json, "json", false, "print one JSON object for each row or place, on a line of its own")
	if err := cmd.RegisterFlagCompletionFunc("find", cobra.NoFileCompletions); err != nil {
		panic(err) // there is no such flag: a mistake above
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.offset < 0 || p.bytes < 0 {
			return usagef("--offset and --bytes must not be negative")
		}
		p.ctx, p.out = cmd.Context(), newLineWriter(cmd.OutOrStdout())
		run := localRun{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(), verb: "shown", look: p.file}
		switch several := len(args) > 1 || isFolder(args[0]); {
		case flags.Changed("find"):
			f := &hexFinder{hexPrinter: p, pattern: find, withPath: several}
			if err := f.check(); err != nil {
				return err
			}
			run.verb, run.look = "searched", f.file
		case isFolder(args[0]):
			return usagef("%s is a folder, and one file is shown", args[0])
		case several:
			return usagef("%d files are named, and one is shown; --find looks into several", len(args))
		}
		return errors.Join(run.oneByOne(cmd.Context(), args), p.out.flush())
	}
	return cmd
}

// hexPrinter prints the rows of a file.
type hexPrinter struct {
	ctx           context.Context
	offset, bytes int64 // 0 for all
	json          bool
	out           *lineWriter
}

func (p *hexPrinter) file(_ string, f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := info.Size()
	if p.bytes > 0 && p.bytes < end-p.offset {
		end = p.offset + p.bytes
	}
	src := inspect.ReaderAt(f, end)
	for offset, more := p.offset, true; more; {
		page, err := inspect.HexShort(p.ctx, src, offset, 0)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			line := hexLine(row)
			if p.json {
				if line, err = jsonLine(row); err != nil {
					return nil, err
				}
			}
			if err := p.out.write(line); err != nil {
				return nil, err
			}
		}
		offset, more = page.NextOffset, page.HasMore
	}
	return nil, nil
}

func hexLine(row inspect.HexRow[string]) []byte {
	return fmt.Appendf(nil, "%08x  %-47s  %s\n", row.Address, row.Hex, row.ASCII)
}
