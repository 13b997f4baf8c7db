package mail

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
	"lazuli/plugins/unbox/cfb/cfbtest"
)

type walker func(context.Context, io.ReaderAt, int64, Visit) (*Report, error)

// plain makes what all parsers of archives are tried with.
func plain(walk walker) archivetest.Walk {
	return func(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
		_, err := walk(ctx, r, size, func(p Part, r io.Reader) error { return visit(p.Entry, r) })
		return err
	}
}

func TestSuite(t *testing.T) {
	t.Run("mail", func(t *testing.T) { archivetest.Suite(t, plain(Walk), sample) })
	t.Run("outlook", func(t *testing.T) { archivetest.Suite(t, plain(WalkOutlook), outlookSample()) })
}

func FuzzMail(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, plain(Walk), data) })
}

func FuzzOutlook(f *testing.F) {
	f.Add(outlookSample())
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, plain(WalkOutlook), data) })
}

// told is a mail in a form to read: its fields, what is said of it, its parts.
func told(t *testing.T, walk walker, data []byte) string {
	t.Helper()
	var parts strings.Builder
	report, err := walk(t.Context(), bytes.NewReader(data), int64(len(data)), func(p Part, r io.Reader) error {
		content, err := io.ReadAll(r)
		fmt.Fprintf(&parts, "%s %q type=%s charset=%s method=%s %q", p.Kind, p.Name, p.Type, p.Charset, p.Method, content)
		if err != nil {
			fmt.Fprintf(&parts, " %v", err)
		}
		parts.WriteString("\n")
		return nil
	})
	var b strings.Builder
	if report != nil {
		for i, h := range append([]Header{report.Header}, report.Attached...) {
			for _, f := range h {
				fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat("attached ", min(i, 1)), f.Name, Text(f.Value))
			}
		}
		if len(report.Boundaries) > 0 {
			fmt.Fprintf(&b, "boundaries %q\n", report.Boundaries)
		}
		for _, odd := range report.Odd {
			fmt.Fprintf(&b, "odd: %s\n", odd)
		}
	}
	b.WriteString(parts.String())
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMail(t *testing.T) {
	expect(t, told(t, Walk, sample), `
Return-Path: <bounce@evil.example>
Received: from relay.example (relay.example [198.51.100.7]) by mx.example.org with ESMTP; Mon, 30 Nov 2026 09:00:02 +0000
Received: from [203.0.113.9] (helo=laptop) by relay.example; Mon, 30 Nov 2026 10:00:01 +0100
From: Jürgen Müller <boss@example.org>
To: "Doe, Jane" <jane@example.org>, bob@example.org (Bob)
Subject: Привет, hello
Date: Mon, 30 Nov 2026 10:00:00 +0100
Message-ID: <1@evil.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"
boundaries ["outer" "inner"]
body "" type=text/plain charset=koi8-r method=quoted-printable "\xf0\xd2\xc9\xd7\xc5\xd4!"
body "" type=text/html charset=utf-8 method= "<a href=\"http://evil.example/a?b=1&amp;c=2\">hello</a>"
inline "" type=image/png charset= method=base64 "\x89PNG"
attachment "réport.zip" type=application/zip charset= method=base64 "PK\x03\x04"
attachment "" type=message/rfc822 charset= method= "Subject: inner\r\n\r\ninner text"
`)
}

func TestOutlook(t *testing.T) {
	expect(t, told(t, WalkOutlook, outlookSample()), `
From: "The \"Boss\"" <boss@example.org>
Subject: Привет
Message-ID: <1@evil.example>
Date: Mon, 30 Nov 2026 09:00:00 -0000
To: "Jane" <jane@example.org>
Cc: <bob@example.org>
attached Subject: inner
attached Date: Mon, 30 Nov 2026 09:00:00 -0000
body "" type=text/plain charset=utf-8 method= "see http://evil.example/é"
body "" type=text/html charset=utf-8 method= "<a href='http://evil.example/a'>é</a>"
inline "logo.png" type=image/png charset= method= "\x89PNG"
attachment "A.ZIP" type= charset= method= "PK\x03\x04"
body "" type=text/plain charset=utf-8 method= "inner text"
`)
}

// TestOutlookBodies: bodies in code pages and in RTF, and what is too short for it.
func TestOutlookBodies(t *testing.T) {
	rtf := func(text string) string {
		var b []byte
		for _, n := range []uint32{uint32(len(text) + 12), uint32(len(text)), 0x414c454d, 0} { // MS-OXRTFCP 2.1.3.1: not compressed
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		return string(b) + text
	}
	message := func(body, compressed string) []byte {
		return cfbtest.Make([16]byte{}, []cfbtest.Stream{
			{Name: properties, Content: block(32, prop{0x3ffd, 1251})},
			{Name: property + idBody + typeString, Content: body}, {Name: property + idRTF + typeBinary, Content: compressed},
		})
	}
	const body = "body \"\" type=text/plain charset=windows-1251 method= \"\\xcf\\xf0\"\nbody \"\" type=application/rtf charset= method= "
	expect(t, told(t, WalkOutlook, message("\xcf\xf0", rtf("{\\rtf1 a}"))), body+`"{\\rtf1 a}"`+"\n")
	expect(t, told(t, WalkOutlook, message("\xcf\xf0", "short")), body+`"" compressed RTF that is too short`+"\n")
	if _, err := archivetest.Read(plain(WalkOutlook), cfbtest.Make([16]byte{}, []cfbtest.Stream{{Name: "WordDocument", Content: "x"}})); err != archive.ErrNotThis {
		t.Errorf("another compound file: %v", err)
	}
}

// TestDamaged: what is wrong hides nothing of what comes behind it.
func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct{ mail, want string }{
		"line that is no field": {crlf("Subject: a", "no field", "To: b@example.org", "", "text"), `
Subject: a
To: b@example.org
body "" type= charset= method= "text\r\n"
error: a line of a header is no field
`},
		"folder of mails": {crlf("From a@example.org Mon Nov 30 10:00:00 2026", "Subject : spaced", "", "text"), `
Subject: spaced
body "" type= charset= method= "text\r\n"
`},
		"only a header": {crlf("Subject: a"), `
Subject: a
body "" type= charset= method= ""
`},
		"fields twice": {crlf("From: a@example.org", "Subject: a", "from: b@example.org", ""), `
From: a@example.org
Subject: a
from: b@example.org
odd: more than one From
body "" type= charset= method= ""
`},
		"header of a part": {crlf("Content-Type: multipart/mixed; boundary=b; boundary=c", "", "--b", "nonsense", "Content-Disposition: attachment; filename=a b.exe; size", "", "MZ", "--b--"), `
Content-Type: multipart/mixed; boundary=b; boundary=c
boundaries ["b"]
attachment "a b.exe" type= charset= method= "MZ"
error: a line of a header is no field
`},
		"parts without an end": {crlf("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "", "one", "--b", "", "two"), `
Content-Type: multipart/mixed; boundary=b
boundaries ["b" "c"]
body "" type= charset= method= "one"
body "" type= charset= method= "two\r\n"
error: parts without an end
`},
		"part behind the end": {crlf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b--", "", "--b", "Content-Type: a/b", "", "two", "--b--"), `
Content-Type: multipart/mixed; boundary=b
boundaries ["b"]
odd: parts behind the end
body "" type= charset= method= "one"
attachment "" type=a/b charset= method= "two"
`},
		"no parts":             {crlf("Content-Type: multipart/mixed; boundary=b", "", "text"), "Content-Type: multipart/mixed; boundary=b\nboundaries [\"b\"]\nerror: parts without an end\n"},
		"part without header":  {crlf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "", "text", "--b--"), "Content-Type: multipart/mixed; boundary=b\nboundaries [\"b\"]\nbody \"\" type= charset= method= \"\\r\\ntext\"\n"},
		"quoted, damaged":      {crlf("Content-Transfer-Encoding: quoted-printable", "", "a=XYb=3Dc= \t", "d=\x00="), "Content-Transfer-Encoding: quoted-printable\nbody \"\" type= charset= method=quoted-printable \"a=XYb=cd=\\x00\"\n"},
		"base64, damaged":      {crlf("Content-Transfer-Encoding: Base64", "", "a-G=V", "sbG8"), "Content-Transfer-Encoding: Base64\nbody \"\" type= charset= method=Base64 \"hello\"\n"},
		"base64 in pieces":     {crlf("Content-Transfer-Encoding: base64", "", "aGU=", "bA==", "bG8"), "Content-Transfer-Encoding: base64\nbody \"\" type= charset= method=base64 \"hello\"\n"},
		"bytes without a name": {crlf("Subject: caf\xe9 \xff=?utf-8?q?x?=", ""), "Subject: café ÿx\nbody \"\" type= charset= method= \"\"\n"},
		"lines of Unix":        {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n\n--b--\n", "Content-Type: multipart/mixed; boundary=b\nboundaries [\"b\"]\nbody \"\" type= charset= method= \"a\\n\"\n"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, told(t, Walk, []byte(c.mail)), c.want) })
	}
}

// TestLong: long lines, headers and nestings are read, or passed over with a word.
func TestLong(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	if got := told(t, Walk, []byte("Subject: a\r\n\r\n"+long+"\r\n")); !strings.Contains(got, `"`+long+`\r\n"`) {
		t.Errorf("a long line: %.200s", got)
	}
	got := told(t, Walk, []byte("Subject: a\r\n"+strings.Repeat(" "+long+"\r\n", 10)+"To: b\r\n\r\ntext"))
	if !strings.Contains(got, "\nbody \"\" type= charset= method= \"text\"\nerror: a header is too long\n") || len(got) < mostHeader/2 || len(got) > mostHeader+1000 {
		t.Errorf("a long header: %d bytes, %.100s", len(got), got[max(0, len(got)-100):])
	}
	deep := ""
	for i := range 40 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	if got := told(t, Walk, []byte(deep)); strings.Count(got, "attachment") != 1 {
		t.Errorf("parts in parts: %s", got)
	}
	many := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n", mostParts+10)
	if got := told(t, Walk, []byte(many)); !strings.HasSuffix(got, "error: more than 10000 parts\n") {
		t.Errorf("many parts: %.100s", got[len(got)-100:])
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "=?utf-8?Q?a_b=3Dc?= d": "a b=c d", "=?UTF-8?b?w6k=?=": "é", "=?iso-8859-1*fr?q?=E9?=": "é", "=?gb2312?B?xOO6ww==?=": "你好",
		"=?utf-8?B?w6?=\r\n =?utf-8?B?k=?=": "Ã", "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=": "é", "=?utf-8?q?a?= =?iso-8859-1?q?=E9?=": "aé", "=?none?q?a=C3=A9?=": "aé",
		"=?utf-8?x?a?=": "=?utf-8?x?a?=", "=?utf-8?q?a": "=?utf-8?q?a", "a\x00b\r\n\tc": "a b   c", "=?windows-1251?Q?=CF=F0?= =?koi8-r?Q?=F0?=": "ПрП",
		"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=": "日本", "=?shift_jis?B?k/qWew==?=": "日本", "=?euc-kr?B?x9E=?=": "한", "=?big5?B?pKQ=?=": "中", "=?utf-8?q?a=0D=0ABcc:_b?=": "a  Bcc: b",
	} {
		if got := Text(value); got != want {
			t.Errorf("%q is %q, want %q", value, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for value, want := range map[string]string{
		"a@example.org": "a@example.org", "A B <a@Example.ORG>": "A B <a@Example.ORG> at example.org", `"B, A" <a@b.c>, d@e.f`: "B, A <a@b.c> | d@e.f", "a@b.c (A (B) C)": "A (B) C <a@b.c>",
		"group: a@b.c, d@e.f;": "a@b.c | d@e.f", "=?utf-8?q?=C3=A9=2C?= <a@b.c>": "é, <a@b.c>", "<a@b.c": "a@b.c", "undisclosed-recipients:;": "", "Jane": "Jane", `"a@b.c" <x@y.z>`: "a@b.c <x@y.z>",
		"<>": "", ",,": "", `"`: "", "(": "", "<a@b.c> <d@e.f>": "d@e.f", "/O=X/CN=JANE": "/O=X/CN=JANE", "a@[192.0.2.1]": "a@[192.0.2.1]", "a@b.c;d@e.f": "a@b.c | d@e.f",
	} {
		list, more := Addresses(value, 10)
		var got []string
		for _, a := range list {
			text := a.String()
			if strings.Contains(value, "ORG") && a.Domain() != "" {
				text += " at " + a.Domain()
			}
			got = append(got, text)
		}
		if strings.Join(got, " | ") != want || more {
			t.Errorf("%q is %q, %v; want %q", value, got, more, want)
		}
	}
	if list, more := Addresses(strings.Repeat("a@b.c,", 100), 10); len(list) != 10 || !more {
		t.Errorf("%d addresses, %v", len(list), more)
	}
}

func TestParams(t *testing.T) {
	for value, want := range map[string]string{
		"Text/HTML; Charset=UTF-8": "text/html map[charset:UTF-8]", `a/b; name="x;y\"z" ; b = c`: `a/b map[b:c name:x;y"z]`, "a/b; name*=utf-8'en'%C3%A9; name=x": "a/b map[name:x]",
		"a/b; n*0=a; n*1*=%41; n*2=c": "a/b map[n:aAc]", "a/b; n*0*=iso-8859-1''%E9; n*1*=%E9": "a/b map[n:éé]", "a/b; name==?utf-8?q?=C3=A9?=": "a/b map[name:é]", "": " map[]",
		"a/b;;;=;x": "a/b map[x:]", `a/b; n="open`: "a/b map[n:open]", "a/b; n*=%zz%4": "a/b map[n:%zz%4]",
	} {
		kind, list := params(value)
		if got := fmt.Sprint(kind, " ", list); got != want {
			t.Errorf("%q is %q, want %q", value, got, want)
		}
	}
}

// TestAgainstPython reads what Python's library writes, in its two ways of writing.
func TestAgainstPython(t *testing.T) {
	archivetest.Tool(t, "python3")
	const script = `import sys
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
subject = "Ünïcode, a subject that is long enough to be folded, 日本語の件名はとても長い、とても長い、とても長い Привет"
name = "Jürgen \"the Boss\" Müller, Привет"
file = "ein sehr langer Name einer Datei mit Umläuten äöü und noch viel mehr Wörtern 日本.exe"
if sys.argv[1] == "new":
    m = EmailMessage(policy=policy.SMTP)
    from email.headerregistry import Address
    m["From"] = Address(name, "boss", "example.org")
    m["Subject"] = subject
    m.set_content("text: é", charset="iso-8859-1", cte="quoted-printable")
    m.add_alternative("<p>日本</p>", subtype="html", charset="iso-2022-jp")
    m.add_attachment(b"MZ content", maintype="application", subtype="x-msdownload", filename=file)
else:
    m = MIMEMultipart("mixed")
    m["From"] = Header(name, "utf-8").encode() + " <boss@example.org>"
    m["Subject"] = Header(subject, "utf-8")
    m.attach(MIMEText("text: é", "plain", "iso-8859-1"))
    m.attach(MIMEText("<p>日本</p>", "html", "iso-2022-jp"))
    a = MIMEBase("application", "x-msdownload")
    a.set_payload("TVogY29udGVudA==")
    a["Content-Transfer-Encoding"] = "base64"
    a.add_header("Content-Disposition", "attachment", filename=("utf-8", "", file))
    m.attach(a)
sys.stdout.write(m.as_bytes().decode("latin-1"))`
	const subject = "Ünïcode, a subject that is long enough to be folded, 日本語の件名はとても長い、とても長い、とても長い Привет"
	for _, way := range []string{"new", "old"} {
		data := []byte(archivetest.Run(t, t.TempDir(), "python3", "-c", script, way))
		var parts []string
		report, err := Walk(t.Context(), bytes.NewReader(data), int64(len(data)), func(p Part, r io.Reader) error {
			content, err := io.ReadAll(r)
			parts = append(parts, strings.TrimSpace(string(p.Kind)+" "+p.Name+" "+strings.TrimRight(Decode(content, p.Charset), "\r\n")))
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v\n%s", way, err, data)
		}
		if got := Text(report.Header.Get("Subject")); got != subject {
			t.Errorf("%s: subject %q", way, got)
		}
		from, _ := Addresses(report.Header.Get("From"), 10)
		if want := `Jürgen "the Boss" Müller, Привет`; len(from) != 1 || from[0].Name != want || from[0].Addr != "boss@example.org" {
			t.Errorf("%s: from %q", way, from)
		}
		want := []string{"body  text: é", "body  <p>日本</p>", "attachment ein sehr langer Name einer Datei mit Umläuten äöü und noch viel mehr Wörtern 日本.exe MZ content"}
		if fmt.Sprintf("%q", parts) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: parts %q", way, parts)
		}
	}
}

// BenchmarkWalk reads a large attachment.
func BenchmarkWalk(b *testing.B) {
	data := []byte("Content-Type: multipart/mixed; boundary=edge\n\n--edge\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 200_000) + "--edge--\n")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, err := Walk(b.Context(), bytes.NewReader(data), int64(len(data)), func(_ Part, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
