package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"lazuli/internal/digest"
)

func newHashCmd() *cobra.Command {
	return localCommand(&cobra.Command{
		Use:   "hash PATH…",
		Short: "Compute the hashes of files",
		Long: "Computes size, MD5, SHA-1, SHA-256, SHA-512, ssdeep and TLSH of files, of the files in folders and below, or of standard\n" +
			"input (-), as the platform has them. Nothing is sent anywhere. Symbolic links in folders are not followed, and what is\n" +
			"not a regular file is left out.",
	}, "hashed", hashFile, (*hashed).text)
}

// hashed is what `lazuli hash --json` prints of a file.
type hashed struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	MD5    string `json:"md5"`
	SHA1   string `json:"sha1"`
	SHA256 string `json:"sha256"`
	SHA512 string `json:"sha512"`
	SSDeep string `json:"ssdeep"`
	TLSH   string `json:"tlsh"`
}

func hashFile(path string, f *os.File) (*hashed, error) {
	d, err := digest.Sum(f)
	if err != nil {
		return nil, err
	}
	return &hashed{path, d.Size, d.MD5, d.SHA1, d.SHA256, d.SHA512, d.SSDeep, d.TLSH}, nil
}

// text is a line that names the file and one for each hash that it has.
func (h *hashed) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %d bytes\n", printable(h.Path), h.Size)
	for _, line := range []struct{ name, hash string }{
		{"md5", h.MD5}, {"sha1", h.SHA1}, {"sha256", h.SHA256}, {"sha512", h.SHA512}, {"ssdeep", h.SSDeep}, {"tlsh", h.TLSH},
	} {
		if line.hash != "" {
			fmt.Fprintf(&b, "  %-6s  %s\n", line.name, line.hash)
		}
	}
	return b.Bytes()
}
