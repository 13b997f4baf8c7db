package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"lazuli/client"
)

// defaultServer is where `lazuli up` serves REST when nothing else is said.
const defaultServer = "http://127.0.0.1:8080"

// serverFlag gives a command --server and what goes with it, and returns what makes the client once flags have been read.
func serverFlag(cmd *cobra.Command) func() (*client.API, error) {
	fallback := os.Getenv("LAZULI_SERVER")
	if fallback == "" {
		fallback = defaultServer
	}
	server := cmd.Flags().String("server", fallback, "the platform to ask; LAZULI_SERVER sets the default")
	var a access
	a.flags(cmd.Flags())
	return func() (*client.API, error) {
		shown, err := a.client()
		if err != nil {
			return nil, err
		}
		api, err := client.NewAPI(*server, client.WithAPIAccess(shown))
		if err != nil {
			return nil, &usageError{err}
		}
		return api, nil
	}
}

// printJSON writes one indented document. What printable would escape is escaped here as well, in JSON's way, so that the
// document means the same and a terminal can show it.
func printJSON(w io.Writer, v any) error {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(safeJSON(raw.Bytes()))
	return err
}

// safeJSON escapes in JSON's way what printable would escape.
func safeJSON(raw []byte) []byte {
	if isPlain(strings.ReplaceAll(string(raw), "\n", "")) {
		return raw
	}
	var safe bytes.Buffer
	for _, r := range string(raw) {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			safe.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&safe, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return safe.Bytes()
}

// checkHash returns the hash in lower case, or a usage error if it is neither a SHA-256 nor a SHA-1 nor an MD5.
func checkHash(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if _, err := hex.DecodeString(text); err == nil {
		switch len(text) {
		case 64, 40, 32:
			return text, nil
		}
	}
	return "", usagef("%.80q is not a SHA-256, SHA-1 or MD5 in hex", text)
}
