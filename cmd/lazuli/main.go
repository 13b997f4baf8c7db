// Command lazuli is a malware repository and analysis engine: the platform, its workers and the client to both.
//
// There is one file per subcommand. docs/cli.md describes what each takes and prints; errors.go has the exit codes.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup: the terminal may go away
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		stop()
		again := <-signals // ends the program whatever it is doing, with the code that shells give such an end
		os.Exit(128 + int(again.(syscall.Signal)))
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root, begun := newRootCmd()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !*begun {
		err = &usageError{err}
	}
	fmt.Fprintln(errOut, "lazuli: "+describe(err, cmd))
	return exitCode(err)
}

// The groups of commands in help.
const (
	groupPlatform = "platform"
	groupClient   = "client"
	groupLocal    = "local"
)

// newRootCmd puts the commands together. begun turns true when the command line has been understood and a command runs.
func newRootCmd() (root *cobra.Command, begun *bool) {
	begun = new(bool)
	root = &cobra.Command{
		Use:   "lazuli",
		Short: "Malware repository and analysis engine",
		Long: "lazuli keeps files, runs plugins on them and on every file inside them, and lets you search what was found.\n" +
			"Begin with `lazuli up`, then `lazuli submit --wait FILE` in another terminal.",
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(*cobra.Command, []string) { *begun = true },
	}
	root.AddGroup(
		&cobra.Group{ID: groupPlatform, Title: "The platform:"},
		&cobra.Group{ID: groupClient, Title: "Asking a running platform (--server or LAZULI_SERVER):"},
		&cobra.Group{ID: groupLocal, Title: "Without a platform:"},
	)
	root.SetHelpCommandGroupID(groupLocal)
	root.SetCompletionCommandGroupID(groupLocal)
	for _, c := range []struct {
		group string
		cmd   *cobra.Command
	}{
		{groupPlatform, newUpCmd()},
		{groupPlatform, newDispatchCmd()},
		{groupPlatform, newWorkerCmd()},
		{groupPlatform, newCheckCmd()},
		{groupPlatform, newBlobCmd()},
		{groupClient, newSubmitCmd()},
		{groupClient, newShowCmd()},
		{groupClient, newDownloadCmd()},
		{groupClient, newSearchCmd()},
		{groupClient, newSimilarCmd()},
		{groupClient, newTagCmd()},
		{groupClient, newPluginCmd()},
		{groupClient, newWhyCmd()},
		{groupClient, newDeadCmd()},
		{groupClient, newReindexCmd()},
		{groupLocal, newAnalyzeCmd()},
		{groupLocal, newIdentifyCmd()},
		{groupLocal, newHashCmd()},
		{groupLocal, newStringsCmd()},
		{groupLocal, newHexCmd()},
		{groupLocal, newCartCmd()},
		{groupLocal, newUncartCmd()},
		{groupLocal, newHashPasswordCmd()},
		{groupLocal, newVersionCmd()},
	} {
		c.cmd.GroupID = c.group
		root.AddCommand(c.cmd)
	}
	return root, begun
}

// groupCmd is a command that only holds others: alone it shows its help, with anything else it is a usage error.
func groupCmd(use, short string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(subcommands...)
	return cmd
}
