package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

func newCheckCmd() *cobra.Command {
	var data, location, keyFile string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify a data directory: every stored file's hash, the log, the index, and one against the other",
		Long: "Reads everything in a data directory that no lazuli is using and prints one line for each fault.\n" +
			"Exit code 1 when there is one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := &checker{out: cmd.OutOrStdout()}
			if err := c.run(cmd.Context(), data, location, keyFile); err != nil {
				return err
			}
			if c.faults > 0 {
				return fmt.Errorf("%d faults in %s", c.faults, data)
			}
			fmt.Fprintf(c.out, "%s is sound: %d objects, %d events, %d files in the index\n", data, c.objects, c.events, c.binaries)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", config.DefaultData(), "the data directory")
	cmd.Flags().StringVar(&location, "store", os.Getenv("LAZULI_STORE"), "`LOCATION` of the store, where that is not in the data directory (LAZULI_STORE)")
	cmd.Flags().StringVar(&keyFile, "store-key-file", os.Getenv("LAZULI_STORE_KEY_FILE"), "`FILE` with the key with which the store is encrypted; or LAZULI_STORE_KEY")
	return cmd
}

// checker counts and prints faults.
type checker struct {
	out                       io.Writer
	faults                    int
	objects, events, binaries int64
}

func (c *checker) report(fault string) {
	c.faults++
	fmt.Fprintln(c.out, fault)
}

// run checks the parts and then each against the others. What cannot even be opened is a fault, and the rest goes on.
func (c *checker) run(ctx context.Context, path, location, keyFile string) error {
	data, err := openDataDir(path, false)
	if err != nil {
		return err
	}
	defer data.close()
	if location == "" {
		location = data.store()
	}
	store, err := openStoreAt(ctx, location, os.Getenv("LAZULI_STORE_KEY"), keyFile, true)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := blob.Verify(ctx, store, c.report, nil); err != nil {
		c.report("store: " + err.Error())
	}
	objects := map[blob.Key]bool{}
	if err := store.Walk(ctx, func(k blob.Key, _ blob.Info) error { objects[k] = true; return nil }); err != nil {
		c.report("store: " + err.Error())
	}
	c.objects = int64(len(objects))

	log, err := eventlog.Open(data.log(), eventlog.Options{})
	if err != nil {
		c.report("log: " + err.Error())
		return ctx.Err()
	}
	defer log.Close()
	if err := log.Verify(ctx, c.report); err != nil {
		c.report("log: " + err.Error())
	}
	idx, err := index.OpenSQLite(data.index(false))
	if err != nil {
		c.report(err.Error())
		return ctx.Err()
	}
	defer idx.Close()
	if err := idx.Verify(ctx, c.report); err != nil {
		c.report("index: " + err.Error())
	}
	if counts, err := idx.Counts(ctx); err == nil {
		c.binaries = counts.Binaries
	}
	return c.crossCheck(ctx, log, idx, objects)
}

// crossCheck looks for events whose streams are not in the store, and for events that the index has passed but does not
// know.
func (c *checker) crossCheck(ctx context.Context, log eventlog.Log, idx index.Index, objects map[blob.Key]bool) error {
	applied, err := idx.Offsets(ctx)
	if err != nil {
		c.report("index: " + err.Error())
		return ctx.Err()
	}
	topics, err := log.Topics(ctx)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		for p, bounds := range topic.Bounds {
			part := eventlog.Partition{Topic: topic.Name, Index: int32(p)}
			next, indexed := applied[part.String()]
			if indexed && next > bounds.End {
				c.report(fmt.Sprintf("index: it has applied %s up to %d, and the log ends at %d", part, next, bounds.End))
			}
			if err := c.checkPartition(ctx, log, idx, part, next, objects); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) checkPartition(ctx context.Context, log eventlog.Log, idx index.Index, part eventlog.Partition, applied int64, objects map[blob.Key]bool) error {
	for at := int64(0); ; {
		page, err := log.Read(ctx, part, at, eventlog.Limit{})
		var corrupt *eventlog.CorruptError
		if errors.As(err, &corrupt) {
			at = max(corrupt.To, at+1) // Verify has named it
			continue
		}
		if err != nil {
			return err
		}
		for i := range page.Records {
			c.events++
			if err := c.checkEvent(ctx, idx, &page.Records[i], applied, objects); err != nil {
				return err
			}
		}
		if page.Next <= at {
			return nil
		}
		at = page.Next
	}
}

func (c *checker) checkEvent(ctx context.Context, idx index.Index, r *eventlog.Record, applied int64, objects map[blob.Key]bool) error {
	routing, err := event.ParseRouting(r.Header)
	if err != nil || routing.Model != event.ModelBinary || len(r.Value) == 0 {
		return nil
	}
	ev, err := event.DecodeRecord(event.ModelBinary, r.Value)
	if err != nil {
		c.report(fmt.Sprintf("log: %s offset %d is not a binary event: %v", r.Position.Partition, r.Position.Offset, err))
		return nil
	}
	b := ev.(*event.Binary)
	for _, s := range b.Entity.Datastreams {
		if key := (blob.Key{Source: b.Source.Name, Label: string(s.Label), SHA256: s.SHA256}); !objects[key] {
			c.report(fmt.Sprintf("store: %s is missing, which event %s in %s needs", key, b.KafkaKey, r.Position.Partition))
		}
	}
	if r.Position.Offset >= applied || routing.Run != "" {
		return nil // not applied yet; or a result, which a later run may have replaced
	}
	_, err = idx.Binary(ctx, index.Everyone, b.Entity.SHA256)
	switch {
	case errors.Is(err, index.ErrNotFound):
		c.report(fmt.Sprintf("index: %s is missing, which event %s in %s is about", b.Entity.SHA256, b.KafkaKey, r.Position.Partition))
	case err != nil:
		return fmt.Errorf("read the index: %w", err)
	}
	return nil
}
