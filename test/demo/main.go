// Command demo shows lazuli at work: it makes a few files, starts the platform on an empty data directory, submits them with
// the command line, prints what was found in each, and goes on serving the pages until Ctrl-C.
//
// With --once it ends after the results, with an error when something that must be in them is not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"lazuli/client"
)

func main() {
	runtime.LockOSThread() // the platform is told of the end of the thread that started it; see startPlatform
	once := flag.Bool("once", false, "end after the results")
	lazuli := flag.String("lazuli", "bin/lazuli", "the program to show; make build makes it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, *lazuli, *once)
	if err == nil {
		return
	}
	if !errors.Is(err, context.Canceled) { // an interrupt needs no explanation
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	os.Exit(1)
}

func run(ctx context.Context, lazuli string, once bool) (err error) {
	lazuli, err = filepath.Abs(lazuli)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lazuli-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	roots, err := makeSamples(filepath.Join(dir, "samples"))
	if err != nil {
		return fmt.Errorf("make the samples: %w", err)
	}
	p, err := startPlatform(ctx, lazuli, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	defer func() {
		if stopped := p.stop(); stopped != nil {
			err = stopped
		}
	}()

	c := commands{lazuli: lazuli, dir: dir, server: p.pages}
	if err := c.show(ctx, "submit", "--wait", "samples"); err != nil {
		return err
	}
	var faults []error
	for _, root := range roots {
		if err := c.show(ctx, "show", "--tree", root.sha256); err != nil {
			return err
		}
		tree, err := c.tree(ctx, root.sha256)
		if err != nil {
			return err
		}
		faults = append(faults, root.check(tree))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	fmt.Printf("\nThe pages: %s\n", p.pages)
	if once {
		return nil
	}
	fmt.Println("Ctrl-C ends the demo and removes its data.")
	return p.wait(ctx)
}

// commands runs the command line as a user would, in the folder that holds the samples.
type commands struct{ lazuli, dir, server string }

func (c commands) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.lazuli, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LAZULI_SERVER="+c.server)
	cmd.Stderr = os.Stderr
	return cmd
}

// show prints a command and runs it.
func (c commands) show(ctx context.Context, args ...string) error {
	fmt.Print("\n$ lazuli")
	for _, arg := range args {
		fmt.Print(" ", arg)
	}
	fmt.Println()
	cmd := c.command(ctx, args...)
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return fmt.Errorf("lazuli %s: %w", args[0], err)
	}
	return nil
}

// tree reads what `show --tree` has printed.
func (c commands) tree(ctx context.Context, sha string) (*client.Tree, error) {
	out, err := c.command(ctx, "show", "--tree", "--json", sha).Output()
	if err != nil {
		return nil, fmt.Errorf("lazuli show --json: %w", err)
	}
	tree := &client.Tree{}
	if err := json.Unmarshal(out, tree); err != nil {
		return nil, fmt.Errorf("read the tree of %s: %w", sha, err)
	}
	return tree, nil
}
