package digest

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// CompareSSDeep tells how alike two files are by their ssdeep hashes: 0 for not at all, 100 for the same pieces, as ssdeep 2.14
// scores it. Files whose sizes are too far apart for a common block size are not alike. What is no ssdeep hash is an error.
func CompareSSDeep(a, b string) (int, error) {
	x, err := ParseSSDeep(a)
	if err != nil {
		return 0, err
	}
	y, err := ParseSSDeep(b)
	if err != nil {
		return 0, err
	}
	return x.Score(&y), nil
}

// SSDeep is a hash as it is compared with many others: longer runs of a letter are shortened to three, they say little.
type SSDeep struct {
	BlockSize  int64  // in bytes, 3 times a power of two
	Full, Half string // letters at the block size and at twice that
}

// SSDeepWindow is how many letters in a row two hashes have in common, at one block size, if their score is not 0; but equal hashes score 100.
const SSDeepWindow = windowBytes

// Score is that of CompareSSDeep.
func (x *SSDeep) Score(y *SSDeep) int {
	switch {
	case *x == *y:
		return 100
	case x.BlockSize == y.BlockSize:
		return max(scoreLetters(x.Full, y.Full, x.BlockSize), scoreLetters(x.Half, y.Half, 2*x.BlockSize))
	case x.BlockSize == 2*y.BlockSize:
		return scoreLetters(x.Full, y.Half, x.BlockSize)
	case y.BlockSize == 2*x.BlockSize:
		return scoreLetters(x.Half, y.Full, y.BlockSize)
	}
	return 0
}

var errNotSSDeep = errors.New("not an ssdeep hash")

// ParseSSDeep reads `block size:letters:letters`.
func ParseSSDeep(text string) (SSDeep, error) {
	fail := func() (SSDeep, error) { return SSDeep{}, fmt.Errorf("%w: %.160q", errNotSSDeep, text) }
	size, letters, _ := strings.Cut(text, ":")
	full, half, ok := strings.Cut(letters, ":")
	if !ok || !areLetters(full) || !areLetters(half) {
		return fail()
	}
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil || n%minBlockSize != 0 || bits.OnesCount64(n/minBlockSize) != 1 || int64(n) > blockSize(ssdeepLevels-2) {
		return fail()
	}
	return SSDeep{int64(n), shortenRuns(full), shortenRuns(half)}, nil
}

func areLetters(text string) bool {
	return len(text) <= signatureLength && strings.Trim(text, base64Letters) == ""
}

func shortenRuns(text string) string {
	const longest = 3
	var out []byte
	run := 0
	for i := range len(text) {
		if i > 0 && text[i] == text[i-1] {
			run++
		} else {
			run = 1
		}
		if run <= longest {
			out = append(out, text[i])
		}
	}
	return string(out)
}

// scoreLetters compares signatures of the same block size. Of strings without seven letters in common it says 0, else how much
// of them remains when the letters are left out that have to be added or removed to make one from the other. Small files have
// few letters: the score is bounded so that they do not look more alike than that can tell.
func scoreLetters(a, b string, blockSize int64) int {
	if !shareWindow(a, b) {
		return 0
	}
	edits := len(a) + len(b) - 2*commonSubsequence(a, b)
	share := edits * signatureLength / (len(a) + len(b)) // rounded twice, because ssdeep does
	score := 100 - 100*share/signatureLength
	return min(score, int(blockSize/minBlockSize)*min(len(a), len(b)))
}

// shareWindow tells whether windowBytes letters in a row are in both.
func shareWindow(a, b string) bool {
	for i := windowBytes; i <= len(a); i++ {
		if strings.Contains(b, a[i-windowBytes:i]) {
			return true
		}
	}
	return false
}

// commonSubsequence is the length of the longest one of two strings of at most 64 letters, a column of the usual matrix in each
// step: a zero in column is a place of a where it grows (Crochemore et al., "A fast and practical bit-vector algorithm for the
// longest common subsequence problem", 2001).
func commonSubsequence(a, b string) int {
	var places [256]uint64
	for i := range len(a) {
		places[a[i]] |= 1 << i
	}
	column := ^uint64(0)
	for i := range len(b) {
		met := column & places[b[i]]
		column = (column + met) | (column - met)
	}
	return bits.OnesCount64(^column)
}
