package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
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
	fmt.Fprintln(w, "ID\tTIME\tPLUGIN\tATTEMPTS\tSHA256\tREASON")
	ids := uniqueIDs(dead)
	for i, d := range dead {
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%d\t%s\t%s\n", printable(ids[i]), timeText(d.Time), printable(d.Plugin), printable(d.Version), d.Attempts,
			printable(d.SHA256), shorten(d.Reason, maxNameWidth))
	}
	return w.Flush()
}

// uniqueIDs returns the beginnings of letters' IDs that are enough to name each, twelve characters or more: IDs begin with the event's
// key, so two plugins' letters about one event differ late.
func uniqueIDs(dead []client.DeadLetter) []string {
	sorted := make([]string, len(dead))
	for i := range dead {
		sorted[i] = dead[i].ID
	}
	slices.Sort(sorted)
	ids := make([]string, len(dead))
	for i, d := range dead {
		at, _ := slices.BinarySearch(sorted, d.ID)
		need := 12
		for _, other := range []int{at - 1, at + 1} {
			if other >= 0 && other < len(sorted) {
				need = max(need, common(d.ID, sorted[other])+1)
			}
		}
		ids[i] = d.ID[:min(need, len(d.ID))]
	}
	return ids
}

// common is how many bytes two texts begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// shortID is the beginning of an ID, as far as it is needed to tell events apart. Commands take any beginning that is unique.
func shortID(id string) string { return printable(id[:min(len(id), 12)]) }

func newDeadShowCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show all that is known of a job that was given up",
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
		dead, err := api.DeadLetters(cmd.Context())
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		found, err := pickDead(dead, args, "", false)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), found[0])
		}
		d := found[0]
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "id\t%s\nplugin\t%s %s\nfile\t%s\nattempts\t%d\ngiven up\t%s\nwhy\t%s\nevent\t%s\n", printable(d.ID), printable(d.Plugin), printable(d.Version),
			printable(d.SHA256), d.Attempts, timeText(d.Time), printable(d.Reason), printable(d.Position))
		return w.Flush()
	}
	return cmd
}

func newDeadRetryCmd() *cobra.Command {
	var asJSON, all bool
	var plugin string
	cmd := &cobra.Command{
		Use:   "retry ID… | --plugin NAME | --all",
		Short: "Have jobs that were given up tried again",
		Long: "Has jobs tried again, with a fresh count of attempts and before live work. A dead letter is closed when its job ends well, otherwise it\n" +
			"stays. The plugin must be running.",
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&all, "all", false, "all jobs that were given up")
	cmd.Flags().StringVar(&plugin, "plugin", "", "all of this plugin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && plugin == "" && !all {
			return &usageError{errors.New("say which: IDs, --plugin or --all")}
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		dead, err := api.DeadLetters(cmd.Context())
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		found, err := pickDead(dead, args, plugin, all)
		if err != nil {
			return err
		}
		if len(found) == 0 && asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"retried": []client.Retried{}})
		}
		if len(found) == 0 {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "no job was given up")
			return err
		}
		ids := make([]string, len(found))
		for i := range found {
			ids[i] = found[i].ID
		}
		retried, err := api.Retry(cmd.Context(), ids)
		if err != nil {
			return fmt.Errorf("retry: %w", err)
		}
		return printRetried(cmd.OutOrStdout(), retried, asJSON)
	}
	return cmd
}

func printRetried(out io.Writer, retried []client.Retried, asJSON bool) error {
	failed := 0
	for _, r := range retried {
		if r.Error != "" {
			failed++
			if !asJSON {
				fmt.Fprintf(out, "%s: %s\n", shortID(r.ID), r.Error)
			}
		}
	}
	if asJSON {
		if err := printJSON(out, map[string]any{"retried": retried}); err != nil {
			return err
		}
	} else if n := len(retried) - failed; n > 0 {
		fmt.Fprintf(out, "%d tried again: `lazuli dead list` shows those that fail once more\n", n)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cannot be tried again", failed, len(retried))
	}
	return nil
}

// pickDead returns the letters whose IDs begin with one of the given texts, or that are a plugin's, or all.
func pickDead(dead []client.DeadLetter, ids []string, plugin string, all bool) ([]client.DeadLetter, error) {
	var found []client.DeadLetter
	for _, id := range ids {
		var matches []client.DeadLetter
		for _, d := range dead {
			if d.ID == id { // whole, though others may go on after it: …-0-1 and …-0-12
				matches = []client.DeadLetter{d}
				break
			}
			if strings.HasPrefix(d.ID, id) && (plugin == "" || d.Plugin == plugin) {
				matches = append(matches, d)
			}
		}
		switch {
		case len(matches) == 0:
			return nil, fmt.Errorf("%s: no job that was given up has an ID that begins like that", printable(id))
		case len(matches) > 1:
			return nil, fmt.Errorf("%s: %d IDs begin like that, such as %s and %s: give more of one", printable(id), len(matches), printable(matches[0].ID), printable(matches[1].ID))
		}
		found = append(found, matches[0])
	}
	if len(ids) > 0 {
		return found, nil
	}
	for _, d := range dead {
		if all || d.Plugin == plugin {
			found = append(found, d)
		}
	}
	return found, nil
}
