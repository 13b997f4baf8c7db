package digest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const comparedPairs = 10_000 // at least

// TestCompareSSDeepOracle: for pairs of related hashes, the score is that of ssdeep.
func TestCompareSSDeepOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pairs, alike := 0, map[int]int{}
	for pairs < comparedPairs {
		hashes := relatives(random, 64<<10, func(content []byte) string {
			var s ssdeep
			s.Write(content)
			return s.String()
		})
		for range 20 { // also what no file gives, mostly
			hashes = append(hashes, editSSDeep(random, hashes[random.IntN(len(hashes))]))
		}
		for _, p := range scoreWithSSDeep(t, hashes) {
			a, b := hashes[p.a], hashes[p.b]
			if got, err := CompareSSDeep(a, b); err != nil || got != p.score {
				t.Errorf("%s\n%s\nwe say %d (%v), ssdeep says %d", a, b, got, err, p.score)
			}
			pairs++
			alike[(p.score+9)/10]++
		}
	}
	t.Logf("%d pairs, by tenth of the score: %v", pairs, alike)
}

// TestCompareTLSHOracle: and so is the distance that of py-tlsh.
func TestCompareTLSHOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var questions strings.Builder
	var pairs [][2]string
	for len(pairs) < comparedPairs {
		hashes := relatives(random, 16<<10, func(content []byte) string {
			var h tlsh
			h.Write(content)
			return h.String()
		})
		hashes = slices.DeleteFunc(hashes, func(h string) bool { return h == "" })
		for range 10 {
			any := make([]byte, tlshBytes)
			fill(random, any)
			hashes = append(hashes, fmt.Sprintf("%X", any)) // without T1, upper case
		}
		for i, a := range hashes {
			for _, b := range hashes[i:] {
				pairs = append(pairs, [2]string{a, b})
				fmt.Fprintln(&questions, "diff", a, b)
			}
		}
	}
	var near int
	for i, answer := range askTLSH(t, questions.String(), len(pairs)) {
		want, err := strconv.Atoi(answer)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := CompareTLSH(pairs[i][0], pairs[i][1]); err != nil || got != want {
			t.Errorf("%s\n%s\nwe say %d (%v), py-tlsh says %d", pairs[i][0], pairs[i][1], got, err, want)
		}
		if want < 100 {
			near++
		}
	}
	t.Logf("%d pairs, %d with a distance below 100", len(pairs), near)
}

// relatives are the hashes of some content and of what became of it when it was cut, mixed and changed again and again.
func relatives(random *rand.Rand, maxSize int, hash func([]byte) string) []string {
	content := make([]byte, 64+random.IntN(maxSize))
	for rest, m := content, newMixed(random.Uint64()); len(rest) > 0; {
		n, _ := m.Read(rest)
		rest = rest[n:]
	}
	var hashes []string
	for range 24 {
		hashes = append(hashes, hash(content))
		content = slices.Clone(content)
		at := random.IntN(len(content))
		part := content[at:min(len(content), at+random.IntN(len(content)))]
		switch random.IntN(4) {
		case 0:
			fill(random, part[:len(part)/8])
		case 1:
			content = append(content, part...)
		case 2:
			content = slices.Delete(content, at, at+len(part)/4)
		case 3:
			content = slices.Insert(content, at, part[:len(part)/4]...)
		}
	}
	return hashes
}

// editSSDeep changes letters or the block size of a hash.
func editSSDeep(random *rand.Rand, hash string) string {
	size, letters, _ := strings.Cut(hash, ":")
	full, half, _ := strings.Cut(letters, ":")
	parts := []*string{&full, &half}
	for range 1 + random.IntN(6) {
		part := parts[random.IntN(2)]
		at := random.IntN(len(*part) + 1)
		until := min(len(*part), at+random.IntN(3))
		*part = (*part)[:at] + strings.Repeat(string(base64Letters[random.IntN(64)]), random.IntN(6)) + (*part)[until:]
		*part = (*part)[:min(len(*part), signatureLength)]
	}
	if n, _ := strconv.Atoi(size); random.IntN(3) == 0 && n > minBlockSize {
		size = strconv.Itoa(n / 2)
	}
	return size + ":" + full + ":" + half
}

type scoredPair struct{ a, b, score int }

// scoreWithSSDeep asks ssdeep for the score of every pair of hashes.
func scoreWithSSDeep(t *testing.T, hashes []string) []scoredPair {
	t.Helper()
	var file strings.Builder
	file.WriteString("ssdeep,1.1--blocksize:hash:hash,filename\n")
	for i, hash := range hashes {
		fmt.Fprintf(&file, "%s,\"%d\"\n", hash, i)
	}
	path := filepath.Join(t.TempDir(), "hashes")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var pairs []scoredPair
	for _, line := range runSSDeep(t, "-s", "-a", "-c", "-x", path) {
		if line == "" {
			continue
		}
		var p scoredPair
		if _, err := fmt.Sscanf(line, `"%d","%d",%d`, &p.a, &p.b, &p.score); err != nil {
			t.Fatalf("ssdeep said %q: %v", line, err)
		}
		if p.a < p.b { // it names each pair twice
			pairs = append(pairs, p)
		}
	}
	if want := len(hashes) * (len(hashes) - 1) / 2; len(pairs) != want {
		t.Fatalf("ssdeep scored %d pairs of %d hashes, want %d", len(pairs), len(hashes), want)
	}
	return pairs
}

// TestCompareRefuses: what is no hash is an error, not a distance.
func TestCompareRefuses(t *testing.T) {
	good := "6:abcdefghijkl:mnopqrstu"
	for _, bad := range []string{
		"", ":", "::", "3", "3:", "3:a", "x:a:b", "-3:a:b", "+3:a:b", "4:a:b", "0:a:b", "9:a:b", "6442450944:a:b", "99999999999999999999:a:b",
		"3:a:b:c", "3:a:b,\"name\"", "3:a b:c", "3:a\x00:c", "3:" + strings.Repeat("ab", 33) + ":c", "3:c:" + strings.Repeat("ab", 33), " 3:a:b",
	} {
		for _, pair := range [][2]string{{bad, good}, {good, bad}, {bad, bad}} {
			if n, err := CompareSSDeep(pair[0], pair[1]); !errors.Is(err, errNotSSDeep) {
				t.Errorf("CompareSSDeep(%q, %q) = %d, %v", pair[0], pair[1], n, err)
			}
		}
	}
	good = "T1" + strings.Repeat("0f", tlshBytes)
	for _, bad := range []string{
		"", "T1", "TNULL", good + "0", good + "00", good[:len(good)-1], good[1:], "T2" + good[2:], "t1" + good[2:], "T1" + strings.Repeat("0g", tlshBytes),
	} {
		for _, pair := range [][2]string{{bad, good}, {good, bad}, {bad, bad}} {
			if n, err := CompareTLSH(pair[0], pair[1]); !errors.Is(err, errNotTLSH) {
				t.Errorf("CompareTLSH(%q, %q) = %d, %v", pair[0], pair[1], n, err)
			}
		}
	}
}

// FuzzCompareSSDeep: whatever is compared, the score is one, the same both ways, and 100 with itself.
func FuzzCompareSSDeep(f *testing.F) {
	f.Add("3:a:b", "3::")
	f.Add("192:RcPkdlo3O/kgSmRvX1+RAcMD3ijyt/e+H:6elo+8gHglMDyet", "384:6elo+8gHglMDyetTFEik6aPhJr9NTUyPr:62o+DAl")
	f.Add("3221225472:AAAAAAAAAAAAAAAA:AAAAAAAA", "1610612736:AAAABBBBBBB:AAAABBBBBBB")
	f.Fuzz(func(t *testing.T, a, b string) {
		score, err := CompareSSDeep(a, b)
		back, backErr := CompareSSDeep(b, a)
		if score != back || (err == nil) != (backErr == nil) || score < 0 || score > 100 {
			t.Fatalf("score %d (%v), the other way %d (%v)", score, err, back, backErr)
		}
		if same, err := CompareSSDeep(a, a); err == nil && same != 100 {
			t.Fatalf("with itself: %d", same)
		}
	})
}

// FuzzCompareTLSH: whatever is compared, the distance is one, the same both ways, and 0 with itself.
func FuzzCompareTLSH(f *testing.F) {
	f.Add("T1"+strings.Repeat("0f", tlshBytes), strings.Repeat("F0", tlshBytes))
	f.Add("T1", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		distance, err := CompareTLSH(a, b)
		back, backErr := CompareTLSH(b, a)
		if distance != back || (err == nil) != (backErr == nil) || distance < 0 {
			t.Fatalf("distance %d (%v), the other way %d (%v)", distance, err, back, backErr)
		}
		if same, err := CompareTLSH(a, a); err == nil && same != 0 {
			t.Fatalf("with itself: %d", same)
		}
	})
}
