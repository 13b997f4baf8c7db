package identify

import (
	"bytes"
	"strings"
)

// texts are told by their words, so they are asked when nothing else fits.
var texts = []matcher{textFile}

// kind is a kind of text. label is its name; an empty one leaves the encoding to speak for itself.
type kind struct {
	format, mime, label string

	script bool // the description ends in "text executable"
	bare   bool // the description is the label alone
}

// textKinds are asked in this order: an interpreter line decides, then what must stand at the very beginning, then what is
// found by looking at lines.
var textKinds = []func(*text) (kind, bool){
	interpreter,
	php,
	batch,
	markup,
	jsonText,
	settings,
	email,
	manual,
	patch,
	pythonSource,
}

func textFile(in *input) (Result, bool) {
	t := in.asText()
	if t == nil {
		return Result{}, false
	}
	for _, match := range textKinds {
		if k, ok := match(t); ok {
			return Result{Format: k.format, MIME: k.mime, Magic: t.describe(k)}, true
		}
	}
	return Result{Format: "text/plain", MIME: "text/plain", Magic: t.describe(kind{})}, true
}

func (t *text) describe(k kind) string {
	switch {
	case k.bare:
		return k.label
	case k.label == "":
		return t.words("text")
	case k.script:
		return k.label + ", " + t.words("text executable")
	}
	return k.label + ", " + t.words("text")
}

// words puts the noun behind the encoding: "ASCII text", "Unicode text, UTF-8 (with BOM) text, with CRLF line terminators".
func (t *text) words(noun string) string { return t.encoding + " " + noun + t.lines }

// start returns the first n bytes after white space.
func (t *text) start(n int) []byte {
	b := bytes.TrimLeft(t.plain, " \t\r\n\v\f")
	return b[:min(len(b), n)]
}

// firstLines returns the first n lines, without their ends.
func (t *text) firstLines(n int) []string {
	const longest = 32 << 10 // bytes in all
	lines := strings.SplitN(string(t.plain[:min(len(t.plain), longest)]), "\n", n+1)
	lines = lines[:min(n, len(lines))]
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return lines
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// settings are files of settings that say what they are in their first line, and some other notes of that sort.
func settings(t *text) (kind, bool) {
	b := t.start(64)
	switch {
	case hasPrefixFold(b, "[autorun]"):
		return kind{format: "code/autorun", mime: "application/x-setupscript", label: "Microsoft Windows Autorun file", bare: true}, true
	case hasPrefixFold(b, "Windows Registry Editor Version 5.00"):
		return kind{format: "text/windows/registry", mime: "text/x-ms-regedit", label: "Windows Registry text (Win2K or above)", bare: true}, true
	case bytes.HasPrefix(b, []byte("REGEDIT4")):
		return kind{format: "text/windows/registry", mime: "text/x-ms-regedit", label: "Windows Registry text (Win95 or above)", bare: true}, true
	case hasPrefixFold(b, "BEGIN:VCALENDAR"):
		return kind{format: "text/calendar", mime: "text/calendar", label: "vCalendar calendar file", bare: true}, true
	case bytes.HasPrefix(b, []byte("ID;P")):
		return kind{format: "document/office/sylk", mime: "application/x-sylk", label: "spreadsheet interchange document", bare: true}, true
	}
	return kind{}, false
}

// mailHeaders are header fields (RFC 5322, RFC 2045) as they begin a line; those that nothing but mail has count double.
var mailHeaders = map[string]int{
	"received": 2, "return-path": 2, "message-id": 2, "delivered-to": 2, "x-mailer": 2, "dkim-signature": 2, "mime-version": 2,
	"from": 1, "to": 1, "cc": 1, "subject": 1, "date": 1, "reply-to": 1, "sender": 1, "content-type": 1,
	"content-transfer-encoding": 1,
}

// email wants headers from the first line on that score 4 or more.
func email(t *text) (kind, bool) {
	const enough, most = 4, 60 // points, lines
	points := 0
	for i, line := range t.firstLines(most) {
		if line == "" {
			break
		}
		if i > 0 && (line[0] == ' ' || line[0] == '\t') {
			continue // folded
		}
		if i == 0 && strings.HasPrefix(line, "From ") {
			continue // as in a mailbox file
		}
		name, _, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return kind{}, false
		}
		points += mailHeaders[strings.ToLower(name)]
	}
	if points < enough {
		return kind{}, false
	}
	label := "RFC 822 mail"
	if b := t.start(16); hasPrefixFold(b, "Return-Path:") {
		label = "SMTP mail"
	} else if hasPrefixFold(b, "MIME-Version:") {
		label = "MIME entity"
	}
	return kind{format: "document/email", mime: "message/rfc822", label: label}, true
}

// manual knows manual pages by the requests that they begin with.
func manual(t *text) (kind, bool) {
	for _, prefix := range []string{`.\"`, `'\"`, `'.\"`, `\"`, ".TH ", ".Dd ", ".SH ", `'''`} {
		if bytes.HasPrefix(t.plain, []byte(prefix)) && (prefix != `'''` || bytes.Contains(t.plain, []byte("\n.TH "))) {
			return kind{format: "text/troff", mime: "text/troff", label: "troff or preprocessor input"}, true
		}
	}
	return kind{}, false
}

func patch(t *text) (kind, bool) {
	for _, prefix := range []string{"diff ", "Index: ", "*** "} {
		if bytes.HasPrefix(t.plain, []byte(prefix)) {
			return kind{format: "text/plain", mime: "text/x-diff", label: "diff output"}, true
		}
	}
	if bytes.HasPrefix(t.plain, []byte("--- ")) && bytes.Contains(t.plain, []byte("\n+++ ")) && bytes.Contains(t.plain, []byte("\n@@ ")) {
		return kind{format: "text/plain", mime: "text/x-diff", label: "unified diff output"}, true
	}
	return kind{}, false
}
