package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// factsOf are the lines about facts, and about parts that are no routine.
func factsOf(t *testing.T, content []byte) string {
	t.Helper()
	report, parts, err := walkAll(t, content)
	if err != nil && !errors.Is(err, archive.ErrDamaged) {
		t.Error(err)
	}
	text := describe(report, parts)
	if err != nil {
		text += "error " + err.Error() + "\n"
	}
	return text
}

func replaced(content []byte, from, to string) []byte {
	if !bytes.Contains(content, []byte(from)) {
		panic("there is no " + from)
	}
	return bytes.Replace(content, []byte(from), []byte(to), 1)
}

// update is a document whose script was changed in an update, which also deletes object 5.
func update() *maker {
	m := minimal("/OpenAction 4 0 R")
	m.object(4, "<< /S /JavaScript /JS (old) >>").object(5, "<< /S /URI /URI (http://deleted) >>").table("/Root 1 0 R")
	m.object(4, "<< /S /JavaScript /JS (new) >>")
	at := m.Len()
	fmt.Fprintf(m, "xref\n4 2\n%010d 00000 n \n%010d 00001 f \ntrailer\n<< /Root 1 0 R /Size 6 /Prev %d >>\n", m.at[4], 0, m.prev)
	return m.end(at)
}

// TestFacts: what is odd about a file is told, with where it is; what is not odd is not.
func TestFacts(t *testing.T) {
	scripted := func(dict string) []byte { return minimal("/OpenAction 4 0 R").object(4, "<< %s >>", dict).finish() }
	plain := scripted("/S /JavaScript /JS (x)")
	const script = `script in 4 0 trigger "OpenAction": "x"` + "\n" + `action JavaScript in 4 0:  by "OpenAction"` + "\n"
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing odd", plain, script},
		{"white space behind the end", append(bytes.Clone(plain), "\r\n \x00"...), script},
		{"data behind the end", append(bytes.Clone(plain), "MZ\x90"...),
			strings.Replace(script, "\n", "\n"+`data behind the end in 0 0 size 3: "MZ\x90"`+"\n", 1) + "fact data behind the end: 1\n  0 0: 3 bytes\n"},
		{"data in front", append([]byte("GIF89a"), plain...),
			strings.Replace(script, "\n", "\n"+`data in front of the header in 0 0 size 6: "GIF89a"`+"\n", 1) + "fact the header is not at the beginning: 1\n  0 0: \n"},
		{"another version", replaced(plain, "%PDF-1.7", "%PDF-1.9"), script + "fact a version that there is not: 1\n  0 0: 1.9\n"},
		{"no header", replaced(plain, "%PDF-1.7", "%XXX-1.7"), script + "fact no header: 1\n  0 0: \n"},
		{"no end", replaced(plain, "%%EOF", ""), script + "fact no %%EOF: 1\n  0 0: \n"},
		{"an update", update().Bytes(), `script in 4 0 state "superseded" trigger "OpenAction": "old"
script in 4 0 trigger "OpenAction": "new"
action JavaScript in 4 0 state "superseded":  by "OpenAction"
action URI in 5 0 state "deleted": http://deleted
action JavaScript in 4 0:  by "OpenAction"
fact several %%EOF: 1
  0 0: 2
`},
		{"an object behind the end", append(bytes.Clone(plain), "4 0 obj\n<< /S /Launch /F (a) >>\nendobj\n6 0 obj\n6\nendobj\n"...),
			strings.Replace(script, "\n", "\n"+`data behind the end in 0 0 size 56: "4 0 obj\n<< /S /Launch /F (a) >>\nendobj\n6 0 obj\n6\nendobj\n"`+"\n", 1) + `action Launch in 4 0 state "newer than listed": a by "OpenAction"
fact data behind the end: 1
  0 0: 56 bytes
fact an object behind the end: 2
  4 0: 
  6 0: 
fact an object that is not listed: 1
  6 0: 
fact an object behind the version of it that is listed: 1
  4 0: 
`},
		{"an entry that lies", replaced(plain, fmt.Sprintf("4 1\n%010d", bytes.Index(plain, []byte("4 0 obj"))), "4 1\n0000000017"),
			script + fmt.Sprintf("fact a cross-reference lies: 1\n  4 0: object 4 is not at 17, it is at %d\n", bytes.Index(plain, []byte("4 0 obj")))},
		{"an entry for nothing", minimal("").object(4, "4").table("/Root 1 0 R").Bytes(), ""},
		{"an object that is gone", replaced(minimal("").object(4, "4").finish(), "4 0 obj", "4 0 xxx"), "fact a cross-reference lies: 1\n  4 0: object 4 is not at 193, it is nowhere\n"},
		{"an unlisted object", replaced(plain, "xref\n", "77 0 obj 7 endobj\nxref\n"), strings.TrimSuffix(script, "") + "?"},
		{"startxref that leads nowhere", append(bytes.Clone(plain), "startxref\n5\n%%EOF\n"...), script + "fact several %%EOF: 1\n  0 0: 2\nfact startxref leads nowhere: 1\n  0 0: \n"},
		{"no startxref", replaced(plain, "startxref", "startxxxx"), script + "fact broken cross-references: 1\n  0 0: there are none that can be read\nerror damaged: it has no cross-references that lead anywhere\n"},
		{"an object that is there twice", minimal("/OpenAction 4 0 R").object(4, "<< /S /JavaScript /JS (y) >>").object(4, "<< /S /JavaScript /JS (x) >>").finish(),
			`script in 4 0 state "superseded" trigger "OpenAction": "y"` + "\n" + strings.Replace(script, "\n", "\n"+`action JavaScript in 4 0 state "superseded":  by "OpenAction"`+"\n", 1) +
				"fact an object that is there twice: 1\n  4 0: \n"},
		{"names that hide", scripted("/#53 /J#61v#61Script /JS (x) /A#20B /AAAAAA+Arial#2BBold"),
			script + "fact a name that hides what it says: 2\n  4 0: /S\n  4 0: /JavaScript\n"},
		{"a key that comes twice", scripted("/S /JavaScript /JS (y) /JS (x)"), script + "fact a key that comes twice: 1\n  4 0: /JS\n"},
		{"broken syntax", replaced(plain, "/JS (x) >>", "/JS (x) ] x"), script + "fact an object with broken syntax: 1\n  4 0: \n"},
		{"a length that lies", minimal("").object(4, "<< /Length 2 >>\nstream\nsome more\nendstream").finish(),
			"stream in 4 0: \"some more\"\nfact a length that lies: 1\n  4 0: Length is 2, the data take 9 bytes\n"},
		{"no length", minimal("").object(4, "<< >>\nstream\r\nsome more\r\nendstream").finish(),
			"stream in 4 0: \"some more\"\nfact a length that lies: 1\n  4 0: there is no Length\n"},
		{"odd filters", minimal("").stream(4, "/Filter [/AHx /AHx]", []byte("3434>")).stream(5, "/Filter /Unknown", []byte("x")).finish(),
			"stream in 4 0 method \"ASCIIHexDecode ASCIIHexDecode\": \"D\"\nstream in 5 0 method \"Unknown\": \"x\"\n" +
				"fact filters that nobody needs: 2\n  4 0: ASCIIHexDecode ASCIIHexDecode\n  5 0: Unknown\n"},
		{"data in another file", minimal("").stream(4, `/F (\\\\host\\share)`, nil).finish(),
			"stream in 4 0: \"\"\nfact a stream with its data in another file: 1\n  4 0: \\\\host\\share\n"},
	} {
		if c.name == "an unlisted object" { // whose offset moves the table
			m := minimal("/OpenAction 4 0 R").object(4, "<< /S /JavaScript /JS (x) >>")
			m.WriteString("77 0 obj 7 endobj\n")
			c.content, c.want = m.finish(), script+"fact an object that is not listed: 1\n  77 0: \n"
		}
		t.Run(c.name, func(t *testing.T) { expect(t, factsOf(t, c.content), c.want) })
	}
}

// TestInnerObject: a cross-reference that leads into a stream is followed, and told.
func TestInnerObject(t *testing.T) {
	m := minimal("/OpenAction 5 0 R").stream(4, "", []byte("5 0 obj << /S /JavaScript /JS (hidden) >> endobj"))
	m.at[5], m.most = bytes.Index(m.Bytes(), []byte("5 0 obj")), 5
	expect(t, factsOf(t, m.finish()), `
script in 5 0 trigger "OpenAction": "hidden"
stream in 4 0: "5 0 obj << /S /JavaScript /JS (hidden) >> endobj"
action JavaScript in 5 0:  by "OpenAction"
fact an object in the data of a stream: 1
  5 0: it is in object 4 0`)
}

// TestPDFInPDF: a document inside a document is a file and nothing else, with and without cross-references.
func TestPDFInPDF(t *testing.T) {
	inner := minimal("/OpenAction 4 0 R").object(4, "<< /S /JavaScript /JS (inner) >>").finish()
	m := minimal("").stream(10, "/Type /EmbeddedFile", inner)
	for _, content := range [][]byte{m.finish(), bytes.ReplaceAll(m.Bytes(), []byte("startxref"), []byte("startxxxx"))} {
		report, parts, _ := walkAll(t, content)
		want := string(inner)
		if report.Rebuilt {
			want = strings.Replace(want, "startxref", "startxxxx", 1)
		}
		i := slices.IndexFunc(parts, func(v visited) bool { return v.Kind == EmbeddedFile })
		if len(report.Actions) > 0 || report.Objects > 5 || i < 0 || parts[i].content != want {
			t.Errorf("%s", describe(report, parts))
		}
	}
}
