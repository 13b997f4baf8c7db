package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newWhyCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "why HASH [PLUGIN]",
		Short: "Say why each plugin did or did not run on a file",
		Long: "Says of every plugin that polls or is registered where a file stands with it: running, waiting and behind how many events,\n" +
			"skipped by which rule and value, or done with what.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hash, err := checkHash(args[0])
		if err != nil {
			return err
		}
		plugin := ""
		if len(args) > 1 {
			plugin = args[1]
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		answer, err := api.Why(cmd.Context(), hash, plugin)
		if err != nil {
			return fmt.Errorf("why %s: %w", hash, err)
		}
		if asJSON {
			answer.Plugins = append([]client.Why{}, answer.Plugins...)
			return printJSON(cmd.OutOrStdout(), answer)
		}
		printSilent(cmd.ErrOrStderr(), answer.Silent)
		return printWhy(cmd.OutOrStdout(), answer.Plugins)
	}
	return cmd
}

// printSilent names the instances that did not answer.
func printSilent(errOut io.Writer, list []client.Silent) {
	for _, s := range list {
		fmt.Fprintf(errOut, "the dispatcher at %s does not answer, so what its plugins do is not known: %s\n", printable(s.Instance), printable(s.Error))
	}
}

func printWhy(out io.Writer, list []client.Why) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no plugin has registered or polled")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLUGIN\tSTATE\tWHY")
	for _, y := range list {
		fmt.Fprintf(w, "%s %s\t%s\t%s\n", printable(y.Plugin), printable(y.Version), jobText(y.State, y.Feed), shorten(y.Sentence, 4*maxNameWidth))
	}
	return w.Flush()
}

// jobText is the state of a job for people: one that waits to be tried again, after it was given up, is not in the queue of the others.
func jobText(state, feed string) string {
	if state == "waiting" && feed == "retry" {
		return "waiting (retry)"
	}
	return state
}
