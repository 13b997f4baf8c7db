package identify

import (
	"bytes"
	"strings"
)

// texts are told by their words, so they are asked when nothing else fits.
var texts = []matcher{textFile}

// textKinds are asked before the tables of kinds.go: an interpreter line decides, then structures that go through the whole text.
var textKinds = []func(*text) (kind, bool){
	interpreter,
	markup,
	jsonText,
	settings,
	csv,
	known,
	tagged,
}

func textFile(in *input) (Result, bool) {
	t := in.asText()
	if t == nil {
		return Result{}, false
	}
	k := kind{format: undecided, mime: "text/plain"}
	for _, match := range textKinds {
		if found, ok := match(t); ok {
			k = found
			break
		}
	}
	if mailHeader(t) {
		k = k.mailed()
	}
	return Result{Format: t.format(k), MIME: k.mime, Magic: t.describe(k)}, true
}

// hints say which language the kinds of file(1) speak for, and how loudly: its words for C and JavaScript are found in other
// languages too.
var hints = map[string]struct {
	format string
	points int
}{
	cKind.label: {"code/c", 2}, cxxKind.label: {"code/c", 3}, jsKind.label: {"code/javascript", 3}, javaKind.label: {"code/java", 1},
	rubyKind.label: {"code/ruby", 1}, lispKind.label: {"code/lisp", 4}, perlModuleKind.label: {"code/perl", 3}, "Perl POD document": {"code/perl", 1},
}

// format names the language of texts of which the kind leaves it open.
func (t *text) format(k kind) string {
	if k.format != undecided {
		return t.refine(k.format)
	}
	if k.bare || k.script {
		return k.format
	}
	hint := hints[k.label]
	if language := t.language(hint.format, hint.points); language != "" {
		return t.refine(language)
	}
	if k.mime == jsKind.mime {
		return "code/javascript"
	}
	return k.format
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
func (t *text) firstLines(n int) []string { return firstLines(t.plain, n) }

func firstLines(b []byte, n int) []string {
	const longest = 32 << 10 // bytes in all
	lines := strings.SplitN(string(b[:min(len(b), longest)]), "\n", n+1)
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
		return kind{"code/autorun", "application/x-setupscript", "Microsoft Windows Autorun file", false, true}, true
	case hasPrefixFold(b, "Windows Registry Editor Version 5.00"):
		return kind{"text/windows/registry", "text/x-ms-regedit", "Windows Registry text (Win2K or above)", false, true}, true
	case bytes.HasPrefix(b, []byte("REGEDIT4")):
		return kind{"text/windows/registry", "text/x-ms-regedit", "Windows Registry text (Win95 or above)", false, true}, true
	case hasPrefixFold(b, "BEGIN:VCALENDAR"):
		return kind{"text/calendar", "text/calendar", "vCalendar calendar file", false, true}, true
	case bytes.HasPrefix(b, []byte("ID;P")):
		return kind{"document/office/sylk", "application/x-sylk", "spreadsheet interchange document", false, true}, true
	}
	if hasPrefixFold(b, "[InternetShortcut]") {
		_, url, _ := strings.Cut(string(t.plain[:min(len(t.plain), 1<<10)]), "URL=")
		url, _, _ = strings.Cut(url, "\n")
		label := "MS Windows 95 Internet shortcut text (URL=<" + printable([]byte(strings.TrimRight(url, "\r"))) + ">)"
		return kind{"text/ini", "application/x-mswinurl", label, false, false}, true
	}
	switch section := iniSection(t); section {
	case "":
	case setupInformation:
		return kind{"code/autorun", "application/x-setupscript", section, false, true}, true
	default:
		return kind{"text/ini", "application/x-wine-extension-ini", section, false, true}, true
	}
	return kind{}, false
}

// iniSection names settings of Windows by their first section, after empty lines and comments: those of the system by the names
// that it gives them, others if their lines end as on Windows.
func iniSection(t *text) string {
	const looked = 40 // lines
	if b := t.start(1); len(b) == 0 || b[0] != '[' && b[0] != ';' && b[0] != '#' {
		return ""
	}
	for _, line := range t.firstLines(looked) {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		name, _, closed := strings.Cut(line[1:], "]")
		if line[0] != '[' || !closed || name == "" {
			return ""
		}
		if what := windowsSettings[strings.ToLower(name)]; what != "" {
			return what
		}
		if !strings.Contains(t.lines, "CRLF") || strings.Contains(t.lines, ", LF") || strings.Trim(name, iniName) != "" {
			return ""
		}
		return "Generic INItialization configuration [" + name[:min(len(name), 40)]
	}
	return ""
}

// iniName are the characters of the names of sections.
const iniName = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_() "

// setupInformation are files that say what Windows does with a device or a program. The reference files them with autorun.inf.
const setupInformation = "Windows setup INFormation"

var windowsSettings = map[string]string{
	"version": setupInformation, "strings": setupInformation, "winsockcrclist": setupInformation, "oemcpl": setupInformation,
	".shellclassinfo": "Windows desktop.ini", "deleteoncopy": "Windows desktop.ini", "localizedfilenames": "Windows desktop.ini",
	"don't load": "Windows CONTROL.INI", "windows": "Windows WIN.INI", "compatibility": "Windows WIN.INI", "embedding": "Windows WIN.INI",
	"boot": "Windows SYSTEM.INI", "386enh": "Windows SYSTEM.INI", "drivers": "Windows SYSTEM.INI", "safelist": "Windows IOS.INI",
	"boot loader": "Windows boot.ini",
}

// csv wants the same number of commas, at least one, in each of the first ten lines; commas in quotes do not count.
func csv(t *text) (kind, bool) {
	const enough, most = 3, 10 // lines
	lines, want, commas := 0, 0, 0
	quoted := false
	for _, c := range t.plain {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			commas++
		case c == '\n':
			if lines == 0 {
				want = commas
			}
			if commas == 0 || commas != want {
				return kind{}, false
			}
			commas = 0
			if lines++; lines == most {
				return csvKind, true
			}
		}
	}
	return csvKind, lines >= enough
}

var csvKind = kind{undecided, "text/csv", "CSV text", false, true}

// mailHeaders are header fields (RFC 5322, RFC 2045) as they begin a line; those that nothing but mail has count double.
var mailHeaders = map[string]int{
	"received": 2, "return-path": 2, "message-id": 2, "delivered-to": 2, "x-mailer": 2, "dkim-signature": 2, "mime-version": 2,
	"from": 1, "to": 1, "cc": 1, "subject": 1, "date": 1, "reply-to": 1, "sender": 1, "content-type": 1,
	"content-transfer-encoding": 1,
}

// mailHeader wants headers from the first line on that score 4 or more, whatever comes then. file(1) knows mail by its first header only, and of
// others says what is in them.
func mailHeader(t *text) bool {
	return headerPoints(t.firstLines(mostHeaderLines)) >= enoughForMail
}

const (
	mostHeaderLines = 60
	enoughForMail   = 4 // points
)

func headerPoints(lines []string) int {
	points := 0
	for i, line := range lines {
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
			break
		}
		points += mailHeaders[strings.ToLower(name)]
	}
	return points
}

// mailBefore knows mails with something in them that is no text, be it one zero byte: programs that people read mails with show them nevertheless.
func mailBefore(in *input) (Result, bool) {
	if isText(in) {
		return Result{}, false
	}
	b := in.head
	if end := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' }); end >= 0 {
		b = b[:end]
	}
	if i := bytes.IndexByte(b, ':'); i <= 0 || !isLetter(b[0]) {
		return Result{}, false
	}
	if headerPoints(firstLines(b, mostHeaderLines)) < enoughForMail {
		return Result{}, false
	}
	return Result{Format: mailKind.format, MIME: mailKind.mime, Magic: "RFC 822 mail, data"}, true
}

// mailed is the kind of a mail in which there is something of kind k. Patches that are mails are still patches, and news are news.
func (k kind) mailed() kind {
	switch {
	case k.format == mailKind.format:
		k.mime = mailKind.mime
		return k
	case k.mime == diffKind.mime || k.mime == newsMIME:
		k.format = mailKind.format
		return k
	}
	return labelled(mailKind, "RFC 822 mail")
}
