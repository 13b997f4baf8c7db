package goinfo

import (
	"net/url"
	"strings"
)

// symbol is the name of a function, taken apart: "example.com/rat/beacon.(*Config).Send" is Send of (*Config) in example.com/rat/beacon.
type symbol struct {
	pkg    string // "" for what the compiler and the linker made up, and for assembler code without a package
	name   string // without the package: "main", "(*Config).Send", "Keys.Sum", "main.func1"
	method bool
}

// parseSymbol takes a name apart. The compiler writes a package's path with dots in its last part as %2e, arguments of types in brackets, and what it makes itself with
// a prefix that ends with a colon, or with a dot before 1.20.
func parseSymbol(full string) symbol {
	s := full
	if at := strings.IndexAny(s, "[{( "); at >= 0 {
		s = s[:at] // paths in type arguments and receivers are not the package's
	}
	slash := strings.LastIndexByte(s, '/') + 1
	dot := strings.IndexByte(s[slash:], '.')
	if dot <= 0 || slash == 0 && s[0] == '_' || strings.HasPrefix(full, "go:") || strings.HasPrefix(full, "type:") || strings.HasPrefix(full, "type..") ||
		strings.HasPrefix(full, "go.") || strings.Contains(s, ":") {
		return symbol{name: full}
	}
	y := symbol{pkg: full[:slash+dot], name: full[slash+dot+1:]}
	if strings.Contains(y.pkg, "%") {
		if plain, err := url.PathUnescape(y.pkg); err == nil {
			y.pkg = plain
		}
	}
	y.method = isMethod(y.name)
	return y
}

// isMethod tells methods from functions: those with a pointer receiver have it in parentheses; those with another look like closures and what else the compiler makes
// of a function, whose last part is made up.
func isMethod(name string) bool {
	if strings.HasPrefix(name, "(") {
		return true
	}
	receiver, rest, found := strings.Cut(withoutTypeArguments(name), ".")
	if !found || receiver == "glob" || receiver == "init" || receiver == "map" {
		return false
	}
	return rest != "" && !isMadeUp(rest[strings.LastIndexByte(rest, '.')+1:])
}

// withoutTypeArguments removes what stands in brackets.
func withoutTypeArguments(name string) string {
	if strings.IndexByte(name, '[') < 0 {
		return name
	}
	var b strings.Builder
	depth := 0
	for _, c := range name {
		switch {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// isMadeUp tells whether a part of a name is the compiler's: func1 for a closure, 1 for one in it, gowrap1 and deferwrap1 for calls in go and defer statements.
func isMadeUp(part string) bool {
	digits := strings.TrimRight(part, "0123456789")
	switch {
	case digits == "":
		return true
	case len(digits) == len(part):
		return false
	}
	switch digits {
	case "func", "gowrap", "deferwrap", "dwrap·", "stkobj", "arginfo", "init", "opendefer":
		return true
	}
	return strings.HasSuffix(digits, "-range")
}
