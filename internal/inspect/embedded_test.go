package inspect

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWideBehindOtherBytes: what stands before a text in UTF-16 does not take letters of it.
func TestWideBehindOtherBytes(t *testing.T) {
	hello := String{Text: "hello", Length: 10, Encoding: EncodingUTF16}
	for _, tc := range []struct {
		before, text string
		coding       Coding
		behind       string
		minLength    int
	}{
		{before: "A", text: "hello", coding: UTF16LE},
		{before: "A", text: "hello", coding: UTF16LE, minLength: 2},
		{before: "\x00A", text: "hello", coding: UTF16LE, minLength: 5},
		{before: "qZ$A", text: "hello", coding: UTF16LE},
		{before: "qZ$", text: "hello", coding: UTF16LE, behind: "\x00\x00"},
		{before: "\xff|$(H9", text: "hello", coding: UTF16LE, behind: "C\xf0"},
		{before: "user1", text: "бршл", coding: UTF16LE},
		{before: "\x80qZ$", text: "Škoda", coding: UTF16LE},
		{before: "\xce\xb1\xce\xb1\xce\xb1\xce", text: "αβγδ", coding: UTF16LE},
		// Before what is ASCII otherwise, the upper byte of a letter is the odd one.
		{before: "\x01", text: "hello", coding: UTF16LE},
		{before: "\x01", text: "hello", coding: UTF16LE, behind: "\x00\x00"},
		{before: "\x01", text: "hello", coding: UTF16LE, behind: "C\xf0"},
		{before: "\x9b\x1e", text: "Übermut", coding: UTF16LE},
		{before: "\x04", text: "Привет", coding: UTF16LE},
		{before: "\x04", text: "Привет", coding: UTF16LE, behind: "\x00\x00"},
		{before: "\xff\xff", text: "Škoda", coding: UTF16BE, behind: "\x00\x00\x01"},
		{before: "\xff\xff", text: "Привет", coding: UTF16BE, behind: "\x00\x00\x00"},
		{before: "\xff\xff", text: "Привет", coding: UTF16BE},
		{before: "qZ$(", text: "“quoted”", coding: UTF16BE},
		{before: "A\x80", text: "hello", coding: UTF16BE},
		{before: "ABCDE\x80", text: "hello", coding: UTF16BE, behind: "C\xf0"},
		// A string in ASCII that is one has its NUL.
		{before: "second\x00", text: "third", coding: UTF16LE, behind: "\x00\x00"},
		{before: "HeapAlloc\x00", text: "third", coding: UTF16LE},
		{before: "HeapAlloc\x00", text: "третий", coding: UTF16LE},
	} {
		content := slices.Concat([]byte(tc.before), wideText(tc.coding, tc.text), []byte(tc.behind))
		want := hello
		want.Text, want.Offset, want.Length, want.Coding = tc.text, int64(len(tc.before)), int64(len(wideText(tc.coding, tc.text))), tc.coding
		found, err := FindStrings(t.Context(), source(content), StringsQuery{MinLength: tc.minLength})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(found.Strings, want) {
			t.Errorf("%q: found %+v, want %+v", content, found.Strings, want)
		}
	}
}

// TestWideAmongRandomBytes: text in UTF-16 is found where it is, at any offset and over the ends of what is read at a time.
func TestWideAmongRandomBytes(t *testing.T) {
	prepareLetters()
	withChunks(t, 100)
	texts := []string{"hello", "kernel32.dll", `C:\Users\x`, "%s: %d", "größer als", "Übermut", "Привет, мир", "Ελλάδα", "שלום עולם"}
	random := rand.New(rand.NewPCG(1, 3))
	const rounds, most = 400, 12 // files, and texts in each
	expected := map[Coding]int{}
	for range rounds {
		var content []byte
		var want []String
		for range most {
			for range 4 + random.IntN(400) {
				content = append(content, byte(random.Uint32()))
			}
			coding, text := UTF16LE+Coding(random.IntN(2)), texts[random.IntN(len(texts))]
			wide := wideText(coding, text)
			want = append(want, String{text, int64(len(content)), int64(len(wide)), EncodingUTF16, coding})
			content = append(content, wide...)
		}
		content = append(content, 0xff, 0xff, 0xff, 0xff)
		found := allPages(t, content, StringsQuery{}, func(q *StringsQuery) {
			q.MaxBytes, q.Take = 1+random.Int64N(3000), 1+random.IntN(20)
		})
		for _, s := range want {
			if canBeReadOtherwise(content, s, found) {
				continue
			}
			expected[s.Coding]++
			if !slices.Contains(found, s) {
				t.Errorf("%+v is not found behind %x, but %+v is", s, content[s.Offset-min(12, s.Offset):s.Offset], covering(found, s.Offset+1))
			}
		}
	}
	t.Log(expected)
	if expected[UTF16LE] < rounds*most/2*9/10 || expected[UTF16BE] < rounds*most/2/4 {
		t.Errorf("so many texts were expected: %v", expected)
	}
}

// canBeReadOtherwise tells whether the bytes around a text make more of it, or as much from an odd offset.
func canBeReadOtherwise(b []byte, s String, found []String) bool {
	start, end := int(s.Offset), int(s.Offset+s.Length)
	isText := func(c Coding, at int) bool { return scriptOfUnit(unit(c, b, at)) != notText }
	if isText(s.Coding, start-2) || isText(s.Coding, end) {
		return true // it is longer
	}
	if s.Coding == UTF16LE {
		return b[start-1] == b[start+1] || slices.ContainsFunc(found, func(o String) bool {
			return o.Coding == UTF8 && o.Offset+o.Length == s.Offset+1 && !IsNoise(o.Text) // it ends in a NUL
		})
	}
	return isText(UTF16LE, start-1) || b[end] == b[end-2]
}
