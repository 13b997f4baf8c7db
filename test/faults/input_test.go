package faults

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/test/platform"
)

// zeros are n zero bytes.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.left)
	clear(b[:n])
	z.left -= n
	return int(n), nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func zipOf(entries map[string]io.Reader) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, content := range entries {
		w, err := z.Create(name)
		must(err)
		_, err = io.Copy(w, content)
		must(err)
	}
	must(z.Close())
	return buf.Bytes()
}

// TestHostileArchives submits what breaks unpackers. Each ends in a recorded state, with what could be read, and the platform stays well.
func TestHostileArchives(t *testing.T) {
	var manyEntries bytes.Buffer
	w := tar.NewWriter(&manyEntries)
	for i := range 100_000 {
		must(w.WriteHeader(&tar.Header{Name: fmt.Sprintf("f%d", i), Size: 2, Mode: 0o600}))
		_, err := w.Write([]byte{byte(i), byte(i >> 8)})
		must(err)
	}
	must(w.Close())
	var gzBomb bytes.Buffer
	g := gzip.NewWriter(&gzBomb)
	_, err := io.Copy(g, &zeros{2 << 30})
	must(err)
	must(g.Close())
	names := zipOf(map[string]io.Reader{
		"../../../../tmp/lazuli-escaped": strings.NewReader("up and away"), "/etc/lazuli-absolute": strings.NewReader("absolute"),
		"nul\x00name": strings.NewReader("nul"), "bad\xff\xfeutf8": strings.NewReader("utf8"), strings.Repeat("n", 60_000): strings.NewReader("long"),
	})
	good := zipOf(map[string]io.Reader{"one": strings.NewReader("first"), "two": strings.NewReader(strings.Repeat("second ", 10_000))})

	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, c := range []struct {
		name     string
		content  []byte
		states   string // that the part of Unbox may report
		children int    // at least
	}{
		{"bomb.zip", zipOf(map[string]io.Reader{"zeros": &zeros{2 << 30}}), "completed-with-errors", 0},
		{"bomb.gz", gzBomb.Bytes(), "completed-with-errors", 0},
		{"many.tar", manyEntries.Bytes(), "completed-with-errors", 1000},
		{"names.zip", names, "completed completed-with-errors", 4},
		{"truncated.zip", good[:len(good)*2/3], "completed-with-errors", 1},
		{"nothing.zip", []byte("PK\x03\x04 and nothing else"), "completed-with-errors completed-empty opt-out error-exception", 0},
	} {
		sha, err := up.Submit(ctx, c.name, c.content)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		f, err := up.Settled(ctx, sha)
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, up.Stderr())
		}
		state := "none"
		for _, s := range f.Statuses {
			if strings.HasPrefix(s.Plugin, "Unbox-") {
				state = s.State
			}
		}
		if c.name != "nothing.zip" && !strings.Contains(" "+c.states+" ", " "+state+" ") {
			t.Errorf("%s (%s): Unbox says %s: %+v", c.name, f.FileFormat, state, f.Statuses)
		}
		if len(f.Children) < c.children {
			t.Errorf("%s: %d children, want %d or more", c.name, len(f.Children), c.children)
		}
	}
	for _, path := range []string{"/tmp/lazuli-escaped", "/etc/lazuli-absolute"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	submit(t, up, "all is well")
	up.Stop(t)
}

// TestMalformedHTTP sends what broken clients send, and expects a 4xx and a platform that goes on.
func TestMalformedHTTP(t *testing.T) {
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--max-upload-bytes", "1 MiB", "--max-post-bytes", "2 MiB")
	for _, c := range []struct {
		method, url, body string
		code              int
	}{
		{"POST", up.Pages + "/api/v1/binaries", "", 400},
		{"POST", up.Pages + "/api/v1/binaries?source=../../etc", "x", 400},
		{"POST", up.Pages + "/api/v1/binaries?ref=novalue", "x", 400},
		{"POST", up.Pages + "/api/v1/binaries", strings.Repeat("x", 1<<20+1), 413},
		{"GET", up.Pages + "/api/v1/binaries/nothex", "", 404},
		{"GET", up.Pages + "/api/v1/binaries/" + strings.Repeat("0", 64), "", 404},
		{"GET", up.Pages + "/api/v1/binaries/" + strings.Repeat("0", 64) + "?wait=never", "", 400},
		{"GET", up.Pages + "/api/v1/search?q=nosuchfield:x", "", 400},
		{"GET", up.Pages + "/api/v1/search?limit=many", "", 422},
		{"GET", up.Pages + "/api/v1/search?cursor=zzz", "", 400},
		{"PUT", up.Pages + "/api/v1/search", "", 405},
		{"GET", up.Pages + "/api/v1/nothing", "", 404},
		{"POST", up.Plugins + "/api/v2/event?model=binary", strings.Repeat("[", 1<<20), 422},
		{"POST", up.Plugins + "/api/v2/event?model=binary", strings.Repeat(" ", 2<<20+1), 413},
		{"POST", up.Plugins + "/api/v3/stream/test/content", strings.Repeat("x", 1<<20+1), 413},
		{"POST", up.Plugins + "/api/v1/poll", "{", 422},
		{"DELETE", up.Plugins + "/api/v1/workers/x?state=happy", "", 422},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.url, err)
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // only for the message
		res.Body.Close()
		// 400 and 422 both say that the request makes no sense.
		if res.StatusCode != c.code && !(c.code == 400 && res.StatusCode == 422 || c.code == 422 && res.StatusCode == 400) {
			t.Errorf("%s %s: %s, want %d: %s", c.method, c.url, res.Status, c.code, text)
		}
	}
	for _, raw := range []string{"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "POST /api/v1/binaries HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
		"GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(up.Pages, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
		_, err = io.WriteString(conn, raw)
		must(err)
		answer, _ := io.ReadAll(io.LimitReader(conn, 100)) // the connection may be cut once the answer is sent
		if fields := strings.Fields(string(answer)); len(fields) < 2 || fields[1] < "400" || fields[1] >= "500" {
			t.Errorf("%.40q: %q", raw, answer)
		}
		conn.Close()
	}
	// Clients that begin an upload and stay silent hold nothing up.
	for range 50 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(up.Pages, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /api/v1/binaries HTTP/1.1\r\nHost: "+strings.TrimPrefix(up.Pages, "http://")+"\r\nContent-Length: "+strconv.Itoa(1000)+"\r\n\r\nhalf")
		must(err)
	}
	submit(t, up, "all is well")
}
