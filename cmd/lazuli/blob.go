package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"lazuli/internal/blob"
	"lazuli/internal/config"
)

func newBlobCmd() *cobra.Command {
	return groupCmd("blob", "Look after the store of files", newBlobVerifyCmd(), newBlobDuCmd(), newBlobCopyCmd())
}

// storeFlags say which store a command is about, where that is not the one of the configuration.
type storeFlags struct {
	config, data, keyFile string
}

func (f *storeFlags) add(cmd *cobra.Command) {
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Flags().StringVar(&f.config, "config", os.Getenv("LAZULI_CONFIG"), "configuration `FILE` that names the store (LAZULI_CONFIG)")
	cmd.Flags().StringVar(&f.data, "data", "", "data `DIR`ectory that holds the store")
	cmd.Flags().StringVar(&f.keyFile, "store-key-file", "", "`FILE` with the key with which the store is encrypted; or LAZULI_STORE_KEY")
}

// open opens the store that args name, or that of the configuration. It must exist.
func (f *storeFlags) open(ctx context.Context, args []string) (s blob.Store, location string, err error) {
	flags := config.Flags{}
	for key, text := range map[string]string{"data": f.data, "store_key_file": f.keyFile} {
		if text != "" {
			flags[key] = text
		}
	}
	if len(args) == 1 {
		flags["store"] = args[0]
	}
	cfg, err := config.Load(f.config, os.Environ(), flags)
	if err != nil {
		return nil, "", &usageError{err}
	}
	if location = cfg.Store; location == "" || f.data != "" && len(args) == 0 {
		location = (&dataDir{path: cfg.Data}).store()
	}
	s, err = openStoreAt(ctx, location, cfg.StoreKey, cfg.StoreKeyFile, true)
	return s, location, err
}

func openStoreAt(ctx context.Context, location, key, keyFile string, mustExist bool) (blob.Store, error) {
	if err := blob.CheckLocation(location); err != nil {
		return nil, &usageError{err}
	}
	newLogger(os.Stderr, false) // for what the store has to say
	opts := blob.Options{MustExist: mustExist}
	var err error
	if opts.Key, err = storeKey(key, keyFile); err != nil {
		return nil, err
	}
	s, err := blob.Open(ctx, location, opts)
	if err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", location, err)
	}
	return s, nil
}

const locationHelp = "LOCATION is a directory or s3://BUCKET/PREFIX?endpoint=URL; without it the store of the configuration is meant."

func newBlobVerifyCmd() *cobra.Command {
	var flags storeFlags
	cmd := &cobra.Command{
		Use:   "verify [LOCATION]",
		Short: "Read every object of a store and compare its bytes with its name",
		Long: "Reads every object, decrypts it if the store is encrypted, and compares the SHA-256 of its bytes with its name. Prints a\n" +
			"line for each fault. The store may be in use.\n" + locationHelp,
	}
	flags.add(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, location, err := flags.open(cmd.Context(), args)
		if err != nil {
			return err
		}
		defer store.Close()
		result := struct {
			Store   string   `json:"store"`
			Objects int64    `json:"objects"`
			Bytes   int64    `json:"bytes"`
			Faults  []string `json:"faults"`
		}{Store: location, Faults: []string{}}
		bar, err := newStoreBar(cmd, store, "read")
		if err != nil {
			return err
		}
		defer bar.end()
		err = blob.Verify(cmd.Context(), store, func(fault string) {
			result.Faults = append(result.Faults, fault)
			if !*asJSON {
				fmt.Fprintln(bar.above(cmd.OutOrStdout()), printable(fault))
			}
		}, func(size int64) {
			result.Objects++
			result.Bytes += size
			bar.add(size)
		})
		bar.end()
		if err != nil {
			return fmt.Errorf("%s: %w", location, err)
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), result); err != nil {
				return err
			}
		}
		if n := len(result.Faults); n > 0 {
			return fmt.Errorf("%s in %s", count(n, "fault"), location)
		}
		if !*asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sound: %s, %s\n", location, count(int(result.Objects), "object"), sizeText(result.Bytes))
		}
		return nil
	}
	return cmd
}

func newBlobDuCmd() *cobra.Command {
	var flags storeFlags
	cmd := &cobra.Command{
		Use:   "du [LOCATION]",
		Short: "Count the objects of a store and their bytes, by source and label",
		Long:  "Counts the objects of a store and their bytes, by source and label.\n" + locationHelp,
	}
	flags.add(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		store, location, err := flags.open(cmd.Context(), args)
		if err != nil {
			return err
		}
		defer store.Close()
		parts, all, err := usage(cmd.Context(), store)
		if err != nil {
			return fmt.Errorf("%s: %w", location, err)
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), struct {
				Store   string       `json:"store"`
				Objects int64        `json:"objects"`
				Bytes   int64        `json:"bytes"`
				Parts   []storeUsage `json:"parts"`
			}{location, all.Objects, all.Bytes, parts})
		}
		table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, u := range append(parts, all) {
			fmt.Fprintf(table, "%s\t%s\t  %s\n", count(int(u.Objects), "object"), sizeText(u.Bytes), u.name(location))
		}
		return table.Flush()
	}
	return cmd
}

// storeUsage is what one label of one source takes.
type storeUsage struct {
	Source  string `json:"source,omitempty"`
	Label   string `json:"label,omitempty"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

func (u storeUsage) name(all string) string {
	if u.Source == "" {
		return all
	}
	return u.Source + "/" + u.Label
}

// usage counts what a store holds: in parts, by name, and altogether.
func usage(ctx context.Context, s blob.Store) (parts []storeUsage, all storeUsage, err error) {
	counted := map[[2]string]*storeUsage{}
	err = s.Walk(ctx, func(k blob.Key, info blob.Info) error {
		u := counted[[2]string{k.Source, k.Label}]
		if u == nil {
			u = &storeUsage{Source: k.Source, Label: k.Label}
			counted[[2]string{k.Source, k.Label}] = u
		}
		for _, u := range []*storeUsage{u, &all} {
			u.Objects++
			u.Bytes += max(info.Size, 0)
		}
		return nil
	})
	parts = []storeUsage{}
	for _, u := range slices.SortedFunc(maps.Values(counted), func(a, b *storeUsage) int {
		return strings.Compare(a.name(""), b.name(""))
	}) {
		parts = append(parts, *u)
	}
	return parts, all, err
}

func newBlobCopyCmd() *cobra.Command {
	var fromKey, toKey string
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy every object that another store does not have",
		Long: "Copies every object of a store into another, which may be of another kind, new, encrypted with another key or with none.\n" +
			"What is there already is left alone, so the command can be ended and begun again. What is damaged is not copied; a line\n" +
			"names it. FROM may be in use.\n" +
			"FROM and TO are directories or s3://BUCKET/PREFIX?endpoint=URL.",
		Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&fromKey, "from-key-file", "", "`FILE` with the key of FROM")
	cmd.Flags().StringVar(&toKey, "to-key-file", "", "`FILE` with the key of TO")
	asJSON := cmd.Flags().Bool("json", false, "print one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, err := openStoreAt(cmd.Context(), args[0], "", fromKey, true)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := openStoreAt(cmd.Context(), args[1], "", toKey, false)
		if err != nil {
			return err
		}
		defer to.Close()
		bar, err := newStoreBar(cmd, from, "copied")
		if err != nil {
			return err
		}
		defer bar.end()
		faults := []string{}
		did, err := blob.Mirror(cmd.Context(), from, to, func(fault string) {
			faults = append(faults, fault)
			if !*asJSON {
				fmt.Fprintln(bar.above(cmd.OutOrStdout()), printable(fault))
			}
		}, bar.add)
		bar.end()
		if *asJSON {
			err := printJSON(cmd.OutOrStdout(), struct {
				From   string   `json:"from"`
				To     string   `json:"to"`
				Copied int64    `json:"copied"`
				Bytes  int64    `json:"bytes"`
				Kept   int64    `json:"kept"`
				Faults []string `json:"faults"`
			}{args[0], args[1], did.Copied, did.Bytes, did.Kept, faults})
			if err != nil {
				return err
			}
		} else {
			fmt.Fprintf(cmd.OutOrStdout(), "%s copied, %s; %s there already\n", count(int(did.Copied), "object"), sizeText(did.Bytes), wereThere(did.Kept))
		}
		if err != nil {
			return err
		}
		if n := len(faults); n > 0 {
			return fmt.Errorf("%s in %s not copied", count(n, "fault"), args[0])
		}
		return nil
	}
	return cmd
}

func wereThere(n int64) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// storeBar shows how much of a store is done; a nil one shows nothing.
type storeBar struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// newStoreBar counts the store first, for those who watch.
func newStoreBar(cmd *cobra.Command, s blob.Store, verb string) (*storeBar, error) {
	if !isTerminal(cmd.ErrOrStderr()) {
		return nil, nil
	}
	_, all, err := usage(cmd.Context(), s)
	if err != nil {
		return nil, err
	}
	bars := mpb.New(mpb.WithOutput(cmd.ErrOrStderr()), mpb.WithWidth(40))
	return &storeBar{bars, bars.New(all.Bytes, mpb.BarStyle(),
		mpb.PrependDecorators(decor.Name(verb+"  "), decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(decor.SizeB1024(0), "  % .0f"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))}, nil
}

func (b *storeBar) add(size int64) {
	if b != nil {
		b.bar.IncrInt64(size)
	}
}

// above is where lines go that belong above the bar, if w is the same terminal.
func (b *storeBar) above(w io.Writer) io.Writer {
	if b == nil || !isTerminal(w) {
		return w
	}
	return b.bars
}

func (b *storeBar) end() {
	if b != nil {
		b.bar.Abort(false)
		b.bars.Wait()
	}
}
