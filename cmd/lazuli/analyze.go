package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lazuli/client"
	"lazuli/internal/config"
)

func newAnalyzeCmd() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "analyze PATH…",
		Short: "Analyse files here and now: no server, nothing is kept",
		Long: "Starts the platform in a temporary directory, submits the files and those in folders, prints what was found as a tree, and\n" +
			"removes everything again.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a := &analysis{asJSON: asJSON, timeout: timeout, in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr()}
			return a.run(cmd.Context(), args)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "give up waiting after this time")
	return cmd
}

// analysis is one run of the command. Its JSON is {"files": […], "skipped": […]}, where each file has path, error or tree.
type analysis struct {
	asJSON      bool
	timeout     time.Duration
	in          io.Reader
	out, errOut io.Writer
}

type analysedFile struct {
	Path  string       `json:"path"`
	Error string       `json:"error,omitempty"`
	Tree  *client.Tree `json:"tree,omitempty"`
}

type analysisResult struct {
	Files   []analysedFile `json:"files"`
	Skipped []skippedFile  `json:"skipped"`
}

func (a *analysis) run(ctx context.Context, args []string) (err error) {
	dir, err := os.MkdirTemp("", "lazuli-analyze-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := config.Defaults()
	cfg.Data, cfg.Listen, cfg.DispatcherListen = dir, "127.0.0.1:0", "127.0.0.1:0"
	p, err := openPlatform(ctx, cfg, newLogger(a.errOut, false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- p.run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		return err
	}
	failure := a.analyse(ctx, p.pagesURL(), args)
	stop()
	return errors.Join(failure, <-ended)
}

func (a *analysis) analyse(ctx context.Context, url string, args []string) error {
	api, err := client.NewAPI(url)
	if err != nil {
		return err
	}
	defer api.Close()
	s := submit{api: api, wait: true, timeout: a.timeout, asJSON: a.asJSON, in: a.in, out: io.Discard, errOut: a.errOut}
	result, failure := s.submitAll(ctx, args)
	out := analysisResult{Files: []analysedFile{}, Skipped: result.Skipped}
	for _, f := range result.Files {
		one := analysedFile{Path: f.Path, Error: f.Error}
		if f.SHA256 != "" {
			if one.Tree, err = api.Tree(ctx, f.SHA256, 0); err != nil {
				return fmt.Errorf("read the results of %s: %w", f.Path, err)
			}
		}
		out.Files = append(out.Files, one)
	}
	if a.asJSON {
		return errors.Join(printJSON(a.out, out), failure)
	}
	for _, f := range out.Skipped {
		fmt.Fprintf(a.errOut, "left out: %s: %s\n", printable(f.Path), f.Reason)
	}
	for _, f := range out.Files {
		if f.Tree != nil {
			printTree(a.out, f.Tree, wantsColour(a.out))
		}
	}
	return failure
}
