package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newSearchCmd() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find files",
		Long: "Finds files, newest first, for example:\n" +
			"  lazuli search 'file_format:executable/* AND features.name:entropy'",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "print at most this many files")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if limit < 1 {
			return usagef("--limit %d must be at least 1", limit)
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		page, err := searchAll(cmd.Context(), api, strings.Join(args, " "), limit)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), page)
		}
		if err := printHits(cmd.OutOrStdout(), page.Hits); err != nil {
			return err
		}
		if page.Next != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --limit %d shows twice as many\n", 2*limit)
		}
		return nil
	}
	return cmd
}

// searchPageSize is what the server is asked for at once.
const searchPageSize = 500

// searchAll goes through pages until it has limit hits. Next of the result is where to go on.
func searchAll(ctx context.Context, api *client.API, query string, limit int) (*client.SearchPage, error) {
	all := &client.SearchPage{Hits: []client.Hit{}}
	for {
		page, err := api.Search(ctx, query, min(limit-len(all.Hits), searchPageSize), all.Next)
		if err != nil {
			return nil, err
		}
		all.Hits = append(all.Hits, page.Hits...)
		all.Next = page.Next
		if all.Next == "" || len(all.Hits) >= limit || len(page.Hits) == 0 {
			return all, nil
		}
	}
}

func printHits(out io.Writer, hits []client.Hit) error {
	if len(hits) == 0 {
		_, err := fmt.Fprintln(out, "no files match")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SHA256\tSIZE\tFORMAT\tLAST SEEN\tFEATURES\tINSIDE\tNAMES")
	for _, h := range hits {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", printable(h.SHA256), sizeText(h.Size), printable(h.FileFormat),
			timeText(h.LastSeen), h.Features, h.Children, shorten(strings.Join(h.Filenames, ", "), maxNameWidth))
	}
	return w.Flush()
}
