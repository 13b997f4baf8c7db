package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lazuli/internal/auth"
)

// maxPasswordBytes bounds what is read: a password, not a file that was piped in by mistake.
const maxPasswordBytes = 1 << 10

func newHashPasswordCmd() *cobra.Command {
	var token bool
	cmd := &cobra.Command{
		Use:   "hash-password",
		Short: "Make the hash of a password, for dispatcher_auth in the configuration",
		Long: "Reads one line from standard input and prints what stands for it in the configuration: the argon2id hash of a\n" +
			"password (password_hash), or with --token the SHA-256 of a token (sha256), which should be random and long, such as\n" +
			"what `openssl rand -hex 32` prints.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := readLine(cmd.InOrStdin())
			if err != nil {
				return err
			}
			if token {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), auth.HashToken(secret))
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), auth.HashPassword(secret))
			return err
		},
	}
	cmd.Flags().BoolVar(&token, "token", false, "hash a token, not a password")
	return cmd
}

// readLine reads the only line of r, without its end.
func readLine(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxPasswordBytes+2))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	switch {
	case line == "":
		return "", errors.New("standard input is empty: write the password there, for example with `lazuli hash-password < FILE`")
	case len(line) > maxPasswordBytes:
		return "", fmt.Errorf("a password has at most %d bytes", maxPasswordBytes)
	case strings.ContainsAny(line, "\r\n"):
		return "", errors.New("standard input has more than one line")
	}
	return line, nil
}
