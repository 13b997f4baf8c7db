package eventlog

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawBytes(t *rapid.T, name string) []byte {
	if rapid.Bool().Draw(t, name+" is nil") {
		return nil
	}
	return rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, name)
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{Key: drawBytes(t, "key"), Header: drawBytes(t, "header"), Value: drawBytes(t, "value")}
		micros := rapid.Int64Range(-1<<50, 1<<60).Draw(t, "micros")
		buf := appendRecord(nil, &r, micros)
		if len(buf) != recordBytes(&r, micros) {
			t.Fatalf("record has %d bytes, and recordBytes says %d", len(buf), recordBytes(&r, micros))
		}
		got, err := decodeRecord(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got.Time.UnixMicro() != micros {
			t.Fatalf("time is %v, want %d µs", got.Time, micros)
		}
		got.Time = r.Time
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzDecode feeds all decoders with what no encoder made. None may panic, and what is read must fit the input.
func FuzzDecode(f *testing.F) {
	f.Add(appendRecord(nil, &Record{Key: []byte("key"), Header: []byte("header"), Value: []byte("value")}, 1_700_000_000_000_000))
	f.Add((&storedTopic{id: 3, Topic: Topic{Name: "t", Partitions: 2, Compact: true, Retention: 5}}).encode())
	f.Add(storedBounds{1, 2, 3}.encode())
	f.Add(groupKey("group", 1, 2))
	f.Add([]byte(guardHeader + "manifest MANIFEST-000001 12\nend 1 2 3\ncrc32c 00000000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeRecord(data); err == nil && r.Size() > len(data) {
			t.Errorf("a record of %d bytes came from %d", r.Size(), len(data))
		}
		if topic, err := decodeTopic([]byte("tname"), data); err == nil && topic.Validate() != nil {
			t.Errorf("topic %v is not valid", topic)
		}
		if b, err := decodeBounds(data); err == nil && (b.start < 0 || b.end < b.start) {
			t.Errorf("bounds %v", b)
		}
		if group, id, index, err := splitGroupKey(data); err == nil && data[0] == prefixGroup {
			if !bytes.Equal(groupKey(group, id, index), data) {
				t.Errorf("group key %x is %q, %d, %d", data, group, id, index)
			}
		}
		if _, err := decodePlace(data); err == nil && len(data) != 12 {
			t.Errorf("a place of %d bytes", len(data))
		}
		_, _ = parseGuard(data)
		_, _ = walChunk(data)
		_ = witness(data, 0, 1)
	})
}

func TestAfter(t *testing.T) {
	for _, test := range []struct{ prefix, want []byte }{
		{[]byte{1, 2}, []byte{1, 3}},
		{[]byte{1, 0xff}, []byte{2}},
		{[]byte{0xff}, nil},
		{nil, nil},
	} {
		if got := after(test.prefix); !bytes.Equal(got, test.want) {
			t.Errorf("after(%x) = %x, want %x", test.prefix, got, test.want)
		}
	}
}
