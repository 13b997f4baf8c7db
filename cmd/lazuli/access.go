package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"lazuli/client"
)

// access is how a client command proves who it is and whom it trusts, from flags and environment. A token is never an
// argument: those stand in the list of processes.
type access struct{ tokenFile, caFile string }

// tokenVariable holds a token where no file does.
const tokenVariable = "LAZULI_TOKEN"

func (a *access) flags(set *pflag.FlagSet) {
	set.StringVar(&a.tokenFile, "token-file", "", "`FILE` whose one line is a token to show; or LAZULI_TOKEN holds one")
	set.StringVar(&a.caFile, "ca-file", os.Getenv("LAZULI_CA_FILE"), "`FILE` (PEM) with who may sign the server's certificate; LAZULI_CA_FILE sets the default")
}

func (a *access) token() (string, error) {
	if a.tokenFile == "" {
		return strings.TrimSpace(os.Getenv(tokenVariable)), nil
	}
	text, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return "", &usageError{fmt.Errorf("--token-file: %w", err)}
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", usagef("--token-file: %s must hold one line with the token", a.tokenFile)
	}
	return token, nil
}

// ca returns the PEM of the CA file, or "".
func (a *access) ca() (string, error) {
	if a.caFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(a.caFile)
	if err != nil {
		return "", &usageError{fmt.Errorf("--ca-file: %w", err)}
	}
	return string(text), nil
}

// client returns what the clients take.
func (a *access) client() (client.Access, error) {
	token, err := a.token()
	if err != nil {
		return client.Access{}, err
	}
	out := client.Access{Token: token}
	pem, err := a.ca()
	if err != nil || pem == "" {
		return out, err
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM([]byte(pem)) {
		return out, usagef("--ca-file: there is no certificate in %s", a.caFile)
	}
	return out, nil
}
