package servers

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// S3Server is an S3 server of one test.
type S3Server struct {
	process
	URL string
	// Dir has the buckets as folders, and in them the objects as files.
	Dir string

	addr, dir string
}

// StartS3 starts a server that the test may kill, and sets the environment so that a store finds its credentials. It ends
// with the test, and with the test's process.
func StartS3(t testing.TB) *S3Server {
	t.Helper()
	if _, err := os.Stat(filepath.Join(cache, "versitygw-v1.8.0")); err != nil {
		skip(t, "the S3 gateway is not there")
	}
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &S3Server{URL: "http://127.0.0.1:" + ports[0], Dir: filepath.Join(dir, "data"), addr: "127.0.0.1:" + ports[0], dir: dir}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testsecret")
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	t.Cleanup(s.Kill)
	s.Start(t)
	return s
}

// Location is a bucket as `lazuli up --store` wants it.
func (s *S3Server) Location(bucket string) string { return "s3://" + bucket + "?endpoint=" + s.URL }

// Start starts it again, on the objects that it had, and returns when it is ready.
func (s *S3Server) Start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.start(t, exec.Command(filepath.Join(here, "s3.sh"), "run", s.dir, port), "service listening on")
	for s.alive() { // it says so a moment before it does
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the S3 gateway ended before it was ready")
}
