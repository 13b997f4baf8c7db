package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newDeadCmd() *cobra.Command {
	return groupCmd("dead", "Jobs that were given up", newDeadListCmd())
}

func newDeadListCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs that were given up, newest first",
		Args:  cobra.NoArgs,
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		dead, err := api.DeadLetters(cmd.Context())
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"dead": append([]client.DeadLetter{}, dead...)})
		}
		return printDead(cmd.OutOrStdout(), dead)
	}
	return cmd
}

func printDead(out io.Writer, dead []client.DeadLetter) error {
	if len(dead) == 0 {
		_, err := fmt.Fprintln(out, "no job was given up")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tPLUGIN\tATTEMPTS\tSHA256\tREASON")
	for _, d := range dead {
		fmt.Fprintf(w, "%s\t%s %s\t%d\t%s\t%s\n", timeText(d.Time), printable(d.Plugin), printable(d.Version), d.Attempts,
			printable(d.SHA256), shorten(d.Reason, maxNameWidth))
	}
	return w.Flush()
}
