package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardName is a small text file beside Pebble's. It says how far the log had come, so that an Open that finds less fails
// instead of going on with what is left:
//
//	lazuli log guard 1
//	manifest MANIFEST-000012 4711       the first 4711 bytes of this file were relied on
//	end 7 0 1200                        topic id 7, partition 0 ended at offset 1200 or later
//	crc32c 1a2b3c4d                     Castagnoli, of all lines before
//
// It is needed because Pebble takes whatever it cannot read at the tail of its MANIFEST or of its newest write-ahead log for
// a write that the power cut short. A damaged byte there would undo writes that were acknowledged, without a word.
//
// The file is written before any data file is removed or reused (before that, the older state is still all there), and when
// the log is closed. What it cannot tell is a torn write from a damaged byte in the very last records before a crash.
const (
	guardName    = "GUARD"
	guardHeader  = "lazuli log guard 1\n"
	maxGuardSize = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// guardEnd is an "end" line.
type guardEnd struct {
	topic     uint32
	partition int32
	end       int64
}

// guard writes the guard file.
type guard struct {
	fs   vfs.FS
	dir  string
	ends func() []guardEnd // of acknowledged appends

	mu       sync.Mutex // guards what follows, and the file
	manifest string
	synced   int64 // bytes of manifest
	stale    bool  // the manifest went on since the file was written
}

// manifestSynced is told how much of the current MANIFEST is on disk.
func (g *guard) manifestSynced(name string, size int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.manifest, g.synced, g.stale = name, size, true
}

// keep writes the file if the MANIFEST went on since the last time.
func (g *guard) keep() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stale {
		return nil
	}
	return g.write()
}

// write writes the file. The caller holds g.mu.
func (g *guard) write() error {
	var buf bytes.Buffer
	buf.WriteString(guardHeader)
	if g.manifest != "" {
		fmt.Fprintf(&buf, "manifest %s %d\n", g.manifest, g.synced)
	}
	for _, e := range g.ends() {
		fmt.Fprintf(&buf, "end %d %d %d\n", e.topic, e.partition, e.end)
	}
	fmt.Fprintf(&buf, "crc32c %08x\n", crc32.Checksum(buf.Bytes(), castagnoli))
	if err := replaceFile(g.fs, g.dir, guardName, buf.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", guardName, err)
	}
	g.stale = false
	return nil
}

// close writes the file for the last time.
func (g *guard) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write()
}

// replaceFile writes a file so that after a crash it has either its old content or the new.
func replaceFile(fs vfs.FS, dir, name string, content []byte) error {
	path := fs.PathJoin(dir, name)
	temporary := path + ".new"
	f, err := fs.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// guardFile is what a guard file says.
type guardFile struct {
	manifest string // "" if it names none
	synced   int64
	ends     []guardEnd
}

// readGuard reads the guard file of dir; a directory without one gives nil.
func readGuard(fs vfs.FS, dir string) (*guardFile, error) {
	f, err := fs.Open(fs.PathJoin(dir, guardName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxGuardSize))
	if err != nil {
		return nil, err
	}
	g, err := parseGuard(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w (remove it to open the log without its check)", ErrDamaged, guardName, err)
	}
	return g, nil
}

func parseGuard(content []byte) (*guardFile, error) {
	text, ok := strings.CutPrefix(string(content), guardHeader)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", strings.TrimSpace(guardHeader))
	}
	end := strings.LastIndex(text, "crc32c ")
	if end < 0 {
		return nil, errors.New("it is cut short")
	}
	want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(content[:len(guardHeader)+end], castagnoli))
	if text[end:] != want {
		return nil, errors.New("its checksum differs")
	}
	g := new(guardFile)
	for line := range strings.Lines(text[:end]) {
		var e guardEnd
		if _, err := fmt.Sscanf(line, "end %d %d %d\n", &e.topic, &e.partition, &e.end); err == nil {
			g.ends = append(g.ends, e)
			continue
		}
		if _, err := fmt.Sscanf(line, "manifest %s %d\n", &g.manifest, &g.synced); err != nil {
			return nil, fmt.Errorf("line %q is not known", strings.TrimSpace(line))
		}
	}
	return g, nil
}

// checkManifest returns an error if the MANIFEST cannot be read as far as it was relied on. Another one than the guard
// names took over after it was written; it begins with a full state, and nothing was removed since.
func (g *guardFile) checkManifest(fs vfs.FS, path string) error {
	if fs.PathBase(path) != g.manifest {
		return nil
	}
	f, err := fs.Open(path)
	if err != nil {
		return describe(err)
	}
	defer f.Close()
	edits := record.NewReader(f, 0)
	var good int64
	for {
		edit, err := edits.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, edit)
		}
		if err != nil {
			if good < g.synced {
				return fmt.Errorf("%w: %s can be read up to byte %d of at least %d: %w", ErrDamaged, g.manifest, good, g.synced, err)
			}
			return nil
		}
		good = edits.Offset()
	}
}
