package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/client"
	"lazuli/event"
)

func newPluginCmd() *cobra.Command {
	return groupCmd("plugin", "List plugins and try them", newPluginListCmd(), newPluginRunCmd(), newPluginTestCmd(), newPluginSettingsCmd())
}

func newPluginListCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that the platform knows, with what they did",
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
		list, err := api.Plugins(cmd.Context())
		if err != nil {
			return fmt.Errorf("list plugins: %w", err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"plugins": append([]client.Plugin{}, list...)})
		}
		return printPlugins(cmd.OutOrStdout(), list)
	}
	return cmd
}

func printPlugins(out io.Writer, list []client.Plugin) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no plugin is registered")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tCOMPLETED\tOPT-OUT\tFAILED\tLAST 7 DAYS\tDESCRIPTION")
	for _, p := range list {
		n, recent := tally(p.States), tally(p.Recent)
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d completed, %d failed\t%s\n", printable(p.Name), printable(p.Version), n.completed, n.optOut, n.failed,
			recent.completed, recent.failed, shorten(p.Description, maxNameWidth))
	}
	return w.Flush()
}

// outcomes counts how jobs ended.
type outcomes struct{ completed, optOut, failed int }

// tally sums the states of a plugin's events; those that have not ended are left out.
func tally(states map[string]int) outcomes {
	var n outcomes
	for state, count := range states {
		switch event.State(state) {
		case event.Completed, event.CompletedEmpty, event.CompletedWithErrors:
			n.completed += count
		case event.OptOut:
			n.optOut += count
		case event.Heartbeat, event.Dequeued, event.DownloadRequested:
		default:
			n.failed += count
		}
	}
	return n
}
