package inspect

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// isPlain holds the bytes of a string in ASCII: what is printable, and tabs.
var isPlain = func() (plain [256]bool) {
	for b := ' '; b <= '~'; b++ {
		plain[b] = true
	}
	plain['\t'] = true
	return plain
}()

// script is what a UTF-16 code unit counts as. Letters of two scripts do not stand in one string: with the letters of all
// scripts together every second table of small numbers would be text.
type script uint8

const (
	notText script = iota
	plain          // printable ASCII and tabs, which stand beside every script
	symbol         // signs that stand beside every script
	latin          // letters outside ASCII
	greek
	cyrillic
	armenian
	hebrew
	arabic
)

// wideUnits is how many code units may be text: those below. The scripts above, from India to China, are not looked for in
// UTF-16: together they are most of what two bytes can be, so that machine code would be full of such strings. As UTF-8, where
// few sequences of bytes are valid, they are found.
const wideUnits = 0x2200

// symbols are those that are frequent in text.
const symbols = "\u00a0¡£§©«®°·»¿×÷‐‑‒–—‘’“”„•…‹›€№™"

// alphabets are the letters and signs of each script, without what is archaic, phonetic or for few.
var alphabets = []struct {
	script   script
	from, to rune
}{
	{latin, 0x00aa, 0x00aa}, {latin, 0x00ba, 0x00ba}, {latin, 0x00c0, 0x00ff}, {latin, 0x0100, 0x017f},
	{latin, 0x01a0, 0x01a1}, {latin, 0x01af, 0x01b0}, {latin, 0x01cd, 0x01dc}, {latin, 0x0218, 0x021b},
	{latin, 0x1e02, 0x1e03}, {latin, 0x1e80, 0x1e85}, {latin, 0x1ea0, 0x1ef9},
	{greek, 0x0386, 0x03ce},
	{cyrillic, 0x0401, 0x045f}, {cyrillic, 0x0490, 0x0491},
	{armenian, 0x0531, 0x058a},
	{hebrew, 0x0591, 0x05f4},
	{arabic, 0x060c, 0x060c}, {arabic, 0x061b, 0x061f}, {arabic, 0x0620, 0x0652}, {arabic, 0x0660, 0x066d},
	{arabic, 0x0670, 0x06d4}, {arabic, 0x06f0, 0x06f9},
}

// wide has the script of each code unit below wideUnits, and printable a bit for each character of two or three bytes that is
// text in UTF-8. That is all that can be printed, but of two bytes, which many instructions of x86 look like, only the
// alphabets and what is put on their letters. Both are empty before prepareLetters.
var (
	wide      [wideUnits]script
	printable [1 << 10]uint64
)

// prepareLetters fills the tables, which takes a millisecond that not every command should take.
var prepareLetters = sync.OnceFunc(func() {
	for c, is := range isPlain {
		if is {
			wide[c] = plain
		}
	}
	for _, r := range symbols {
		wide[r] = symbol
	}
	for _, a := range alphabets {
		for r := a.from; r <= a.to; r++ {
			if unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.P) {
				wide[r] = a.script
			}
		}
	}
	for r := range rune(1 << 16) {
		if unicode.IsPrint(r) && (r < 0xc0 || r > 0x7ff || wide[r] != notText || 0x300 <= r && r <= 0x36f) {
			printable[r>>6] |= 1 << (r & 63)
		}
	}
	wide[0x100] = notText // its bytes are the number 1, or 256
})

// narrowRune returns the bytes of the character outside ASCII that stands at the beginning of b, or 0 if there is none that is
// text. It needs prepareLetters.
func narrowRune(b []byte) int {
	r, size := utf8.DecodeRune(b)
	if size < 2 || !isPrint(r) {
		return 0
	}
	return size
}

func isPrint(r rune) bool {
	if r > 0xffff {
		return unicode.IsPrint(r)
	}
	return printable[r>>6]>>(r&63)&1 != 0
}
