package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCLI runs the scripts in testdata/cli, each against a REST server of its own that answers what the script says:
//
//	file PATH [link=TARGET]         make a file in the working directory, or a link; the body is its content
//	answer PATH [status=N] [then]   what a request of this path and query is answered from now on; with "then" only after what
//	                                was said before has been answered once
//	lazuli                          run the arguments in the body; prints both outputs and the exit code
//	uploads                         print and forget what was uploaded
func TestCLI(t *testing.T) {
	scripts, err := filepath.Abs("testdata/cli")
	if err != nil {
		t.Fatal(err)
	}
	datadriven.Walk(t, scripts, func(t *testing.T, path string) {
		rest := newFakeREST(t)
		dir := t.TempDir()
		t.Chdir(dir)
		t.Setenv("XDG_DATA_HOME", dir)
		t.Setenv("LAZULI_SERVER", rest.URL)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "file":
				return makeFile(t, d)
			case "answer":
				rest.answer(d)
				return ""
			case "uploads":
				return rest.takeUploads()
			case "lazuli":
				text := runLine(t, strings.Fields(d.Input))
				return strings.NewReplacer(rest.URL, "SERVER", dir, "DIR").Replace(text)
			}
			d.Fatalf(t, "unknown directive %s", d.Cmd)
			return ""
		})
	})
}

// runLine runs the program with args and shows what it wrote and its exit code.
func runLine(t *testing.T, args []string) string {
	t.Helper()
	var in io.Reader = strings.NewReader("")
	if i := slices.Index(args, "<"); i >= 0 {
		content, err := os.ReadFile(args[i+1])
		if err != nil {
			t.Fatal(err)
		}
		in, args = bytes.NewReader(content), args[:i]
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), args, in, &out, &errOut)
	text := trimLines(out.String())
	if errOut.Len() > 0 {
		text += "--- stderr\n" + trimLines(errOut.String())
	}
	if code != 0 {
		text += fmt.Sprintf("--- exit %d\n", code)
	}
	return text
}

// trimLines drops blanks at the ends of lines, which editors would drop from the golden files. Empty lines become a dot,
// because in those files an empty line ends the output.
func trimLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if line == "" {
			line = "."
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func makeFile(t *testing.T, d *datadriven.TestData) string {
	path := d.CmdArgs[0].Key
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	var target string
	switch {
	case d.HasArg("link"):
		d.ScanArgs(t, "link", &target)
		err = os.Symlink(target, path)
	default:
		err = os.WriteFile(path, []byte(d.Input), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// fakeREST answers what a script tells it to, and takes uploads as the real one does.
type fakeREST struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]fakeAnswer
	uploads []string
}

type fakeAnswer struct {
	status int
	body   string
}

func newFakeREST(t *testing.T) *fakeREST {
	f := &fakeREST{answers: map[string][]fakeAnswer{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeREST) answer(d *datadriven.TestData) {
	status := http.StatusOK
	if arg, ok := d.Arg("status"); ok {
		fmt.Sscan(arg.Vals[0], &status)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path := d.CmdArgs[0].String()
	if !d.HasArg("then") {
		f.answers[path] = nil
	}
	f.answers[path] = append(f.answers[path], fakeAnswer{status, d.Input})
}

func (f *fakeREST) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/api/v1/binaries" {
		f.upload(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.answers[r.URL.String()]
	if len(queue) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"title":"Not Found","status":404,"detail":"the script has no answer for %s"}`, r.URL)
		return
	}
	if len(queue) > 1 {
		f.answers[r.URL.String()] = queue[1:]
	}
	w.WriteHeader(queue[0].status)
	io.WriteString(w, queue[0].body)
}

func (f *fakeREST) upload(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || strings.Contains(string(body), "refuse me") {
		w.WriteHeader(http.StatusUnprocessableEntity)
		io.WriteString(w, `{"title":"Unprocessable","detail":"source \"x\" is not configured"}`)
		return
	}
	if q := r.URL.Query(); q.Get("source") == "cases" && len(q["ref"]) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"title":"bad references","status":400,"detail":"source cases needs the reference case (its number)"}`)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	f.uploads = append(f.uploads, fmt.Sprintf("%s %s %d bytes, %s\n", r.Method, r.URL.Path, len(body), r.URL.RawQuery))
	fmt.Fprintf(w, `{"sha256":%q,"size":%d,"source":"local","event":"e","state":"working"}`, hash, len(body))
}

func (f *fakeREST) takeUploads() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.uploads)
	text := strings.Join(f.uploads, "")
	f.uploads = nil
	return text
}

// TestUnreachable: exit code 3, and what to do about it.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	t.Setenv("LAZULI_SERVER", server.URL)
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"search x", "show " + strings.Repeat("ab", 32), "plugin list", "dead list", "submit a", "submit a b c d e f"} {
		got := runLine(t, strings.Fields(line))
		if !strings.HasSuffix(got, "--- exit 3\n") || !strings.Contains(got, "is `lazuli up` running there?") {
			t.Errorf("%s:\n%s", line, got)
		}
	}
}
