package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"lazuli/internal/index"
)

func newReindexCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reindex",
		Short: "Build the index anew from the log",
		Long: "Builds the index of a running platform anew from the log, beside the one in use, which answers until the new one takes its place.\n" +
			"What the log no longer has is not in it: results of older plugin versions, statuses of more than 90 days.",
		Args: cobra.NoArgs,
	}
	connect := serverFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		api, err := connect()
		if err != nil {
			return err
		}
		defer api.Close()
		err = api.Reindex(cmd.Context(), func(done, all int64) {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d records\n", done, all)
		})
		if err != nil {
			return fmt.Errorf("build the index anew: %w", err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "the index is built anew")
		return nil
	}
	return cmd
}

var errReindexing = errors.New("the index is being built anew already")

// reindexer builds the index anew, once at a time.
type reindexer struct {
	p    *platform
	busy sync.Mutex
}

// Reindex implements api.Reindexer.
func (r *reindexer) Reindex(ctx context.Context, progress func(done, all int64)) error {
	if !r.busy.TryLock() {
		return errReindexing
	}
	defer r.busy.Unlock()
	path := r.p.data.index(r.p.cfg.Kafka.On())
	beside := path + ".new"
	if err := removeIndex(beside); err != nil {
		return err
	}
	fresh, err := index.OpenSQLite(beside)
	if err != nil {
		return err
	}
	replaced := false
	err = r.p.ingest.Rebuild(ctx, fresh, func() error {
		replaced = true
		return index.ReplaceSQLite(r.p.index, fresh, path)
	}, progress)
	if replaced {
		return err
	}
	return errors.Join(err, fresh.Close(), removeIndex(beside))
}

// removeIndex removes an index that nobody has open, with its write-ahead log.
func removeIndex(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
