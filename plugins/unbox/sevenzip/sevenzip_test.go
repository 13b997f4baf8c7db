package sevenzip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/sevenzip/sevenziptest"
)

var roomy = Options{Dictionary: 1 << 20, MostRounds: 20}

func open(content []byte, password string) (*Archive, error) {
	o := roomy
	o.Password = password
	return Open(bytes.NewReader(content), int64(len(content)), o)
}

func TestDirectory(t *testing.T) {
	files := []sevenziptest.File{{Name: "a.txt", Content: "first"}, {Name: "folder/"}, {Name: "empty"}, {Name: "Ünïcode", Content: "second"}}
	for _, o := range []sevenziptest.Options{{}, {Password: "pass", Rounds: 6}, {Password: "pass", Rounds: 6, Directory: true}} {
		a, err := open(sevenziptest.Make(o, files...), o.Password)
		if err != nil || len(a.Files) != 4 || a.Encrypted != o.Directory {
			t.Fatalf("%+v: %+v, %v", o, a, err)
		}
		for i, f := range a.Files {
			if f.Name != strings.TrimSuffix(files[i].Name, "/") || f.Folder != (i == 1) || f.Size != int64(len(files[i].Content)) || f.Block >= 0 != (f.Size > 0) || !f.Changed.Equal(sevenziptest.Changed) {
				t.Errorf("%+v: file %d is %+v", o, i, f)
			}
		}
		r, err := a.Open(0, o.Password)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "firstsecond" || err != nil {
			t.Errorf("%+v: the block holds %q, %v", o, got, err)
		}
	}
	if _, err := open(sevenziptest.Make(sevenziptest.Options{Password: "pass", Rounds: 6, Directory: true}, files...), "wrong"); !errors.Is(err, archive.ErrEncrypted) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := open([]byte("PK"), ""); err != archive.ErrNotThis {
		t.Errorf("a zip: %v", err)
	}
}

// resum puts the right checksums into an archive with a directory that was changed.
func resum(whole []byte) []byte {
	at := 32 + binary.LittleEndian.Uint64(whole[12:])
	binary.LittleEndian.PutUint64(whole[20:], uint64(len(whole))-at)
	binary.LittleEndian.PutUint32(whole[28:], crc32.ChecksumIEEE(whole[at:]))
	binary.LittleEndian.PutUint32(whole[8:], crc32.ChecksumIEEE(whole[12:32]))
	return whole
}

// TestDirectoriesThatLie: wrong bytes in a directory whose checksums are right end soon, with damage, and in little memory.
func TestDirectoriesThatLie(t *testing.T) {
	sound := sevenziptest.Make(sevenziptest.Options{}, sevenziptest.File{Name: "a", Content: "first"}, sevenziptest.File{Name: "b", Content: "second"}, sevenziptest.File{Name: "c/"})
	at := 32 + int(binary.LittleEndian.Uint64(sound[12:]))
	r := rand.New(rand.NewPCG(1, 2))
	begun := time.Now()
	peak := plugintest.PeakMemory(func() {
		for round := range 20_000 {
			bad := bytes.Clone(sound)
			for range 1 + r.IntN(3) {
				i := at + r.IntN(len(bad)-at)
				if r.IntN(4) == 0 {
					bad = slices.Insert(bad, i, sevenziptest.Number(r.IntN(1<<(1+r.IntN(62))))...)
				} else {
					bad[i] = byte(r.Uint32())
				}
			}
			a, err := open(resum(bad), "")
			if err != nil {
				if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrEncrypted) && !strings.Contains(err.Error(), "not known") && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("round %d: %v", round, err)
				}
				continue
			}
			for i := range a.Blocks {
				if r, err := a.Open(i, ""); err == nil {
					_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
				}
			}
		}
	})
	if peak > 64<<20 || time.Since(begun) > time.Minute {
		t.Errorf("took %s and %d MiB", time.Since(begun), peak>>20)
	}
}

func TestCut(t *testing.T) {
	whole := sevenziptest.Make(sevenziptest.Options{}, sevenziptest.File{Name: "a", Content: "first"})
	for n := range len(whole) {
		if _, err := open(whole[:n], ""); err == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
	if _, err := open(whole[:len(whole)-1], ""); err == nil || !strings.Contains(err.Error(), "volume") {
		t.Errorf("cut: %v", err)
	}
}

// TestRounds: a key that takes too long to derive is not derived.
func TestRounds(t *testing.T) {
	o := sevenziptest.Options{Password: "pass", Rounds: 6}
	whole := sevenziptest.Make(o, sevenziptest.File{Name: "a", Content: "first"})
	a, err := Open(bytes.NewReader(whole), int64(len(whole)), Options{Dictionary: 1 << 20, MostRounds: 5})
	if err != nil || a.Blocks[0].Rounds() != 6 {
		t.Fatal(a, err)
	}
	if _, err := a.Open(0, "pass"); !errors.Is(err, archive.ErrEncrypted) || !strings.Contains(err.Error(), "2^6") {
		t.Errorf("too many rounds: %v", err)
	}
}

func Fuzz(f *testing.F) {
	for _, o := range []sevenziptest.Options{{}, {Password: "pass", Rounds: 1}, {Password: "pass", Rounds: 1, Directory: true}} {
		f.Add(sevenziptest.Make(o, sevenziptest.File{Name: "a", Content: "first"}, sevenziptest.File{Name: "b", Content: "second"}, sevenziptest.File{Name: "c/"}))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) < 33 {
			return
		}
		at := 32 + min(binary.LittleEndian.Uint64(content[12:]), uint64(len(content)-32))
		binary.LittleEndian.PutUint64(content[12:], at-32)
		a, err := open(resum(content), "pass")
		if err != nil {
			return
		}
		for i := range a.Blocks {
			_ = a.Blocks[i].Method()
			if r, err := a.Open(i, "pass"); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			}
		}
	})
}
