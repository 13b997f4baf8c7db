package event_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lazuli/event"
)

func TestJobID(t *testing.T) {
	id := event.JobID{Key: "915c", Consumer: "Unbox.2.0", Feed: 'l', Cell: 0xbeef, Partition: 3, Offset: 1234567, Attempt: 2, Unix: 1746515289}
	if want := "915c.Unbox.2.0.l0000beef-3-1234567-2.1746515289"; id.String() != want {
		t.Errorf("got %s, want %s", id, want)
	}
	if want := "915c.Unbox.2.0.l0000beef-3-1234567"; id.Run() != want {
		t.Errorf("got %s, want %s", id.Run(), want)
	}
	if got, ok := event.ParseJobID(id.String()); !ok || got != id {
		t.Errorf("it is read as %+v, %v", got, ok)
	}
}

func TestParseJobIDRefuses(t *testing.T) {
	const good = "915c.Unbox.2.0.l0000beef-3-1234567-2.1746515289"
	for _, change := range [][2]string{
		{good, ""}, {good, "."}, {good, "....-----"},
		{good, "KEY.Unbox.2.0.1746515289"}, // the reference's form
		{"915c", ""}, {"915c.Unbox.2.0.", "915c."}, {"Unbox.2.0", ""},
		{".l0000", ".x0000"}, {".l0000", ".L0000"}, {"beef", "BEEF"}, {"beef", "bee"}, {"beef", "beeff"}, {"beef", "beeg"},
		{"-3-", "--"}, {"-3-", "-03-"}, {"-3-", "-+3-"}, {"-3-", "-2147483648-"}, {"-3-", "--3-"}, {"-3-", "-"},
		{"-1234567-", "-9223372036854775808-"}, {"-1234567-", "-99999999999999999999-"}, {"-1234567-", "-1e6-"},
		{"-2.", "."}, {"-2.", "-02."}, {"-2.", "-2147483648."}, {"-2.", "-2.-"}, {"-2.", "-2.0"},
		{"1746515289", ""}, {"1746515289", "1746515289 "}, {"1746515289", "1746515289.5"}, {"1746515289", "٣"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if id, ok := event.ParseJobID(bad); ok {
			t.Errorf("%q is read as %+v", bad, id)
		}
	}
}

func TestJobIDRoundTrip(t *testing.T) {
	consumer := rapid.OneOf(
		rapid.StringN(1, 20, -1),
		rapid.SampledFrom([]string{".", "..", "a/b.c-1-2.3", "Ünbox.2", "k.l0000beef-3-1-2", "a\x00", "日本.1"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		id := event.JobID{
			Key:       rapid.StringMatching(`[^.]{1,32}`).Draw(t, "key"),
			Consumer:  consumer.Draw(t, "consumer"),
			Feed:      rapid.SampledFrom([]byte("erlhp")).Draw(t, "feed"),
			Cell:      rapid.Uint32().Draw(t, "cell"),
			Partition: rapid.Int32Range(0, math.MaxInt32).Draw(t, "partition"),
			Offset:    rapid.Int64Range(0, math.MaxInt64).Draw(t, "offset"),
			Attempt:   rapid.IntRange(0, math.MaxInt32).Draw(t, "attempt"),
			Unix:      rapid.Int64Range(0, math.MaxInt64).Draw(t, "unix"),
		}
		if got, ok := event.ParseJobID(id.String()); !ok || got != id {
			t.Fatalf("%q is read as %+v, %v", id, got, ok)
		}
	})
}

func FuzzParseJobID(f *testing.F) {
	f.Add("915c.Unbox.2.0.l0000beef-3-1234567-2.1746515289")
	f.Add("k.a.e00000000-0-0-0.0")
	f.Add("KEY.Unbox.2.0.1746515289")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := event.ParseJobID(s)
		if !ok {
			if id != (event.JobID{}) {
				t.Fatalf("%q is refused with %+v", s, id)
			}
			return
		}
		if id.String() != s {
			t.Fatalf("%q is read as %+v, which is %q", s, id, id)
		}
		if !strings.HasPrefix(s, id.Run()+"-") {
			t.Fatalf("%q has the run %q", s, id.Run())
		}
	})
}

func TestParseJobIDDoesNotAllocate(t *testing.T) {
	const s = "915c3a113bc7afa0d3d3e9e2b801d0ea.Unbox.2.0.l0000beef-3-1234567-2.1746515289"
	if n := testing.AllocsPerRun(100, func() { event.ParseJobID(s) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
