package inspect

import (
	"regexp"
	"strings"
	"sync"
)

// mark is something that makes a string worth to be seen, whatever its words are.
type mark struct {
	sign string // stands in every one, so that most strings are never matched
	is   *regexp.Regexp
}

const format = `%[-+#]?\d*(?:\.[\d*]+)?(?:ll?|h|z|I64)?[diuxXcsSpfg]`

var marks = sync.OnceValue(func() (all []mark) {
	for _, m := range []struct{ sign, pattern string }{
		// Addresses: URLs, e-mail, IPv4 (and versions), domains.
		{"://", `(?i)[a-z][a-z0-9+.-]+://\S{2}`},
		{"@", `\w[\w.+-]*@[\w-]+(?:\.[a-z]{2,})+`},
		{".", `\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`},
		{".", `(?i)[a-z0-9][a-z0-9-]+\.(?:` + topDomains + `)\b`},
		// Files, paths of Windows and of Unix, shares, devices and pipes.
		{".", `(?i)[\w$-]\.(?:` + extensions + `)\b`},
		{":", `(?i)\b[a-z]:[\\/][\w$%.-]{2}`},
		{"/", `/(?:bin|boot|dev|etc|home|lib|mnt|opt|proc|root|run|sys|tmp|usr|var)/`},
		{`\`, `\\\\[\w.?$-]+\\[\w$-]`},
		// What else Windows has names for: the registry, mutexes and the like, variables, GUIDs.
		{`\`, `(?i)(?:hkey_\w+|hk(?:lm|cu|cr|u)|software|system)\\`},
		{`\`, `(?:Global|Local)\\`},
		{"%", `%[A-Za-z_]{3,}%`},
		{"-", `\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`},
		// Two formats, and products as in user agents.
		{"%", format + `\W*` + format},
		{"/", `[A-Za-z]{3}/\d+\.\d`},
	} {
		all = append(all, mark{m.sign, regexp.MustCompile(m.pattern)})
	}
	return all
})

// isMarked tells whether a string has a mark, or is encoded data.
func isMarked(s string) bool {
	for _, m := range marks() {
		if strings.Contains(s, m.sign) && m.is.MatchString(s) {
			return true
		}
	}
	return isEncoded(s)
}

// topDomains are those of the Internet, without what is as likely an extension or a part of a word.
const topDomains = `com|net|org|info|biz|edu|gov|io|ru|su|cn|de|uk|fr|nl|eu|br|jp|kr|kp|ir|ua|pl|in|xyz|top|club|site|online|onion`

// extensions are of files that malware brings, looks for or loads.
const extensions = `exe|dll|sys|ocx|cpl|scr|com|bat|cmd|ps1|psm1|vbs|vbe|jse?|wsf|hta|lnk|msi|inf|reg|ini|cfg|conf|log|dat|tmp|bin|txt|` +
	`json|xml|html?|php|aspx?|jsp|css|py|sh|so|ko|elf|apk|dex|jar|class|zip|rar|7z|cab|gz|tar|iso|img|vhdx?|` +
	`docx?|docm|dotm|xlsx?|xlsm|pptx?|rtf|pdf|eml|msg|pst|png|jpe?g|gif|bmp|ico|pdb|db|sqlite|key|pem|crt|cer|pfx|wallet`

// isEncoded tells whether a string is long and all base64 or hex, as data in text is.
func isEncoded(s string) bool {
	const leastHex, leastBase64 = 32, 40
	if len(s) < leastHex {
		return false
	}
	var upper, lower, digits, hex, others int
	var seen [128]bool
	different := 0
	for _, c := range []byte(strings.TrimRight(s, "=")) {
		switch {
		case 'A' <= c && c <= 'Z':
			upper++
		case 'a' <= c && c <= 'z':
			lower++
		case '0' <= c && c <= '9':
			digits++
		case c == '+' || c == '/' || c == '-' || c == '_':
			others++
		default:
			return false
		}
		if c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' {
			hex++
		}
		if !seen[c] {
			seen[c] = true
			different++
		}
	}
	switch {
	case hex == upper+lower+digits && others == 0:
		return different >= 8
	case len(s) < leastBase64:
		return false
	}
	return upper > 0 && lower > 0 && digits > 0 && different >= 10
}

// isCode tells whether a string is one character again and again, or how a function begins in code for x86-64: pushes of the
// registers r12 to r15, which are AT to AW, then of U and S, and a byte or two of the next instruction.
func isCode(s string) bool {
	return strings.Trim(s, s[:min(1, len(s))]) == "" || s[0] == 'A' && prologue().MatchString(s)
}

var prologue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^(?:(?:A[T-W])+(?:U?S|A[T-W]U?)|A[P-W]E1)(?:[AHIL].?)?$`)
})
