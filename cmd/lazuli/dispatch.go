package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lazuli/internal/config"
)

func newDispatchCmd() *cobra.Command {
	var file string
	var verbose bool
	flags := config.Flags{}
	cmd := &cobra.Command{
		Use:   "dispatch",
		Short: "Run one of several dispatchers over a Kafka",
		Long: "Runs a dispatcher and nothing else: the port for plugins, over a log on Kafka and a store that all instances share.\n" +
			"Instances share the consumers out among themselves; a plugin may talk to any of them.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, os.Environ(), flags)
			if err != nil {
				return &usageError{err}
			}
			if !cfg.Kafka.On() || cfg.Store == "" {
				return &usageError{errors.New("instances share a log and a store: give --kafka-brokers and --store (a single machine wants `lazuli up`)")}
			}
			return runDispatch(cmd.Context(), cmd.OutOrStdout(), cfg, newLogger(cmd.ErrOrStderr(), verbose))
		},
	}
	cmd.Flags().StringVar(&file, "config", os.Getenv("LAZULI_CONFIG"), "configuration `FILE` (LAZULI_CONFIG)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log what is done, not only what goes wrong")
	flags.Add(cmd.Flags())
	return cmd
}

// runDispatch runs a dispatcher until ctx ends, and then drains it and gives its consumers to the others.
func runDispatch(ctx context.Context, out io.Writer, cfg *config.Config, logger *slog.Logger) (err error) {
	c := newCore(cfg, logger)
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.openPluginPort(); err != nil {
		return err
	}
	if err := c.open(ctx, "", cfg.Store, ""); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	all := servers{c.serveOn(group, c.ports.plugins, c.guarded(c.dispatcherHandler()), c.ports.pluginsCertificate)}
	group.Go(func() error {
		<-ctx.Done()
		c.dispatcher.Drain()
		return all.shutdown()
	})
	fmt.Fprintf(out, "lazuli is ready: plugins on %s\n", c.dispatcherURL())
	return group.Wait()
}
