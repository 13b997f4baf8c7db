package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newShowCmd() *cobra.Command {
	var tree, asJSON bool
	cmd := &cobra.Command{
		Use:               "show HASH",
		Short:             "Show what is known of a file",
		Long:              "Shows what is known of a file, by SHA-256, SHA-1 or MD5. Exit code 4 when nothing is.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&tree, "tree", false, "show the file with all files inside it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hash, err := checkHash(args[0])
		if err != nil {
			return err
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		if tree {
			return showTree(cmd, api, hash, asJSON)
		}
		return showFile(cmd, api, hash, asJSON)
	}
	return cmd
}

func showTree(cmd *cobra.Command, api *client.API, hash string, asJSON bool) error {
	t, err := api.Tree(cmd.Context(), hash, 0)
	if err != nil {
		return fmt.Errorf("show %s: %w", hash, err)
	}
	out := cmd.OutOrStdout()
	if asJSON {
		return printJSON(out, t)
	}
	printTree(out, t, wantsColour(out))
	return nil
}

func showFile(cmd *cobra.Command, api *client.API, hash string, asJSON bool) error {
	f, err := api.File(cmd.Context(), hash, 0)
	if err != nil {
		return fmt.Errorf("show %s: %w", hash, err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), f)
	}
	printSilent(cmd.ErrOrStderr(), f.Silent)
	return printFile(cmd.OutOrStdout(), f)
}

// maxShownValues bounds the features of one file on a screen; --json has all.
const maxShownValues = 200

// printFile writes a file in sections; those with nothing in them are left out.
func printFile(out io.Writer, f *client.File) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, shorten(value, 2*maxNameWidth))
		}
	}
	field("sha256", f.SHA256)
	field("sha1", f.SHA1)
	field("md5", f.MD5)
	field("size", fmt.Sprintf("%s (%d bytes)", sizeText(f.Size), f.Size))
	field("format", f.FileFormat)
	field("mime", f.MIME)
	field("magic", f.Magic)
	field("names", strings.Join(f.Filenames, ", "))
	field("first seen", timeText(f.FirstSeen))
	field("last seen", timeText(f.LastSeen))
	field("state", stateText(f))

	section := func(title string, n int) bool {
		if n > 0 {
			fmt.Fprintf(w, "\n%s\n", title)
		}
		return n > 0
	}
	if section("sources", len(f.Sources)) {
		for _, s := range f.Sources {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", printable(s.Name), timeText(s.Timestamp), sourceText(f.SHA256, s))
		}
	}
	if section("features", len(f.Features)) {
		for i, v := range f.Features {
			if i == maxShownValues {
				fmt.Fprintf(w, "  … and %d more: see --json\n", len(f.Features)-i)
				break
			}
			value := shorten(v.Value, maxNameWidth)
			if v.Label != "" {
				value += "  [" + shorten(v.Label, maxValueWidth) + "]"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", printable(v.Plugin), printable(v.Name), value)
		}
	}
	if section("plugins", len(f.Statuses)) {
		for _, s := range f.Statuses {
			why := strings.Trim(s.Error+": "+firstLine(s.Message), ": ")
			fmt.Fprintf(w, "  %s %s\t%s\t%s\n", printable(s.Plugin), printable(s.Version), printable(s.State), shorten(why, maxNameWidth))
		}
	}
	printLinks := func(title string, links []client.Link) {
		if section(title, len(links)) {
			for _, l := range links {
				fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", printable(l.SHA256), sizeText(l.Size), printable(l.FileFormat), shorten(l.Filename, maxNameWidth))
			}
		}
	}
	printLinks("inside it", f.Children)
	printLinks("found in", f.Parents)
	return w.Flush()
}

func stateText(f *client.File) string {
	if len(f.Pending) == 0 {
		return f.State
	}
	var jobs []string
	for _, p := range f.Pending {
		jobs = append(jobs, p.Plugin+" "+jobText(p.State, p.Feed))
	}
	return f.State + ": " + strings.Join(slices.Compact(slices.Sorted(slices.Values(jobs))), ", ")
}

// sourceText says how a file came in by a source: itself or in which submitted file, and what the submitter said.
func sourceText(sha string, s client.Source) string {
	parts := []string{"submitted"}
	if s.Depth > 0 || s.Root != "" && s.Root != sha {
		parts[0] = "inside " + shortHash(s.Root)
	}
	for _, k := range slices.Sorted(maps.Keys(s.References)) {
		parts = append(parts, shorten(k+"="+s.References[k], maxValueWidth))
	}
	return strings.Join(parts, "  ")
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
