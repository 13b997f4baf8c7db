package inspect

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wideText is text in UTF-16.
func wideText(c Coding, text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if c == UTF16BE {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// anyContent is pieces of what strings are found in, and of what looks like strings and is none.
func anyContent() *rapid.Generator[[]byte] {
	texts := rapid.SampledFrom([]string{
		"a", "ab", "abc", "kernel32.dll", "http://example.org/a?b=c", "Привет, мир", "да", "日本語のテキスト", "größer", "naïve",
		"“quoted” — text…", "Γειά σου", "שלום עולם", "\t", "ЄЄЄЄЄ", "āāāā", "x\r\n", "čřžýáíé", "€ 5.00", "\u0301\u0302", "🙂🙂🙂🙂", "«Ёлка»",
	})
	piece := rapid.Custom(func(t *rapid.T) []byte {
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return []byte(texts.Draw(t, "narrow"))
		case 1:
			return wideText(UTF16LE, texts.Draw(t, "little"))
		case 2:
			return wideText(UTF16BE, texts.Draw(t, "big"))
		case 3:
			return make([]byte, rapid.IntRange(0, 5).Draw(t, "zeros"))
		case 4:
			return rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "random")
		case 5:
			return rapid.SliceOfN(rapid.SampledFrom([]byte("\x00\x01\x02\x03\x04\x05\x06\x20\x21ab\xc3\xa4\xd0\x9f\xfe\xff")), 0, 24).Draw(t, "alike")
		case 6:
			return bytes.Repeat([]byte(texts.Draw(t, "again")), rapid.IntRange(1, 30).Draw(t, "times"))
		}
		return wideText(Coding(rapid.IntRange(1, 2).Draw(t, "order")), string(bytes.Repeat([]byte("long wide "), rapid.IntRange(1, 12).Draw(t, "times"))))
	})
	return rapid.Custom(func(t *rapid.T) []byte {
		return bytes.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), nil)
	})
}

// withChunks runs a test in which files are read so many bytes at a time.
func withChunks(t interface{ Cleanup(func()) }, n int) {
	before := chunkBytes
	chunkBytes = n
	t.Cleanup(func() { chunkBytes = before })
}

// TestStringsAreWhatIsSaid: strings are those of the simple way to find them, and pages of any size, one after another, are
// the same strings.
func TestStringsAreWhatIsSaid(t *testing.T) {
	prepareLetters()
	withChunks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		content := anyContent().Draw(t, "content")
		l := lengths{min: rapid.IntRange(2, 12).Draw(t, "min")}
		l.max = l.min + rapid.IntRange(0, 30).Draw(t, "more")
		want := simpleStrings(content, l)
		q := StringsQuery{MinLength: l.min, MaxLength: l.max, MaxBytes: int64(len(content)) + 1, Take: MostTake}
		whole, err := FindStrings(context.Background(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, whole.Strings, cmp.Transformer("nil", notNil)); diff != "" {
			t.Fatalf("found otherwise (-simple +ours):\n%s", diff)
		}
		if whole.HasMore || whole.NextOffset != int64(len(content)) {
			t.Fatalf("the whole file ends at %d of %d, more %v", whole.NextOffset, len(content), whole.HasMore)
		}
		pages := allPages(t, content, q, func(q *StringsQuery) {
			q.MaxBytes = rapid.Int64Range(1, 200).Draw(t, "window")
			q.Take = rapid.IntRange(1, 5).Draw(t, "take")
		})
		if diff := cmp.Diff(want, pages, cmp.Transformer("nil", notNil)); diff != "" {
			t.Fatalf("pages have otherwise (-whole +pages):\n%s", diff)
		}
	})
}

func notNil(s []String) []String { return append([]String{}, s...) }

// allPages follows the pages of a query, each of which change makes another one.
func allPages(t interface{ Fatalf(string, ...any) }, content []byte, q StringsQuery, change func(*StringsQuery)) []String {
	all := []String{}
	for {
		change(&q)
		found, err := FindStrings(context.Background(), source(content), q)
		if err != nil {
			t.Fatalf("from %d on: %v", q.Offset, err)
		}
		all = append(all, found.Strings...)
		if !found.HasMore {
			return all
		}
		if found.NextOffset <= q.Offset {
			t.Fatalf("the page after %d begins at %d", q.Offset, found.NextOffset)
		}
		q.Offset = found.NextOffset
	}
}

// TestStringsOfLargeFile: the same over many chunks as they are, with long strings across their ends.
func TestStringsOfLargeFile(t *testing.T) {
	prepareLetters()
	random := rand.New(rand.NewPCG(1, 2))
	var content []byte
	for len(content) < 3*chunkBytes/2 {
		switch random.IntN(4) {
		case 0:
			content = append(content, bytes.Repeat([]byte("narrow"), random.IntN(700))...)
		case 1:
			content = append(content, wideText(UTF16LE, string(bytes.Repeat([]byte("wide"), random.IntN(700))))...)
		case 2:
			content = append(content, make([]byte, random.IntN(9))...)
		case 3:
			for range random.IntN(5000) {
				content = append(content, byte(random.Uint32()))
			}
		}
	}
	for _, l := range []lengths{{4, 200}, {2, 10_000}, {1000, 1000}} {
		want := simpleStrings(content, l)
		q := StringsQuery{MinLength: l.min, MaxLength: l.max}
		for _, window := range []int64{1 << 30, 70_001} {
			got := allPages(t, content, q, func(q *StringsQuery) { q.MaxBytes, q.Take = window, MostTake })
			if !slices.Equal(got, want) {
				t.Errorf("%+v in windows of %d: %d strings, and simply %d", l, window, len(got), len(want))
			}
		}
	}
}
