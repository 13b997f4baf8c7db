package unbox

import (
	"bytes"
	"errors"
	"html"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"lazuli/event"
	"lazuli/plugin"
)

// Who sends an encrypted archive mostly sends its password along: in the mail that it is attached to, or in a text beside it. What may be
// one there goes with the archive, as its stream password_dictionary: an analyst sees it, and whoever unpacks the archive tries it.

const (
	mostTextBytes = 64 << 10 // of each text that is looked at
	mostWords     = 18       // that go with an archive: with the two usual passwords these are all that are tried
	mostWord      = 64       // characters
)

// lockable are beginnings of files that may be encrypted.
var lockable = []string{"PK\x03\x04", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "\x60\xea", "%PDF-", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}

// clues is what was found beside one another in an archive or a mail.
type clues struct {
	told, likely []string           // words: those that are called a password, and those that look like one
	archives     []*plugin.NewChild // that they may open
}

// text looks for passwords in a text.
func (c *clues) text(raw []byte) {
	text := strings.ToValidUTF8(string(raw), " ")
	if strings.Contains(text, "</") {
		text = html.UnescapeString(tag.ReplaceAllString(text, " "))
	}
	for _, m := range called.FindAllStringSubmatch(text, -1) {
		c.told = add(c.told, trimWord(m[1]))
	}
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		c.likely = add(c.likely, m[1])
	}
	for word := range strings.FieldsSeq(text) {
		if word = trimWord(word); looksLikePassword(word) {
			c.likely = add(c.likely, word)
		}
	}
}

var (
	tag    = regexp.MustCompile(`<[^<>]{0,1000}>`)
	called = regexp.MustCompile(`(?i)(?:pass ?(?:word|wort|code|phrase|wd)|kennwort|\bpwd?\b|contrase(?:ñ|n)a|\bclave\b|mot de passe|\bmdp\b|\bsenha\b|wachtwoord|parola|hasło|пароль|密码|密碼|パスワード|비밀번호)` +
		`[^\n:=：]{0,40}?(?:\s*[:=：]\s*|\s+(?:is|ist|es|est|é|è|to)\s*:?\s+)["'“„«‘` + "`" + `]?(\S{1,64})`)
	quoted = regexp.MustCompile(`["“„«]([^\s"“”„«»]{3,64})["”“»]`)
)

// trimWord takes off what punctuation surrounds a word in a sentence.
func trimWord(word string) string { return strings.Trim(word, "\"'“”„«»‘’`()[]<>,;:.!?") }

func add(list []string, word string) []string {
	if word == "" || len([]rune(word)) > mostWord || len(list) >= mostWords || slices.Contains(list, word) {
		return list
	}
	return append(list, word)
}

// looksLikePassword tells whether a word is none of a language: it has digits among letters, or signs, and is no address.
func looksLikePassword(word string) bool {
	if len(word) < 4 || strings.Contains(word, "://") || strings.Contains(word, "@") && strings.Contains(word, ".") {
		return false
	}
	var letters, digits, signs bool
	for _, r := range word {
		switch {
		case unicode.IsLetter(r):
			letters = true
		case unicode.IsDigit(r):
			digits = true
		default:
			signs = true
		}
	}
	return digits && (letters || len(word) <= 8) || signs && letters && strings.ContainsAny(word, "!#$%&*+=^~")
}

// words are all, the likeliest first.
func (c *clues) words(came []string) []string {
	var list []string
	for _, word := range slices.Concat(c.told, came, c.likely) {
		list = add(list, word)
	}
	return list
}

// isText tells by the name of an entry whether it is a text that people read.
func isText(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".txt", ".md", ".nfo", ".diz", ".htm", ".html", ".me":
		return true
	}
	return false
}

// listen keeps the beginning of an entry that may be a text.
func (b *box) listen(e *entry, r io.Reader) (io.Reader, *bytes.Buffer) {
	if e.heard || !isText(e.name) {
		return r, nil
	}
	heard := &bytes.Buffer{}
	return io.TeeReader(r, &bounded{heard, mostTextBytes}), heard
}

// bounded takes so many bytes and no more.
type bounded struct {
	b    *bytes.Buffer
	most int
}

func (w *bounded) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), w.most-w.b.Len())])
	return len(p), nil
}

// passWords gives the words that were found to the archives beside them.
func (b *box) passWords() error {
	if len(b.clues.archives) == 0 {
		return nil
	}
	came, err := b.job.Passwords()
	if err != nil {
		return err
	}
	words := b.clues.words(came)
	if len(words) == 0 {
		return nil
	}
	var failures []error
	for _, child := range b.clues.archives {
		failures = append(failures, child.AddStream(event.LabelPasswordDictionary, strings.NewReader(strings.Join(words, "\n"))))
	}
	return errors.Join(failures...)
}
