package unbox

import (
	"archive/zip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/cfb/cfbtest"
)

// mailWith is a mail with a text and attachments.
func mailWith(text string, files ...file) []byte {
	b := "From: a@example.org\r\nTo: b@example.org\r\nSubject: invoice\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"edge\"\r\n\r\n" +
		"--edge\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n"
	for _, f := range files {
		b += "--edge\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + f.name + "\"\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(f.content)) + "\r\n"
	}
	return []byte(b + "--edge--\r\n")
}

// messageWith is a message of Outlook.
func messageWith(text string, files ...file) []byte {
	wide := func(s string) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(s)) {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
		return b.String()
	}
	streams := []cfbtest.Stream{{Name: "__properties_version1.0", Content: "properties"}, {Name: "__substg1.0_1000001F", Content: wide(text)}}
	for i, f := range files {
		storage := "__attach_version1.0_#0000000" + string(rune('0'+i)) + "/"
		streams = append(streams, cfbtest.Stream{Name: storage + "__substg1.0_37010102", Content: f.content}, cfbtest.Stream{Name: storage + "__substg1.0_3707001F", Content: wide(f.name)})
	}
	return cfbtest.Make([16]byte{}, streams)
}

func TestMailAgainstTools(t *testing.T) {
	dir, want := filesToPack(t)
	plain := map[string]string{}
	for name, content := range want {
		plain[strings.ReplaceAll(filepath.Base(name), " ", "")] = content
		must(os.Rename(filepath.Join(dir, name), filepath.Join(dir, strings.ReplaceAll(filepath.Base(name), " ", ""))))
	}
	names := slices.Sorted(maps.Keys(plain))
	script := `import sys
from email.message import EmailMessage
m = EmailMessage()
m["From"], m["To"], m["Subject"] = "a@example.org", "b@example.org", "files"
m.set_content("hello")
for n in sys.argv[1:]:
    m.add_attachment(open(n, "rb").read(), maintype="application", subtype="octet-stream", filename=n)
sys.stdout.buffer.write(bytes(m))`
	python := plugintest.Output(t, dir, nil, plugintest.Tool(t, "python3"), append([]string{"-c", script}, names...)...)
	out := run(t, python, "document/email")
	plain["body.txt"] = "hello\n"
	if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, plain) {
		t.Errorf("python: %s %s with %q", out.State, out.Message, slices.Sorted(maps.Keys(got)))
	}
	for _, name := range names {
		path := filepath.Join(t.TempDir(), "mail")
		plugintest.Output(t, dir, nil, plugintest.Tool(t, "mpack"), "-s", "subject", "-o", path, name)
		packed, err := os.ReadFile(path)
		must(err)
		out := run(t, packed, "document/email")
		if len(out.Children) != 1 || childContent(t, out.Children[0]) != plain[name] || out.State != event.Completed {
			t.Errorf("mpack, %s: %s %s with %d children", name, out.State, out.Message, len(out.Children))
		}
	}
}

// speaking is a mail that says all there is to say.
const speaking = `Return-Path: <bounce@evil.example>
Received: from relay.example (relay.example [198.51.100.7])
	by mx.example.org (10.0.0.1) with ESMTP id 15.20.8230.12; Mon, 30 Nov 2026 09:00:02 +0000
Received: from [IPv6:2001:db8::9] (helo=laptop [192.168.1.4]) by relay.example; Mon, 30 Nov 2026 10:00:01 +0100
From: =?utf-8?Q?J=C3=BCrgen_?= =?utf-8?B?TcO8bGxlcg==?= <boss@example.org>
Reply-To: <other@Evil.example>
To: "Doe, Jane" <jane@example.org>, bob@example.org (Bob)
Cc: undisclosed:;
Subject: =?koi8-r?B?8NLJ18XU?=, hello
Date: Mon, 30 Nov 2026 10:00:00 +0100 (CET)
Message-ID: <1@evil.example>
References: <a@example.org>
	<b@example.org>
X-Mailer: Mailer 1.0
X-Originating-IP: [203.0.113.9]
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: quoted-printable

=F0=D2=C9=D7=C5=D4 http://www.example.org/=D0, password: Xk9#rain
--inner
Content-Type: text/html; charset=utf-8

<a href="http://evil.example/?b=1&amp;c=2">http://www.example.org/</a> <img src="cid:logo">
--inner--

--outer
Content-Type: image/png
Content-ID: <logo>
Content-Transfer-Encoding: base64

iVBORw==
--outer
Content-Type: application/zip
Content-Disposition: attachment; filename*=utf-8''r%C3%A9port.zip
Content-Transfer-Encoding: base64

UEsDBGxvY2tlZA==
--outer
Content-Type: message/rfc822

Subject: inner

inner text
--outer--
`

// speakingMessage is a message of Outlook that does so.
func speakingMessage() []byte {
	wide := func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return string(b)
	}
	fixed := func(head int, id uint16, value uint64) string {
		b := binary.LittleEndian.AppendUint16(make([]byte, head+2), id)
		return string(binary.LittleEndian.AppendUint64(append(b, 0, 0, 0, 0), value))
	}
	sent := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC).Unix()*1e7 + 116444736000000000
	const prop, inner = "__substg1.0_", "__attach_version1.0_#00000001/__substg1.0_3701000D/"
	return cfbtest.Make([16]byte{}, []cfbtest.Stream{
		{Name: "__properties_version1.0", Content: fixed(32, 0x39, uint64(sent))},
		{Name: prop + "0037001F", Content: wide("Привет")},
		{Name: prop + "0C1A001F", Content: wide("The Boss")},
		{Name: prop + "5D01001F", Content: wide("boss@example.org")},
		{Name: prop + "1035001F", Content: wide("<1@evil.example>")},
		{Name: prop + "007D001F", Content: wide("Received: from x ([203.0.113.9]) by y\r\nX-Mailer: Mailer 1.0\r\n")},
		{Name: prop + "1000001F", Content: wide("see http://evil.example/é")},
		{Name: prop + "10130102", Content: "<a href='http://evil.example/a'>here</a>"},
		{Name: "__recip_version1.0_#00000000/__properties_version1.0", Content: fixed(8, 0xc15, 1)},
		{Name: "__recip_version1.0_#00000000/" + prop + "3001001F", Content: wide("Jane")},
		{Name: "__recip_version1.0_#00000000/" + prop + "39FE001F", Content: wide("jane@example.org")},
		{Name: "__recip_version1.0_#00000001/__properties_version1.0", Content: fixed(8, 0xc15, 2)},
		{Name: "__recip_version1.0_#00000001/" + prop + "3003001F", Content: wide("bob@example.org")},
		{Name: "__attach_version1.0_#00000000/" + prop + "37010102", Content: "\x89PNG"},
		{Name: "__attach_version1.0_#00000000/" + prop + "3707001F", Content: wide("logo.png")},
		{Name: "__attach_version1.0_#00000000/" + prop + "370E001F", Content: wide("image/png")},
		{Name: "__attach_version1.0_#00000000/" + prop + "3712001F", Content: wide("logo")},
		{Name: inner + "__properties_version1.0", Content: fixed(24, 0x39, uint64(sent))},
		{Name: inner + prop + "0037001F", Content: wide("inner")},
		{Name: inner + prop + "0C1F001F", Content: wide("other@example.org")},
		{Name: inner + prop + "1000001F", Content: wide("inner text")},
	})
}

// TestMailIsBounded: no mail has more to say than can be read.
func TestMailIsBounded(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	long := strings.Repeat("é", 3000)
	out := run(t, []byte("From: "+long+"\nSubject: "+long+"\nDate: "+long+"\nX-Long: "+long+"\nTo: "+many("a%d@example.org, ")+"\n"+many("Received: from a%d\n")+"\n"+many("http://example.org/%d ")), "document/email")
	count := map[string]int{}
	for _, f := range out.Features {
		if count[f.Name]++; utf8.RuneCountInString(f.Value) > mostOfValue+1 {
			t.Errorf("%s has %d bytes", f.Name, len(f.Value))
		}
	}
	if count["uri"] != mostLinks || count["mail_to"] != mostOfField || count["mail_address"] != mostOfField || count["mail_received"] != mostOfField || count["mail_subject"] != 1 {
		t.Errorf("features: %v", count)
	}
	const want = "more than 200 addresses in To; more than 200 values of mail_received"
	if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, want) || !strings.Contains(out.Message, "more than 500 links") {
		t.Errorf("%s %s", out.State, out.Message)
	}
}

func TestMailDate(t *testing.T) {
	for value, want := range map[string]string{
		"Mon, 30 Nov 2026 10:00:00 +0100": "2026-11-30T10:00:00+01:00", "30 Nov 26 10:00 GMT": "2026-11-30T10:00:00Z", "Monday, 30 Nov 2026 10:00:00 +0100 (CET)": "2026-11-30T10:00:00+01:00",
		"Mon Nov 30 10:00:00 2026": "2026-11-30T10:00:00Z", "2026-11-30 10:00:00": "2026-11-30T10:00:00Z", "Mon,  30 Nov 2026  10:00:00": "2026-11-30T10:00:00Z", "soon": "", "": "",
		"Mon, 99 Nov 2026 10:00:00 +0100": "",
	} {
		date, is := mailDate(value)
		if got := date.Format(time.RFC3339); is != (want != "") || is && got != want {
			t.Errorf("%q is %s, %v; want %s", value, got, is, want)
		}
	}
}

// dictionary is the password_dictionary of a child.
func dictionary(t *testing.T, c *plugin.Child) []byte {
	t.Helper()
	for _, s := range c.Streams {
		if s.Label == event.LabelPasswordDictionary {
			return []byte(childContent(t, &plugin.Child{Content: s}))
		}
	}
	return nil
}

// TestPasswordInMail: the password that stands in a mail, or in a text beside an archive, opens the archive, through an archive between them too.
func TestPasswordInMail(t *testing.T) {
	locked := file{"invoice.zip", string(makeZip(func(w *zip.Writer) { addAES(w, "invoice.exe", "MZ secret", "Xk9#rain", 3) }))}
	const text = "Dear customer,\r\nplease see the attached invoice. The password for the archive is: Xk9#rain.\r\nRegards"
	for name, c := range map[string]struct {
		content []byte
		format  string
	}{
		"mail": {mailWith(text, locked), "document/email"}, "message of Outlook": {messageWith(text, locked), "document/office/email"},
		"text beside it": {zipOf(file{"readme.txt", text}, locked), "archive/zip"}, "text behind it": {tarOf(locked, file{"readme.txt", text}), "archive/tar"},
	} {
		out := run(t, c.content, c.format)
		i := slices.IndexFunc(out.Children, func(c *plugin.Child) bool { return dictionary(t, c) != nil })
		if i < 0 || out.State != event.Completed {
			t.Errorf("%s: no words come with the archive: %s %s", name, out.State, out.Message)
			continue
		}
		inner := run(t, []byte(childContent(t, out.Children[i])), "archive/zip", plugintest.Stream(event.LabelPasswordDictionary, dictionary(t, out.Children[i])))
		if got := contents(t, inner); inner.State != event.Completed || got["invoice.exe"] != "MZ secret" {
			t.Errorf("%s: %s %s with %q and words %q", name, inner.State, inner.Message, got, dictionary(t, out.Children[i]))
		}
	}
	// An archive between: its own words go on.
	out := run(t, zipOf(locked), "archive/zip", plugintest.Stream(event.LabelPasswordDictionary, []byte("Xk9#rain")))
	if got := string(dictionary(t, out.Children[0])); got != "Xk9#rain" {
		t.Errorf("an archive between passes on %q", got)
	}
	if out := run(t, mailWith(text, file{"note.bin", "plain"}), "document/email"); len(out.Children[0].Streams) != 0 {
		t.Error("words go with what cannot be encrypted")
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"password: infected123": "infected123", "Das Passwort lautet: geheim!": "geheim", "Passwort ist \"Sommer2024\"": "Sommer2024", "PW=abc": "abc",
		"la contraseña es: gato": "gato", "Пароль: секрет1": "секрет1", "密码：1234": "1234", "use «ab_cd» to open": "ab_cd", "<p>Password: <b>Tom&amp;Jerry1</b></p>": "Tom&Jerry1",
		"nothing in here": "", "see https://example.org/a1b2 or mail x1@example.org": "",
	} {
		var c clues
		c.text([]byte(text))
		if got := c.words(nil); want == "" && len(got) > 0 || want != "" && (len(got) == 0 || got[0] != want) {
			t.Errorf("%q: %q, want %q first", text, got, want)
		}
	}
	var c clues
	c.text([]byte(strings.Repeat("word", 20000) + " p4ssword "))
	for i := range 100 {
		c.text([]byte("password: word" + strings.Repeat("x", i)))
	}
	if got := c.words([]string{"came"}); len(got) != mostWords {
		t.Errorf("%d words", len(got))
	}
}

func FuzzMail(f *testing.F) {
	f.Add(0, mailWith("password: x1", file{"a.zip", "PK\x03\x04 and so on"}))
	f.Add(0, []byte(speaking))
	f.Add(1, speakingMessage())
	f.Add(1, messageWith("password: x1", file{"a.zip", "PK\x03\x04 and so on"}))
	limits := fuzzLimits()
	f.Fuzz(func(t *testing.T, format int, content []byte) {
		name := []string{"document/email", "document/office/email"}[uint(format)%2]
		checkFuzzed(t, limits, plugintest.Run(t, New(limits), content, plugintest.Format(name)))
	})
}
