package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// visited is a part and its content.
type visited struct {
	Part
	content string
	err     error
}

func walkAll(t testing.TB, content []byte, passwords ...string) (*Report, []visited, error) {
	t.Helper()
	var parts []visited
	report, err := Walk(context.Background(), bytes.NewReader(content), int64(len(content)), Options{Passwords: passwords}, func(p Part, r io.Reader) error {
		v := visited{Part: p}
		if r == nil {
			v.err = errors.New("no content")
		} else {
			var b []byte
			b, v.err = io.ReadAll(r)
			v.content = string(b)
		}
		parts = append(parts, v)
		return nil
	})
	return report, parts, err
}

// describe writes what a walk found, a line each, routine parts aside.
func describe(r *Report, parts []visited) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	quoted := func(name, value string) string {
		if value == "" {
			return ""
		}
		return fmt.Sprintf(" %s %q", name, value)
	}
	for _, p := range parts {
		if p.Kind.Routine() && p.Kind != Metadata {
			continue
		}
		changed := ""
		if !p.Changed.IsZero() {
			changed = " changed " + p.Changed.Format("2006-01-02T15:04:05")
		}
		size := ""
		if p.Size > 0 {
			size = fmt.Sprint(" size ", p.Size)
		}
		damage := ""
		if p.err != nil {
			damage = " BUT " + p.err.Error()
		}
		line("%s in %s%s%s%s%s%s%s%s: %q%s", p.Kind, p.Object, quoted("state", strings.TrimPrefix(p.State.String(), "current")), quoted("name", p.Name), quoted("trigger", p.Trigger),
			quoted("type", p.Type), quoted("method", p.Method), size, changed, p.content, damage)
	}
	for _, f := range r.Info {
		line("info %s: %s", f.Key, f.Value)
	}
	for _, f := range r.XMP {
		line("xmp %s: %s", f.Key, f.Value)
	}
	for _, a := range r.Actions {
		line("action %s in %s%s: %s%s", a.Kind, a.Object, quoted("state", strings.TrimPrefix(a.State.String(), "current")), a.Target, quoted("by", a.Trigger))
	}
	for _, f := range r.Facts {
		line("fact %s: %d", f.Kind, f.Count)
		for _, e := range f.Examples {
			line("  %s: %s", e.Object, e.Detail)
		}
	}
	for _, l := range r.Limits {
		line("limit %s", l)
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got = strings.TrimSpace(got); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
}

// TestScripts: scripts are found wherever they are, with what sets them off.
func TestScripts(t *testing.T) {
	m := minimal("/OpenAction 10 0 R /AA << /WC 11 0 R /DS << /S /JavaScript /JS (catalog) >> >> /Names << /JavaScript 40 0 R >> /AcroForm << /Fields [15 0 R] >>")
	m.object(3, "<< /Type /Page /Parent 2 0 R /AA 14 0 R /Annots [15 0 R 16 0 R 18 0 R] >>")
	m.object(10, "<< /S /JavaScript /JS (open) /Next << /S /JavaScript /JS 20 0 R /Next [12 0 R] >> >>")
	m.object(11, "<< /S /JavaScript /JS 21 0 R >>")
	m.object(12, "<< /S /JavaScript /JS (third) >>")
	m.object(13, `<< /S /JavaScript /JS <feff006e0061006d00650064> >>`)
	m.object(14, "<< /O << /S /JavaScript /JS (page opened) >> /C 17 0 R >>")
	m.object(15, "<< /FT /Tx /Rect [0 0 1 1] /AA << /K << /S /JavaScript /JS (keystroke) >> >> >>")
	m.object(16, "<< /Subtype /Screen /Rect [0 0 1 1] /A << /S /Rendition /OP 0 /JS (rendition) >> >>")
	m.object(17, "<< /S /JavaScript /JS (page closed) >>")
	m.object(18, "<< /Subtype /3D /Rect [0 0 1 1] /3DD 22 0 R >>")
	m.object(19, "<< /S /JavaScript /JS (of no use) >>")
	m.stream(20, "/Filter /FlateDecode", deflated([]byte("second, in a stream")))
	m.object(21, "(in a string of its own)")
	m.stream(22, "/Type /3D /Subtype /U3D /OnInstantiate 23 0 R", []byte("U3D"))
	m.stream(23, "", []byte("three dimensions"))
	m.object(40, "<< /Kids [41 0 R 40 0 R] >>")
	m.object(41, "<< /Names [(the name) 13 0 R] >>")
	report, parts, err := walkAll(t, m.finish())
	if err != nil {
		t.Error(err)
	}
	expect(t, describe(report, parts), `
script in 1 0 trigger "catalog AA/DS": "catalog"
script in 10 0 trigger "OpenAction": "open"
script in 10 0 trigger "OpenAction/Next" method "FlateDecode": "second, in a stream"
script in 11 0 trigger "catalog AA/WC": "in a string of its own"
script in 12 0 trigger "OpenAction/Next/Next": "third"
script in 13 0 name "the name" trigger "Names": "named"
script in 14 0 trigger "page AA/O": "page opened"
script in 15 0 trigger "field AA/K": "keystroke"
script in 16 0 trigger "annotation A": "rendition"
script in 17 0 trigger "page AA/C": "page closed"
script in 19 0: "of no use"
script in 22 0 trigger "3D": "three dimensions"
rich media in 22 0: "U3D"
action JavaScript in 1 0:  by "catalog AA/DS"
action JavaScript in 10 0:  by "OpenAction"
action JavaScript in 10 0:  by "OpenAction/Next"
action JavaScript in 11 0:  by "catalog AA/WC"
action JavaScript in 12 0:  by "OpenAction/Next/Next"
action JavaScript in 13 0:  by "Names"
action JavaScript in 14 0:  by "page AA/O"
action JavaScript in 15 0:  by "field AA/K"
action Rendition in 16 0:  by "annotation A"
action JavaScript in 17 0:  by "page AA/C"
action JavaScript in 19 0: 
fact an object that is there twice: 1
  3 0: `)
}

// TestActions: targets of all kinds of actions.
func TestActions(t *testing.T) {
	m := minimal("/OpenAction << /S /Launch /Win << /F (cmd.exe) /P (/c calc.exe) /D (C:\\\\) /O (print) >> >>")
	for i, action := range []string{
		"/S /URI /URI (http://example.com/a?b=c)",
		"/S /URI /URI 50 0 R",
		"/S /URI /URI (http://example.com/a?b=c)",
		"/S /Launch /F (run.exe)",
		"/S /Launch /F << /Type /Filespec /F (short.exe) /UF <feff006c006f006e0067> >>",
		"/S /Launch /Unix (xterm)",
		`/S /GoToR /F (\\\\host\\share\\x.pdf) /D [0 /Fit]`,
		"/S /GoToE /F (inner.pdf)",
		"/S /SubmitForm /F << /FS /URL /F (https://example.com/post) >>",
		"/S /ImportData /F (data.fdf)",
		"/S /Named /N /Print",
		"/S /Thread /F (thread.pdf)",
		"/S /GoTo /D [3 0 R /Fit]",
		"/S /Transparency",
	} {
		m.object(10+i, "<< /Subtype /Link /Rect [0 0 1 1] /A << %s >> >>", action)
	}
	m.object(50, "(http://example.com/indirect)")
	report, parts, err := walkAll(t, m.finish())
	if err != nil {
		t.Error(err)
	}
	expect(t, describe(report, parts), `
action Launch in 1 0: cmd.exe /c calc.exe (in C:\) (to print) by "OpenAction"
action URI in 10 0: http://example.com/a?b=c by "annotation A"
action URI in 11 0: http://example.com/indirect by "annotation A"
action Launch in 13 0: run.exe by "annotation A"
action Launch in 14 0: long by "annotation A"
action Launch in 15 0: xterm by "annotation A"
action GoToR in 16 0: \\host\share\x.pdf by "annotation A"
action GoToE in 17 0: inner.pdf by "annotation A"
action SubmitForm in 18 0: https://example.com/post by "annotation A"
action ImportData in 19 0: data.fdf by "annotation A"
action Named in 20 0: Print by "annotation A"
action Thread in 21 0: thread.pdf by "annotation A"`)
}

// TestFiles: embedded files with their names from wherever they are named.
func TestFiles(t *testing.T) {
	m := minimal("/Names << /EmbeddedFiles << /Names [(in the tree) 10 0 R (also) 11 0 R] >> >> /Collection << /View /T >>")
	m.object(3, "<< /Type /Page /Parent 2 0 R /Annots [14 0 R 15 0 R] >>")
	m.object(10, "<< /Type /Filespec /EF << /F 20 0 R >> >>")
	m.object(11, "<< /Type /Filespec /F (short.txt) /UF <feff006c00f6006e0067002e007400780074> /EF << /F 21 0 R /UF 21 0 R >> >>")
	m.object(12, "<< /Type /Filespec /F (again.txt) /EF << /F 21 0 R >> /RF << /F [(related.txt) 25 0 R] >> >>")
	m.object(14, "<< /Subtype /FileAttachment /FS << /F (C:\\\\attached.exe) /EF << /F 22 0 R >> >> >>")
	m.object(15, "<< /Subtype /RichMedia /RichMediaContent << /Assets << /Names [(movie.swf) 16 0 R] >> >> >>")
	m.object(16, "<< /Type /Filespec /EF << /F 23 0 R >> >>")
	m.stream(20, "/Type /EmbeddedFile", []byte("one"))
	m.stream(21, "/Type /EmbeddedFile /Subtype /text#2Fplain /Filter /FlateDecode /Params << /Size 3 /ModDate (D:20240102030405+01'30') >>", deflated([]byte("two")))
	m.stream(22, "", []byte("MZ"))
	m.stream(23, "", []byte("FWS"))
	m.stream(24, "/Type /EmbeddedFile /Params << /CreationDate (D:2024) >>", []byte("without a name"))
	m.stream(25, "", []byte("related"))
	m.stream(26, "", []byte("nobody knows"))
	m.object(27, "<< /Type /Sound /Sound 28 0 R >>")
	m.stream(28, "/R 8000", []byte("sound"))
	report, parts, err := walkAll(t, m.finish())
	if err != nil {
		t.Error(err)
	}
	expect(t, strings.ReplaceAll(describe(report, parts), "fact an object that is there twice: 1\n  3 0: \n", ""), `
embedded file in 10 0 name "in the tree": "one"
embedded file in 11 0 name "löng.txt" type "text/plain" method "FlateDecode" size 3 changed 2024-01-02T01:34:05: "two"
embedded file in 12 0 name "again.txt" type "text/plain" method "FlateDecode" size 3 changed 2024-01-02T01:34:05: "two"
embedded file in 12 0 name "related.txt": "related"
embedded file in 14 0 name "C:\\attached.exe": "MZ"
rich media in 16 0 name "movie.swf": "FWS"
embedded file in 24 0 changed 2024-01-01T00:00:00: "without a name"
rich media in 28 0: "sound"
stream in 26 0: "nobody knows"`)
}

// TestForms: XFA is one document, however many streams it is in, and its scripts are scripts.
func TestForms(t *testing.T) {
	m := minimal("/AcroForm 10 0 R")
	m.object(10, "<< /XFA [(preamble) 20 0 R (template) 21 0 R (postamble) 22 0 R] >>")
	m.stream(20, "", []byte(`<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">`))
	m.stream(21, "/Filter /FlateDecode", deflated([]byte(`<template><event activity="initialize"><script contentType="application/x-javascript">if (1 &lt; 2) run();</script></event>`+
		`<script/><x:script><![CDATA[a < b && "</script>"]]></x:script><event activity='click'><script>broken & < b</script>`)))
	m.stream(22, "", []byte(`</xdp:xdp>`))
	m.object(11, "<< /XFA 23 0 R >>")
	m.stream(23, "", []byte(`<script>unclosed`))
	report, parts, err := walkAll(t, m.finish())
	if err != nil {
		t.Error(err)
	}
	expect(t, describe(report, parts), `
script in 10 0 trigger "XFA initialize" type "application/x-javascript": "if (1 < 2) run();"
script in 10 0 trigger "XFA": "a < b && \"</script>\""
script in 10 0 trigger "XFA click": "broken & < b"
script in 11 0 trigger "XFA": "unclosed"
XFA form in 10 0: "<xdp:xdp xmlns:xdp=\"http://ns.adobe.com/xdp/\"><template><event activity=\"initialize\"><script contentType=\"application/x-javascript\">if (1 &lt; 2) run();</script></event><script/><x:script><![CDATA[a < b && \"</script>\"]]></x:script><event activity='click'><script>broken & < b</script></xdp:xdp>"
XFA form in 11 0: "<script>unclosed"`)
}

// TestMetadata: the information dictionary and XMP.
func TestMetadata(t *testing.T) {
	m := minimal("/Metadata 11 0 R /Version /1.6")
	m.object(10, "<< /Title <feff00e9> /Author 12 0 R /CreationDate (D:20240102030405Z) /Trapped /True /Empty () >>")
	m.stream(11, "/Type /Metadata /Subtype /XML", []byte(`<?xpacket begin="`+"\ufeff"+`" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:a="http://ns.adobe.com/xap/1.0/" pdf:Producer="Some Library 1.0">
<a:CreatorTool>Writer &amp; Cö</a:CreatorTool><dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Seq><rdf:li>One</rdf:li><rdf:li>Two</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta>`))
	m.object(12, "(Somebody)")
	m.table("/Root 1 0 R /Info 10 0 R /ID [<00ff> (ab)]")
	report, parts, err := walkAll(t, m.Bytes())
	if err != nil {
		t.Error(err)
	}
	text := describe(report, parts)
	expect(t, text[strings.Index(text, "info "):], `
info Title: é
info Author: Somebody
info CreationDate: D:20240102030405Z
info Trapped: /True
xmp pdf:Producer: Some Library 1.0
xmp xmp:CreatorTool: Writer & Cö
xmp dc:creator: One
xmp dc:creator: Two`)
	got := fmt.Sprintln(report.Version, report.CatalogVersion, report.Header, report.Ends, report.Objects, report.Hidden, report.Streams, report.Pages, report.IDs)
	if got != "1.7 1.6 0 1 6 0 1 1 [00ff 6162]\n" {
		t.Error(got)
	}
	if d := report.Dictionaries; len(d) != 5 || d[0] != (Dictionary{ID{1, 0}, Current, "<< /Type /Catalog /Pages 2 0 R /Metadata 11 0 R /Version /1.6 >>"}) {
		t.Errorf("%+v", d)
	}
}

// TestVisitEnds: an error of the visitor ends the walk.
func TestVisitEnds(t *testing.T) {
	content := minimal("").stream(4, "", []byte("x")).stream(5, "", []byte("y")).finish()
	stop := errors.New("stop")
	n := 0
	report, err := Walk(t.Context(), bytes.NewReader(content), int64(len(content)), Options{}, func(Part, io.Reader) error { n++; return stop })
	if err != stop || n != 1 || report == nil {
		t.Errorf("%v after %d, %v", err, n, report)
	}
}

// TestNotThis: what is no PDF at all.
func TestNotThis(t *testing.T) {
	for _, content := range []string{"", "x", "PK\x03\x04 a zip", strings.Repeat("obj ", 1000)} {
		if report, parts, err := walkAll(t, []byte(content)); !errors.Is(err, archive.ErrNotThis) || report != nil || parts != nil {
			t.Errorf("%q: %v", content[:min(len(content), 20)], err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := minimal("").finish()
	if _, err := Walk(ctx, bytes.NewReader(content), int64(len(content)), Options{}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
