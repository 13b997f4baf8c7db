package index

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// FuzzPiece: whatever the bytes, nothing outside the set is touched; and a set that is written is read as it was.
func FuzzPiece(f *testing.F) {
	f.Add([]byte{formList, 0, 1, 2}, uint16(3))
	f.Add([]byte{formRuns, 3, 200, 5, 5}, uint16(7))
	f.Add(append([]byte{formBitmap}, make([]byte, pieceSize/8)...), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		var p piece
		_ = p.decode(b)
		small := make(bitset, 3)
		_ = readPiece(b, small, 64)
		var q piece
		if encoded := p.encode(); encoded != nil {
			if err := q.decode(encoded); err != nil || q != p || len(encoded) > 1+pieceSize/8 {
				t.Fatalf("%d numbers are read as %d: %v", p.count(), q.count(), err)
			}
		} else if p.count() != 0 {
			t.Fatal("numbers are lost")
		}
		// A set of some regularity, so that every form comes up.
		p = piece{}
		for n := uint32(0); n < pieceSize; n += 1 + uint32(step)%700 {
			bitset(p[:]).addRange(n, n+uint32(step)%5+1)
		}
		q = piece{}
		if err := q.decode(p.encode()); err != nil || q != p {
			t.Fatalf("step %d: %v", step, err)
		}
	})
}

// FuzzSegment: damaged blocks and summaries are errors, and what was written is read as it was, whatever the texts.
func FuzzSegment(f *testing.F) {
	f.Add([]byte("\x01\x02\x03abc\x02\x02\x00"), "Abc,abc,ABD,,a\x00b", uint16(40))
	f.Add([]byte{}, "x", uint16(9000))
	f.Add([]byte{0x80}, "é,É,e", uint16(300))
	f.Fuzz(func(t *testing.T, b []byte, texts string, many uint16) {
		if list, err := readBlock(b, 7); err == nil {
			for _, e := range list {
				set := newBitset(100)
				n := 0
				err := e.each(func(uint32) { n++ })
				if also := e.addTo(set); err == nil && also != nil {
					t.Fatalf("%d documents, but no set of them: %v", n, also)
				}
			}
		}
		_, _ = readSummary(b)

		table := newTermTable(1)
		const base = 1000
		want := map[termKey][]uint32{}
		for i, text := range strings.Split(texts, ",") {
			for n := range 1 + uint32(many)*uint32(i%2) {
				k := termKey{int64(i % 3), text}
				if doc := base + n*uint32(i+1); len(want[k]) == 0 || want[k][len(want[k])-1] < doc {
					table.add(k.field, k.text, doc)
					want[k] = append(want[k], doc)
				}
			}
		}
		blocks := map[int64][]byte{}
		w := segmentWriter{base: base, put: func(number int64, data []byte) { blocks[number] = data }}
		table.each(w.add)
		w.flush()
		summary, err := readSummary(appendSummary(nil, w.blocks))
		if err != nil || !slices.Equal(summary, w.blocks) || len(blocks) != len(summary) {
			t.Fatalf("%v, %d blocks of %d: %v", summary, len(blocks), len(w.blocks), err)
		}
		last, found := termKey{-1, ""}, 0
		for number := range int64(len(blocks)) {
			list, err := readBlock(blocks[number], base)
			if err != nil || list[0].termKey != summary[number].termKey {
				t.Fatal(number, err)
			}
			for _, e := range list {
				var docs []uint32
				err := e.each(func(doc uint32) { docs = append(docs, doc) })
				if err != nil || !slices.Equal(docs, want[e.termKey]) || e.count() != int64(len(docs)) || e.compare(last) <= 0 {
					t.Fatalf("%v: %d documents, %d written: %v", e.termKey, len(docs), len(want[e.termKey]), err)
				}
				last = e.termKey
				found++
			}
		}
		if found != len(want) {
			t.Fatalf("%d terms of %d", found, len(want))
		}
	})
}

// FuzzRows: damaged rows are errors, and what was written is read as it was.
func FuzzRows(f *testing.F) {
	one := uint64(1)
	f.Add(appendValue(appendValue(nil, value{field: 1, text: "a", typ: 3, label: 4, offset: &one, length: &one}), value{field: 1 << 40}))
	f.Add((&chunk{1, math.MaxInt64, math.MinInt64, 0, 5}).encode())
	f.Add(make([]byte, 2*alikeBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		var list []value
		if readValues(b, func(v value) { list = append(list, v) }) == nil {
			var again []value
			var written []byte
			for _, v := range list {
				written = appendValue(written, v)
			}
			if err := readValues(written, func(v value) { again = append(again, v) }); err != nil || len(again) != len(list) {
				t.Fatalf("%v, %d of %d values", err, len(again), len(list))
			}
		}
		var c, d chunk
		if c.decode(b) == nil {
			if err := d.decode(c.encode()); err != nil || c != d {
				t.Fatalf("a chunk is read otherwise: %v", err)
			}
		}
		var entries []byte
		if readAlike(b, func(place byte, curve []byte) { entries = append(append(entries, place), curve...) }) == nil && !bytes.Equal(entries, b) {
			t.Fatal("entries are read otherwise")
		}
		var unpacked body
		_ = unpack(b, &unpacked)
		_, _ = parseLinkCursor(string(b))
		_, _ = parseCursor(SearchOptions{Order: ByNewest, Cursor: string(b)})
	})
}

// FuzzParts: any value can be taken apart, and its parts found again in their order.
func FuzzParts(f *testing.F) {
	for _, seed := range []string{"http://u:p@h:80/a;b?c#d", "C:\\a\\b/c", "-17", "1e300", "2024-01-01T00:00:00Z", "YWJj", "mailto:x", "[::1]:5", "//", "x://%zz", "http://[fe80::1%25en0]/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, typ := range []string{"integer", "float", "string", "binary", "datetime", "filepath", "uri", "?"} {
			partsOf(&Feature{Name: "f", Type: typ, Value: text}, func(field, part string) {
				if part == "" || field == "" {
					t.Fatalf("%s %q: an empty part of %q", typ, text, field)
				}
			})
		}
		var words int
		wordsOf(text, func(string) { words++ })
		if reversedPath(reversedPath(text)) != text {
			t.Fatalf("%q turned twice is another", text)
		}
		_ = bytesOf(text)
		if got := digestOf(bytesOf(text)); got != text {
			t.Fatalf("%q comes back as %q", text, got)
		}
	})
}

// TestKeys: the order of keys is that of what they stand for.
func TestKeys(t *testing.T) {
	integers := []int64{math.MinInt64, -5, -1, 0, 1, 7, math.MaxInt64}
	floats := []float64{math.Inf(-1), -1e300, -1, -1e-300, 0, 1e-300, 2.5, math.Inf(1)}
	for i := 1; i < len(integers); i++ {
		if integerKey(integers[i-1]) >= integerKey(integers[i]) || keyInteger(integerKey(integers[i])) != integers[i] {
			t.Errorf("%d and %d", integers[i-1], integers[i])
		}
	}
	for i := 1; i < len(floats); i++ {
		if floatKey(floats[i-1]) >= floatKey(floats[i]) || keyFloat(floatKey(floats[i])) != floats[i] {
			t.Errorf("%g and %g", floats[i-1], floats[i])
		}
	}
	if floatKey(math.Copysign(0, -1)) != floatKey(0) {
		t.Error("-0 is not 0")
	}
}
