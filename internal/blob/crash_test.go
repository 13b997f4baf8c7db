package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"lazuli/internal/blob"
	"lazuli/internal/blob/blobtest"
)

// TestPowerCuts cuts the power at moments all over the store's work, on a file system that then loses all, or half, of what was
// not synced, and looks at what is left: everything that was promised is there and whole, what was deleted stays away,
// and nothing is there that is not whole.
func TestPowerCuts(t *testing.T) {
	for _, links := range []bool{true, false} {
		t.Run(fmt.Sprintf("links=%v", links), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano()) // the order of four workers is not in it
			m := &machine{memory: vfs.NewCrashableMem(), random: rand.New(rand.NewPCG(seed, 1)), promised: map[blob.Key]bool{}}
			dir := filepath.Join(t.TempDir(), "store")
			s, err := blob.OnMemory(dir, m.memory, links, m.maybeCut)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			var work sync.WaitGroup
			for i := range 4 {
				random := rand.New(rand.NewPCG(seed, uint64(2+i)))
				work.Go(func() { m.use(t, s, i, random, links) })
			}
			work.Wait()
			if len(m.cuts) < 5 {
				t.Fatalf("%d power cuts are too few to show anything", len(m.cuts))
			}
			for i, cut := range m.cuts {
				cut.inspect(t, dir)
				if t.Failed() {
					t.Fatalf("power cut %d of %d, after %d promises", i, len(m.cuts), len(cut.promised))
				}
			}
		})
	}
}

// machine is a computer whose power is cut now and then.
type machine struct {
	memory *vfs.MemFS

	mu       sync.Mutex
	random   *rand.Rand
	left     int               // changes until the next cut
	promised map[blob.Key]bool // true must be there, false must not; what is under way is not in it
	cuts     []powerCut
}

// powerCut is what was promised at a moment, and the disk after it.
type powerCut struct {
	promised map[blob.Key]bool
	disk     *vfs.MemFS
}

// use puts, copies and deletes, and writes down what it was promised.
func (m *machine) use(t *testing.T, s blob.Store, worker int, random *rand.Rand, links bool) {
	var mine []blob.Key
	for i := range 40 {
		switch {
		case i%3 == 2:
			k := mine[random.IntN(len(mine))]
			m.unsure(k)
			if err := s.Delete(t.Context(), k); err != nil && !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Delete: %v", err)
			}
			m.promise(k, false)
		case i%3 == 1 && links: // without them the bytes are read, and this disk only writes
			from, to := mine[len(mine)-1], mine[len(mine)-1]
			to.Source = fmt.Sprint("copies", worker)
			if err := s.Copy(t.Context(), from, to); err != nil {
				t.Errorf("Copy: %v", err)
			}
			mine = append(mine, to)
			m.promise(to, true)
		default:
			content := fmt.Appendf(bytes.Repeat([]byte{'x'}, random.IntN(5000)), "%d %d", worker, i)
			k := blobtest.Key(content)
			if err := put(t.Context(), s, k, content); err != nil {
				t.Errorf("put: %v", err)
			}
			mine = append(mine, k)
			m.promise(k, true)
		}
	}
}

func put(ctx context.Context, s blob.Store, k blob.Key, content []byte) error {
	up, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer up.Discard()
	if _, err := up.Write(content); err != nil {
		return err
	}
	return up.Commit(ctx, k)
}

func (m *machine) promise(k blob.Key, there bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.promised[k] = there
}

func (m *machine) unsure(k blob.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.promised, k)
}

// maybeCut cuts the power at one of some eighty moments.
func (m *machine) maybeCut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left--; m.left < 0 {
		m.left = 40 + m.random.IntN(80)
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * m.random.IntN(2), RNG: m.random}
		m.cuts = append(m.cuts, powerCut{maps.Clone(m.promised), m.memory.CrashClone(cfg)})
	}
}

// inspect opens a store on what a power cut left.
func (c *powerCut) inspect(t *testing.T, root string) {
	t.Helper()
	dir := t.TempDir()
	writeOut(t, c.disk, root, dir)
	s := openFS(t, dir)
	defer s.Close()
	found := map[blob.Key]bool{}
	err := s.Walk(t.Context(), func(k blob.Key, _ blob.Info) error {
		found[k] = true
		sum := sha256.Sum256(blobtest.Get(t, s, k, 0, -1))
		if got := hex.EncodeToString(sum[:]); got != k.SHA256 {
			t.Errorf("%s is not whole", k)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for k, there := range c.promised {
		if found[k] != there {
			t.Errorf("%s: in the store %v, promised %v", k, found[k], there)
		}
	}
}

// writeOut copies a directory in memory to a real one.
func writeOut(t *testing.T, memory *vfs.MemFS, from, to string) {
	t.Helper()
	names, err := memory.List(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, "/")
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		info, err := memory.Stat(source)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			if err := os.MkdirAll(target, 0o700); err != nil {
				t.Fatal(err)
			}
			writeOut(t, memory, source, target)
			continue
		}
		f, err := memory.Open(source)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
