package pdf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// active is a document with a script of each kind that poppler finds, and a link.
func active() []byte {
	m := minimal("/Names << /JavaScript << /Names [(doc) 13 0 R] >> >>")
	m.object(3, `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 10] /AA << /O << /S /JavaScript /JS (page\nopened) >> >> /Annots [15 0 R 16 0 R] >>`)
	m.object(13, "<< /S /JavaScript /JS 20 0 R >>")
	m.object(15, "<< /Type /Annot /Subtype /Link /Rect [0 0 1 1] /A << /S /URI /URI (http://example.com/x) >> >>")
	m.object(16, "<< /Type /Annot /Subtype /Screen /Rect [0 0 1 1] /A << /S /JavaScript /JS (annotation) >> >>")
	m.stream(20, "/Filter /FlateDecode", deflated([]byte("named")))
	return m.finish()
}

// TestWalkAgrees: files, scripts and links are those that poppler finds, whatever qpdf does to the document.
func TestWalkAgrees(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		must(os.WriteFile(path, content, 0o600))
		return path
	}
	large := some(100_000)
	text, binary, plain := write("one.txt", []byte("one")), write("two.bin", large), write("plain.pdf", active())
	attached, twice := filepath.Join(dir, "attached.pdf"), filepath.Join(dir, "twice.pdf")
	run(t, "qpdf", plain, "--add-attachment", text, "--mimetype=text/plain", "--creationdate=D:20230102030405Z", "--moddate=D:20240102030405Z", "--",
		"--add-attachment", binary, "--filename=zwei ü.bin", "--", attached)
	run(t, "pdfattach", attached, binary, twice)
	for form, args := range forms {
		t.Run(form, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "form.pdf")
			run(t, "qpdf", append(options(args), twice, to)...)
			content, err := os.ReadFile(to)
			must(err)
			report, parts, err := walkAll(t, content)
			if err != nil || len(report.Facts) > 0 || len(report.Limits) > 0 {
				t.Errorf("%v\n%s", err, describe(report, nil))
			}
			saved := t.TempDir()
			run(t, "pdfdetach", "-saveall", "-o", saved, to)
			entries, err := os.ReadDir(saved)
			must(err)
			var theirs, ours, scripts, links []string
			for _, e := range entries {
				content, err := os.ReadFile(filepath.Join(saved, e.Name()))
				must(err)
				theirs = append(theirs, e.Name()+" "+string(content))
			}
			for _, p := range parts {
				switch p.Kind {
				case EmbeddedFile:
					ours = append(ours, p.Name+" "+p.content)
					if p.Name == "one.txt" && (p.Size != 3 || p.Type != "text/plain" || p.Changed.Format("2006-01-02T15:04:05") != "2024-01-02T03:04:05") {
						t.Errorf("%+v", p.Part)
					}
				case Script:
					scripts = append(scripts, p.content)
				}
			}
			slices.Sort(ours)
			if len(ours) != 3 || !slices.Equal(ours, theirs) {
				t.Errorf("%d files, want %d", len(ours), len(theirs))
			}
			said := regexp.MustCompile(`(?m)^(?:Name Dictionary.*|Page Open|Widget Annotation Activated|Screen Annotation Activated):\n((?:.+\n)*)`).FindAllStringSubmatch(run(t, "pdfinfo", "-js", to), -1)
			var want []string
			for _, s := range said {
				want = append(want, strings.TrimSuffix(s[1], "\n"))
			}
			slices.Sort(scripts)
			slices.Sort(want)
			if len(scripts) != 3 || !slices.Equal(scripts, want) {
				t.Errorf("scripts %q, want %q", scripts, want)
			}
			for _, a := range report.Actions {
				if a.Kind == "URI" {
					links = append(links, a.Target)
				}
			}
			if said := run(t, "pdfinfo", "-url", to); len(links) != 1 || !strings.Contains(said, links[0]) {
				t.Errorf("%q, want %s", links, said)
			}
		})
	}
}

// TestLocked: without the password everything is listed and nothing is read; with it the walk is that of the plain document.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.pdf")
	must(os.WriteFile(plain, active(), 0o600))
	for name, how := range encryptions {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "locked.pdf")
			run(t, "qpdf", append(options(fmt.Sprintf(how, "secret", "owner")), plain, to)...)
			content, err := os.ReadFile(to)
			must(err)
			report, parts, err := walkAll(t, content, "wrong", "also wrong")
			if !errors.Is(err, archive.ErrEncrypted) || report == nil || report.Encryption == nil || report.Encryption.Opened || len(report.Facts) > 0 {
				t.Fatalf("%v, %+v", err, report)
			}
			scripts := 0
			for _, p := range parts {
				if p.Kind == Script {
					scripts++
				}
				if p.err == nil || !p.Encrypted || p.content != "" {
					t.Errorf("%+v", p)
				}
			}
			var actions []string
			for _, a := range report.Actions {
				actions = append(actions, a.Kind+a.Target)
			}
			slices.Sort(actions)
			if got := strings.Join(actions, " "); scripts != 3 || got != "JavaScript JavaScript JavaScript URI" {
				t.Errorf("%d scripts, actions %s", scripts, got)
			}
			for _, password := range []string{"secret", "owner"} {
				report, parts, err := walkAll(t, content, "wrong", password)
				text := describe(report, parts)
				for _, want := range []string{`"named"`, `"page\nopened"`, `"annotation"`, "http://example.com/x"} {
					if err != nil || !strings.Contains(text, want) {
						t.Errorf("%s is missing from\n%s%v", want, text, err)
					}
				}
				if e := report.Encryption; !e.Opened || e.Password != password || e.Owner != (password == "owner") {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// TestForeignHandler: what other security handlers encrypt is not read, and not taken for plain text.
func TestForeignHandler(t *testing.T) {
	content := minimal("/OpenAction << /S /URI /URI (garbage) >>").stream(4, "", []byte("garbage")).object(5, "<< /Filter /Adobe.PubSec /V 4 /CF << /A << /CFM /AESV2 >> >> /StmF /A /StrF /A >>").
		table("/Root 1 0 R /Encrypt 5 0 R").Bytes()
	report, parts, err := walkAll(t, content, "x")
	if !errors.Is(err, archive.ErrEncrypted) || report.Encryption.Handler != "Adobe.PubSec" || report.Actions[0].Target != "" || len(parts) != 1 || parts[0].err == nil {
		t.Errorf("%v %+v %+v", err, report.Encryption, parts)
	}
}
