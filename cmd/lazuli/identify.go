package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"lazuli/internal/identify"
)

func newIdentifyCmd() *cobra.Command {
	return localCommand(&cobra.Command{
		Use:   "identify PATH…",
		Short: "Say what files are",
		Long: "Says of files, of the files in folders and below, or of standard input (-) in which format they are. Nothing is sent\n" +
			"anywhere. Symbolic links in folders are not followed, and what is not a regular file is left out.",
	}, "identified", identifyFile, (*identified).text)
}

// identified is what `lazuli identify --json` prints of a file.
type identified struct {
	Path      string `json:"path"`
	Format    string `json:"file_format"`
	MIME      string `json:"mime"`
	Magic     string `json:"magic"`
	Extension string `json:"file_extension"`
}

func identifyFile(path string, f *os.File) (*identified, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	res := identify.File(f, info.Size())
	return &identified{path, res.Format, res.MIME, res.Magic, res.Extension}, nil
}

func (id *identified) text() []byte {
	return fmt.Appendf(nil, "%s: %s  %s\n", printable(id.Path), id.Format, id.Magic)
}
