package identify

import "bytes"

// lineWords says what to look for in lines by their first word.
var lineWords = map[string]func(*lineScanner, line){
	"export": func(s *lineScanner, l line) {
		rest, ok := after(l.text, "export")
		switch string(word(rest)) {
		case "function", "class", "default", "const", "var", "let", "async":
			if ok && len(word(rest)) < len(rest) && rest[len(word(rest))] == ' ' {
				s.add(jsExport)
			}
		}
		s.importOrExport(l)
	},
	"const": (*lineScanner).declaration, "var": (*lineScanner).declaration, "let": (*lineScanner).declaration,
	"import": func(s *lineScanner, l line) {
		s.importOrExport(l)
		if !l.indented() && endsWith(l.text, ";") {
			s.add(javaImport)
		}
		rest, _ := after(l.text, "import")
		if name := word(rest); len(name) > 0 {
			if as := trimEnd(rest[len(name):]); len(as) == 5 && startsWith(as, " as ") && isLetter(as[4]) {
				s.add(pyImportAs)
			}
		}
	},
	"require": func(s *lineScanner, l line) {
		if startsWith(l.text, `require("`) || startsWith(l.text, "require('") {
			s.add(jsRequire)
		}
		rest, _ := after(l.words, "require")
		if len(rest) < 3 || rest[0] != '\'' {
			return
		}
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || rest[n] == '/' || rest[n] == '.') {
			n++
		}
		if n > 1 && n < len(rest) && rest[n] == '\'' {
			s.add(rubyRequire)
		}
	},
	"class":  (*lineScanner).class,
	"module": (*lineScanner).class,
	"end": func(s *lineScanner, l line) {
		rest := l.words[3:]
		plain := len(rest) == 0 || isBlank(rest[0]) && len(trimBlanks(rest)) > 0 && bytes.IndexByte([]byte(";#"), trimBlanks(rest)[0]) >= 0
		if plain && s.has(rubyMember) {
			s.add(rubyEndOfMember)
		}
		if plain && s.has(rubyBlock) {
			s.add(rubyEndOfBlock)
		}
		if plain && s.has(rubyDef) {
			s.add(rubyEndOfDef)
		}
		if s.has(rubyClass) && (plain || isBlank(rest[0]) && len(trimBlanks(rest)) > 0 && bytes.IndexByte([]byte("if"), trimBlanks(rest)[0]) >= 0) {
			s.add(rubyEndOfClass)
		}
	},
	"include": func(s *lineScanner, l line) {
		if rest, ok := after(l.words, "include"); ok && contains(rest, "::") && rest[0] >= 'A' && rest[0] <= 'Z' {
			s.add(rubyInclude)
		}
	},
	"package": func(s *lineScanner, l line) {
		rest, ok := after(l.text, "package")
		n := 0
		for n < len(rest) && (isWord(rest[n]) || rest[n] == ':') {
			n++
		}
		if ok && n > 0 && startsWith(trimBlanks(rest[n:]), ";") {
			s.add(perlPackage)
		}
		if ok && startsWith(rest, "req") && l.at == 0 {
			s.add(tclPackage)
		}
	},
	"eval": func(s *lineScanner, l line) {
		if l.at > 1<<10 {
			return
		}
		rest, _ := after(l.words, "eval")
		for _, path := range []string{"perl", "/bin/perl", "/usr/bin/perl", "/usr/local/bin/perl"} {
			if startsWith(rest, "'exec "+path) || startsWith(rest, `"exec `+path) {
				s.add(perlEval)
			}
		}
		if startsWith(rest, "'(exit $?0)' && eval 'exec") {
			s.add(perlEval)
		}
	},
	"using": func(s *lineScanner, l line) {
		rest, ok := after(l.text, "using")
		rest = bytes.TrimPrefix(rest, []byte("namespace "))
		if std, found := bytes.CutPrefix(rest, []byte("std")); ok && found {
			std = bytes.TrimPrefix(std, []byte("::"))
			if startsWith(trimBlanks(std[len(word(std)):]), ";") {
				s.add(cxxUsingStd)
			}
		}
	},
	"namespace": func(s *lineScanner, l line) {
		rest, ok := after(l.text, "namespace")
		name := word(rest)
		if ok && len(name) > 0 && len(name) <= 30 && s.opens(l, rest[len(name):]) {
			s.add(cxxNamespace)
		}
	},
	"protected": access("protected:", cxxProtected), "private": access("private:", cxxPrivate), "public": access("public:", cxxPublic),
	"template": func(s *lineScanner, l line) {
		rest := trimBlanks(l.words[len("template"):])
		if startsWith(rest, "<") && endsWith(trimEnd(rest), ">") {
			s.add(cxxTemplate)
		}
	},
	"virtual": func(s *lineScanner, l line) {
		if rest, ok := after(l.words, "virtual"); ok {
			if rest = trimEnd(rest); endsWith(rest, ";") || endsWith(rest, "}") {
				s.add(cxxVirtual)
			}
		}
	},
	"float": pointer("float", cFloat), "char": pointer("char", cChar), "double": pointer("double", cDouble),
	"union": column0("union", cUnion), "struct": column0("struct", cStruct),
	"extern": func(s *lineScanner, l line) {
		if _, ok := after(l.words, "extern"); ok {
			s.add(cExtern)
		}
	},
	"def": func(s *lineScanner, l line) {
		rest, ok := after(l.words, "def")
		if !ok || len(rest) == 0 || !isLetter(rest[0]) {
			return
		}
		s.add(pyDef)
		if l.at < marksBytes && startsWith(rest, "__init__") && s.near(l.at+len("def __init__"), 64, "self") {
			s.add(pyInit)
		}
		if rest[0] >= 'a' && rest[0] <= 'z' {
			s.add(rubyDef)
		}
	},
	"if": func(s *lineScanner, l line) {
		if rest, ok := after(l.words, "if"); ok && l.at < marksBytes && startsWith(rest, "__name__") {
			at := l.at + len(l.text) - len(rest)
			if s.near(at, 72, `'__main__'`) {
				s.add(pyMainSingle)
			}
			if s.near(at, 72, `"__main__"`) {
				s.add(pyMainDouble)
			}
		}
	},
	"try": func(s *lineScanner, l line) {
		if startsWith(l.words, "try:") && l.at < marksBytes {
			s.add(pyTry)
		}
	},
	"except": func(s *lineScanner, l line) {
		if s.has(pyTry) && endsWith(l.text, ":") {
			s.add(pyExcept)
		}
	},
	"finally": func(s *lineScanner, l line) {
		if s.has(pyTry) && startsWith(l.words, "finally:") {
			s.add(pyExcept)
		}
	},
	"from": func(s *lineScanner, l line) {
		rest, ok := after(l.text, "from")
		n := 0
		for n < len(rest) && (isWord(rest[n]) || rest[n] == '.') {
			n++
		}
		if ok && n > 0 && n < len(rest) && isBlank(rest[n]) && startsWith(trimBlanks(rest[n:]), "import") {
			s.add(pyFromImport)
		}
	},
	"dnl": column0("dnl", m4Comment),
	"AC_DEFUN": func(s *lineScanner, l line) {
		if startsWith(l.text, "AC_DEFUN([") {
			s.add(m4Define)
		}
	},
	"CFLAGS": (*lineScanner).makeWord, "VPATH": (*lineScanner).makeWord, "LDFLAGS": (*lineScanner).makeWord,
	"all": func(s *lineScanner, l line) {
		if startsWith(l.text, "all:") {
			s.makeWord(l)
		}
	},
	"SUBDIRS": func(s *lineScanner, l line) {
		if rest, ok := after(l.text, "SUBDIRS"); ok && startsWith(rest, "=") && s.lines <= 100 {
			s.add(makeSubdirs)
		}
	},
	"BEGIN": func(s *lineScanner, l line) {
		if startsWith(trimBlanks(l.words[len("BEGIN"):]), "{") && l.at < marksBytes {
			s.add(awkBegin)
		}
	},
	"msgid": func(s *lineScanner, l line) {
		if l.at > 0 && l.at < 1<<10 && !l.indented() {
			s.add(poMessage)
		}
	},
	"msgstr": func(s *lineScanner, l line) {
		if s.has(poMessage) && l.at < 2<<10 && !l.indented() {
			s.add(poTranslation)
		}
	},
}

func (s *lineScanner) makeWord(l line) {
	if !l.indented() && s.lines <= 100 {
		s.add(makeVariable)
	}
}

func (s *lineScanner) importOrExport(l line) {
	if contains(l.text, " from ") && !l.indented() {
		s.add(jsFrom)
	}
	if path := l.text[len(word(l.text)):]; startsWith(path, ` "./`) || startsWith(path, " './") {
		s.add(jsImportPath)
	}
}

func (s *lineScanner) declaration(l line) {
	if eq := bytes.IndexByte(l.text, '='); eq >= 0 && !l.indented() && contains(l.text[eq:], "require(") {
		s.add(jsConstRequire)
	}
}

// class notes classes of Ruby, Python and C++, and modules of Ruby.
func (s *lineScanner) class(l line) {
	first := word(l.words)
	rest, ok := after(l.words, string(first))
	if !ok || len(rest) == 0 {
		return
	}
	if rest[0] >= 'A' && rest[0] <= 'Z' {
		s.add(rubyClass)
	}
	if string(first) != "class" {
		return
	}
	n := 0
	for n < len(rest) && (isWord(rest[n]) || rest[n] == ':') {
		n++
	}
	if n > 0 && s.opens(l, rest[n:]) {
		s.add(cxxClass)
	}
	name := rest[:0]
	for len(name) < len(rest) && isLetter(rest[len(name)]) {
		name = rest[:len(name)+1]
	}
	tail := rest[len(name):]
	if open := bytes.IndexByte(tail, '('); open == 0 {
		tail = tail[bytes.LastIndexByte(tail, ')')+1:]
	}
	if tail = bytes.TrimLeft(tail, " "); len(name) > 0 && !l.indented() && startsWith(tail, ":") {
		if tail = tail[1:]; len(tail) == 0 || string(trimBlanks(tail)) == "pass" && isBlank(tail[0]) {
			s.add(pyClass)
		}
	}
}

// access is for lines that say who sees the members of a class of C++.
func access(text string, x signal) func(*lineScanner, line) {
	return func(s *lineScanner, l line) {
		if startsWith(l.words, text) {
			s.add(x)
		}
	}
}

// column0 is for words that stand at the very start of a line.
func column0(text string, x signal) func(*lineScanner, line) {
	return func(s *lineScanner, l line) {
		if _, ok := after(l.text, text); ok {
			s.add(x)
		}
	}
}

// pointer is for declarations of pointers in C.
func pointer(text string, x signal) func(*lineScanner, line) {
	return func(s *lineScanner, l line) {
		rest := bytes.TrimPrefix(l.words[len(text):], []byte{' '})
		if startsWith(rest, "*") && len(rest) > 2 && endsWith(trimEnd(rest), ";") {
			s.add(x)
		}
	}
}

// opens tells whether a brace comes next, at the end of the line or after it.
func (s *lineScanner) opens(l line, rest []byte) bool {
	if rest = trimBlanks(rest); len(rest) > 0 {
		return rest[0] == '{'
	}
	return startsWith(trimBlanks(s.window[l.at+len(l.text):]), "{")
}
