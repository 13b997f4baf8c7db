package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"lazuli/internal/config"
)

func newUpCmd() *cobra.Command {
	var file string
	var noPlugins, verbose bool
	flags := config.Flags{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the whole platform on this machine",
		Long: "Runs log, store, dispatcher, index, REST, pages and workers until Ctrl-C, and keeps everything in one data directory.\n" +
			"A flag goes before LAZULI_* in the environment, the environment before the configuration file.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if noPlugins {
				flags["plugins"] = "false"
			}
			cfg, err := config.Load(file, os.Environ(), flags)
			if err != nil {
				return &usageError{err}
			}
			return runUp(cmd.Context(), cmd.OutOrStdout(), cfg, newLogger(cmd.ErrOrStderr(), verbose))
		},
	}
	cmd.Flags().StringVar(&file, "config", os.Getenv("LAZULI_CONFIG"), "configuration `FILE` (LAZULI_CONFIG)")
	cmd.Flags().BoolVar(&noPlugins, "no-plugins", false, "do not run the built-in plugins (the same as --plugins=false)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log what is done, not only what goes wrong")
	flags.Add(cmd.Flags())
	return cmd
}

// newLogger logs warnings and errors, or everything, as one line each; so does from now on what has no logger of its own.
func newLogger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(logger)
	return logger
}

// runUp runs the platform until ctx ends, by Ctrl-C or SIGTERM, and then drains it.
func runUp(ctx context.Context, out io.Writer, cfg *config.Config, logger *slog.Logger) (err error) {
	if _, err := setPlugins(cfg.PluginSettings); err != nil {
		return err
	}
	p, err := openPlatform(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() {
		if e := p.close(); err == nil {
			err = e
		}
	}()
	return p.run(ctx, func() {
		fmt.Fprintf(out, "lazuli is ready: pages and REST on %s, plugins on %s\n", p.pagesURL(), p.dispatcherURL())
	})
}
