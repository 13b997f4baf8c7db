package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func common(t *testing.T, q CommonQuery, contents ...string) *Common {
	t.Helper()
	var files []Source
	for _, content := range contents {
		files = append(files, source([]byte(content)))
	}
	c, err := CommonStrings(t.Context(), files, q)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCommonStrings: what is in all files is found, in whatever coding and however often, the most meant first.
func TestCommonStrings(t *testing.T) {
	a := "xq7$\x00http://example.org/gate.php\x00only here\x00Software\\Microsoft\x00xq7$\x00"
	b := "Software\\Microsoft\x00" + string(wideText(UTF16LE, "http://example.org/gate.php")) + "\x00\x00xq7$\x00and there\x00"
	c := b + "only here\x00"
	for _, tc := range []struct {
		files []string
		want  string
	}{
		{[]string{a, b}, `{"strings":["http://example.org/gate.php","Software\\Microsoft","xq7$"],"incomplete":false}`},
		{[]string{b, a}, `{"strings":["http://example.org/gate.php","Software\\Microsoft","xq7$"],"incomplete":false}`},
		{[]string{a, b, c}, `{"strings":["http://example.org/gate.php","Software\\Microsoft","xq7$"],"incomplete":false}`},
		{[]string{a, c}, `{"strings":["http://example.org/gate.php","Software\\Microsoft","only here","xq7$"],"incomplete":false}`},
		{[]string{a, ""}, `{"strings":[],"incomplete":false}`},
		{[]string{a, "none of these"}, `{"strings":[],"incomplete":false}`},
	} {
		got, err := json.Marshal(common(t, CommonQuery{}, tc.files...))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
	few := common(t, CommonQuery{Take: 2}, a, c)
	if want := []string{"http://example.org/gate.php", `Software\Microsoft`}; !slices.Equal(few.Strings, want) || !few.Incomplete {
		t.Errorf("two of four: %+v", few)
	}
}

func TestCommonLimits(t *testing.T) {
	one := source([]byte("text"))
	for _, tc := range []struct {
		files []Source
		q     CommonQuery
	}{
		{nil, CommonQuery{}},
		{[]Source{one}, CommonQuery{}},
		{slices.Repeat([]Source{one}, maxCompared+1), CommonQuery{}},
		{[]Source{one, one}, CommonQuery{Take: -1}},
		{[]Source{one, one}, CommonQuery{MinLength: 1}},
		{[]Source{one, one}, CommonQuery{TimeLimit: -1}},
	} {
		if _, err := CommonStrings(t.Context(), tc.files, tc.q); !errors.Is(err, ErrQuery) {
			t.Errorf("%d files, %+v: %v, want a bad query", len(tc.files), tc.q, err)
		}
	}
	// The most text that an answer holds; the files are twice that.
	var b strings.Builder
	for i := range 2 * maxFoundBytes / MostMaxLength {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), MostMaxLength-10-i%1000) + "\x00")
	}
	c := common(t, CommonQuery{MaxLength: MostMaxLength, TimeLimit: 1 << 40}, b.String(), b.String())
	size := 0
	for _, s := range c.Strings {
		size += len(s)
	}
	if size > maxFoundBytes {
		t.Errorf("%d bytes of strings", size)
	}
}

// TestCommonInBatches: sets that hold a few strings each find the same.
func TestCommonInBatches(t *testing.T) {
	before := batchStrings
	t.Cleanup(func() { batchStrings = before })
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[ab]{4,6}`), 0, 30)
		count := map[string]int{}
		var files []Source
		n := rapid.IntRange(2, 4).Draw(t, "files")
		for range n {
			in := words.Draw(t, "words")
			files = append(files, source([]byte(strings.Join(in, "\x00"))))
			slices.Sort(in)
			for _, word := range slices.Compact(in) {
				count[word]++
			}
		}
		want := []string{}
		for word, files := range count {
			if files == n {
				want = append(want, word)
			}
		}
		batchStrings = rapid.IntRange(1, 5).Draw(t, "batch")
		take := rapid.IntRange(1, 40).Draw(t, "take")
		got, err := CommonStrings(context.Background(), files, CommonQuery{Take: take})
		if err != nil {
			t.Fatal(err)
		}
		if got.Incomplete != (len(want) > take) || len(got.Strings) != min(take, len(want)) {
			t.Fatalf("%d of %d, incomplete %v", len(got.Strings), len(want), got.Incomplete)
		}
		for _, s := range got.Strings {
			if !slices.Contains(want, s) {
				t.Fatalf("%s is not in all", s)
			}
		}
		if !got.Incomplete {
			slices.Sort(want)
			slices.Sort(got.Strings)
			if !slices.Equal(got.Strings, want) {
				t.Fatalf("got %q, want %q", got.Strings, want)
			}
		}
	})
}
