package inspect

import (
	"debug/elf"
	"os"
	"strings"
	"testing"
)

func TestNoise(t *testing.T) {
	text, err := os.ReadFile("testdata/noise.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		sign, s, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		s = strings.ReplaceAll(s, `\t`, "\t")
		if sign != "#" && IsNoise(s) != (sign == "-") {
			t.Errorf("%q: score %.2f, want %s", s, TextScore(s), sign)
		}
	}
}

// TestNoiseOfCode: of this program, the code is noise and the data is not.
func TestNoiseOfCode(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.Open(self)
	if err != nil {
		t.Skip(err)
	}
	defer program.Close()
	for _, tc := range []struct {
		section     string
		least, most int // per cent of noise
	}{{".text", 97, 100}, {".rodata", 0, 20}} {
		content, err := program.Section(tc.section).Data()
		if err != nil {
			t.Fatal(err)
		}
		q := StringsQuery{MaxBytes: int64(len(content)), Take: MostTake, TimeLimit: 1 << 40}
		all, err := FindStrings(t.Context(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		q.NoNoise = true
		meant, err := FindStrings(t.Context(), source(content), q)
		if err != nil {
			t.Fatal(err)
		}
		noise := 100 - 100*len(meant.Strings)/len(all.Strings)
		t.Logf("%s: %d strings, %d%% of them noise", tc.section, len(all.Strings), noise)
		if noise < tc.least || noise > tc.most {
			t.Errorf("%s: %d%% of its strings are noise, want %d to %d", tc.section, noise, tc.least, tc.most)
		}
	}
}

func BenchmarkIsNoise(b *testing.B) {
	for _, s := range []string{"AVAUATUSH", "|$(H9t$ u", "connection refused by %s", "qx.7/zz:4"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				IsNoise(s)
			}
		})
	}
}
