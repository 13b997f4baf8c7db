package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"lazuli/event"
)

func TestChildrenAndStreams(t *testing.T) {
	big := strings.Repeat("big ", 100_000)
	out := execute(t, func(_ context.Context, job *Job) error {
		first, err := job.AddChild(strings.NewReader(big), Filename("a"))
		if err != nil {
			return err
		}
		inner, err := first.AddChild(strings.NewReader("grandchild"), Relationship("action", "unpacked"))
		if err != nil {
			return err
		}
		again, err := job.AddChild(strings.NewReader(big), Filename("b"))
		if err != nil {
			return err
		}
		if again != first || again.Size() != int64(len(big)) || again.SHA256() != hashOf(big) {
			t.Errorf("the same bytes again are another child: %s of %d bytes", again.SHA256(), again.Size())
		}
		return errors.Join(job.AddText(strings.NewReader("text"), "english"), inner.Feature("count", 1),
			first.AddStream(event.LabelReport, strings.NewReader(big+"report")), first.AddText(strings.NewReader(""), ""))
	})
	if out.State != event.Completed || len(out.Children) != 1 || len(out.Streams) != 1 {
		t.Fatalf("%s %s: %+v", out.State, out.Message, out.Children)
	}
	c := out.Children[0]
	if names := c.Features; len(names) != 2 || names[0].Value != "a" || names[1].Value != "b" || names[1].Type != event.Filepath {
		t.Errorf("names %+v", names)
	}
	if len(c.Children) != 1 || len(c.Streams) != 2 || c.Streams[1].Size != 0 {
		t.Fatalf("child %+v", c)
	}
	if c.Relationship["action"] != "extracted" || c.Children[0].Relationship["action"] != "unpacked" || len(c.Children[0].Features) != 1 {
		t.Errorf("relationships %v %v", c.Relationship, c.Children[0].Relationship)
	}
	if s := out.Streams[0]; s.Language != "english" || s.Label != event.LabelText {
		t.Errorf("text %+v", s)
	}
	for range 2 { // a stream can be read again
		expectStream(t, c.Content, big)
		expectStream(t, c.Streams[0], big+"report")
		expectStream(t, out.Streams[0], "text")
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func expectStream(t *testing.T, s Stream, want string) {
	t.Helper()
	r, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != want || s.Size != int64(len(want)) || s.SHA256 != hashOf(want) {
		t.Errorf("%s has %d bytes and says %d, %s; %v", s.Label, len(got), s.Size, s.SHA256, err)
	}
}

// TestSpool: small streams stay in memory as long as there is some for them, and whatever fails leaves nothing behind.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	files := func() int {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	s := newSpool(dir)
	s.memory = 3 * smallBytes
	keep := func(size int) spooled {
		t.Helper()
		want := strings.Repeat("x", size)
		kept, err := s.keep(t.Context(), event.LabelText, iotestChunks(want))
		if err != nil {
			t.Fatal(err)
		}
		expectStream(t, kept.Stream, want)
		return kept
	}
	keep(0)
	keep(smallBytes)
	if files() != 0 {
		t.Errorf("a small stream is on disk")
	}
	large := keep(smallBytes + 1)
	keep(2*smallBytes + 1)
	if files() != 2 {
		t.Errorf("%d files for two large streams", files())
	}
	keep(smallBytes)
	last := keep(smallBytes)
	if keep(1); files() != 3 {
		t.Errorf("%d files: small streams go to disk when their memory is used up", files())
	}
	if s.drop(last); s.memory != smallBytes {
		t.Errorf("%d bytes of memory are left", s.memory)
	}
	if s.drop(large); files() != 2 {
		t.Errorf("a dropped stream is still on disk")
	}

	broken := errors.New("broken")
	for _, size := range []int{0, 10, 5 * smallBytes} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), errReader{broken})
		if _, err := s.keep(t.Context(), event.LabelText, r); err != broken {
			t.Errorf("a source that breaks off after %d bytes: %v", size, err)
		}
	}
	s.left = 3 * smallBytes
	if _, err := s.keep(t.Context(), event.LabelText, strings.NewReader(strings.Repeat("x", 4*smallBytes))); err != errSpoolFull {
		t.Errorf("more than there is space for: %v", err)
	}
	if s.left != 3*smallBytes || files() != 2 {
		t.Errorf("what failed still counts: %d bytes, %d files", s.left, files())
	}
	if s.close(); files() != 0 {
		t.Errorf("%d files after close", files())
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// iotestChunks reads text in pieces of odd sizes, the last one together with io.EOF.
func iotestChunks(text string) io.Reader {
	r := strings.NewReader(text)
	return readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p[:min(len(p), 4093)])
		if r.Len() == 0 {
			err = io.EOF
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestChildAround: neither the file itself nor one that it came out of is found inside.
func TestChildAround(t *testing.T) {
	hex := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	out := execute(t, func(_ context.Context, job *Job) error {
		for _, text := range []string{"itself", "around", "inside"} {
			if _, err := job.AddChild(strings.NewReader(text)); (err == ErrAround) != (text != "inside") {
				t.Errorf("%s: %v", text, err)
			}
		}
		return nil
	}, func(in *Input, _ *funcPlugin) {
		in.Event.Source.Path = event.Path{{SHA256: hex("around")}, {SHA256: hex("itself")}}
	})
	if out.State != event.Completed || len(out.Children) != 1 || out.Children[0].Content.SHA256 != hex("inside") {
		t.Errorf("%s with %d children: %s", out.State, len(out.Children), out.Message)
	}
}

func TestLimitOfChildren(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		for i := range MaxChildren + 2 {
			if _, err := job.AddChild(strings.NewReader(fmt.Sprint("child ", i))); err != nil {
				return err
			}
		}
		return nil
	})
	if out.State != event.CompletedWithErrors || len(out.Children) != MaxChildren || !strings.Contains(out.Message, "more than 5000 files") {
		t.Errorf("%s with %d children: %s", out.State, len(out.Children), out.Message)
	}
	out = execute(t, func(_ context.Context, job *Job) error {
		for range MaxStreams + 1 {
			_ = job.AddText(strings.NewReader("text"), "")
		}
		return nil
	})
	if out.State != event.CompletedWithErrors || len(out.Streams) != MaxStreams || !strings.Contains(out.Message, "more than 900 streams") {
		t.Errorf("%s with %d streams: %s", out.State, len(out.Streams), out.Message)
	}
}

// TestSourceThatFails: an error of what a child is read from is the plugin's to judge, and the others stay.
func TestSourceThatFails(t *testing.T) {
	broken := errors.New("bad checksum")
	out := execute(t, func(_ context.Context, job *Job) error {
		_, err := job.AddChild(io.MultiReader(strings.NewReader("half of it"), errReader{broken}))
		if err != broken || job.Err() != nil {
			t.Errorf("got %v and %v", err, job.Err())
		}
		_, err = job.AddChild(strings.NewReader("whole"))
		return err
	})
	if out.State != event.Completed || len(out.Children) != 1 {
		t.Errorf("%s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

// TestReader compares a Reader with the standard library's over random operations.
func TestReader(t *testing.T) {
	data := make([]byte, 3*readerBytes+17)
	for i := range data {
		data[i] = byte(i * 7)
	}
	fuzzReader(t, data, []byte("some steps, none of them special: 0123456789 abcdefghijklmnopqrstuvwxyz"))
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("short"), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, data, steps []byte) { fuzzReader(t, data, steps) })
}

func fuzzReader(t *testing.T, data, steps []byte) {
	want := bytes.NewReader(data)
	got := &Reader{content: memory{bytes.NewReader(data)}}
	for _, step := range steps {
		arg := int64(step) * int64(step) * 3
		switch step % 5 {
		case 0:
			a, errA := want.ReadByte()
			b, errB := got.ReadByte()
			if a != b || errA != errB {
				t.Fatalf("ReadByte: %d %v, want %d %v", b, errB, a, errA)
			}
		case 1, 2:
			a, b := make([]byte, arg), make([]byte, arg)
			n, errA := io.ReadFull(want, a)
			m, errB := io.ReadFull(got, b)
			if n != m || errA != errB || !bytes.Equal(a, b) {
				t.Fatalf("Read of %d: %d %v, want %d %v", arg, m, errB, n, errA)
			}
		case 3:
			a, errA := want.Seek(arg%1000-300, io.SeekCurrent)
			b, errB := got.Seek(arg%1000-300, io.SeekCurrent)
			if errA == nil && a != b || (errA == nil) != (errB == nil) {
				t.Fatalf("Seek: %d %v, want %d %v", b, errB, a, errA)
			}
		case 4:
			a, errA := want.Seek(-arg, io.SeekEnd)
			b, errB := got.Seek(-arg, io.SeekEnd)
			if errA == nil && a != b || (errA == nil) != (errB == nil) {
				t.Fatalf("Seek from the end: %d %v, want %d %v", b, errB, a, errA)
			}
		}
	}
}
