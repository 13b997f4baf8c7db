// Package faults tries what goes wrong on real machines and with hostile files against the real platform: it says so clearly, and loses
// nothing.
package faults

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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

// refused expects that the platform does not start, and says why in one line with all of the given words.
func refused(t *testing.T, data string, words []string, args ...string) {
	t.Helper()
	up, err := platform.TryStart(t, data, args...)
	if err == nil {
		up.Kill()
		t.Fatal("the platform started")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "goroutine ") {
		t.Errorf("the platform panicked: %v", err)
	}
}

// check runs `lazuli check` and returns its lines and whether it found the directory sound.
func check(t *testing.T, data string) (string, bool) {
	t.Helper()
	out, err := exec.Command(platform.Binary(t), "check", "--data", data).CombinedOutput()
	return string(out), err == nil
}

// submit uploads files and waits until all is known of them.
func submit(t *testing.T, up *platform.Up, contents ...string) []*platform.File {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var files []*platform.File
	for i, content := range contents {
		sha, err := up.Submit(ctx, fmt.Sprintf("file-%d", i), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		f, err := up.Settled(ctx, sha)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func TestSecondInstance(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data)
	refused(t, data, []string{"in use by another lazuli", "--data"})
	if out, ok := check(t, data); ok || !strings.Contains(out, "in use by another lazuli") {
		t.Errorf("check on a directory in use: %s", out)
	}
	up.Stop(t)
}

func TestDirectories(t *testing.T) {
	newer := filepath.Join(t.TempDir(), "newer")
	write(t, filepath.Join(newer, "VERSION"), "lazuli data 99\n")
	refused(t, newer, []string{"99", "newer release"})
	if text, err := os.ReadFile(filepath.Join(newer, "VERSION")); err != nil || string(text) != "lazuli data 99\n" {
		t.Errorf("the newer directory was touched: %q %v", text, err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	write(t, filepath.Join(foreign, "thesis.txt"), "years of work")
	refused(t, foreign, []string{"thesis.txt", "not a data directory"})
	damaged := filepath.Join(t.TempDir(), "damaged")
	write(t, filepath.Join(damaged, "VERSION"), "garbage")
	refused(t, damaged, []string{"VERSION is damaged"})
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	refused(t, file, []string{"data directory"})
}

func TestListening(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	refused(t, data, []string{"0.0.0.0", "authentication"}, "--listen", "0.0.0.0:0")
	up := platform.Start(t, data)
	address := strings.TrimPrefix(up.Pages, "http://")
	refused(t, filepath.Join(t.TempDir(), "other"), []string{address, "--listen"}, "--listen", address)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedObject(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data)
	files := submit(t, up, "the first file", "the second file")
	up.Stop(t)
	if out, ok := check(t, data); !ok {
		t.Fatalf("a sound directory: %s", out)
	}
	sha := files[0].SHA256
	object := filepath.Join(data, "store", "test", "content", sha[:2], sha[2:4], sha)
	if err := os.Chmod(object, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, object, "THE FIRST FILE")
	out, ok := check(t, data)
	if ok || !strings.Contains(out, sha) {
		t.Errorf("check says %q", out)
	}
	up = platform.Start(t, data)
	if f := submit(t, up, "the second file")[0]; f.SHA256 != files[1].SHA256 {
		t.Error("the other file is gone")
	}
	up.Stop(t)
}

func TestDamagedIndexIsRebuilt(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data)
	before := submit(t, up, "what the index knew")[0]
	up.Stop(t)
	index := filepath.Join(data, "index", "index.db")
	if err := os.WriteFile(index, []byte(strings.Repeat("not a database ", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, data, []string{index, "rebuilt from the log"})
	if out, ok := check(t, data); ok || !strings.Contains(out, index) {
		t.Errorf("check says %q", out)
	}
	if err := os.RemoveAll(filepath.Dir(index)); err != nil {
		t.Fatal(err)
	}
	up = platform.Start(t, data)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	after, err := up.Settled(ctx, before.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Features) != len(before.Features) || len(after.Statuses) != len(before.Statuses) {
		t.Errorf("rebuilt: %d features and %d statuses, there were %d and %d", len(after.Features), len(after.Statuses), len(before.Features), len(before.Statuses))
	}
	up.Stop(t)
	if out, ok := check(t, data); !ok {
		t.Errorf("after the rebuild: %s", out)
	}
}

func TestDamagedLog(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data)
	submit(t, up, "one", "two", "three")
	up.Stop(t)
	var largest string
	var size int64
	err := filepath.WalkDir(filepath.Join(data, "log"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && filepath.Ext(path) == ".sst" && info.Size() > size { // a stop in order leaves nothing in write-ahead logs
			largest, size = path, info.Size()
		}
		return err
	})
	if err != nil || size == 0 {
		t.Fatalf("no file of the log found: %v", err)
	}
	text, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(text)
	for i := 100; i < 164; i++ {
		damaged[i] ^= 0xff
	}
	if err := os.WriteFile(largest, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	out, ok := check(t, data)
	if ok || !strings.Contains(out, "log") {
		t.Errorf("check of a damaged log says %q", out)
	}
	if now, err := os.ReadFile(largest); err != nil || string(now) != string(damaged) {
		t.Errorf("looking at the damage changed %s: %v", largest, err)
	}
	if err := os.WriteFile(largest, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := check(t, data); !ok {
		t.Errorf("the repaired log: %s", out)
	}
}

func TestStoreWithoutRights(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	up := platform.Start(t, data)
	submit(t, up, "kept")
	up.Stop(t)
	// A file in the folder's place stands for missing rights, which root would have all the same.
	store := filepath.Join(data, "store")
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, store, "in the way")
	refused(t, data, []string{store})
	if err := os.Remove(store); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(store+".away", store); err != nil {
		t.Fatal(err)
	}
	if out, ok := check(t, data); !ok {
		t.Errorf("after all is back: %s", out)
	}
}

// TestFullDisk fills the disk under the platform: uploads are refused with a sentence, what was acknowledged stays, and when there is
// room again all goes on.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", disk).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			t.Fatalf("mount a small disk: %v %s", err, out)
		}
		t.Skipf("SKIPPED: a small disk can only be mounted by root (%v %s)", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	data := filepath.Join(disk, "data")
	up := platform.Start(t, data)
	submit(t, up, "before")
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	var refusal error
	acked := map[string]bool{}
	for i := 0; refusal == nil && i < 1000; i++ {
		sha, err := up.Submit(t.Context(), "big", []byte(strings.Repeat(fmt.Sprintf("%09d ", i), 10_000)))
		if err == nil {
			acked[sha] = true
		}
		refusal = err
	}
	if refusal == nil || !strings.Contains(refusal.Error(), "no space") && !strings.Contains(refusal.Error(), "free") {
		t.Errorf("the refusal: %v", refusal)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	up.Kill() // as an operator would, after making room
	up = platform.Start(t, data)
	submit(t, up, "before", "after")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for sha := range acked {
		if _, err := up.Settled(ctx, sha); err != nil {
			t.Errorf("acknowledged %s: %v", sha, err)
		}
	}
	up.Stop(t)
	if out, ok := check(t, data); !ok {
		t.Errorf("check: %s", out)
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); ; {
		if _, err := f.Write(chunk); err != nil {
			if len(chunk) == 4096 {
				return
			}
			chunk = chunk[:4096]
		}
	}
}
