package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves h until the test ends and returns the address.
func start(t *testing.T, h http.Handler, o Options) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(h, o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil { // a test that fails must end
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// answer reads one answer and returns its status.
func answer(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// TestSlowHeader: a client that does not finish its header is cut, one that says nothing at all as well.
func TestSlowHeader(t *testing.T) {
	addr := start(t, hello, Options{HeaderTimeout: 50 * time.Millisecond})
	for _, said := range []string{"", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "} {
		c := dial(t, addr)
		send(t, c, said)
		if got, err := io.ReadAll(c); err != nil || strings.Contains(string(got), "hello") {
			t.Errorf("after %q: %q, %v; want the end of the connection", said, got, err)
		}
	}
}

// TestSlowHandshake: the same before TLS has begun.
func TestSlowHandshake(t *testing.T) {
	cert, key := writePair(t, t.TempDir(), "x", time.Unix(1_700_000_000, 0))
	c, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, start(t, hello, Options{HeaderTimeout: 50 * time.Millisecond, Certificate: c}))
	send(t, conn, "\x16\x03\x01") // a handshake's first bytes
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("%q, %v; want the end of the connection", got, err)
	}
}

// TestIdle: a connection without requests is closed, after it was kept for a second one.
func TestIdle(t *testing.T) {
	addr := start(t, hello, Options{IdleTimeout: 50 * time.Millisecond})
	c := dial(t, addr)
	r := bufio.NewReader(c)
	send(t, c, request)
	if code := answer(t, r); code != 200 {
		t.Fatalf("answered %d", code)
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v; want the end of the connection", rest, err)
	}
}

func TestLargeHeader(t *testing.T) {
	addr := start(t, hello, Options{HeaderBytes: 16 << 10})
	for size, want := range map[int]int{8 << 10: 200, 20 << 10: 431} {
		c := dial(t, addr)
		send(t, c, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("a", size)+"\r\n\r\n")
		if code := answer(t, bufio.NewReader(c)); code != want {
			t.Errorf("a header of %d bytes is answered %d, want %d", size, code, want)
		}
	}
}

// TestConnections: one too many waits, and is served when another ends.
func TestConnections(t *testing.T) {
	held := make(chan struct{})
	begun := make(chan struct{}, 3)
	addr := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-held
	}), Options{Connections: 2})
	var conns []net.Conn
	for range 2 {
		c := dial(t, addr)
		send(t, c, request)
		<-begun
		conns = append(conns, c)
	}
	third := dial(t, addr) // the system takes it
	send(t, third, request)
	if err := third.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := third.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() || len(begun) > 0 {
		t.Fatalf("a third request runs (%d), %v", len(begun), err)
	}
	close(held)
	for _, c := range conns {
		if code := answer(t, bufio.NewReader(c)); code != 200 {
			t.Errorf("answered %d", code)
		}
	}
	conns[0].Close()
	if err := third.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if code := answer(t, bufio.NewReader(third)); code != 200 {
		t.Errorf("the third is answered %d", code)
	}
}

// TestShutdown: it ends while every slot is taken, and cuts who does not end.
func TestShutdown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	s := New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}), Options{Connections: 1})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c := dial(t, l.Addr().String())
	send(t, c, request)
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if got, err := io.ReadAll(c); err == nil && len(got) > 0 {
		t.Errorf("the request that was cut got %q", got)
	}
}

// TestCertificate: a client that trusts the certificate is served, over HTTP/1.1 and 2; a new pair counts from the next
// connection on; a broken one changes nothing.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "first", time.Unix(1_700_000_000, 0))
	c, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	addr := start(t, hello, Options{Certificate: c})
	subject := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		if state.NegotiatedProtocol != "h2" || state.Version < tls.VersionTLS12 {
			t.Errorf("spoke %q over %x", state.NegotiatedProtocol, state.Version)
		}
		return state.PeerCertificates[0].Subject.CommonName
	}
	if got := subject(); got != "first" {
		t.Errorf("the certificate is that of %q", got)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(readFile(t, cert))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()

	writePair(t, dir, "second", time.Unix(1_700_000_100, 0))
	if got := subject(); got != "second" {
		t.Errorf("after a change the certificate is that of %q", got)
	}
	writeFile(t, key, []byte("no key"), time.Unix(1_700_000_200, 0))
	if got := subject(); got != "second" {
		t.Errorf("after a broken change the certificate is that of %q", got)
	}
	if _, err := LoadCertificate(cert, key, slog.Default()); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("a broken pair at start: %v", err)
	}
	if _, err := LoadCertificate(cert+"x", key, slog.Default()); err == nil {
		t.Error("a missing file at start is accepted")
	}
}
