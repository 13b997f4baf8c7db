package identify

import "bytes"

// marked has for every character whether it is part of words, and whether what is looked for in the middle of lines begins with it.
var marked = func() (is [256]uint8) {
	for c := range is {
		if isWord(byte(c)) {
			is[c] = wordMark
		}
	}
	for _, c := range `<(\"'tmdi` {
		is[byte(c)] |= beginMark
	}
	return is
}()

const wordMark, beginMark = 1, 2

// marks looks for what may stand anywhere in a line: tags, commands of TeX, some words of JavaScript and Ruby.
func (s *lineScanner) marks() {
	b := s.window
	before := uint8(0)
	for i, c := range b {
		mark := marked[c]
		last := before
		before = mark
		if mark < beginMark {
			continue
		}
		if mark&wordMark != 0 {
			if last&wordMark == 0 {
				s.markedWord(i)
			}
			continue
		}
		switch c {
		case '<':
			if i < marksBytes {
				s.tag(b[i+1:])
			}
		case '(':
			s.opening(b[i+1:], i)
		case '\\':
			if i < marksBytes {
				s.texCommand(b[i+1:])
			}
		default:
			if startsWith(b[i+1:], "use strict") && len(b) > i+11 && b[i+11] == c {
				s.add(jsStrict)
			}
		}
	}
}

// restOfLine returns b up to the end of its line.
func restOfLine(b []byte) []byte {
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		return b[:end]
	}
	return b
}

func (s *lineScanner) markedWord(i int) {
	switch b := s.window[i:]; b[0] {
	case 't':
		if !startsWith(b, "typeof") || i < s.typeofs {
			return
		}
		rest := restOfLine(b)
		s.typeofs = i + len(rest)
		if at := bytes.Index(rest, []byte("==")); at > 0 && (rest[at-1] == '!' || rest[at-1] == '=') || contains(rest, "===") {
			s.add(jsTypeof)
		}
	case 'm':
		switch {
		case startsWith(b, "module.exports"), startsWith(b, `module["exports`), startsWith(b, "module['exports"):
			if i < s.exports {
				return
			}
			rest := restOfLine(b)
			s.exports = i + len(rest)
			if bytes.IndexByte(rest, '=') > 0 {
				s.add(jsModuleExports)
			}
		case startsWith(b, "main("):
			if s.args < 0 {
				s.args = i + len("main(")
				s.main(b[len("main("):])
			}
		case s.has(rubyClass) && startsWith(b, "module ") && len(b) > 7 && b[7] >= 'A' && b[7] <= 'Z':
			s.add(rubyMember)
		}
	case 'i':
		if s.has(rubyClass) && startsWith(b, "include ") && len(b) > 8 && b[8] >= 'A' && b[8] <= 'Z' {
			s.add(rubyMember)
		}
	case 'd':
		if startsWith(b, "def ") && len(b) > 4 && b[4] >= 'a' && b[4] <= 'z' {
			if s.has(rubyClass) {
				s.add(rubyMember)
			}
			if s.has(rubyRequire) {
				s.add(rubyBlock)
			}
		}
	}
}

// main tells Java from C by what follows "main(".
func (s *lineScanner) main(b []byte) {
	if contains(b[:min(len(b), 64+len("String"))], "String") {
		s.add(javaMain)
		return
	}
	for at := bytes.IndexByte(b, ')'); at >= 0; {
		if startsWith(trimBlanks(b[at+1:]), "{") {
			s.add(cMain)
			return
		}
		next := bytes.IndexByte(b[at+1:], ')')
		if next < 0 {
			return
		}
		at += 1 + next
	}
}

func (s *lineScanner) opening(b []byte, at int) {
	if startsWith(b, "async ") {
		b = b[len("async "):]
	}
	switch {
	case startsWith(b, "function ") || startsWith(b, "function("):
		s.add(jsFunctionExpression)
	case startsWith(b, "input, "):
		s.add(pascalInput)
	case at >= marksBytes:
	case startsWith(b, "custom-set-variables "):
		s.add(lispCustom)
	case startsWith(b, "defparam ") || startsWith(b, "autoload "):
		s.add(lispDefparam)
	case startsWith(b, "defun ") || startsWith(b, "defvar ") || startsWith(b, "setq "):
		s.add(lispDefun)
	}
}

// tags gives the signals of tags, by their names in small letters.
var tags = map[string]signal{
	"script": htmlScriptOrLink, "title": htmlTitleStyleTable, "style": htmlTitleStyleTable, "table": htmlTitleStyleTable,
	"head": htmlHeadOrHTML, "html": htmlHeadOrHTML,
}

// tag notes the tag whose < is before b.
func (s *lineScanner) tag(b []byte) {
	if len(b) == 0 {
		return
	}
	if b[0] == '!' {
		switch {
		case startsWith(b, "!--"):
			s.add(sgmlComment)
		case hasPrefixFold(b, "!doctype html"):
			s.add(htmlDoctypeSomewhere)
			s.add(sgmlDoctype)
		case hasPrefixFold(b, "!doctype"):
			s.add(sgmlDoctype)
		case hasPrefixFold(b, "!subdoc"):
			s.add(sgmlSubdocument)
		}
		return
	}
	name := word(b[:min(len(b), 8)])
	var small [8]byte
	for i, c := range name {
		small[i] = c | 0x20
	}
	if len(name) == len(b) {
		return
	}
	end := b[len(name)]
	if x := tags[string(small[:len(name)])]; x != sigNone && (end == '>' || isBlank(end)) {
		s.add(x)
	}
	if len(name) == 1 && small[0] == 'a' && hasPrefixFold(b[1:], " href=") {
		s.add(htmlScriptOrLink)
	}
}

// texCommands gives the signals of commands of TeX.
var texCommands = map[string]signal{
	"documentstyle": texDocumentStyle, "documentclass": texDocumentClass, "section": texSection, "chapter": texSection,
	"setlength": texLength, "begin": texBegin, "input": texBegin,
}

func (s *lineScanner) texCommand(b []byte) {
	name := word(b[:min(len(b), 14)])
	for known, x := range texCommands {
		if startsWith(name, known) {
			s.add(x)
		}
	}
}
