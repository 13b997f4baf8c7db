package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newSimilarCmd() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "similar HASH",
		Short: "Find files that are like a file",
		Long: "Finds files that are like a file by ssdeep, TLSH, the course of their entropy, or the feature values that they share.\n" +
			"Scores go up to 100; nothing stands where a file is not among the most alike.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().IntVar(&limit, "limit", 20, "at most this many files (100) for each way of being alike")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hash, err := checkHash(args[0])
		if err != nil {
			return err
		}
		if limit < 1 || limit > 100 {
			return usagef("--limit %d must be 1 to 100", limit)
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		list, err := api.Similar(cmd.Context(), hash, limit)
		if err != nil {
			return fmt.Errorf("similar to %s: %w", hash, err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), map[string][]client.SimilarFile{"files": list})
		}
		return printSimilar(cmd.OutOrStdout(), list)
	}
	return cmd
}

func printSimilar(out io.Writer, list []client.SimilarFile) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no file is like it")
		return err
	}
	score := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SHA256\tSSDEEP\tTLSH\tENTROPY\tFEATURES\tSIZE\tFORMAT\tNAMES")
	for _, f := range list {
		s := &f.Scores
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(f.File.SHA256), score(s.SSDeep), score(s.TLSH), score(s.Entropy), score(s.Features),
			sizeText(f.File.Size), printable(f.File.FileFormat), shorten(strings.Join(f.File.Filenames, ", "), maxNameWidth))
	}
	return w.Flush()
}
