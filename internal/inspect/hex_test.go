package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestHexJSON: the documents have the reference's shape, in both forms.
func TestHexJSON(t *testing.T) {
	src := source([]byte("MZ\x90\x00 is how it begins\xff\n"))
	long, err := Hex(t.Context(), src, 0, 18)
	if err != nil {
		t.Fatal(err)
	}
	short, err := HexShort(t.Context(), src, 19, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		view any
		want string
	}{
		{long, `{"hex_strings":[` +
			`{"address":0,"hex":["4D","5A","90","00","20","69","73","20","68","6F","77","20","69","74","20","62"],"ascii":"MZ.. is how it b"},` +
			`{"address":16,"hex":["65","67"],"ascii":"eg"}],` +
			`"header":{"address":"Address","hex":["00","01","02","03","04","05","06","07","08","09","0A","0B","0C","0D","0E","0F"],"ascii":"ASCII"},` +
			`"has_more":true,"next_offset":18,"content_length":23}`},
		{short, `{"hex_strings":[{"address":19,"hex":"6e 73 ff 0a","ascii":"ns.."}],` +
			`"header":{"address":"Address","hex":"03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 00 01 02","ascii":"ASCII"},` +
			`"has_more":false,"next_offset":23,"content_length":23}`},
	} {
		got, err := json.Marshal(tc.view)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestHexLimits(t *testing.T) {
	src := source(make([]byte, MaxHexBytes+5))
	for _, tc := range []struct {
		offset, max int64
		rows        int
		next        int64
		more        bool
	}{
		{0, 0, DefaultHexBytes / 16, DefaultHexBytes, true},
		{0, 1 << 60, MaxHexBytes / 16, MaxHexBytes, true},
		{MaxHexBytes, 1 << 60, 1, MaxHexBytes + 5, false},
		{MaxHexBytes + 5, 10, 0, MaxHexBytes + 5, false},
		{1 << 62, 1 << 62, 0, MaxHexBytes + 5, false},
		{1, 1, 1, 2, true},
	} {
		v, err := HexShort(t.Context(), src, tc.offset, tc.max)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Rows) != tc.rows || v.NextOffset != tc.next || v.HasMore != tc.more || v.Rows == nil {
			t.Errorf("from %d at most %d: %d rows, next %d, more %v; want %+v", tc.offset, tc.max, len(v.Rows), v.NextOffset, v.HasMore, tc)
		}
	}
	for _, tc := range []struct{ offset, max int64 }{{-1, 0}, {0, -1}} {
		if _, err := Hex(t.Context(), src, tc.offset, tc.max); !errors.Is(err, ErrQuery) {
			t.Errorf("from %d at most %d: %v, want a bad query", tc.offset, tc.max, err)
		}
	}
}

// TestHexPages: pages of any size show every byte once.
func TestHexPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "content")
		var text strings.Builder
		var off int64
		for {
			v, err := HexShort(t.Context(), source(content), off, rapid.Int64Range(1, 64).Draw(t, "max"))
			if err != nil {
				t.Fatal(err)
			}
			at := off
			for _, row := range v.Rows {
				if row.Address != at || len(row.ASCII) > 16 {
					t.Fatalf("a row of %d bytes at %d, want it at %d", len(row.ASCII), row.Address, at)
				}
				at += int64(len(row.ASCII))
				text.WriteString(row.Hex + " ")
			}
			if at != v.NextOffset {
				t.Fatalf("the rows end at %d, the next page begins at %d", at, v.NextOffset)
			}
			if !v.HasMore {
				break
			}
			off = v.NextOffset
		}
		if got := strings.ReplaceAll(text.String(), " ", ""); got != hexOf(content) {
			t.Fatalf("got %s, want %s", got, hexOf(content))
		}
	})
}

// TestShortFile: a file that has become shorter than its size is an error, of all that read it.
func TestShortFile(t *testing.T) {
	src := ReaderAt(bytes.NewReader([]byte("only this")), 100)
	_, hexErr := Hex(t.Context(), src, 0, 0)
	_, stringsErr := FindStrings(t.Context(), src, StringsQuery{})
	for _, err := range []error{hexErr, stringsErr} {
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "ends at 9") {
			t.Errorf("got %v, want that the file ends at 9", err)
		}
	}
}
