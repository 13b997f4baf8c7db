package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lazuli/plugin"
	"lazuli/plugins"
)

// setFlag adds --set to a command that runs a plugin.
func setFlag(cmd *cobra.Command) *[]string {
	return cmd.Flags().StringArray("set", nil, "`NAME=VALUE` of a setting of the plugin, as `lazuli plugin settings` lists them; may be repeated")
}

// given is what --set says.
func given(pairs []string) (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("--set %.80q: it must be NAME=VALUE", pair)
		}
		values[name] = value
	}
	return values, nil
}

func newPluginSettingsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "settings [NAME]",
		Short: "List the settings of the built-in plugins, with what they are unless set",
		Long: "Lists the settings of the built-in plugins. An operator sets them in the configuration file, below plugin_settings and the plugin's name;\n" +
			"`lazuli plugin test` and `run` take --set. A submission's settings may hold limits of Unbox for this submission alone, with unbox_ before the name.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := builtIn(args)
			if err != nil {
				return err
			}
			return printSettings(cmd.OutOrStdout(), list)
		},
	}
}

func printSettings(out io.Writer, list []plugin.Plugin) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLUGIN\tSETTING\tVALUE\tDESCRIPTION")
	for _, p := range list {
		c, ok := p.(plugin.Configurable)
		if !ok {
			continue
		}
		for _, s := range c.Settings() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Spec().Name, s.Name, strings.ReplaceAll(s.Value, "\n", `\n`), s.Description)
		}
	}
	return w.Flush()
}

// setPlugins are the built-in plugins with their settings. A value that makes no sense is the user's mistake.
func setPlugins(values map[string]map[string]string) ([]plugin.Plugin, error) {
	list, err := plugins.Configured(values)
	if err != nil {
		return nil, &usageError{err}
	}
	return list, nil
}
