package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePattern(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"4D5a9000", "4d/ff 5a/ff 90/ff 00/ff"},
		{" 4d 5a\t90,00:ff-01;", "4d/ff 5a/ff 90/ff 00/ff ff/ff 01/ff"},
		{`0x4d, 0x5A \x90\x00`, "4d/ff 5a/ff 90/ff 00/ff"},
		{"4? ?d ??", "40/f0 0d/0f 00/00"},
		{`"MZ" 90`, "4d/ff 5a/ff 90/ff"},
		{`"\"\\\n"`, `22/ff 5c/ff 5c/ff 6e/ff`},
		{`L"aж"`, "61/ff 00/ff 36/ff 04/ff"},
		{`"ж"`, "d0/ff b6/ff"},
		{"", "no byte to look for"},
		{" ?? ", "no byte to look for"},
		{`""`, "no byte to look for"},
		{"4d5", `the last byte has one digit, "5"`},
		{"4 d", `a byte has two digits, at "4 d"`},
		{"hello", `"hello" is no hex digit; text stands in quotes`},
		{"4d zz", `"zz" is no hex digit`},
		{`"abc`, `no quote at the end of "abc"`},
		{`"abc\"`, `no quote at the end`},
		{"0x", "no digits after 0x"},
		{"0x 4d", "no digits after 0x"},
		{"жжжжжжжжжжжжжжжжжжжж", `is no hex digit`},
		{strings.Repeat("00", maxPattern+1), "more than 256 bytes"},
		{`"` + strings.Repeat("a", 1<<20) + `"`, "more than 256 bytes"},
	} {
		p, err := parsePattern(tc.text)
		var got []string
		for i, b := range p.want {
			got = append(got, fmt.Sprintf("%02x/%02x", b, p.mask[i]))
		}
		switch {
		case err != nil && (!errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%.40q: error %v, want %s", tc.text, err, tc.want)
		case err == nil && strings.Join(got, " ") != tc.want:
			t.Errorf("%.40q: %s, want %s", tc.text, strings.Join(got, " "), tc.want)
		}
	}
}

// simpleHits tries every offset.
func simpleHits(b []byte, p pattern) (at []int64) {
	for i := 0; i+len(p.want) <= len(b); {
		if !simpleHit(b[i:], p) {
			i++
			continue
		}
		at = append(at, int64(i))
		i += len(p.want)
	}
	return at
}

func simpleHit(b []byte, p pattern) bool {
	for i, want := range p.want {
		if b[i]&p.mask[i] != want {
			return false
		}
	}
	return true
}

// TestHitsAreAll: hits are those of trying every offset, in one page as in many.
func TestHitsAreAll(t *testing.T) {
	withChunks(t, 300)
	few := rapid.SampledFrom([]byte("\x00\x00\x00ab"))
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(few, 0, 2000).Draw(t, "content")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"00", "61", "62", "??", "6?", "?0"}), 1, rapid.SampledFrom([]int{3, 63, 64, 65, 128, 200}).Draw(t, "longest")).Draw(t, "pattern"), "")
		p, err := parsePattern(text)
		if err != nil {
			t.Skip(err)
		}
		want := fmt.Sprint(simpleHits(content, p))
		q := BytesQuery{Pattern: text, Take: MostTake}
		var whole, pages []int64
		found, err := FindBytes(context.Background(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, hit := range found.Strings {
			whole = append(whole, hit.Offset)
			if hit.Text != hexOf(content[hit.Offset:hit.Offset+hit.Length]) || hit.Length != int64(len(p.want)) || hit.Encoding != "hex" {
				t.Fatalf("a hit is told as %+v", hit)
			}
		}
		for more := true; more; {
			q.MaxBytes, q.Take = rapid.Int64Range(1, 700).Draw(t, "window"), rapid.IntRange(1, 9).Draw(t, "take")
			found, err := FindBytes(context.Background(), source(content), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, hit := range found.Strings {
				pages = append(pages, hit.Offset)
			}
			if found.HasMore && found.NextOffset <= q.Offset {
				t.Fatalf("the page after %d begins at %d", q.Offset, found.NextOffset)
			}
			q.Offset, more = found.NextOffset, found.HasMore
		}
		if fmt.Sprint(whole) != want || fmt.Sprint(pages) != want {
			t.Fatalf("%s: hits %d, in pages %d, simply %s", text, whole, pages, want)
		}
	})
}

func FuzzFindBytes(f *testing.F) {
	f.Add(`4d 5a ?? "text" L"wide"`, []byte("MZ\x00textw\x00i\x00d\x00e\x00"))
	f.Add(strings.Repeat("??00", 128), make([]byte, 999))
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if len(content) > 2000 {
			t.Skip("the simple way takes too long")
		}
		p, err := parsePattern(text)
		found, findErr := FindBytes(t.Context(), source(content), BytesQuery{Pattern: text, Take: MostTake})
		if err != nil || findErr != nil {
			if !errors.Is(err, ErrQuery) || !errors.Is(findErr, ErrQuery) {
				t.Fatalf("errors %v and %v", err, findErr)
			}
			return
		}
		var at []int64
		for _, hit := range found.Strings {
			at = append(at, hit.Offset)
		}
		if want := simpleHits(content, p); fmt.Sprint(at) != fmt.Sprint(want) && len(want) < MostTake {
			t.Fatalf("hits %d, simply %d", at, want)
		}
	})
}
