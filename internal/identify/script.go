package identify

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"
)

// interpreters are the programs that scripts name in their first line. A version may follow the name.
var interpreters = map[string]kind{
	"sh":         {format: "code/shell", mime: "text/x-shellscript", label: "POSIX shell script"},
	"dash":       {format: "code/shell", mime: "text/x-shellscript", label: "POSIX shell script"},
	"ash":        {format: "code/shell", mime: "text/x-shellscript", label: "Neil Brown's ash script"},
	"bash":       {format: "code/shell", mime: "text/x-shellscript", label: "Bourne-Again shell script"},
	"ksh":        {format: "code/shell", mime: "text/x-shellscript", label: "Korn shell script"},
	"zsh":        {format: "code/shell", mime: "text/x-shellscript", label: "Paul Falstad's zsh script"},
	"csh":        {format: "code/shell", mime: "text/x-shellscript", label: "C shell script"},
	"tcsh":       {format: "code/shell", mime: "text/x-shellscript", label: "Tenex C shell script"},
	"fish":       {format: "code/shell", mime: "text/x-shellscript", label: "fish shell script"},
	"python":     {format: "code/python", mime: "text/x-script.python", label: "Python script"},
	"pypy":       {format: "code/python", mime: "text/x-script.python", label: "Python script"},
	"perl":       {format: "code/perl", mime: "text/x-perl", label: "Perl script text executable", bare: true},
	"ruby":       {format: "code/ruby", mime: "text/x-ruby", label: "Ruby script"},
	"php":        {format: "code/php", mime: "text/x-php", label: "PHP script"},
	"node":       {format: "code/javascript", mime: "application/javascript", label: "Node.js script executable"},
	"nodejs":     {format: "code/javascript", mime: "application/javascript", label: "Node.js script executable"},
	"osascript":  {format: "text/plain", mime: "text/x-applescript", label: "AppleScript script"},
	"awk":        {format: "text/plain", mime: "text/x-awk", label: "awk script"},
	"gawk":       {format: "text/plain", mime: "text/x-gawk", label: "GNU awk script"},
	"mawk":       {format: "text/plain", mime: "text/x-awk", label: "awk script"},
	"nawk":       {format: "text/plain", mime: "text/x-nawk", label: "new awk script"},
	"tclsh":      {format: "text/plain", mime: "text/x-tcl", label: "Tcl script"},
	"wish":       {format: "text/plain", mime: "text/x-tcl", label: "Tcl/Tk script"},
	"lua":        {format: "text/plain", mime: "text/x-lua", label: "Lua script"},
	"powershell": {format: "code/ps1", mime: "text/plain"},
	"pwsh":       {format: "code/ps1", mime: "text/plain"},
}

// interpreter reads the line by which the kernel finds a script's interpreter, also through env.
func interpreter(t *text) (kind, bool) {
	line, found := bytes.CutPrefix(t.plain, []byte("#!"))
	if !found {
		return kind{}, false
	}
	line = line[:min(len(line), 256)]
	if end := bytes.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return kind{}, false
	}
	if path.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
		if len(words) == 0 {
			return kind{}, false
		}
	}
	name := strings.ToLower(path.Base(words[0]))
	if version := strings.IndexAny(name, "0123456789-"); version >= 0 {
		name = name[:version]
	}
	k, known := interpreters[name]
	if !known {
		k = kind{format: undecided, mime: "text/plain"}
	}
	if k.label == "" {
		k.label = "a " + printable([]byte(strings.Join(words, " "))) + " script"
	}
	k.script = !strings.HasSuffix(k.label, "executable")
	return k, true
}

// binaryScript knows scripts that carry something that is no text, as self-extracting ones do: their first line is one of a
// script nevertheless.
func binaryScript(in *input) (Result, bool) {
	if !in.has(0, "#!") || isText(in) {
		return Result{}, false
	}
	line := restOfLine(in.head[:min(len(in.head), 256)])
	if len(line) == min(len(in.head), 256) || classOf(line)&(notText|highByte) != 0 {
		return Result{}, false
	}
	k, ok := interpreter(&text{plain: line})
	if !ok {
		return Result{}, false
	}
	label := strings.TrimSuffix(strings.TrimSuffix(k.label, " executable"), " text")
	return Result{Format: k.format, MIME: k.mime, Magic: label + " executable (binary data)"}, true
}

// unmarkedScript knows scripts in UTF-16 without a byte order mark, which Windows runs and file(1) calls data.
func unmarkedScript(in *input) (Result, bool) {
	const looked = 256 // bytes
	if len(in.head) < 32 {
		return Result{}, false
	}
	for i, c := range in.head[:min(len(in.head), looked)&^1] {
		if i%2 == 1 && c != 0 || i%2 == 0 && (c >= 0x7f || classes[c]&notText != 0) {
			return Result{}, false
		}
	}
	plain := decodeWide(in.head[:min(len(in.head), 2*scanBytes)&^1], 2, binary.LittleEndian)
	if len(plain) == 0 {
		return Result{}, false
	}
	t := &text{plain: plain}
	language := t.language("", 0)
	if language == "" {
		return Result{}, false
	}
	return Result{Format: t.refine(language), MIME: octetStream, Magic: "data"}, true
}
