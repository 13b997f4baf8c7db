package archivetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// Suite is what every parser must pass, with a sound archive of it that has at least two entries with content.
func Suite(t *testing.T, walk Walk, sample []byte) {
	t.Helper()
	t.Run("not this", func(t *testing.T) { notThis(t, walk) })
	t.Run("visits end walks", func(t *testing.T) { visitsEndWalks(t, walk, sample) })
	t.Run("contexts end walks", func(t *testing.T) { contextsEndWalks(t, walk, sample) })
	t.Run("nothing needs to be read", func(t *testing.T) { nothingRead(t, walk, sample) })
	t.Run("errors of the source", func(t *testing.T) { sourceErrors(t, walk, sample) })
	t.Run("cut short", func(t *testing.T) { cutShort(t, walk, sample) })
	t.Run("hostile", func(t *testing.T) { hostile(t, walk, sample) })
}

func notThis(t *testing.T, walk Walk) {
	for _, data := range []string{"", "x", "an ordinary text that is no archive of any kind, " + string(make([]byte, 70_000))} {
		files, err := Read(walk, []byte(data))
		if !errors.Is(err, archive.ErrNotThis) || len(files) != 0 {
			t.Errorf("%.10q: %d entries, %v", data, len(files), err)
		}
	}
}

func visitsEndWalks(t *testing.T, walk Walk, sample []byte) {
	visits := 0
	err := walk(context.Background(), bytes.NewReader(sample), int64(len(sample)), func(archive.Entry, io.Reader) error {
		visits++
		return errVisit
	})
	if err != errVisit || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
}

func contextsEndWalks(t *testing.T, walk Walk, sample []byte) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	visits := 0
	err := walk(ctx, bytes.NewReader(sample), int64(len(sample)), func(archive.Entry, io.Reader) error {
		visits++
		return nil
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, archive.ErrDamaged) {
		t.Errorf("%d visits, %v", visits, err)
	}
}

// nothingRead: what is listed does not depend on what is read.
func nothingRead(t *testing.T, walk Walk, sample []byte) {
	want := MustRead(t, walk, sample)
	i, withContent := 0, 0
	err := walk(context.Background(), bytes.NewReader(sample), int64(len(sample)), func(e archive.Entry, r io.Reader) error {
		if i >= len(want) || e != want[i].Entry || (r != nil) != want[i].Readable {
			t.Errorf("entry %d is %+v", i, e)
		}
		if i < len(want) && want[i].Content != "" {
			withContent++
		}
		i++
		return nil
	})
	if err != nil || i != len(want) || withContent < 2 {
		t.Errorf("%d entries, %d with content, %v", i, withContent, err)
	}
}

// sourceErrors: what the file system says is not taken for damage.
func sourceErrors(t *testing.T, walk Walk, sample []byte) {
	for i := range 20 {
		from := int64(len(sample) * i / 20)
		var read error
		err := walk(context.Background(), failing{bytes.NewReader(sample), from}, int64(len(sample)), func(e archive.Entry, r io.Reader) error {
			if r != nil && read == nil {
				_, read = io.Copy(io.Discard, r)
			}
			return nil
		})
		for _, err := range []error{err, read} {
			if err != nil && !errors.Is(err, errSource) {
				t.Errorf("unreadable from %d on: %v", from, err)
			}
		}
	}
}

// cutShort: an archive that ends anywhere is walked through as any other.
func cutShort(t *testing.T, walk Walk, sample []byte) {
	for i := range 60 {
		Check(t, walk, sample[:len(sample)*i/60])
	}
}

// hostile: bytes are changed all over the archive, and numbers in it made large.
func hostile(t *testing.T, walk Walk, sample []byte) {
	rng := rand.New(rand.NewPCG(uint64(len(sample)), 1))
	rounds := min(500, max(100, 10<<20/len(sample)))
	if len(sample) > 1<<20 {
		rounds = 40
	}
	for range rounds {
		bad := bytes.Clone(sample)
		for range 1 + rng.IntN(4) {
			at := rng.IntN(len(bad))
			if rng.IntN(3) > 0 { // where headers mostly are
				at = rng.IntN(min(len(bad), 1+rng.IntN(2000)))
			}
			switch rng.IntN(4) {
			case 0:
				bad[at] ^= 1 << rng.IntN(8)
			case 1:
				bad[at] = byte(rng.Uint32())
			case 2:
				copy(bad[at:], "\xff\xff\xff\xff")
			case 3:
				from := rng.IntN(len(bad))
				copy(bad[at:], bad[from:min(len(bad), from+16)])
			}
		}
		Check(t, walk, bad)
	}
}

// Check walks through bytes that may be anything: it ends, with errors of the kinds that there are, and asks for little memory.
func Check(t testing.TB, walk Walk, data []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	visits, read := 0, int64(0)
	err := walk(context.Background(), bytes.NewReader(data), int64(len(data)), func(e archive.Entry, r io.Reader) error {
		if visits++; visits > 8*len(data)+16 {
			t.Fatalf("%d entries in %d bytes", visits, len(data))
		}
		if r == nil || read > mostRead {
			return nil
		}
		n, err := io.Copy(io.Discard, io.LimitReader(r, mostRead))
		read += n
		if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrEncrypted) {
			t.Fatalf("reading %q: %v", e.Name, err)
		}
		return nil
	})
	if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrEncrypted) && !errors.Is(err, archive.ErrUnsupported) && !errors.Is(err, archive.ErrNotThis) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	const most = 96 << 20 // of all allocations, not of what is held at one time
	if got := after.TotalAlloc - before.TotalAlloc; got > most+64*uint64(len(data)) {
		t.Fatalf("%d bytes were allocated for an archive of %d", got, len(data))
	}
}
