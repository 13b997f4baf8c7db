// Package operate tries what operators rely on, with the real binary: who gets in, over what, and how the platform stops.
package operate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/test/platform"
)

func TestMain(m *testing.M) {
	code := m.Run()
	platform.Cleanup()
	os.Exit(code)
}

const (
	password = "correct horse battery staple"
	token    = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lazuli runs the real binary with an input and returns what it printed.
func lazuli(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(platform.Binary(t), args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func mustLazuli(t *testing.T, in string, args ...string) string {
	t.Helper()
	out, err := lazuli(t, in, args...)
	if err != nil {
		t.Fatalf("lazuli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// startGuarded starts a platform whose port for plugins wants credentials and speaks TLS. roots trust its certificate.
func startGuarded(t *testing.T, args ...string) (up *platform.Up, roots string) {
	t.Helper()
	cert, key := makePair(t)
	config := fmt.Sprintf(`
dispatcher_auth:
  users:
    - {name: runner, password_hash: %q}
    - {name: feed, password_file: %q}
  tokens:
    - {name: scripts, sha256: %q}
dispatcher_tls: {cert_file: %q, key_file: %q}
`, mustLazuli(t, password+"\n", "hash-password"), writeFile(t, "feed", "from a file\n"), mustLazuli(t, token, "hash-password", "--token"), cert, key)
	args = append([]string{"--config", writeFile(t, "lazuli.yaml", config)}, args...)
	up = platform.Start(t, filepath.Join(t.TempDir(), "data"), args...)
	return up, cert
}

func TestWhoGetsIn(t *testing.T) {
	up, roots := startGuarded(t)
	if !strings.HasPrefix(up.Plugins, "https://") || !strings.HasPrefix(up.Pages, "http://") {
		t.Fatalf("plugins on %s, pages on %s", up.Plugins, up.Pages)
	}
	web := trusting(t, roots)
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	poll := "/api/v2/event/binary/active?name=P&version=1&deadline=1&r-live=true"
	for _, c := range []struct {
		name, method, path string
		give               func(*http.Request)
		code               int
	}{
		{"a probe", "GET", "/", nil, 200},
		{"nobody polls", "GET", poll, nil, 401},
		{"nobody posts", "POST", "/api/v2/event?model=binary", nil, 401},
		{"nobody uploads", "POST", "/api/v3/stream/local/content", nil, 401},
		{"nobody ends a worker", "DELETE", "/api/v1/workers/x", nil, 401},
		{"nobody reads metrics", "GET", "/metrics", nil, 401},
		{"nobody asks for what is not there", "GET", "/nothing", nil, 401},
		{"user", "GET", poll, basic("runner", password), 200},
		{"user of a file", "GET", poll, basic("feed", "from a file"), 200},
		{"token", "GET", poll, bearer(token), 200},
		{"token for metrics", "GET", "/metrics", bearer(token), 200},
		{"wrong password", "GET", poll, basic("runner", "wrong"), 401},
		{"wrong name", "GET", poll, basic("other", password), 401},
		{"wrong token", "GET", poll, bearer("wrong"), 401},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, up.Plugins+c.path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		if c.give != nil {
			c.give(req)
		}
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.code {
			t.Errorf("%s: %s %s, %v; want %d", c.name, res.Status, body, err, c.code)
		}
		if c.code != 401 {
			continue
		}
		var problem struct {
			Status, Title, Detail string
			Enum                  string `json:"error_enum"`
		}
		if err := json.Unmarshal(body, &problem); err != nil || problem.Status != "401" || problem.Detail == "" || problem.Enum == "" {
			t.Errorf("%s: the body is %s", c.name, body)
		}
		if asks := res.Header.Values("WWW-Authenticate"); len(asks) != 2 || !strings.HasPrefix(asks[0], "Basic ") {
			t.Errorf("%s: asks for %q", c.name, asks)
		}
	}
	res, err := http.Get(up.Pages + "/metrics") // on loopback, and counts what was refused
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(metrics), `lazuli_requests_refused_total{reason="wrong"} 3`) {
		t.Errorf("metrics of the loopback port: %v\n%s", err, metrics)
	}
	if strings.Contains(string(metrics), password) {
		t.Error("a password is in the metrics")
	}
}

// TestWorkersGetIn: the platform's own workers do their work whatever the port for plugins asks for.
func TestWorkersGetIn(t *testing.T) {
	up, _ := startGuarded(t)
	sha, err := up.Submit(t.Context(), "a.txt", []byte("some text"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := up.Settled(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(f.Statuses, func(s struct{ Plugin, State, Error, Message string }) bool { return s.State == "completed" }); i < 0 {
		t.Errorf("no plugin completed: %+v", f.Statuses)
	}
}

// TestPluginRun: a plugin from the command line shows its token and trusts its own CA.
func TestPluginRun(t *testing.T) {
	up, roots := startGuarded(t)
	for _, c := range []struct {
		name, url string
		env       []string
		args      []string
	}{
		{"token in the environment", up.Plugins, []string{"LAZULI_TOKEN=" + token}, []string{"--ca-file", roots}},
		{"token in a file", up.Plugins, []string{"LAZULI_CA_FILE=" + roots}, []string{"--token-file", writeFile(t, "token", token+"\n")}},
		{"password in the URL", strings.Replace(up.Plugins, "://", "://feed:from%20a%20file@", 1), nil, []string{"--ca-file", roots}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), platform.Binary(t), append([]string{"plugin", "run", "entropy", "--dispatcher", c.url}, c.args...)...)
			cmd.Env = append(os.Environ(), c.env...)
			var said bytes.Buffer
			cmd.Stderr = &said
			before := registrations(t, up)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			tooLate := time.After(30 * time.Second)
			for registrations(t, up) <= before {
				select {
				case err := <-ended:
					t.Fatalf("it ended: %v\n%s", err, &said)
				case <-tooLate:
					t.Fatal("it has not registered")
				case <-time.After(20 * time.Millisecond):
				}
			}
			_ = cmd.Process.Signal(os.Interrupt) // if it has ended, Wait tells
			if err := <-ended; err != nil {
				t.Errorf("after Ctrl-C: %v\n%s", err, &said)
			}
		})
	}
}

// registrations counts how often the plugin has made itself known.
func registrations(t *testing.T, up *platform.Up) (n int) {
	t.Helper()
	res, err := http.Get(up.Pages + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, `dispatcher_events_published_total{entity="plugin",plugin="Entropy"} `); ok {
			fmt.Sscan(rest, &n)
		}
	}
	return n
}

func TestRefusedAtStart(t *testing.T) {
	for want, args := range map[string][]string{
		"listening beyond loopback needs authentication: add users or tokens under dispatcher_auth": {"--dispatcher-listen", "0.0.0.0:0"},
		"pages and REST have no authentication yet":                                                 {"--listen", "0.0.0.0:0"},
		"dispatcher_tls: read the certificate":                                                      {"--dispatcher-tls-cert-file", "missing.pem", "--dispatcher-tls-key-file", "missing.key"},
		"user a: password_hash is no argon2id":                                                      {"--config", writeFile(t, "c.yaml", "dispatcher_auth: {users: [{name: a, password_hash: $argon2id$x}]}")},
	} {
		out, err := lazuli(t, "", append([]string{"up", "--data", t.TempDir()}, args...)...)
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != 2 || !strings.Contains(out, want) || strings.Contains(out, "\n") {
			t.Errorf("%v: %v\n%s\nwant code 2 and one line with %q", args, err, out, want)
		}
	}
}

// TestBeyondLoopback: with credentials the port for plugins may be reached from elsewhere.
func TestBeyondLoopback(t *testing.T) {
	config := writeFile(t, "c.yaml", "dispatcher_auth: {tokens: [{name: a, file: "+writeFile(t, "token", token)+"}]}")
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--config", config, "--dispatcher-listen", "0.0.0.0:0")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(up.Plugins, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || !strings.Contains(up.Stderr(), "in the clear") {
		t.Errorf("%s, and the log says %q", res.Status, up.Stderr())
	}
}

// TestPagesOverTLS: the command line asks them with a CA file, and not without.
func TestPagesOverTLS(t *testing.T) {
	cert, key := makePair(t)
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--no-plugins", "--tls-cert-file", cert, "--tls-key-file", key)
	if !strings.HasPrefix(up.Pages, "https://") {
		t.Fatalf("pages on %s", up.Pages)
	}
	if out := mustLazuli(t, "", "plugin", "list", "--server", up.Pages, "--ca-file", cert); out != "no plugin is registered" {
		t.Errorf("asked over TLS: %s", out)
	}
	if out, err := lazuli(t, "", "plugin", "list", "--server", up.Pages); err == nil || !strings.Contains(out, "certificate") {
		t.Errorf("without the CA file: %v, %s", err, out)
	}
}

func trusting(t *testing.T, roots string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(roots)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// makePair makes a certificate for 127.0.0.1 that signs itself.
func makePair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lazuli"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}
