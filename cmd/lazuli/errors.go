package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lazuli/client"
)

// The exit codes; docs/cli.md promises them.
const (
	exitOK          = 0
	exitFailed      = 1 // it did not work, or faults were found
	exitUsage       = 2 // the command line or the configuration makes no sense
	exitUnreachable = 3 // no server answers
	exitNotFound    = 4 // the server does not know what was asked for
)

// usageError marks what the user wrote wrong.
type usageError struct{ cause error }

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func exitCode(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, client.ErrNotFound):
		return exitNotFound
	}
	return exitFailed
}

// describe makes one line of an error: what is wrong and, where that is known, what to do. Text from files and servers is in
// it, so nothing that steers a terminal is left.
func describe(err error, cmd *cobra.Command) string {
	text := printable(strings.Join(strings.Fields(err.Error()), " "))
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return text + " (`" + cmd.CommandPath() + " --help` says more)"
	case errors.Is(err, client.ErrUnreachable):
		return text + ": is `lazuli up` running there? --server or LAZULI_SERVER says where to look"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return text
}
