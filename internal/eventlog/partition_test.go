package eventlog

import (
	"hash/fnv"
	"testing"

	"pgregory.net/rapid"
)

func TestPartitionFor(t *testing.T) {
	for _, test := range []struct {
		key  string
		n    int32
		want int32
	}{
		// FNV-1a values of RFC 9923: "" is left out, "a" 0xe40c292c, "foobar" 0xbf9cf968; as int32 -468965076, -1080231576.
		{"", 7, 0},
		{"a", 1, 0},
		{"a", 10, 6},
		{"a", 1000, 76},
		{"foobar", 10, 6},
		{"foobar", 1000, 576},
	} {
		if got := PartitionFor([]byte(test.key), test.n); got != test.want {
			t.Errorf("PartitionFor(%q, %d) = %d, want %d", test.key, test.n, got, test.want)
		}
	}
}

// TestPartitionForIsSaramas compares with the formula of sarama's hash partitioner, on the standard library's FNV-1a.
func TestPartitionForIsSaramas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "key")
		n := rapid.Int32Range(1, maxPartitions).Draw(t, "n")
		hash := fnv.New32a()
		_, _ = hash.Write(key)
		want := int64(int32(hash.Sum32()))
		if want < 0 {
			want = -want
		}
		if got := PartitionFor(key, n); int64(got) != want%int64(n) {
			t.Errorf("PartitionFor(%x, %d) = %d, want %d", key, n, got, want%int64(n))
		}
	})
}
