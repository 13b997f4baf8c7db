package client_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"lazuli/client"
)

// TestAccess: both clients show their token over TLS to a server that their own roots know, and to no other.
func TestAccess(t *testing.T) {
	var shown string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = r.Header.Get("Authorization")
		io.WriteString(w, `{"ended":1,"plugins":[]}`)
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, c := range []struct {
		access client.Access
		user   string // in the URL
		want   string // what the server sees; "" is that it is not reached
	}{
		{client.Access{}, "", ""},
		{client.Access{Token: "t0ken", RootCAs: roots}, "", "Bearer t0ken"},
		{client.Access{Token: "t0ken", RootCAs: roots}, "user:pass@", "Bearer t0ken"},
		{client.Access{RootCAs: roots}, "user:pass@", "Basic dXNlcjpwYXNz"},
	} {
		url := "https://" + c.user + s.Listener.Addr().String()
		d, err := client.NewDispatcher(url, client.WithTries(1, 0), client.WithAccess(c.access))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		shown = ""
		_, err = d.EndWorker(t.Context(), "w", "error-runner", "")
		if shown != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: the dispatcher saw %q, %v", c, shown, err)
		}
		api, err := client.NewAPI(url, client.WithAPIAccess(c.access))
		if err != nil {
			t.Fatal(err)
		}
		defer api.Close()
		shown = ""
		_, err = api.Plugins(t.Context())
		if shown != c.want || errors.Is(err, client.ErrUnreachable) != (c.want == "") {
			t.Errorf("%+v: REST saw %q, %v", c, shown, err)
		}
	}
}
