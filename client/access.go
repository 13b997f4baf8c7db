package client

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
)

// Access is what a client shows and trusts beyond user and password in its URL. The zero value is nothing of both.
type Access struct {
	Token   string         // Authorization: Bearer, in place of user and password
	RootCAs *x509.CertPool // who may sign the server's certificate; nil is whom the system trusts
}

// WithAccess says how a Dispatcher proves who it is, and whom it trusts.
func WithAccess(a Access) DispatcherOption {
	return func(d *Dispatcher) {
		d.token = a.Token
		a.trust(d.client.Transport)
	}
}

// WithAPIAccess says how an API proves who it is, and whom it trusts.
func WithAPIAccess(a Access) APIOption {
	return func(c *API) {
		c.token = a.Token
		a.trust(c.client.Transport)
	}
}

// trust sets the roots of a transport of ours; one that a caller brought decides for itself.
func (a Access) trust(t http.RoundTripper) {
	if own, ok := t.(*http.Transport); ok && a.RootCAs != nil {
		own.TLSClientConfig = &tls.Config{RootCAs: a.RootCAs, MinVersion: tls.VersionTLS12}
	}
}

// bearer is the header that shows a token.
func bearer(token string) string { return "Bearer " + token }
