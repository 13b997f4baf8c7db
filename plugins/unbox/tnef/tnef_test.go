package tnef

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

const text = `{\rtf1\ansi\deff0{\fonttbl{\f0 Times New Roman;}} Some text, some text, some text again.\par }`

func some() []byte {
	return message(
		raw(levelMessage, attMessage, properties(
			prop{typeLong, 0x0e07, "\x01\x00\x00\x00", ""}, prop{typeUnicode, propSubject, wide("subject"), ""}, prop{typeString8, 0x8005, "own\x00", "n\x00a\x00m\x00"},
			prop{typeBinary, propRTF, rtfValue(text), ""}, prop{typeBinary, propHTML, "<html>", ""},
		)),
		attach(raw(levelAttachment, attTitle, "SHORT~1.TXT\x00"), raw(levelAttachment, attChanged, "\xe8\x07\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x02\x00"),
			raw(levelAttachment, attData, "first"), raw(levelAttachment, attProperties, properties(prop{typeString8, propLongFilename, "a long n\xe4me.txt\x00", ""}))),
		attach(raw(levelAttachment, attTitle, "second.bin\x00"), raw(levelAttachment, attData, strings.Repeat("second", 3000))),
	)
}

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, some()) }

func TestWalk(t *testing.T) {
	want := []archivetest.File{
		{Entry: archive.Entry{Name: "body.rtf", Size: int64(len(text)), Method: "compressed RTF"}, Content: text},
		{Entry: archive.Entry{Name: "body.html", Size: 6}, Content: "<html>"},
		{Entry: archive.Entry{Name: "a long näme.txt", Size: 5, Changed: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}, Content: "first"},
		{Entry: archive.Entry{Name: "second.bin", Size: 18000}, Content: strings.Repeat("second", 3000)},
	}
	files := archivetest.MustRead(t, Walk, some())
	if len(files) != len(want) {
		t.Fatalf("%d entries", len(files))
	}
	for i, f := range files {
		if f.Entry != want[i].Entry || f.Content != want[i].Content {
			t.Errorf("%+v: %.200q", f.Entry, f.Content)
		}
	}
}

// TestEmbedded: a message in the message is TNEF again, without the name of its interface in front.
func TestEmbedded(t *testing.T) {
	inner := message(attach(raw(levelAttachment, attTitle, "x\x00"), raw(levelAttachment, attData, "x")))
	data := message(
		attach(raw(levelAttachment, attProperties, properties(
			prop{typeString8, propDisplayName, "Re: hello\x00", ""}, prop{typeObject, propContent, "\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46" + string(inner), ""}))),
		attach(raw(levelAttachment, attProperties, properties(prop{typeUnicode, propFilename, wide("ü"), ""}, prop{typeBinary, propContent, "value", ""}))),
		attach(raw(levelAttachment, attTransport, "linked")),
		raw(levelMessage, attBody, "plain"),
	)
	files := archivetest.MustRead(t, Walk, data)
	archivetest.Compare(t, archivetest.Contents(files), map[string]string{"body.txt": "plain", "Re: hello": string(inner), "ü": "value"})
	if len(files) != 4 {
		t.Errorf("%+v", files)
	}
}

func TestDamage(t *testing.T) {
	data := some()
	data[strings.Index(string(data), "first")] ^= 1
	data[strings.Index(string(data), "SHORT")] ^= 1
	files, err := archivetest.Read(Walk, data)
	if !errors.Is(err, archive.ErrDamaged) || !errors.Is(files[2].Err, archive.ErrDamaged) || files[2].Content != "girst" || files[3].Err != nil {
		t.Errorf("%v, %+v", err, files[2])
	}
	whole := some()
	files, err = archivetest.Read(Walk, whole[:len(whole)-5000])
	if last := files[len(files)-1]; last.Content != strings.Repeat("second", 3000)[:len(last.Content)] || len(last.Content) < 13_000-10 || last.Err == nil {
		t.Errorf("%v, %d bytes, %v", err, len(last.Content), last.Err)
	}
}

func TestRTF(t *testing.T) {
	for name, c := range map[string]struct{ value, content, damage string }{
		"not compressed": {"\x00\x00\x00\x00\x03\x00\x00\x00MELA\x00\x00\x00\x00abcd", "abc", ""},
		"too short":      {"short", "", "too short"},
		"unknown":        {"\x00\x00\x00\x00\x03\x00\x00\x00XXXX\x00\x00\x00\x00abcd", "", "unknown way"},
		"cut short":      {rtfValue(text)[:40], `{\rtf1\ansi\deff0{\fonttbl{\f0 `, "cut short"},
		"repeats itself": {"\x00\x00\x00\x00\x08\x00\x00\x00LZFu\x00\x00\x00\x00\x02a\x0c\xf5", "aaaaaaaa", ""},
	} {
		files, _ := archivetest.Read(Walk, message(raw(levelMessage, attMessage, properties(prop{typeBinary, propRTF, c.value, ""}))))
		f := files[0]
		if !strings.HasPrefix(f.Content, c.content) || (f.Err != nil) != (c.damage != "") || c.damage != "" && !strings.Contains(f.Err.Error(), c.damage) {
			t.Errorf("%s: %q, %v", name, f.Content, f.Err)
		}
	}
}

// TestTnef: tnef takes out what we do.
func TestTnef(t *testing.T) {
	archivetest.Tool(t, "tnef")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "winmail.dat"), some(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	archivetest.Run(t, dir, "tnef", "-C", "out", "--save-body=body", "--body-pref=ALL", "winmail.dat")
	out := archivetest.ReadFiles(t, filepath.Join(dir, "out"))
	for name, content := range archivetest.Contents(archivetest.MustRead(t, Walk, some())) {
		name = strings.ReplaceAll(name, "ä", "\xe4") // it does not decode names
		if out[name] != content {
			t.Errorf("%s: tnef has %q, we have %q", name, out[name], content)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(some())
	f.Add(message(attach(raw(levelAttachment, attProperties, properties(prop{typeObject, propContent, "0123456789abcdef and more", ""})))))
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}
