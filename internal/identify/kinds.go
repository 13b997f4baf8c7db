package identify

import "bytes"

// kind is a kind of text. label is its name; an empty one leaves the encoding to speak for itself.
type kind struct {
	format, mime, label string

	script bool // the description ends in "text executable"
	bare   bool // the description is the label alone
}

// undecided is the format of kinds that leave it to language.go.
const undecided = "text/plain"

// source is a kind whose MIME type does not fix the format.
func source(mime, label string) kind { return kind{format: undecided, mime: mime, label: label} }

var (
	htmlKind   = kind{format: "code/html", mime: "text/html", label: "HTML document"}
	sgmlKind   = kind{format: "code/sgml", mime: "text/plain", label: "exported SGML document"}
	pythonKind = kind{format: "code/python", mime: "text/x-script.python", label: "Python script", script: true}
	perlKind   = kind{format: "code/perl", mime: "text/x-perl", label: "Perl script text"}
	rubyKind   = source("text/x-ruby", "Ruby script")
	jsKind     = source("application/javascript", "JavaScript source")
	cKind      = source("text/x-c", "C source")
	cxxKind    = source("text/x-c++", "C++ source")
	javaKind   = source("text/x-java", "Java source")
	troffKind  = kind{format: "text/troff", mime: "text/troff", label: "troff or preprocessor input"}
	diffKind   = source("text/x-diff", "diff output")
	texKind    = source("text/x-tex", "LaTeX document")
	lispKind   = source("text/x-lisp", "Lisp/Scheme program")
	mailKind   = kind{format: "document/email", mime: "message/rfc822"}

	// file(1) gives these two no MIME type of their own.
	pythonPlainKind = kind{format: "code/python", mime: "text/plain", label: "Python script", script: true}
	perlModuleKind  = source("text/plain", "Perl5 module source")
)

const newsMIME = "message/news"

func labelled(k kind, label string) kind {
	k.label = label
	return k
}

// beginnings are texts that say what they are in their first characters. Those that stand for more of the file than others come
// first. fold ignores case.
var beginnings = []struct {
	text string
	fold bool
	is   kind
}{
	{"-----BEGIN CERTIFICATE-----", false, kind{undecided, "text/plain", "PEM certificate", false, true}},
	{"-----BEGIN CERTIFICATE REQ", false, kind{undecided, "text/plain", "PEM certificate request", false, true}},
	{"-----BEGIN RSA PRIVATE", false, kind{undecided, "text/plain", "PEM RSA private key", false, true}},
	{"-----BEGIN DSA PRIVATE", false, kind{undecided, "text/plain", "PEM DSA private key", false, true}},
	{"-----BEGIN EC PRIVATE", false, kind{undecided, "text/plain", "PEM EC private key", false, true}},
	{"-----BEGIN PGP PUBLIC KEY BLOCK-", false, kind{undecided, "application/pgp-keys", "PGP public key block", false, false}},
	{"/* XPM */", false, kind{undecided, "image/x-xpixmap", "X pixmap image", false, false}},
	{"<!doctype html", true, htmlKind},
	{"delivered-to:", true, labelled(mailKind, "SMTP mail")},
	{"MIME-Version:", false, kind{"document/email", "text/plain", "MIME entity", false, false}},
	{"return-path:", true, labelled(mailKind, "SMTP mail")},
	{"Forward to", false, labelled(mailKind, "mail forwarding")},
	{"Received:", false, labelled(mailKind, "RFC 822 mail")},
	{"Relay-Version:", false, labelled(mailKind, "old news")},
	{"Article", false, source(newsMIME, "saved news")},
	{"<html>", true, htmlKind},
	{"Path:", false, source(newsMIME, "news")},
	{"Xref:", false, source(newsMIME, "news")},
	{"From:", false, labelled(mailKind, "news or mail")},
	{"Date:", false, labelled(mailKind, "news or mail")},
}

// kindRules are asked in this order, which is that of file(1): strong and rare words first.
var kindRules = []struct {
	needs signals
	is    kind
}{
	{setOf(poTranslation), source("text/x-po", "GNU gettext message catalogue")},
	{setOf(diffUnified), labelled(diffKind, "unified diff output")},
	{setOf(jsExport), jsKind},
	{setOf(jsConstRequire), jsKind},
	{setOf(jsFrom), jsKind},
	{setOf(jsModuleExports), jsKind},
	{setOf(rubyClass, rubyMember, rubyEndOfMember), rubyKind},
	{setOf(jsImportPath), jsKind},
	{setOf(jsFunctionExpression), jsKind},
	{setOf(perlPackage), perlModuleKind},
	{setOf(jsStrict), jsKind},
	{setOf(cxxUsingStd), cxxKind},
	{setOf(htmlTagAfterComment), htmlKind},
	{setOf(cxxNamespace), cxxKind},
	{setOf(cxxProtected), cxxKind},
	{setOf(phpOpening), kind{"code/php", "text/x-php", "PHP script", false, false}},
	{setOf(cxxTemplate), cxxKind},
	{setOf(jsRequire), jsKind},
	{setOf(jsTypeof), jsKind},
	{setOf(cxxVirtual), cxxKind},
	{setOf(cxxPrivate), cxxKind},
	{setOf(rubyRequire, rubyBlock, rubyEndOfBlock), rubyKind},
	{setOf(cxxPublic), cxxKind},
	{setOf(objcImport), source("text/x-objective-c", "Objective-C source")},
	{setOf(texDocumentStyle), texKind},
	{setOf(perlEval), perlKind},
	{setOf(pyQuotes), pythonPlainKind},
	{setOf(rubyClass, rubyEndOfClass), rubyKind},
	{setOf(texDocumentClass), labelled(texKind, "LaTeX 2e document")},
	{setOf(pyInit), pythonKind},
	{setOf(pyMainSingle), pythonPlainKind},
	{setOf(pyMainDouble), pythonKind},
	{setOf(pyClass), pythonKind},
	{setOf(texSection), texKind},
	{setOf(texLength), texKind},
	{setOf(cxxClass, cxxClassEnd), cxxKind},
	{setOf(m4Define), source("text/x-m4", "M4 macro processor script")},
	{setOf(pyTry, pyExcept), pythonKind},
	{setOf(pyDef, pyDefCall), pythonKind},
	{setOf(htmlScriptOrLink), htmlKind},
	{setOf(cInclude), cKind},
	{setOf(lispCustom), lispKind},
	{setOf(makeVariable), source("text/x-makefile", "makefile script")},
	{setOf(pyFromImport), pythonKind},
	{setOf(htmlTitleStyleTable), htmlKind},
	{setOf(htmlHeadOrHTML), htmlKind},
	{setOf(texBegin), texKind},
	{setOf(rubyDef, rubyEndOfDef), rubyKind},
	{setOf(htmlDoctypeSomewhere), htmlKind},
	{setOf(subrip), source("application/x-subrip", "SubRip")},
	{setOf(makeDirective), source("text/x-makefile", "BSD makefile script")},
	{setOf(cCondition, cConditionEnd), cKind},
	{setOf(cFloat), cKind},
	{setOf(cUnion), cKind},
	{setOf(javaMain), javaKind},
	{setOf(cMain), cKind},
	{setOf(batchStart), kind{"code/batch", "text/x-msdos-batch", "DOS batch file", false, false}},
	{setOf(diffWord), diffKind},
	{setOf(lispDefparam), lispKind},
	{setOf(m4Comment), source("text/x-m4", "M4 macro processor script")},
	{setOf(podHead), source("text/plain", "Perl POD document")},
	{setOf(cChar), cKind},
	{setOf(diffContext), labelled(diffKind, "context diff output")},
	{setOf(sgmlDoctype), sgmlKind},
	{setOf(troffComment), troffKind},
	{setOf(troffRequest), troffKind},
	{setOf(awkBegin), source("text/plain", "awk or perl script")},
	{setOf(rubyRequire), rubyKind},
	{setOf(rubyInclude), rubyKind},
	{setOf(sgmlSubdocument), labelled(sgmlKind, "exported SGML subdocument")},
	{setOf(troffRequestWithText), troffKind},
	{setOf(cPragma), cKind},
	{setOf(cCondition, cConditionDefine), cKind},
	{setOf(cDouble), cKind},
	{setOf(cExtern), cKind},
	{setOf(cStruct), cKind},
	{setOf(javaImport), javaKind},
	{setOf(lispDefun), lispKind},
	{setOf(pascalInput), source("text/x-pascal", "Pascal source")},
	{setOf(pyImportAs), pythonKind},
	{setOf(asmDirective), source("text/x-asm", "assembler source")},
	{setOf(diffIndex), labelled(diffKind, "RCS/CVS diff output")},
	{setOf(sgmlComment), sgmlKind},
	{setOf(makeSubdirs), source("text/x-makefile", "automake makefile script")},
	{setOf(tclPackage), source("text/plain", "Tcl script")},
}

// start notes what the text begins with.
func (s *lineScanner) start() {
	b := s.window
	for _, begin := range []struct {
		text string
		x    signal
	}{
		{"<?php", phpOpening}, {"<?\n", phpOpening}, {"<?\r", phpOpening}, {`"""`, pyQuotes}, {"diff ", diffWord},
		{"Only in ", diffWord}, {"Common subdirectories: ", diffWord}, {"Index:", diffIndex},
		{`.\"`, troffComment}, {`'\"`, troffComment}, {`'.\"`, troffComment}, {`\"`, troffComment},
	} {
		if hasPrefixFold(b, begin.text) {
			s.add(begin.x)
		}
	}
	if startsWith(b, "*** ") && contains(b[:min(len(b), 1<<10)], "\n--- ") {
		s.add(diffContext)
	}
	if startsWith(b, "@") {
		rest := trimBlanks(b[1:])
		for _, command := range []string{"echo off", "rem", "set "} {
			if hasPrefixFold(rest, command) {
				s.add(batchStart)
			}
		}
	}
	if startsWith(b, "<!--") {
		head := bytes.ToLower(b[:min(len(b), marksBytes)])
		if contains(head, "<html>") || contains(head, "<!doctype html") {
			s.add(htmlTagAfterComment)
		}
	}
}

// known finds the kind of a text by its beginning and its signals.
func known(t *text) (kind, bool) {
	for _, begin := range beginnings {
		if startsWith(t.plain, begin.text) || begin.fold && hasPrefixFold(t.plain, begin.text) {
			return begin.is, true
		}
	}
	found := t.scan().signals
	for i := range kindRules {
		if found.hasAll(kindRules[i].needs) {
			return kindRules[i].is, true
		}
	}
	return kind{}, false
}
