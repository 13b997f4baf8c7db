package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"lazuli/client"
)

// searchFlags are what `lazuli search` may be told.
type searchFlags struct {
	limit     int
	asJSON    bool
	total     bool
	facets    []string
	order     string
	ascending bool
	export    string
}

func newSearchCmd() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find files",
		Long: "Finds files, newest first, for example:\n" +
			"  lazuli search 'file_format:executable/* AND features.name:entropy'",
		Args: cobra.MinimumNArgs(1),
	}
	connect := serverFlag(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return completeQuery(cmd.Context(), connect, word), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	flags := cmd.Flags()
	flags.IntVar(&f.limit, "limit", 50, "print at most this many files")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON document")
	flags.BoolVar(&f.total, "total", false, "count all files that match")
	flags.StringArrayVar(&f.facets, "facet", nil, "count the values of FIELD among all files that match; may be repeated")
	flags.StringVar(&f.order, "order", "newest", "newest, by what was found of a file last; or submitted")
	flags.BoolVar(&f.ascending, "ascending", false, "the other way round")
	flags.StringVar(&f.export, "export", "", "write every file that matches, as csv or ndjson")
	fixed := func(values ...cobra.Completion) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	for name, complete := range map[string]cobra.CompletionFunc{"order": fixed("newest", "submitted"), "export": fixed("csv", "ndjson"),
		"facet": func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return fieldsOf(completeQuery(cmd.Context(), connect, word)), cobra.ShellCompDirectiveNoFileComp
		}} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // there is no such flag: a mistake above
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		query := strings.Join(args, " ")
		if f.export != "" {
			return export(cmd.Context(), api, query, f.export, cmd.OutOrStdout())
		}
		page, err := searchAll(cmd.Context(), api, query, &f)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		return f.print(page, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func (f *searchFlags) check() error {
	switch {
	case f.limit < 1:
		return usagef("--limit %d must be at least 1", f.limit)
	case f.order != "newest" && f.order != "submitted":
		return usagef("--order %.40q must be newest or submitted", f.order)
	case f.export != "" && f.export != "csv" && f.export != "ndjson":
		return usagef("--export %.40q must be csv or ndjson", f.export)
	}
	return nil
}

func (f *searchFlags) print(page *client.SearchPage, out, errOut io.Writer) error {
	if f.asJSON {
		return printJSON(out, page)
	}
	if page.Total != nil {
		match := "files match"
		if *page.Total == 1 {
			match = "file matches"
		}
		fmt.Fprintf(out, "%d %s\n", *page.Total, match)
	}
	if err := printHits(out, page.Hits); err != nil {
		return err
	}
	for _, facet := range page.Facets {
		if err := printFacet(out, &facet); err != nil {
			return err
		}
	}
	if page.Partial != "" {
		fmt.Fprintln(errOut, "this is not everything: "+printable(page.Partial))
	}
	if page.Next != "" {
		fmt.Fprintf(errOut, "there are more: --limit %d shows twice as many\n", 2*f.limit)
	}
	return nil
}

// searchPageSize is what the server is asked for at once.
const searchPageSize = 500

// searchAll goes through pages until it has as many hits as are wanted. Next of the result is where to go on.
func searchAll(ctx context.Context, api *client.API, query string, f *searchFlags) (*client.SearchPage, error) {
	all := &client.SearchPage{Hits: []client.Hit{}}
	o := client.SearchOptions{Ascending: f.ascending, Total: f.total, Facets: f.facets}
	if f.order == "submitted" {
		o.Order = client.OrderSubmitted
	}
	for {
		o.Limit = min(f.limit-len(all.Hits), searchPageSize)
		page, err := api.Find(ctx, query, o)
		if err != nil {
			return nil, err
		}
		if o.Cursor == "" {
			all.Total, all.Facets = page.Total, page.Facets
		}
		all.Hits, all.Next = append(all.Hits, page.Hits...), page.Next
		if page.Partial != "" {
			all.Partial = page.Partial
		}
		if all.Next == "" || len(all.Hits) >= f.limit || len(page.Hits) == 0 {
			return all, nil
		}
		o.Cursor, o.Total, o.Facets = page.Next, false, nil // those stand on the first page
	}
}

// export copies what the server writes, which is safe for files and other programs, not for terminals.
func export(ctx context.Context, api *client.API, query, format string, out io.Writer) error {
	body, err := api.Export(ctx, query, format)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer body.Close()
	if _, err := io.Copy(out, body); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
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

func printFacet(out io.Writer, f *client.Facet) error {
	about := ""
	if f.Approx {
		about = " (about)"
	}
	fmt.Fprintf(out, "\n%s%s\n", printable(f.Field), about)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, v := range f.Values {
		fmt.Fprintf(w, "%d\t  %s\n", v.Count, shorten(v.Value, maxNameWidth))
	}
	return w.Flush()
}

// completionPatience is how long a shell waits for a platform that may not be there.
const completionPatience = time.Second

// askSoon asks a platform for the shell's completion.
func askSoon(ctx context.Context, connect func() (*client.API, error), ask func(context.Context, *client.API) error) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	api, err := connect()
	if err != nil {
		return err
	}
	defer api.Close()
	return ask(ctx, api)
}

// completeQuery offers what the last word of a query may become, as the shell's completion has it: text, tab, what it is. Nothing when no
// platform answers.
func completeQuery(ctx context.Context, connect func() (*client.API, error), word string) []string {
	const most = 50
	var got *client.Completions
	err := askSoon(ctx, connect, func(ctx context.Context, api *client.API) (err error) {
		got, err = api.Complete(ctx, word, most)
		return err
	})
	if err != nil {
		return nil
	}
	units := utf16.Encode([]rune(word))
	if got.From < 0 || got.From > got.To || got.To > len(units) {
		return nil
	}
	var list []string
	for _, item := range got.Items {
		text := string(utf16.Decode(slices.Concat(units[:got.From], utf16.Encode([]rune(item.Insert)), units[got.To:])))
		if printable(text) == text { // what a file is called must not steer the terminal
			list = append(list, text+"\t"+printable(item.Detail))
		}
	}
	return list
}

// fieldsOf keeps of completions those that are names of fields.
func fieldsOf(list []string) []string {
	var fields []string
	for _, item := range list {
		text, detail, _ := strings.Cut(item, "\t")
		if name, ok := strings.CutSuffix(text, ":"); ok {
			fields = append(fields, name+"\t"+detail)
		}
	}
	return fields
}
