package identify

import "bytes"

// Signals of kinds of text, in the order of kinds.go. The names say which lines or words give them.
const (
	sigNone signal = iota
	jsExport
	jsConstRequire
	jsFrom
	jsModuleExports
	jsImportPath
	jsFunctionExpression
	jsStrict
	jsRequire
	jsTypeof
	rubyClass
	rubyMember // include, def with a small letter
	rubyEndOfMember
	rubyEndOfClass
	rubyRequire
	rubyBlock // def or do
	rubyEndOfBlock
	rubyDef
	rubyEndOfDef
	rubyInclude
	perlPackage
	perlEval
	cxxUsingStd
	cxxNamespace
	cxxProtected
	cxxTemplate
	cxxVirtual
	cxxPrivate
	cxxPublic
	cxxClass
	cxxClassEnd
	objcImport
	cInclude
	cCondition // #ifdef or #ifndef
	cConditionEnd
	cConditionDefine
	cFloat
	cUnion
	cMain
	cChar
	cPragma
	cDouble
	cExtern
	cStruct
	javaMain
	javaImport
	pyInit
	pyMainSingle // '__main__'
	pyMainDouble
	pyClass
	pyTry
	pyExcept
	pyDef
	pyDefCall
	pyFromImport
	pyImportAs
	m4Define
	m4Comment
	makeVariable
	makeDirective
	makeSubdirs
	troffRequest
	troffRequestWithText
	asmDirective
	podHead
	awkBegin
	tclPackage
	poMessage
	poTranslation
	diffUnified
	htmlDoctypeSomewhere
	htmlScriptOrLink
	htmlTitleStyleTable
	htmlHeadOrHTML
	htmlTagAfterComment
	sgmlDoctype
	sgmlSubdocument
	sgmlComment
	texDocumentStyle
	texDocumentClass
	texSection
	texLength
	texBegin
	lispCustom
	lispDefparam
	lispDefun
	pascalInput
	subrip
	phpOpening
	pyQuotes
	diffWord
	diffIndex
	diffContext
	troffComment
	batchStart
	lastKindSignal
)

// line notes what one line says about the kind of the text.
func (s *lineScanner) line(l line) {
	switch c := l.words[0]; {
	case isLetter(c):
		if f := lineWords[string(word(l.words))]; f != nil {
			f(s, l)
		}
	case c == '#':
		s.directive(l)
	case c == '.':
		s.dotted(l)
	case c == '=' && l.at < 1<<10 && !l.indented():
		for _, command := range []string{"=pod", "=head1 ", "=head2 ", "=encoding "} {
			if startsWith(l.text, command) && (command != "=pod" || len(l.text) == len(command)) {
				s.add(podHead)
			}
		}
	case c == '-' && startsWith(l.text, "--- ") && l.at < marksBytes:
		next := s.window[min(l.at+len(l.text)+1, len(s.window)):]
		if _, rest, found := bytes.Cut(next, []byte{'\n'}); found && startsWith(next, "+++ ") && startsWith(rest, "@@") {
			s.add(diffUnified)
		}
	case c >= '0' && c <= '9' && l.at < 16 && contains(l.text, " --> "):
		s.add(subrip)
	}
	s.endings(l)
}

// endings looks at how a line ends.
func (s *lineScanner) endings(l line) {
	last := l.text[len(l.text)-1]
	switch {
	case last == '}', last == ';' && endsWith(l.text, "};"):
		if s.has(cxxClass) {
			s.add(cxxClassEnd)
		}
	case last == 'o' && endsWith(l.text, " do"):
		if s.has(rubyRequire) {
			s.add(rubyBlock)
		}
	case last == ':' && endsWith(l.text, "):") && s.has(pyDef) && !s.has(pyDefCall):
		inner := l.text[:len(l.text)-2]
		for n := len(inner) - 1; n >= 0; n-- {
			if c := inner[n]; c == '(' {
				s.add(pyDefCall)
			} else if !isLetter(c) && c != '*' && c != ',' && c != ' ' {
				break
			}
		}
	}
}

// directive notes preprocessor directives; blanks may follow the #.
func (s *lineScanner) directive(l line) {
	if l.indented() {
		return
	}
	if startsWith(l.text, "#include") {
		s.add(cInclude)
	}
	if rest, ok := after(l.text, "#import"); ok && len(rest) > 0 && (rest[0] == '"' || rest[0] == '<') {
		s.add(objcImport)
	}
	switch string(word(trimBlanks(l.text[1:]))) {
	case "ifdef", "ifndef":
		s.add(cCondition)
	case "define":
		if s.has(cCondition) {
			s.add(cConditionDefine)
		}
	case "endif":
		if s.has(cCondition) && endsWith(l.text, "endif") {
			s.add(cConditionEnd)
		}
	case "pragma":
		s.add(cPragma)
	}
}

// dotted notes what begins with a dot: directives of assemblers and of make, requests of troff.
func (s *lineScanner) dotted(l line) {
	name := string(word(l.words[1:]))
	switch name {
	case "asciiz", "globl", "byte", "even", "text", "file", "type":
		s.add(asmDirective)
	case "BEGIN", "endif", "include":
		if !l.indented() && s.lines <= 100 {
			s.add(makeDirective)
		}
	case "PRECIOUS":
		if !l.indented() && s.lines <= 100 {
			s.add(makeVariable)
		}
	}
	if len(name) == 2 && !isDigit(name[0]) && !l.indented() && s.lines <= 20 && name[0] != '_' && name[1] != '_' {
		switch {
		case len(l.text) == 3:
			s.add(troffRequest)
		case l.text[3] == ' ' || l.text[3] == '\t':
			s.add(troffRequestWithText)
		}
	}
}
