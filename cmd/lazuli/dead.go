package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newDeadCmd() *cobra.Command {
	return groupCmd("dead", "Jobs that were given up", newDeadListCmd(), newDeadShowCmd(), newDeadRetryCmd())
}

func newDeadListCmd() *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs that were given up, newest first",
		Long:  "Lists jobs that were given up, newest first. Each ID is shown as far as no other begins like that.",
		Args:  cobra.NoArgs,
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().IntVar(&limit, "limit", 1000, "list at most this many")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 1 {
			return usagef("--limit %d must be at least 1", limit)
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		list := []client.DeadLetter{}
		more := false
		err = eachDead(cmd.Context(), api, func(d *client.DeadLetter) bool {
			if more = len(list) == limit; !more {
				list = append(list, *d)
			}
			return !more
		})
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"dead": list, "more": more})
		}
		if err := printDead(cmd.OutOrStdout(), list); err != nil {
			return err
		}
		if more {
			fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --limit %d shows twice as many\n", 2*limit)
		}
		return nil
	}
	return cmd
}

// eachDead calls visit for all dead letters, newest first, until it returns false.
func eachDead(ctx context.Context, api *client.API, visit func(*client.DeadLetter) bool) error {
	for cursor := ""; ; {
		page, err := api.DeadLetters(ctx, 0, cursor)
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		for i := range page.Dead {
			if !visit(&page.Dead[i]) {
				return nil
			}
		}
		if cursor = page.Next; cursor == "" || len(page.Dead) == 0 {
			return nil
		}
	}
}

func printDead(out io.Writer, dead []client.DeadLetter) error {
	if len(dead) == 0 {
		_, err := fmt.Fprintln(out, "no job was given up")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTIME\tPLUGIN\tATTEMPTS\tSHA256\tREASON")
	for i := range dead {
		d := &dead[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", shortID(d), timeText(d.Time), pluginText(d), d.Attempts, printable(d.SHA256), shorten(d.Reason, maxNameWidth))
	}
	return w.Flush()
}

// shortID is the beginning of a letter's ID, as far as no other ID begins like that. Every command takes it.
func shortID(d *client.DeadLetter) string {
	if d.Short != "" {
		return printable(d.Short)
	}
	return printable(d.ID)
}

func pluginText(d *client.DeadLetter) string {
	return strings.TrimSpace(printable(d.Plugin) + " " + printable(d.Version))
}

func newDeadShowCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show all that is known of a job that was given up",
		Long:  "Shows all that is known of a job that was given up, and its event as long as the log has it. Any beginning of an ID will do\nthat no other ID has.",
		Args:  cobra.ExactArgs(1),
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		d, err := api.DeadLetter(cmd.Context(), args[0])
		if err != nil {
			return fmt.Errorf("show a dead letter: %w", err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), d)
		}
		return printDeadLetter(cmd.OutOrStdout(), d)
	}
	return cmd
}

func printDeadLetter(out io.Writer, d *client.DeadLetter) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%s\nplugin\t%s\nfile\t%s\nattempts\t%d\ngiven up\t%s\nwhy\t%s\n", printable(d.ID), pluginText(d), printable(d.SHA256), d.Attempts,
		timeText(d.Time), printable(d.Reason))
	if d.NoRetry != "" {
		fmt.Fprintf(w, "retry\t%s\n", printable(d.NoRetry))
	}
	if d.Position != "" {
		fmt.Fprintf(w, "event\t%s\n", printable(d.Position))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(d.Event) == 0 {
		_, err := fmt.Fprintln(out, "\nthe log has no event there that could be shown")
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, d.Event, "", "  "); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	fmt.Fprintln(out)
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}
