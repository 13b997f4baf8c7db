package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
	"lazuli/test/servers"
)

// TestMirror moves a store from a directory to S3, encrypted on the way, and back with another key.
func TestMirror(t *testing.T) {
	server := servers.StartS3(t)
	origin := openFS(t, t.TempDir())
	contents := map[blob.Key][]byte{}
	for i := range 50 {
		content := bytes.Repeat([]byte{byte(i)}, i*i*100)
		contents[blobtest.Put(t, origin, content)] = content
	}
	remote := open(t, server.Location("mirror"), blob.Options{Key: cryptKey})
	back := open(t, t.TempDir(), blob.Options{Key: bytes.Repeat([]byte("k2"), 16)})
	var bytesSeen int64
	noFaults := func(fault string) { t.Error(fault) }
	m, err := blob.Mirror(t.Context(), origin, remote, noFaults, func(n int64) { bytesSeen += n })
	if err != nil || m.Copied != 50 || m.Kept != 0 || m.Bytes != bytesSeen {
		t.Errorf("Mirror: %+v (%d bytes were told), %v", m, bytesSeen, err)
	}
	if _, err := blob.Mirror(t.Context(), remote, back, noFaults, nil); err != nil {
		t.Fatal(err)
	}
	for k, want := range contents {
		for _, s := range []blob.Store{remote, back} {
			if got := blobtest.Get(t, s, k, 0, -1); !bytes.Equal(got, want) {
				t.Errorf("%s has %d other bytes", k, len(got))
			}
		}
	}
	more := blobtest.Put(t, origin, []byte("one more"))
	m, err = blob.Mirror(t.Context(), origin, remote, noFaults, nil)
	if err != nil || m != (blob.Mirrored{Copied: 1, Bytes: 8, Kept: 50}) {
		t.Errorf("the second Mirror: %+v, %v", m, err)
	}
	if got := blobtest.Get(t, remote, more, 0, -1); string(got) != "one more" {
		t.Errorf("it copied %q", got)
	}
}

// TestMirrorLeavesDamage: what is damaged is told and stays where it is; a store that is full ends the copy.
func TestMirrorLeavesDamage(t *testing.T) {
	dir := t.TempDir()
	from, to := openFS(t, dir), openFS(t, t.TempDir())
	good, bad := blobtest.Put(t, from, []byte("good")), blobtest.Put(t, from, []byte("bad"))
	path := filepath.Join(dir, bad.Source, bad.Label, bad.SHA256[:2], bad.SHA256[2:4], bad.SHA256)
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("bed"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var faults []string
	m, err := blob.Mirror(t.Context(), from, to, func(f string) { faults = append(faults, f) }, nil)
	if err != nil || m.Copied != 1 || len(faults) != 1 || !strings.Contains(fmt.Sprint(faults), path+": damaged") {
		t.Errorf("Mirror: %+v, %v, faults %q", m, err, faults)
	}
	if _, err := to.Stat(t.Context(), good); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := to.Stat(t.Context(), bad); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the damaged one: %v, want ErrNotFound", err)
	}
	full := openFS(t, t.TempDir())
	blob.FillDisk(t, full)
	if _, err := blob.Mirror(t.Context(), from, full, func(string) {}, nil); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Mirror to a full disk: %v, want ErrFull", err)
	}
}
