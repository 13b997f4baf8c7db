package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// counted is a Source that notes what was asked of it.
type counted struct {
	Source
	opened []string
}

func (c *counted) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	c.opened = append(c.opened, fmt.Sprintf("%d+%d", off, n))
	return c.Source.Open(ctx, off, n)
}

// TestOneRange: each call opens one range, as large as what it looks at; one with nothing to look at opens none.
func TestOneRange(t *testing.T) {
	file := &counted{Source: source(make([]byte, 1<<20))}
	expect := func(call string, err error, want ...string) {
		t.Helper()
		if err != nil || !slices.Equal(file.opened, want) {
			t.Errorf("%s opened %q (error %v), want %q", call, file.opened, err, want)
		}
		file.opened = nil
	}
	ahead := lengths{DefaultMinLength, DefaultMaxLength}.lookAhead()

	_, err := Hex(t.Context(), file, 4096, 512)
	expect("hex", err, "4096+512")
	_, err = Hex(t.Context(), file, 1<<20, 512)
	expect("hex behind the end", err)
	_, err = FindStrings(t.Context(), file, StringsQuery{Offset: 300_000, MaxBytes: 200_000})
	expect("strings", err, fmt.Sprintf("%d+%d", 300_000-lookBehind, 200_000+lookBehind+ahead))
	_, err = FindStrings(t.Context(), file, StringsQuery{})
	expect("all strings", err, "0+1048576")
	_, err = FindStrings(t.Context(), file, StringsQuery{Offset: 1 << 20})
	expect("strings behind the end", err)
	_, err = FindBytes(t.Context(), file, BytesQuery{Pattern: "01 02 03", Offset: 10, MaxBytes: 500_000})
	expect("bytes", err, "10+500002")
	_, err = FindBytes(t.Context(), file, BytesQuery{Pattern: "01 02 03", Offset: 1 << 20})
	expect("bytes behind the end", err)
	_, err = CommonStrings(t.Context(), []Source{file, source([]byte("small"))}, CommonQuery{})
	expect("common strings", err, "0+1048576")
}

// zeros is a large file of nothing.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestMemory: what a call takes has nothing to do with the size of the file.
func TestMemory(t *testing.T) {
	const size, most = 256 << 20, 1 << 20
	file := Object{size, func(_ context.Context, _, n int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, n)), nil
	}}
	prepareLetters()
	for name, call := range map[string]func() (*Found, error){
		"strings": func() (*Found, error) {
			return FindStrings(t.Context(), file, StringsQuery{MaxBytes: size, TimeLimit: time.Hour})
		},
		"bytes": func() (*Found, error) {
			return FindBytes(t.Context(), file, BytesQuery{Pattern: "00 00 01", TimeLimit: time.Hour})
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found, err := call()
		runtime.ReadMemStats(&after)
		if err != nil || found.HasMore || len(found.Strings) > 0 {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
			t.Errorf("%s took %d bytes of memory", name, taken)
		}
	}
}

// TestTimeLimit: a page ends when its time is over, but not before something was done; the next one goes on.
func TestTimeLimit(t *testing.T) {
	content := bytes.Repeat([]byte("some text\x00"), chunkBytes/2)
	whole, err := FindStrings(t.Context(), source(content), StringsQuery{Take: MostTake, MaxBytes: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	var pages []String
	timeOuts := 0
	q := StringsQuery{Take: MostTake, MaxBytes: 1 << 40, TimeLimit: 1}
	for more := true; more; {
		found, err := FindStrings(t.Context(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		if found.TimeOut {
			timeOuts++
		}
		if found.TimeOut != found.HasMore || found.HasMore && found.NextOffset <= q.Offset {
			t.Fatalf("from %d on: next %d, more %v, time is over %v", q.Offset, found.NextOffset, found.HasMore, found.TimeOut)
		}
		pages = append(pages, found.Strings...)
		q.Offset, more = found.NextOffset, found.HasMore
	}
	if !slices.Equal(pages, whole.Strings) || timeOuts == 0 {
		t.Errorf("%d strings in pages, %d in one; %d pages ended by time", len(pages), len(whole.Strings), timeOuts)
	}
	hits, err := FindBytes(t.Context(), source(content), BytesQuery{Pattern: "fe", TimeLimit: 1})
	if err != nil || !hits.TimeOut || hits.NextOffset == 0 {
		t.Errorf("bytes: %+v, %v", hits, err)
	}
	both, err := CommonStrings(t.Context(), []Source{source(content), source(content)}, CommonQuery{TimeLimit: 1})
	if err != nil || !both.Incomplete {
		t.Errorf("common strings: %+v, %v", both, err)
	}
}

// stuck is content of which the rest never comes, as from a store that hangs.
func stuck(content string, size int64) Source {
	return Object{size, func(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(content), never{ctx})), nil
	}}
}

type never struct{ ctx context.Context }

func (n never) Read([]byte) (int, error) {
	<-n.ctx.Done()
	return 0, n.ctx.Err()
}

// TestStoreHangs: a read that does not come back ends with the time. What was found is told; if there was nothing to be found
// in yet, it is an error, because the next page would begin at the same place.
func TestStoreHangs(t *testing.T) {
	half := strings.Repeat("some text\x00", chunkBytes/5)
	found, err := FindStrings(t.Context(), stuck(half, 1<<30), StringsQuery{MaxBytes: 1 << 29, TimeLimit: time.Millisecond, Take: MostTake})
	if err != nil || !found.TimeOut || found.NextOffset == 0 || len(found.Strings) == 0 {
		t.Errorf("half of a file: %+v, %v", found, err)
	}
	if _, err := FindStrings(t.Context(), stuck("", 1<<30), StringsQuery{TimeLimit: time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing of a file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FindStrings(ctx, stuck(half, 1<<30), StringsQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
	if _, err := FindBytes(ctx, stuck(half, 1<<30), BytesQuery{Pattern: "00"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
	if _, err := CommonStrings(ctx, []Source{stuck(half, 1<<30), stuck(half, 1<<30)}, CommonQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
	broken := errors.New("broken")
	file := Object{10, func(context.Context, int64, int64) (io.ReadCloser, error) { return nil, broken }}
	if _, err := FindStrings(t.Context(), file, StringsQuery{}); !errors.Is(err, broken) {
		t.Errorf("a store that fails: %v", err)
	}
}

// TestPageIsBounded: strings that are long and many end a page before it takes too much memory.
func TestPageIsBounded(t *testing.T) {
	content := bytes.Repeat([]byte("a"), 3*maxFoundBytes/2)
	found, err := FindStrings(t.Context(), source(content), StringsQuery{MaxBytes: 1 << 40, MaxLength: MostMaxLength, Take: MostTake, TimeLimit: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(maxFoundBytes); !found.HasMore || found.NextOffset < want || found.NextOffset > want+MostMaxLength {
		t.Errorf("the page ends at %d, more %v", found.NextOffset, found.HasMore)
	}
}

// TestHostileRegex: what takes other engines for ever takes no time here.
func TestHostileRegex(t *testing.T) {
	content := bytes.Repeat([]byte(strings.Repeat("a", 199)+"\x00"), 100)
	for _, regex := range []string{`^(a+)+$b`, `(a|aa)+b`, `(.*a){20}b`, `(?i)(x+x+)+y`} {
		found, err := FindStrings(t.Context(), source(content), StringsQuery{Regex: regex, TimeLimit: time.Hour})
		if err != nil || len(found.Strings) > 0 {
			t.Errorf("%s: %+v, %v", regex, found, err)
		}
	}
	for _, regex := range []string{strings.Repeat("(", 1001), strings.Repeat("(", 900), strings.Repeat("a{1000}", 100), `\C`, "[", "\xff"} {
		if _, err := FindStrings(t.Context(), source(content), StringsQuery{Regex: regex}); !errors.Is(err, ErrQuery) {
			t.Errorf("%.20s: %v, want a bad query", regex, err)
		}
	}
}

func FuzzFindStrings(f *testing.F) {
	prepareLetters()
	f.Add([]byte("abcd\x00a\x00b\x00c\x00d\x00\x00"), uint8(4), uint8(9), uint8(3))
	f.Add([]byte("\xfe\xff\x00a\x00b\x00\xe4\x00d\x00\x00\xd0\xb6\xd0\xb6\xe6\x97\xa5"), uint8(2), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, content []byte, minLength, more, windowBytes uint8) {
		if len(content) > 2000 {
			t.Skip("the simple way takes too long")
		}
		l := lengths{min: max(LeastMinLength, int(minLength))}
		l.max = l.min + int(more)
		want := simpleStrings(content, l)
		q := StringsQuery{MinLength: l.min, MaxLength: l.max}
		pages := allPages(t, content, q, func(q *StringsQuery) { q.MaxBytes, q.Take = int64(max(1, windowBytes)), MostTake })
		if !slices.Equal(pages, want) {
			t.Fatalf("got %+v, simply %+v", pages, want)
		}
		for _, s := range pages {
			if IsNoise(s.Text) != (TextScore(s.Text) < meantScore) {
				t.Fatalf("%q is noise: %v, with a score of %v", s.Text, IsNoise(s.Text), TextScore(s.Text))
			}
		}
	})
}
