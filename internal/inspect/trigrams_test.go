package inspect

import (
	"cmp"
	"flag"
	"go/build"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write trigrams.txt anew")

// TestTrigrams: trigrams.txt is what the source of Go's standard library says of English and of names in programs. Another
// release of Go says much the same.
func TestTrigrams(t *testing.T) {
	text := countTrigrams(t)
	if *update {
		if err := os.WriteFile("trigrams.txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	frequent := func(text string) []string {
		paragraphs := strings.Split(text, "\n\n")
		if len(paragraphs) != len(shares) {
			t.Fatalf("%d tiers, want %d", len(paragraphs), len(shares))
		}
		return strings.Fields(paragraphs[0] + " " + paragraphs[1])
	}
	now, same := frequent(text), 0
	for _, trigram := range frequent(trigramText) {
		if slices.Contains(now, trigram) {
			same++
		}
	}
	if same*100 < len(now)*97 {
		t.Errorf("of %d frequent trigrams %d are in trigrams.txt: -update writes it anew", len(now), same)
	}
}

// shares is which part of all trigrams belongs to each tier and those before it.
var shares = []float64{.5, .8, .95, .99}

// countTrigrams reads the words of the standard library. A word counts as the square root of how often it is there, because
// the keywords of Go would be most of all.
func countTrigrams(t *testing.T) string {
	t.Helper()
	words := map[string]int{}
	err := filepath.WalkDir(filepath.Join(build.Default.GOROOT, "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "/testdata/") || strings.Contains(path, "/src/cmd/") {
			return err
		}
		content, err := os.ReadFile(path)
		for text := string(content); text != ""; {
			n := wordAt(text)
			if word := strings.ToLower(text[:n]); n >= minWord && strings.Trim(word, "abcdefx") != "" { // no digits of numbers
				words[word]++
			}
			text = text[max(n, 1):]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	weights, all := map[string]float64{}, 0.0
	for word, n := range words {
		if n < 3 {
			continue // misspelt, or data
		}
		weight := math.Sqrt(float64(n))
		for i := range word {
			trigram := ("_" + word + "_")[i : i+3]
			if trigram == strings.Repeat(trigram[:1], 3) {
				continue // a number, or a mark of what is to be done
			}
			weights[trigram] += weight
			all += weight
		}
	}
	byWeight := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
	})
	var b strings.Builder
	sum, tier, inLine := 0.0, 0, 0
	for _, trigram := range byWeight {
		if sum >= shares[tier]*all {
			if tier++; tier == len(shares) {
				break
			}
			b.WriteString("\n\n")
			inLine = 0
		}
		if inLine == 40 {
			b.WriteString("\n")
			inLine = 0
		}
		if inLine > 0 {
			b.WriteString(" ")
		}
		b.WriteString(trigram)
		sum += weights[trigram]
		inLine++
	}
	return b.String() + "\n"
}
