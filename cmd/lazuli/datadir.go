package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dataVersion is the layout of the data directory that this release writes; docs/formats.md describes it.
const dataVersion = 1

// dataDir is a data directory that this process holds: the log, the store and the index lie in it side by side.
type dataDir struct {
	path string
	lock *os.File
}

func (d *dataDir) log() string   { return filepath.Join(d.path, "log") }
func (d *dataDir) store() string { return filepath.Join(d.path, "store") }
func (d *dataDir) tmp() string   { return filepath.Join(d.path, "tmp") }

// index is another file for a log on Kafka: what it holds belongs to one log.
func (d *dataDir) index(kafka bool) string {
	if kafka {
		return filepath.Join(d.path, "index", "kafka.db")
	}
	return filepath.Join(d.path, "index", "index.db")
}

// openDataDir takes hold of a data directory. It is made when it is missing and create is set.
func openDataDir(path string, create bool) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, "VERSION")); errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, fmt.Errorf("%s is not a data directory of lazuli: it has no file VERSION", path)
		}
		if err := prepareDataDir(path); err != nil {
			return nil, err
		}
	}
	d := &dataDir{path: path}
	if d.lock, err = os.OpenFile(filepath.Join(path, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	if err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		d.lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is in use by another lazuli: stop that one, or give --data another directory", path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := d.checkVersion(); err != nil {
		d.close()
		return nil, err
	}
	for _, dir := range []string{filepath.Dir(d.index(false)), d.tmp()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			d.close()
			return nil, fmt.Errorf("prepare the data directory: %w", err)
		}
	}
	return d, nil
}

// prepareDataDir makes a new data directory. A directory that holds something else is refused.
func prepareDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "LOCK" && !strings.HasPrefix(e.Name(), "VERSION") {
			return fmt.Errorf("%s is not empty and not a data directory of lazuli (it holds %s): give --data another directory", path, e.Name())
		}
	}
	return writeSynced(filepath.Join(path, "VERSION"), "lazuli data "+strconv.Itoa(dataVersion)+"\n")
}

// writeSynced makes a file whole or not at all.
func writeSynced(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.WriteString(text); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (d *dataDir) checkVersion() error {
	text, err := os.ReadFile(filepath.Join(d.path, "VERSION"))
	if err != nil {
		return fmt.Errorf("read the version of the data directory: %w", err)
	}
	number, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "lazuli data ")
	version, err := strconv.Atoi(number)
	if !ok || err != nil {
		return fmt.Errorf("%s/VERSION is damaged: it should read \"lazuli data %d\"", d.path, dataVersion)
	}
	if version > dataVersion {
		return fmt.Errorf("%s has data format %d and this release knows up to %d: start a newer release on it", d.path, version, dataVersion)
	}
	return nil
}

func (d *dataDir) close() { d.lock.Close() }
