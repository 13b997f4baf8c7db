package unbox

import (
	"archive/zip"
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

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
	f.Add(1, messageWith("password: x1", file{"a.zip", "PK\x03\x04 and so on"}))
	limits := fuzzLimits()
	f.Fuzz(func(t *testing.T, format int, content []byte) {
		name := []string{"document/email", "document/office/email"}[uint(format)%2]
		checkFuzzed(t, limits, plugintest.Run(t, New(limits), content, plugintest.Format(name)))
	})
}
