package pdf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAgree: documents of three writers, in every form that qpdf can give them, are read as qpdf reads them: every object, and
// every byte of every stream.
func TestAgree(t *testing.T) {
	dir := t.TempDir()
	for name, path := range documents(t, dir) {
		objects, streams := agree(t, path, "")
		t.Logf("%s: %d objects, %d streams", name, objects, streams)
		for form, args := range forms {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				to := filepath.Join(t.TempDir(), "form.pdf")
				run(t, "qpdf", append(options("--preserve-unreferenced "+args), path, to)...)
				objects, streams := agree(t, to, "")
				t.Logf("%d objects, %d streams", objects, streams)
			})
		}
	}
}

// documents are files by different writers.
func documents(t *testing.T, dir string) map[string]string {
	t.Helper()
	path := func(name string) string { return filepath.Join(dir, name+".pdf") }
	must(os.WriteFile(path("zoo"), zoo(), 0o600))
	page := filepath.Join(dir, "page.txt")
	must(os.WriteFile(page, []byte("%%MediaBox 0 0 500 500\n%%Font F1 Times-Roman\n%%CJKFont F2 zh-Hans H serif\nBT /F1 30 Tf 50 400 Td (Some text) Tj ET\n1 0 0 rg 0 0 100 100 re f\n"), 0o600))
	run(t, "mutool", "create", "-o", path("mupdf"), "-O", "compress", page, page, page)
	run(t, "mutool", "clean", "-z", "-a", path("mupdf"), path("mupdf-ascii"))
	run(t, "pdftocairo", "-pdf", path("mupdf"), path("cairo"))
	files := map[string]string{}
	for _, name := range []string{"zoo", "mupdf", "mupdf-ascii", "cairo"} {
		files[name] = path(name)
	}
	return files
}

// forms are options of qpdf.
var forms = map[string]string{
	"as it is":              "",
	"in object streams":     "--object-streams=generate",
	"without them":          "--object-streams=disable",
	"uncompressed":          "--compress-streams=n --stream-data=uncompress",
	"for editors":           "--qdf",
	"linearized":            "--linearize",
	"linearized in streams": "--linearize --object-streams=generate",
	"with newlines":         "--newline-before-endstream --normalize-content=y",
	"encrypted":             "--object-streams=generate --encrypt '' owner 256 --",
}

// options splits a command line; ” is an option of no characters.
func options(line string) []string {
	list := strings.Fields(line)
	for i, option := range list {
		list[i] = strings.Trim(option, "'")
	}
	return list
}

// encryptions are options of qpdf for user's and owner's password.
var encryptions = map[string]string{
	"R2":                    "--allow-weak-crypto --encrypt %s %s 40 --",
	"R3":                    "--allow-weak-crypto --encrypt %s %s 128 --use-aes=n --",
	"R4 RC4":                "--allow-weak-crypto --encrypt %s %s 128 --force-V4 --",
	"R4 AES":                "--allow-weak-crypto --encrypt %s %s 128 --use-aes=y --",
	"R4 AES clear metadata": "--allow-weak-crypto --encrypt %s %s 128 --use-aes=y --cleartext-metadata --",
	"R5":                    "--allow-weak-crypto --encrypt %s %s 256 --force-R5 --",
	"R6":                    "--encrypt %s %s 256 --",
	"R6 clear metadata":     "--encrypt %s %s 256 --cleartext-metadata --",
}

// TestAgreeEncrypted: the same for every revision of encryption, with the user's, the owner's and no password.
func TestAgreeEncrypted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "zoo.pdf")
	must(os.WriteFile(path, zoo(), 0o600))
	for name, how := range encryptions {
		for user, layout := range map[string]string{
			"": "--object-streams=generate", "user": "--object-streams=disable", "a password of more than thirty-two bytes": "--object-streams=generate",
		} {
			t.Run(fmt.Sprint(name, " ", user), func(t *testing.T) {
				t.Parallel()
				to := filepath.Join(t.TempDir(), "encrypted.pdf")
				owner := "owner-password"
				args := options(fmt.Sprintf("--preserve-unreferenced "+layout+" "+how, "'USER'", owner))
				args[slices.Index(args, "USER")] = user
				run(t, "qpdf", append(args, path, to)...)
				password := user
				if user == "user" {
					password = owner
				}
				agree(t, to, password)
				if d := openFile(t, to); d.crypt.locked() != (user != "") {
					t.Error("opened without a password")
				}
				for _, passwords := range [][]string{{"wrong", user}, {"wrong", owner, user}} {
					got := openFile(t, to, passwords...).crypt.report
					if user == "" && got.Password != "" || user != "" && (got.Password != passwords[1] || got.Owner != (passwords[1] == owner)) {
						t.Errorf("opened with %q: %+v", passwords, got)
					}
					if got.Revision != int(name[1]-'0') || got.Handler != "Standard" {
						t.Errorf("%+v", got)
					}
				}
			})
		}
	}
}
