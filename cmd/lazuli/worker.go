package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"lazuli/client"
	"lazuli/event"
	"lazuli/internal/worker"
	"lazuli/plugin"
	"lazuli/plugins"
)

// newWorkerCmd is what the platform starts its children with; users have no need of it.
func newWorkerCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "worker [PLUGIN…]",
		Short:  "Run plugins as a child of the platform",
		Hidden: true,
		RunE: func(cmd *cobra.Command, names []string) error {
			// Ctrl-C in a terminal reaches the children too, and it is the parent that ends them in order.
			signal.Ignore(os.Interrupt)
			opts, err := worker.ChildOptionsFromEnv()
			if err != nil {
				return err
			}
			all, err := setPlugins(opts.Settings)
			if err != nil {
				return err
			}
			list, err := chosen(all, names)
			if err != nil {
				return err
			}
			return worker.Main(cmd.Context(), opts, list)
		},
	}
}

// builtIn returns the built-in plugins with the given names; all when there are none.
func builtIn(names []string) ([]plugin.Plugin, error) {
	return chosen(plugins.BuiltIn(), names)
}

// chosen returns the plugins with the given names; all when there are none.
func chosen(all []plugin.Plugin, names []string) ([]plugin.Plugin, error) {
	if len(names) == 0 {
		return all, nil
	}
	var list []plugin.Plugin
	for _, name := range names {
		p, err := findPlugin(all, name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// newPluginRunCmd runs one built-in plugin against a dispatcher elsewhere: in a sandboxed child, as the platform does.
func newPluginRunCmd() *cobra.Command {
	var opts worker.Options
	var shown access
	var memory int64
	var verbose bool
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Run one built-in plugin against a dispatcher, until Ctrl-C",
		Args:  cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.DispatcherURL, "dispatcher", "http://127.0.0.1:8111", "the dispatcher's `URL`; user and password in it are sent")
	flags.IntVar(&opts.Workers, "workers", 1, "how many processes; each has one job at a time")
	flags.Int64Var(&memory, "memory-mib", 1024, "memory of one process, in MiB")
	flags.BoolVarP(&verbose, "verbose", "v", false, "log what is done, not only what goes wrong")
	shown.flags(flags)
	set := setFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		list, err := builtIn(args)
		if err != nil {
			return err
		}
		values, err := given(*set)
		if err != nil {
			return err
		}
		opts.Settings = map[string]map[string]string{args[0]: values}
		if _, err := setPlugins(opts.Settings); err != nil {
			return err
		}
		known, err := shown.client()
		if err != nil {
			return err
		}
		opts.Token = known.Token
		if opts.CA, err = shown.ca(); err != nil {
			return err
		}
		d, err := client.NewDispatcher(opts.DispatcherURL, client.WithAccess(known))
		if err != nil {
			return &usageError{err}
		}
		defer d.Close()
		opts.Logger = newLogger(cmd.ErrOrStderr(), verbose)
		opts.MemoryLimit = memory << 20
		opts.Args = []string{"worker", list[0].Spec().Name}
		opts.OnGone = func(id string, state event.State, message string) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if _, err := d.EndWorker(ctx, id, state, message); err != nil {
				opts.Logger.Warn("the dispatcher does not know of a worker's death; its job goes out again when the lease ends", "err", err)
			}
		}
		host, err := worker.NewHost(opts)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s runs against %s; Ctrl-C ends it\n", list[0].Spec().Name, d.URL())
		return host.Run(cmd.Context())
	}
	return cmd
}
