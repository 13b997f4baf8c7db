package operate

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/test/platform"
	"lazuli/test/servers"
)

// TestStoreOnS3 runs the platform over a real S3 server, encrypted. It is started before the server, which later dies under
// it; and it does not start on that store without the key.
func TestStoreOnS3(t *testing.T) {
	server := servers.StartS3(t)
	server.Kill()
	data, store := t.TempDir(), server.Location("malware")
	t.Setenv("LAZULI_STORE_KEY", hex.EncodeToString(bytes.Repeat([]byte{7}, 32)))

	type start struct {
		up  *platform.Up
		err error
	}
	started := make(chan start, 1)
	go func() {
		up, err := platform.TryStart(t, data, "--store", store)
		started <- start{up, err}
	}()
	hangUp(t, strings.TrimPrefix(server.URL, "http://"))
	server.Start(t)
	first := <-started
	if first.err != nil {
		t.Fatal(first.err)
	}
	up := first.up
	if !strings.Contains(up.Stderr(), "the store does not answer; the start waits for it") {
		t.Errorf("it waited and did not say so: %s", up.Stderr())
	}

	secret := []byte("what no bucket shall hold in the clear")
	file := archive(t, "secret.txt", secret)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sha, err := up.Submit(ctx, "secret.zip", file)
	if err != nil {
		t.Fatal(err)
	}
	settled, err := up.Settled(ctx, sha)
	if err != nil {
		t.Fatal(err)
	}
	if len(settled.Children) != 1 {
		t.Errorf("the archive has the children %+v, want one", settled.Children)
	}

	server.Kill()
	slow := make(chan error, 1)
	go func() {
		_, err := up.Submit(ctx, "second.txt", []byte("while the server is away"))
		slow <- err
	}()
	server.Start(t)
	if err := <-slow; err != nil {
		t.Errorf("a submission while the server was away for a moment: %v", err)
	}
	objects := 0
	if err := filepath.WalkDir(server.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		objects++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, secret) || bytes.HasPrefix(content, []byte("PK")) {
			t.Errorf("%s is not encrypted", path)
		}
		return err
	}); err != nil || objects < 3 {
		t.Errorf("the bucket has %d files, %v; want the three that were stored", objects, err)
	}
	up.Stop(t)

	t.Setenv("LAZULI_STORE_KEY", "")
	if _, err := platform.TryStart(t, data, "--store", store); err == nil || !strings.Contains(err.Error(), "the key does not fit the store") {
		t.Errorf("a start without the key: %v", err)
	}
}

// hangUp takes one connection at an address, and closes it.
func hangUp(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func archive(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
