package identify

import (
	"bytes"
	"regexp"
	"strings"
)

// pythonLines are lines that Python has and hardly anything else, by their first word. Names of imported modules are in
// lower case, which leaves out Haskell and Swift; methods are told by their first parameter.
var pythonLines = map[string]*regexp.Regexp{
	"from":        regexp.MustCompile(`^from\s+[\w.]+\s+import\s+[\w(*]`),
	"import":      regexp.MustCompile(`^import\s+[a-z_][a-z0-9_.]*(\s+as\s+\w+)?(\s*,\s*[a-z_][a-z0-9_.]*)*\s*(#.*)?$`),
	"def":         regexp.MustCompile(`^(\s*def\s+\w+\((self|cls)\b|def\s+\w+\s*\(.*\)\s*(->.*)?:\s*(#.*)?$)`),
	"async":       regexp.MustCompile(`^\s*async\s+def\s+\w+\(`),
	"class":       regexp.MustCompile(`^class\s+\w+(\([\w.,= ]*\))?:\s*(#.*)?$`),
	"if":          regexp.MustCompile(`^if\s+__name__\s*==`),
	"__all__":     regexp.MustCompile(`^__all__\s*=`),
	"__version__": regexp.MustCompile(`^__version__\s*=`),
}

// pythonSource looks for lines of Python, or for a text in triple quotes at the top.
func pythonSource(t *text) (kind, bool) {
	const enough = 16 << 10 // bytes
	python := kind{format: "code/python", mime: "text/x-script.python", label: "Python script", script: true}
	top := true // only comments so far
	for line := range bytes.Lines(t.plain[:min(len(t.plain), enough)]) {
		words := bytes.TrimLeft(line, " \t")
		if len(words) == 0 || words[0] == '#' || words[0] == '\r' || words[0] == '\n' {
			continue
		}
		if top && opensDocstring(words) {
			return python, true
		}
		top = false
		end := bytes.IndexAny(words[:min(len(words), 16)], " \t=")
		if end < 0 {
			continue
		}
		if shape := pythonLines[string(words[:end])]; shape != nil && shape.Match(bytes.TrimRight(line, "\r\n")) {
			return python, true
		}
	}
	return kind{}, false
}

func opensDocstring(b []byte) bool {
	b = bytes.TrimLeft(b[:min(len(b), 8)], "ruRU")
	return strings.HasPrefix(string(b), `"""`) || strings.HasPrefix(string(b), "'''")
}
