package inspect

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs testdata/strings; encodings.txt says how they read.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/strings", func(t *testing.T, path string) {
		var content []byte
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "content":
				content = scriptContent(t, d.Input)
				return fmt.Sprintf("%d bytes", len(content))
			case "strings":
				found, err := FindStrings(t.Context(), source(content), scriptQuery(t, d))
				if err != nil {
					return err.Error()
				}
				return scriptFound(found)
			}
			d.Fatalf(t, "unknown directive %s", d.Cmd)
			return ""
		})
	})
}

// scriptContent reads quoted strings, some of them with a letter before.
func scriptContent(t *testing.T, text string) []byte {
	var content []byte
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		letter := text[0]
		text = strings.TrimLeft(text, "LB")
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			t.Fatalf("at %s: %v", text, err)
		}
		text = text[len(quoted):]
		part, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		switch letter {
		case 'L':
			content = append(content, wideText(UTF16LE, part)...)
		case 'B':
			content = append(content, wideText(UTF16BE, part)...)
		default:
			content = append(content, part...)
		}
	}
	return content
}

func scriptQuery(t *testing.T, d *datadriven.TestData) StringsQuery {
	var q StringsQuery
	for _, arg := range d.CmdArgs {
		n, err := strconv.Atoi(arg.Vals[0])
		if err != nil {
			t.Fatal(err)
		}
		switch arg.Key {
		case "min":
			q.MinLength = n
		case "max":
			q.MaxLength = n
		case "offset":
			q.Offset = int64(n)
		case "window":
			q.MaxBytes = int64(n)
		case "take":
			q.Take = n
		default:
			t.Fatalf("unknown argument %s", arg.Key)
		}
	}
	for line := range strings.Lines(d.Input) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch name {
		case "filter":
			q.Filter = value
		case "regex":
			q.Regex = value
		case "no-noise":
			q.NoNoise = true
		default:
			t.Fatalf("unknown wish %s", name)
		}
	}
	return q
}

func scriptFound(found *Found) string {
	var b bytes.Buffer
	for _, s := range found.Strings {
		fmt.Fprintf(&b, "%d %d %v %s\n", s.Offset, s.Length, s.Coding, strconv.Quote(s.Text))
	}
	if found.HasMore {
		fmt.Fprintf(&b, "more %d\n", found.NextOffset)
	} else {
		fmt.Fprintf(&b, "end %d\n", found.NextOffset)
	}
	return b.String()
}
