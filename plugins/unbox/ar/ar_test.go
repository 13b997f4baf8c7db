package ar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

// member is one as it stands in an archive.
func member(name, content string) string {
	m := fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", name, 1_600_000_000, 0, 0, 0o644, len(content), content)
	return m + strings.Repeat("\n", len(m)%2)
}

func archived(members ...string) []byte { return []byte(magic + strings.Join(members, "")) }

// sample has names in all the ways of GNU and BSD.
var sample = archived(
	member("/", "symbols"), member("/SYM64/", "more"), member("//", "a long name of GNU/\nanother/\n"),
	member("short/", "one"), member("/0", "four"), member("/20", ""), member("plain", "two words"),
	member("#1/20", "a long name of BSD\x00\x00five!"), member("#1/12", "__.SYMDEF SORTED"), member("__.SYMDEF", "symbols"),
)

func TestSuite(t *testing.T) { archivetest.Suite(t, Walk, sample) }

func FuzzWalk(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, data []byte) { archivetest.Check(t, Walk, data) })
}

func TestWalk(t *testing.T) {
	want := []struct{ name, content string }{
		{"short", "one"}, {"a long name of GNU", "four"}, {"another", ""}, {"plain", "two words"}, {"a long name of BSD", "five!"},
	}
	files := archivetest.MustRead(t, Walk, sample)
	if len(files) != len(want) {
		t.Fatalf("%d members", len(files))
	}
	for i, f := range files {
		e := archive.Entry{Name: want[i].name, Size: int64(len(want[i].content)), Changed: time.Unix(1_600_000_000, 0).UTC()}
		if f.Entry != e || f.Content != want[i].content {
			t.Errorf("%+v: %q, want %+v", f.Entry, f.Content, e)
		}
	}
}

// TestDamaged: what can be read is, and the error says where it ends.
func TestDamaged(t *testing.T) {
	long := member("long", "content")
	for name, c := range map[string]struct {
		data []byte
		want string // names and contents
		err  string
	}{
		"nothing in it":                 {archived(), "", ""},
		"a header cut short":            {archived(member("a", "1"), "b"), "a=1 ", "ar: a header is cut short at 70: damaged"},
		"no header":                     {archived(member("a", "1"), strings.Repeat("x", 60)), "a=1 ", "ar: there is no header at 70: damaged"},
		"content cut short":             {archived(long[:len(long)-4]), "long=cont(cut) ", ""},
		"a size below zero":             {archived(strings.Replace(member("a", "1"), "1         `", "-1        `", 1)), "", "ar: there is no header at 8: damaged"},
		"a size without an end":         {archived(strings.Replace(member("a", "1"), "1         `", "9999999999`", 1)), "a=1\n(cut) ", ""},
		"a name behind its table":       {archived(member("//", "x/\n"), member("/7", "1")), "/7=1 ", ""},
		"a name without a table":        {archived(member("/x", "1")), "/x=1 ", ""},
		"a name longer than its member": {archived(member("#1/9", "abc")), "", "ar: a long name has a wrong length at 68: damaged"},
	} {
		files, err := archivetest.Read(Walk, c.data)
		var got strings.Builder
		for _, f := range files {
			fmt.Fprintf(&got, "%s=%s", f.Name, f.Content)
			if f.Err != nil {
				got.WriteString("(cut)")
				if !errors.Is(f.Err, archive.ErrDamaged) {
					t.Errorf("%s: reading %q: %v", name, f.Name, f.Err)
				}
			}
			got.WriteString(" ")
		}
		if got.String() != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %q, %v; want %q, %s", name, got.String(), err, c.want, c.err)
		}
	}
}

func TestAgainstTools(t *testing.T) {
	archivetest.Tool(t, "ar", "bsdtar")
	files := map[string]string{"a": "1", "odd name": "odd", "a name of more than fifteen": strings.Repeat("long ", 1000), "empty": ""}
	for _, command := range []string{"ar q x.a *", "bsdtar -c --format=arbsd -f x.a *"} {
		dir := t.TempDir()
		archivetest.WriteFiles(t, dir, files)
		archivetest.Run(t, dir, "sh", "-c", command)
		archivetest.Compare(t, archivetest.Contents(archivetest.MustRead(t, Walk, archivetest.MustReadFile(t, dir+"/x.a"))), files)
	}
}
