package identify

import (
	"bytes"
	"strings"
)

// A clue is a line that is usual in one language and rare elsewhere. Each counts once for a text.
//
// The pattern is for a line without the blanks before it: a blank stands for one or more, @ for a word, * for anything, $ for the
// end of the line after blanks; all else for itself. A pattern begins with the first word of the line, or with a character that
// is no letter.
type clue struct {
	pattern string
	points  int
}

// language is what is known of a language: the clues of clues.go and what is looked for anywhere in short or odd texts.
type language struct {
	format   string
	fold     bool // case does not matter
	clues    []clue
	anywhere []clue // plain words
}

// enoughPoints make a text one of a language.
const enoughPoints = 4

// indexedClue is a clue where a line's first word leads to.
type indexedClue struct {
	language, number int
	pattern          string
	points           int
	fold             bool
}

// clueIndex has all clues by the first word of the pattern in small letters, or by its first character.
var clueIndex, clueCount = indexClues()

func indexClues() (index map[string][]indexedClue, n int) {
	index = make(map[string][]indexedClue)
	for i := range languages {
		for _, c := range languages[i].clues {
			key := strings.ToLower(string(word([]byte(c.pattern))))
			if key == "" {
				key = c.pattern[:1]
			}
			index[key] = append(index[key], indexedClue{i, n, c.pattern, c.points, languages[i].fold})
			n++
		}
	}
	return index, n
}

// language returns the format of the language that most clues speak for; hint is a format that the text is likely to have, with
// so many points. It returns "" if there are not enough clues.
func (t *text) language(hint string, points int) string {
	window := t.plain[:min(len(t.plain), scanBytes)]
	var score [32]int
	for i := range languages {
		if languages[i].format == hint {
			score[i] = points
		}
	}
	seen := make([]bool, clueCount)
	lines := 0
	var name [24]byte
	for rest := window; len(rest) > 0; lines++ {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if text = trimBlanks(text); len(text) == 0 {
			continue
		}
		first := word(text[:min(len(text), len(name))])
		for i, c := range first {
			name[i] = c
			if c >= 'A' && c <= 'Z' {
				name[i] = c + 'a' - 'A'
			}
		}
		key := name[:len(first)]
		if len(key) == 0 {
			key = text[:1]
		}
		for _, c := range clueIndex[string(key)] {
			if !seen[c.number] && matchLine(c.pattern, text, c.fold) {
				seen[c.number] = true
				score[c.language] += c.points
			}
		}
	}
	best := bestOf(&score)
	if best < 0 && (lines < 40 || len(window)/lines > 120) {
		addAnywhere(&score, window)
		best = bestOf(&score)
	}
	if best < 0 {
		return ""
	}
	return languages[best].format
}

func bestOf(score *[32]int) int {
	best := -1
	for i, points := range score {
		if points >= enoughPoints && (best < 0 || points > score[best]) {
			best = i
		}
	}
	return best
}

// addAnywhere looks for words of scripts that were squeezed into few lines.
func addAnywhere(score *[32]int, window []byte) {
	small := lower(window)
	for i := range languages {
		for _, c := range languages[i].anywhere {
			in, pattern := window, c.pattern
			if languages[i].fold {
				in = small
			}
			if contains(in, pattern) {
				score[i] += c.points
			}
		}
	}
}

// matchLine tells whether the line fits the pattern of a clue.
func matchLine(pattern string, b []byte, fold bool) bool {
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case ' ':
			rest := trimBlanks(b)
			if len(rest) == len(b) {
				return false
			}
			b = rest
		case '@':
			n := len(word(b))
			if n == 0 {
				return false
			}
			b = b[n:]
		case '$':
			return len(trimBlanks(b)) == 0
		case '*':
			return matchLater(pattern[i+1:], b, fold)
		default:
			if len(b) == 0 || b[0] != c && !(fold && c|0x20 >= 'a' && c|0x20 <= 'z' && b[0]|0x20 == c|0x20) {
				return false
			}
			b = b[1:]
		}
	}
	return true
}

// matchLater matches what follows a *: literal text, then an optional $. Of a line it looks at the first bytes only.
func matchLater(pattern string, b []byte, fold bool) bool {
	const most = 300
	if pattern == "" {
		return true
	}
	if end, found := strings.CutSuffix(pattern, "$"); found && strings.IndexByte(end, '*') < 0 {
		b = trimEnd(b)
		return len(b) >= len(end) && (string(b[len(b)-len(end):]) == end || fold && strings.EqualFold(string(b[len(b)-len(end):]), end))
	}
	for at := range b[:min(len(b), most)] {
		if b[at] == pattern[0] || pattern[0] == ' ' || pattern[0] == '@' || fold {
			if matchLine(pattern, b[at:], fold) {
				return true
			}
		}
	}
	return false
}

// lower returns b with the capital letters of ASCII made small.
func lower(b []byte) []byte {
	small := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	return small
}

// refine tells apart what a language alone does not: headers from other C, scripts for Windows from others, pages for programs
// from pages for people.
func (t *text) refine(format string) string {
	window := t.plain[:min(len(t.plain), scanBytes)]
	var small []byte
	has := func(words ...string) bool {
		if small == nil {
			small = lower(window)
		}
		for _, w := range words {
			if !contains(small, w) {
				return false
			}
		}
		return true
	}
	switch format {
	case "code/c":
		if hasGuard(window) {
			return "code/h"
		}
	case "code/javascript":
		if contains(window, "ActiveXObject(") || contains(window, "@cc_on") || contains(window, "WScript.") {
			return "code/jscript"
		}
	case "document/xml", "code/xml", "code/html", "code/sgml":
		switch {
		case contains(window, "<?php"):
			return "code/php"
		case has("<hta:application"):
			return "code/hta"
		case has("<public:component", "<script"):
			return "code/html/component"
		case has("<job", "<script", "language="):
			return "code/wsf"
		case has("<component", "<script", "language="):
			return "code/wsc"
		case has("http://www.xfa.org/schema/xfa-template/"):
			return "code/xfa"
		case has("<assembly", "urn:schemas-microsoft-com:asm.v", "clickonce"), has("<asmv1:assembly", "clickonce"):
			return "code/clickonce"
		case has("<%@", "page ") || has("<jsp:"):
			return "code/jsp"
		case has("<event", "http://schemas.microsoft.com/win/2004/08/events/event"):
			return "metadata/sysmon"
		}
	}
	return format
}

// hasGuard tells whether the first directives keep a file from being included twice.
func hasGuard(b []byte) bool {
	for len(b) > 0 {
		var text []byte
		text, b, _ = bytes.Cut(b, []byte{'\n'})
		if !startsWith(text, "#") {
			continue
		}
		words := bytes.Fields(bytes.Replace(text, []byte("#"), nil, 1))
		if len(words) < 2 {
			return false
		}
		switch string(words[0]) {
		case "pragma":
			return string(words[1]) == "once"
		case "ifndef", "if":
			name := words[len(words)-1]
			if string(words[0]) == "if" && !contains(text, "!defined") && !contains(text, "! defined") {
				return false
			}
			name = bytes.Trim(bytes.TrimPrefix(name, []byte("!defined")), "()")
			next, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte{'\n'})
			words = bytes.Fields(bytes.Replace(next, []byte("#"), []byte("# "), 1))
			return len(words) >= 3 && string(words[1]) == "define" && len(name) > 0 && string(words[2]) == string(name)
		default:
			return false
		}
	}
	return false
}
