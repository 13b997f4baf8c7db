package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lazuli/internal/cart"
)

func newDownloadCmd() *cobra.Command {
	var outfile string
	var raw, force bool
	cmd := &cobra.Command{
		Use:   "download HASH",
		Short: "Download a file as CaRT",
		Long: "Writes a file of the platform, by SHA-256, SHA-1 or MD5, to HASH.cart: a CaRT, which nothing runs or scans by accident. `lazuli uncart`\n" +
			"unwraps it. With --raw it is written as it is, to HASH; that may be malware. Exit code 4 when nothing is known of it.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().StringVarP(&outfile, "outfile", "o", "", "write to this `FILE`, or to standard output (-)")
	cmd.Flags().BoolVar(&raw, "raw", false, "the file as it is, not as CaRT")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace a file that is there")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hash, err := checkHash(args[0])
		if err != nil {
			return err
		}
		if outfile == "" {
			if outfile = hash + ".cart"; raw {
				outfile = hash
			}
		}
		if outfile == stdinPath && isTerminal(cmd.OutOrStdout()) {
			return usagef("it is binary, and standard output is a terminal: use --outfile FILE")
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		content, err := api.Content(cmd.Context(), hash, raw)
		if err != nil {
			return fmt.Errorf("download %s: %w", hash, err)
		}
		defer content.Close()
		write := func(w io.Writer) error { return receive(w, content, hash, raw) }
		if outfile == stdinPath {
			err = write(cmd.OutOrStdout())
		} else {
			err = writeWhole(outfile, force, write)
		}
		if err != nil {
			return fmt.Errorf("download %s: %w", hash, err)
		}
		return nil
	}
	return cmd
}

// receive writes a download to w, and finds it wrong if it is not whole, or not what has the hash, if that is a SHA-256.
func receive(w io.Writer, r io.Reader, hash string, raw bool) error {
	content := io.TeeReader(r, w)
	if !raw {
		c, err := cart.Open(content, cart.Key{}, 0)
		if err != nil {
			return err
		}
		if c.Kind != cart.CaRT {
			return fmt.Errorf("the server sent something else than a CaRT")
		}
		content = c
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); len(hash) == len(got) && got != hash {
		return fmt.Errorf("what came has the SHA-256 %s", got)
	}
	return nil
}
