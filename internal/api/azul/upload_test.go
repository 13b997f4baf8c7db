package azul

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/bulk"
	"lazuli/internal/cart"
)

// field is a part of a form; one with a file has its name before a colon in name.
type field struct{ name, value string }

// uploadForm writes a form in the given order.
func uploadForm(t *testing.T, fields ...field) (body, kind string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, f := range fields {
		var part io.Writer
		var err error
		if name, file, ok := strings.Cut(f.name, ":"); ok {
			part, err = w.CreateFormFile(name, file)
		} else {
			part, err = w.CreateFormField(f.name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, f.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String(), w.FormDataContentType()
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// usual is a form as azul-client sends it.
func usual(more ...field) []field {
	return append([]field{{"source_id", "samples"}, {"references", `{"user":"bob"}`}, {"timestamp", "2025-05-06T07:08:09.1234567Z"}, {"security", "low"}, {"filename", "a.txt"}}, more...)
}

func TestUpload(t *testing.T) {
	w := newWorld(t)
	var wrapped bytes.Buffer
	if err := cart.Wrap(&wrapped, strings.NewReader("in a CaRT"), cart.Key{}, cart.Metadata{"name": "inner.txt"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		fields []field
		sha    string
		check  func(*event.Binary) bool
	}{
		{"as azul-client sends it", usual(field{"settings", `{"passwords":"x"}`}, field{"stream_labels", "text"}, field{"binary:a.txt", "content"}, field{"stream_data:t", "a note"}), sumOf("content"),
			func(b *event.Binary) bool {
				return b.Source.Name == "samples" && b.Source.Security == "LOW" && b.Source.References["user"] == "bob" && b.Source.Settings["passwords"] == "x" &&
					b.Source.Timestamp.Equal(time.Date(2025, 5, 6, 7, 8, 9, 123456000, time.UTC)) && len(b.Entity.Datastreams) == 2 && b.Entity.Datastreams[1].Label == "text" &&
					b.Source.Path[0].Filename == "a.txt" && b.Author.Name == "root" && b.Author.Security == "LOW"
			}},
		{"files before all else", append([]field{{"stream_data:t", "a note"}, {"binary:b.txt", "other"}, {"stream_labels", "report"}}, usual()...), sumOf("other"),
			func(b *event.Binary) bool {
				return len(b.Entity.Datastreams) == 2 && b.Entity.Datastreams[1].Label == "report"
			}},
		{"a CaRT", []field{{"source_id", "local"}, {"timestamp", "2025-06-01T11:00:00+02:00"}, {"filename", "x.cart"}, {"binary:x.cart", wrapped.String()}}, sumOf("in a CaRT"),
			func(b *event.Binary) bool {
				return b.Source.Path[0].Filename == "inner.txt" && b.Source.Security == "LOW TLP:CLEAR"
			}},
		{"in a time to come", usual(field{"timestamp", "2999-01-01T00:00:00Z"}, field{"binary:a", "later"}), sumOf("later"),
			func(b *event.Binary) bool { return b.Source.Timestamp.Equal(testNow) }},
	} {
		w.published = nil
		body, kind := uploadForm(t, c.fields...)
		code, text, head := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source?refresh=false&extract=false&password=", body, "Content-Type", kind)
		if code != http.StatusOK || !strings.HasPrefix(text, `[{"sha256":"`+c.sha) || head.Get("X-Azul-Security") == "" {
			t.Errorf("%s: %d %s", c.name, code, text)
			continue
		}
		if b := w.published[0].(*event.Binary); len(w.published) != 1 || !c.check(b) {
			t.Errorf("%s: %+v", c.name, b)
		}
	}
}

// TestUploadRefused: what is wrong is said in the shape that azul-client reads, and nothing is published.
func TestUploadRefused(t *testing.T) {
	w := newWorld(t)
	without := func(name string, more ...field) []field {
		var out []field
		for _, f := range usual(more...) {
			if f.name != name {
				out = append(out, f)
			}
		}
		return out
	}
	file := field{"binary:a", "x"}
	var cut bytes.Buffer
	if err := cart.Wrap(&cut, strings.NewReader("in a CaRT"), cart.Key{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fields     []field
		code       int
		key, words string
	}{
		{without("source_id", file), 422, `"detail":[`, "source_id is missing"},
		{usual(field{"source_id", "nosuch"}, file), 400, `"message":"`, "nosuch"},
		{without("references", file), 400, `{"ref":"bad references","message":"source samples needs the reference user (who)"}`, ""},
		{usual(field{"references", `{"user":" "}`}, file), 400, `"message":"`, "needs the reference user (who)"},
		{usual(field{"references", `{"user":"` + strings.Repeat("x", 16<<10) + `"}`}, file), 400, `{"ref":"bad references","message":"`, "more than 16384 bytes"},
		{usual(field{"references", `{"user":"b","colour":"red"}`}, file), 400, `"message":"`, "no reference"},
		{usual(field{"references", `[1]`}, file), 422, `"detail":[`, "JSON object"},
		{usual(field{"settings", `{"a":1}`}, file), 422, `"detail":[`, "JSON object"},
		{usual(field{"timestamp", "yesterday"}, file), 422, `"detail":[`, "ISO 8601"},
		{without("timestamp", file), 422, `"detail":[`, "timestamp is missing"},
		{usual(field{"security", "NOPE"}, file), 422, `"message":"`, "NOPE"},
		{usual(field{"binary:a", ""}), 400, `"message":"`, "no content in request body"},
		{usual(), 422, `"detail":[`, "the file is missing"},
		{usual(file, file), 422, `"detail":[`, "one file"},
		{usual(file, field{"stream_data:t", "x"}), 422, `"detail":[`, "label of its own"},
		{usual(field{"stream_labels", "content"}, file, field{"stream_data:t", "x"}), 422, `"detail":[`, "not content"},
		{usual(field{"binary:a", cut.String()[:cut.Len()-40]}), 400, `"message":"`, ""},
		{usual(field{"filename", strings.Repeat("x", 5000)}, file), 422, `"detail":[`, "4096"},
		{without("filename", field{"binary:" + strings.Repeat("x", 5000), "x"}), 422, `"detail":[`, "4096"},
	} {
		body, kind := uploadForm(t, c.fields...)
		code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source", body, "Content-Type", kind)
		if code != c.code || !strings.Contains(text, c.key) || !strings.Contains(text, c.words) {
			t.Errorf("%v: %d %s, want %d with %s and %q", c.fields, code, text, c.code, c.key, c.words)
		}
	}
	body, kind := uploadForm(t, usual(field{"security", "HIGH REL:A"}, file)...)
	if code, text, _ := w.ask(t, "LOW", http.MethodPost, prefix+"/binaries/source", body, "Content-Type", kind); code != 422 || !strings.Contains(text, "may not") {
		t.Errorf("somebody else's label: %d %s", code, text)
	}
	if code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source", body[:len(body)-30], "Content-Type", kind); code != 422 || !strings.Contains(text, "ends early") {
		t.Errorf("half a form: %d %s", code, text)
	}
	if code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source", "{}"); code != 422 {
		t.Errorf("no form: %d %s", code, text)
	}
	if len(w.published) > 0 {
		t.Errorf("published all the same: %+v", w.published)
	}
}

func TestUploadDatalessAndChildren(t *testing.T) {
	w := newWorld(t, openBatch())
	form := "sha256=" + sha("f") + "&source_id=local&timestamp=2025-05-06T07:08:09Z&security=LOW&include_queries=false&filename=d.txt"
	code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source/dataless", form, "Content-Type", "application/x-www-form-urlencoded")
	if b := w.published[0].(*event.Binary); code != 200 || b.Action != event.Mapped || b.Entity.SHA256 != sha("f") || !strings.Contains(text, `"sha256":"`+sha("f")) {
		t.Errorf("dataless: %d %s %+v", code, text, b)
	}
	w.published = nil
	child := []field{{"timestamp", "2025-05-06T07:08:09Z"}, {"security", "LOW"}, {"relationship", `{"action":"dropped"}`}, {"parent_type", "binary"}, {"parent_sha256", sha("1")}, {"filename", "c.txt"}, {"binary:c.txt", "child"}}
	body, kind := uploadForm(t, child...)
	code, text, _ = w.ask(t, "admin", http.MethodPost, prefix+"/binaries/child", body, "Content-Type", kind)
	if code != 200 || len(w.published) != 2 {
		t.Fatalf("child: %d %s %+v", code, text, w.published)
	}
	insert, b := w.published[0].(*event.Insert), w.published[1].(*event.Binary)
	if insert.Entity.ParentSHA256 != sha("1") || insert.Entity.Child.SHA256 != sumOf("child") || insert.Entity.ChildHistory.Relationship["action"] != "dropped" {
		t.Errorf("insert: %+v", insert)
	}
	if n := len(b.Source.Path); n != 2 || b.Source.Path[0].SHA256 != sha("1") || b.Source.Path[1].SHA256 != sumOf("child") || b.Source.Security != "LOW TLP:CLEAR" || b.Source.References["user"] != "bob" {
		t.Errorf("child's event: %+v", b)
	}
	child[4].value = sha("e")
	body, kind = uploadForm(t, child...)
	if code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/child", body, "Content-Type", kind); code != 400 || !strings.Contains(text, "message") {
		t.Errorf("a child of nobody: %d %s", code, text)
	}
	w.published, w.records = nil, map[string][]byte{}
	record, err := event.AppendJSON(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	w.records["t/0/open"] = record
	code, text, _ = w.ask(t, "admin", http.MethodPost, prefix+"/binaries/"+sha("1")+"/expedite?bypass_cache=true", "")
	if code != 200 || strings.TrimSpace(text) != "true" || len(w.published) != 1 || !w.published[0].(*event.Binary).Flags.Expedite || !w.published[0].(*event.Binary).Flags.BypassCache {
		t.Errorf("expedite: %d %s %+v", code, text, w.published)
	}
}

// archiveOf makes a ZIP file.
func archiveOf(t *testing.T, files ...field) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		into, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(into, f.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestExtract(t *testing.T) {
	w := newWorld(t)
	extract := func(content, query string) (int, string) {
		w.published = nil
		body, kind := uploadForm(t, usual(field{"binary:a.zip", content})...)
		code, text, _ := w.ask(t, "admin", http.MethodPost, prefix+"/binaries/source?extract=true"+query, body, "Content-Type", kind)
		return code, text
	}
	code, text := extract(archiveOf(t, field{"dir/", ""}, field{"dir/one.txt", "one"}, field{"empty", ""}, field{`..\two.txt`, "two"}), "")
	if code != 200 || len(w.published) != 2 {
		t.Fatalf("%d %s", code, text)
	}
	for i, want := range []struct{ name, sha string }{{"dir/one.txt", sumOf("one")}, {"two.txt", sumOf("two")}} {
		if b := w.published[i].(*event.Binary); b.Source.Path[0].Filename != want.name || b.Entity.SHA256 != want.sha {
			t.Errorf("file %d: %+v", i, b.Source.Path)
		}
	}
	var encrypted bytes.Buffer
	contents := map[string]string{sumOf("one"): "one", sumOf(strings.Repeat("two", 1000)): strings.Repeat("two", 1000)}
	err := bulk.Write(t.Context(), &encrypted, bulk.Encrypted("sesame"), []string{sumOf("one"), sumOf(strings.Repeat("two", 1000))}, opener(contents))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := extract(encrypted.String(), "&password=sesame"); code != 200 || len(w.published) != 2 {
		t.Errorf("encrypted: %d %s", code, text)
	}
	for _, c := range []struct{ content, query, words string }{
		{encrypted.String(), "&password=wrong", "password is wrong"},
		{encrypted.String(), "", "encrypted"},
		{"no archive", "", "no ZIP file"},
		{"", "", "no content in request body"},
		{archiveOf(t, field{strings.Repeat("x", 300), "y"}), "", "255 characters"},
		{archiveOf(t), "", "no files"},
		{strings.Replace(archiveOf(t, field{"a", strings.Repeat("abc", 5000)}), "\x7f", "\x7e", 3), "", ""},
	} {
		if code, text := extract(c.content, c.query); c.words != "" && (code != 400 || !strings.Contains(text, c.words)) || code >= 500 {
			t.Errorf("%q: %d %s", c.words, code, text)
		}
	}
	many := make([]field, maxMembers+1)
	for i := range many {
		many[i] = field{strings.Repeat("a", i%200+1), "x"}
	}
	if code, text := extract(archiveOf(t, many...), ""); code != 400 || !strings.Contains(text, "1000 files") {
		t.Errorf("many: %d %s", code, text)
	}
}

// opener opens what a map holds.
func opener(contents map[string]string) bulk.Open {
	return func(_ context.Context, sha string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(contents[sha])), nil
	}
}
