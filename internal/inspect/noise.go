package inspect

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The scores of strings: what has a mark is above all that is words, and what is below the last is noise.
const (
	markScore  = 1
	wordsScore = 0.9
	meantScore = 0.36
)

// IsNoise tells whether a string does not look as if somebody had meant it as text: what is found in machine code, in tables
// and in compressed data, where some bytes are printable by chance.
func IsNoise(s string) bool { return isCode(s) || wordsScore*wordShare(s) < meantScore && !isMarked(s) }

// TextScore tells how much a string looks like meant text, from 0 to 1. What analysts look for (addresses, paths, keys of the
// registry, names of files, formats, encoded data) has 1. Otherwise it goes by the share of the string that is words, these by
// how frequent their trigrams are in English and in programs; letters of other scripts than Latin count as words.
func TextScore(s string) float64 {
	switch {
	case isCode(s):
		return 0
	case isMarked(s):
		return markScore
	}
	return wordsScore * wordShare(s)
}

// wordShare returns which share of a text, but for its blanks, is words, each by its score.
func wordShare(s string) float64 {
	var sum float64
	var all int
	for i := 0; i < len(s); {
		if n := wordAt(s[i:]); n > 0 {
			if n >= minWord {
				sum += max(0, wordScore(s[i:i+n])) * float64(n)
			}
			all += n
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case unicode.IsSpace(r):
		case r > 0x24f && unicode.IsLetter(r):
			sum++
			all++
		default:
			all++
		}
	}
	if all == 0 {
		return 0
	}
	return sum / float64(all)
}

// minWord is how many letters a word has that says something.
const minWord = 3

// wordAt returns the letters of the word at the beginning of a text: small ones, the first of them may be a capital, or
// capitals only. HTTPServer is two words.
func wordAt(s string) int {
	isUpper := func(i int) bool { return i < len(s) && 'A' <= s[i] && s[i] <= 'Z' }
	isLower := func(i int) bool { return i < len(s) && 'a' <= s[i] && s[i] <= 'z' }
	n := 0
	for isUpper(n) {
		n++
	}
	if n > 1 && isLower(n) {
		return n - 1
	}
	if n > 1 {
		return n
	}
	for isLower(n) {
		n++
	}
	return n
}

// wordScore returns the mean of what the trigrams of a word say.
func wordScore(word string) float64 {
	table := trigrams()
	at := func(i int) int { // 0 for what is before and behind the word
		if i < 0 || i == len(word) {
			return 0
		}
		return int(word[i]|0x20-'a') + 1
	}
	var sum float64
	for i := range word {
		sum += tierScores[table[(at(i-1)*27+at(i))*27+at(i+1)]]
	}
	return sum / float64(len(word))
}

// trigramText is written by TestTrigrams: one paragraph for each tier, from the most frequent trigrams on; _ stands for the
// end of a word.
//
//go:embed trigrams.txt
var trigramText string

// tierScores is what a trigram of each tier says, the last of what is in none.
var tierScores = [...]float64{1, .9, .6, .2, -.6}

// trigrams returns the tier of each trigram.
var trigrams = sync.OnceValue(func() *[27 * 27 * 27]uint8 {
	var tiers [27 * 27 * 27]uint8
	for i := range tiers {
		tiers[i] = uint8(len(tierScores) - 1)
	}
	for tier, paragraph := range strings.Split(strings.TrimSpace(trigramText), "\n\n") {
		for _, trigram := range strings.Fields(paragraph) {
			at := 0
			for _, c := range trigram {
				at *= 27
				if c != '_' {
					at += int(c-'a') + 1
				}
			}
			tiers[at] = uint8(tier)
		}
	}
	return &tiers
})
