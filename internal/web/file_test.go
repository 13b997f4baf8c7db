package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lazuli/internal/blob"
	"lazuli/internal/index"
)

// keep stores a file with a stream beside it and tells the index of them.
func (p *platform) keep(t *testing.T, content, beside []byte, besideFormat string, features ...index.Feature) (file, stream string) {
	t.Helper()
	put := func(label string, b []byte) string {
		sum := sha256.Sum256(b)
		name := hex.EncodeToString(sum[:])
		up, err := p.store.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer up.Discard()
		if _, err := up.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := up.Commit(t.Context(), blob.Key{Source: "local", Label: label, SHA256: name}); err != nil {
			t.Fatal(err)
		}
		return name
	}
	file, stream = put("content", content), put("text", beside)
	d := document(file, nasty, features...)
	d.Size, d.FileFormat = int64(len(content)), "executable/windows/pe32"
	d.Streams = []index.Stream{{Label: "content", SHA256: file, Size: int64(len(content)), FileFormat: d.FileFormat, Source: "local"},
		{Label: "text", SHA256: stream, Size: int64(len(beside)), FileFormat: besideFormat, MIME: "image/png", Source: "local"}}
	p.apply(index.Batch{Documents: []index.Document{d}}, file)
	return file, stream
}

// ok returns a page that must be there, and be safe.
func ok(t *testing.T, server *httptest.Server, path string) string {
	t.Helper()
	code, page, _ := get(t, server.URL+path)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %.500s", path, code, page)
	}
	safe(t, path, page)
	return page
}

func post(t *testing.T, server *httptest.Server, path string, v url.Values) (int, string) {
	t.Helper()
	res, err := http.PostForm(server.URL+path, v)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Request.URL.RequestURI() + " " + string(body)
}

func TestTags(t *testing.T) {
	_, server := newSite(t)
	path := "/file/" + sha("a")
	if code, page := post(t, server, path+"/tags", url.Values{"tag": {" apt-1 "}}); code != 200 || !strings.HasPrefix(page, path+" ") || !strings.Contains(page, ">apt-1</a>") {
		t.Fatalf("%d %.300s", code, page)
	}
	if page := ok(t, server, "/search?q=binary.tag:apt-1"); !strings.Contains(page, "1 file<") || !strings.Contains(page, `<a class="tag" href="/search?q=binary.tag%3A%22apt-1%22">apt-1</a>`) {
		t.Error("no hit with its tag")
	}
	for _, bad := range []string{"", "Two Words", strings.Repeat("x", 26), nasty} {
		if code, page := post(t, server, path+"/tags", url.Values{"tag": {bad}}); code != 400 {
			t.Errorf("%q: %d %.300s", bad, code, page)
		} else {
			safe(t, bad, page)
		}
	}
	if code, _ := post(t, server, "/file/"+sha("9")+"/tags", url.Values{"tag": {"x"}}); code != 404 {
		t.Error("a file that is not known:", code)
	}
	if code, page := post(t, server, path+"/tags", url.Values{"tag": {"apt-1"}, "remove": {"1"}}); code != 200 || strings.Contains(page, ">apt-1</a>") {
		t.Errorf("%d, or it is still there", code)
	}
}

// TestFeatureLinks: each value leads to the files that have it and that share parts of it.
func TestFeatureLinks(t *testing.T) {
	p, server := newSite(t)
	off, length := uint64(0x20), uint64(4)
	file, _ := p.keep(t, []byte("x"), []byte("y"), "text/plain",
		index.Feature{Name: "uri", Type: "uri", Value: "http://evil.example:8080/a/b?c=1"}, index.Feature{Name: "path", Type: "filepath", Value: `C:\Windows\Temp\a.exe`},
		index.Feature{Name: nasty, Type: "string", Value: nasty, Offset: &off, Length: &length})
	page := ok(t, server, "/file/"+file)
	found := 0
	for _, m := range regexp.MustCompile(`href="(/search\?[^"]*features[^"]*)"`).FindAllStringSubmatch(page, -1) {
		found++
		if page := ok(t, server, html.UnescapeString(m[1])); !strings.Contains(page, "1 file<") {
			t.Errorf("%s does not find the file", m[1])
		}
	}
	if found < 10 { // three values, host, port, path, query, three folders, end
		t.Errorf("%d links", found)
	}
	for _, want := range []string{"host evil.example", "port 8080", "path /a/b", "query c=1", "in C:/Windows/Temp", "ends a.exe", `hex?length=4&amp;offset=0x20">at 0x20</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestManyValues(t *testing.T) {
	p, server := newSite(t)
	var many []index.Feature
	for i := range shownValues + 7 {
		many = append(many, index.Feature{Name: "many", Type: "string", Value: strings.Repeat("v", i+1)})
	}
	file, _ := p.keep(t, []byte("x"), []byte("y"), "text/plain", many...)
	if page := ok(t, server, "/file/"+file); !strings.Contains(page, "and 7 more") || !strings.Contains(page, "?all=many") {
		t.Error("nothing says that there are more")
	}
	if page := ok(t, server, "/file/"+file+"?all=many"); strings.Contains(page, "and 7 more") || strings.Count(page, ">pivot</a>") != shownValues+7 {
		t.Error("not all")
	}
}

func TestPivot(t *testing.T) {
	p, server := newSite(t)
	domain := index.Feature{Name: "domain", Type: "string", Value: nasty}
	family := index.Feature{Name: "family", Type: "string", Value: "x & <b>"}
	for i, letter := range []string{"4", "5", "6"} {
		d := document(sha(letter), "f", domain)
		if i < 2 {
			d.Features = append(d.Features, family)
		}
		p.apply(index.Batch{Documents: []index.Document{d}}, "")
	}
	path := pivotTo("domain", nasty)
	page := ok(t, server, path)
	if !strings.Contains(page, "3 files with") || !strings.Contains(page, `<span class="num">2</span>`) {
		t.Fatalf("%s", page)
	}
	next := links(page, "keep-this")
	if len(next) != 1 || next[0] != pivotTo("domain", nasty, "family", "x & <b>") {
		t.Fatalf("%q", next)
	}
	if page := ok(t, server, next[0]); !strings.Contains(page, "2 files with") {
		t.Errorf("%s", page)
	}
	search := regexp.MustCompile(`class="button" href="([^"]*)">Search`).FindStringSubmatch(page)
	if page := ok(t, server, html.UnescapeString(search[1])); !strings.Contains(page, ">3 files<") {
		t.Errorf("%s does not find them", search[1])
	}
	if code, page := post(t, server, "/pivot/tags", url.Values{"f": {"domain"}, "v": {nasty}, "tag": {"c2"}, "back": {"https://elsewhere.example"}}); code != 200 ||
		!strings.HasPrefix(page, path+" ") || !strings.Contains(page, ">c2</a>") {
		t.Errorf("%d %.200s", code, page)
	}
	if page := ok(t, server, "/search?q=feature.tag:c2"); !strings.Contains(page, "3 files<") {
		t.Error("the tag of the value finds no files")
	}
	if page := ok(t, server, "/file/"+sha("4")); !strings.Contains(page, ">c2</a>") {
		t.Error("no tag at the value")
	}
	if _, page := post(t, server, "/pivot/tags", url.Values{"f": {"domain"}, "v": {nasty}, "tag": {"c2"}, "remove": {"1"}, "back": {path}}); strings.Contains(page, ">c2</a>") {
		t.Error("the tag is still there")
	}
	for _, bad := range []string{"/pivot", "/pivot?f=a", "/pivot?f=a&v=b&v=c"} {
		if code, _, _ := get(t, server.URL+bad); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
}

func TestSimilar(t *testing.T) {
	p, server := newSite(t)
	rare := index.Feature{Name: "rare", Type: "string", Value: "only these two"}
	one, two := document(sha("4"), "one", rare), document(sha("5"), nasty, rare)
	one.SSDeep, two.SSDeep = "96:abcdefghijklmnopqrstuvwxyzABCDEF:abcdefghijklmnop", "96:abcdefghijklmnopqrstuvwxyzABCDEG:abcdefghijklmnoq"
	p.apply(index.Batch{Documents: []index.Document{one, two}}, "")
	page := ok(t, server, "/file/"+sha("4")+"/similar?fragment=1")
	if strings.Contains(page, "<html") || !strings.Contains(page, "/file/"+sha("5")) || !strings.Contains(page, "100 %") || strings.Count(page, "/file/"+sha("4")) != 1 {
		t.Errorf("%s", page)
	}
	if page := ok(t, server, "/file/"+sha("b")+"/similar"); !strings.Contains(page, "None that is known") {
		t.Errorf("%s", page)
	}
	if page := ok(t, server, "/file/"+sha("4")); !strings.Contains(page, `data-src="/file/`+sha("4")+`/similar"`) {
		t.Error("nothing to open")
	}
}

func TestGraphPage(t *testing.T) {
	p, server := newSite(t)
	other := document(sha("7"), "sibling")
	other.ID, other.Action, other.Author.Name = "sibling", "extracted", nasty
	other.Path = []index.PathNode{{SHA256: sha("a")}, {SHA256: sha("7"), Filename: nasty, Relationship: map[string]string{"action": nasty}}}
	p.apply(index.Batch{Documents: []index.Document{other}}, "")
	page := ok(t, server, "/file/"+sha("b"))
	if !strings.Contains(page, `aria-label="2 files and 1 links between them"`) || !strings.Contains(page, "archive.zip") || !strings.Contains(page, "+1 more") {
		t.Errorf("%s", page)
	}
	if page := ok(t, server, "/file/"+sha("b")+"/graph"); !strings.Contains(page, `aria-label="3 files and 2 links between them"`) {
		t.Errorf("%s", page)
	}
	if page := ok(t, server, "/file/"+sha("a")+"/graph?fragment=1"); !strings.Contains(page, "<svg") {
		t.Errorf("%s", page)
	}
}

// TestResults: what an older version of a plugin said can still be read.
func TestResults(t *testing.T) {
	p, server := newSite(t)
	for i, value := range []string{"first", "second"} {
		d := document(sha("a"), "", index.Feature{Name: "verdict", Type: "string", Value: value})
		d.ID, d.Action, d.Author, d.Timestamp = "judge", "enriched", index.Author{Name: "Judge", Version: fmt.Sprint(i)}, time.Now().Add(time.Duration(i)*time.Second)
		d.Info = []byte(`{"said":"<script>alert('x')</script>"}`)
		p.apply(index.Batch{Documents: []index.Document{d}}, "")
	}
	if page := ok(t, server, "/file/"+sha("a")); strings.Contains(page, ">first</a>") || !strings.Contains(page, ">second</a>") {
		t.Error("the file's page shows what is no more")
	}
	page := ok(t, server, "/file/"+sha("a")+"/results")
	if !strings.Contains(page, ">first</td>") || !strings.Contains(page, ">second</td>") || !strings.Contains(page, ">older</span>") {
		t.Errorf("%s", page)
	}
}

func TestStreamPage(t *testing.T) {
	p, server := newSite(t)
	text := append([]byte("line\n"+nasty+"\xff"), bytes.Repeat([]byte("é"), maxText)...)
	file, stream := p.keep(t, []byte("MZ"), text, "text/plain")
	if page := ok(t, server, "/file/"+file); !strings.Contains(page, "/stream/"+stream) || strings.Contains(page, "/stream/"+file) {
		t.Error("only the text may be seen")
	}
	if page := ok(t, server, "/file/"+file+"/stream/"+stream); !strings.Contains(page, "line\n&lt;script&gt;") || !strings.Contains(page, "It goes on") {
		t.Errorf("%.500s", page)
	}
	if code, page, _ := get(t, server.URL+"/file/"+file+"/stream/"+file); code != 400 || !strings.Contains(page, "download the CaRT") {
		t.Errorf("the program itself: %d", code)
	}
	if code, _, _ := get(t, server.URL+"/file/"+file+"/stream/"+sha("9")); code != 404 {
		t.Error(code)
	}
	file, stream = p.keep(t, []byte("MZ2"), []byte("picture"), "image/png")
	if page := ok(t, server, "/file/"+file+"/stream/"+stream); !strings.Contains(page, `<img class="picture" src="/api/v0/binaries/`+file+`/content/`+stream+`"`) {
		t.Errorf("%s", page)
	}
}

// TestOneValue: what several plugins found is one line, and what every file has comes last.
func TestOneValue(t *testing.T) {
	p, server := newSite(t)
	off := uint64(16)
	for i, plugin := range []string{"A", "B", "C"} {
		d := document(sha("4"), "f", index.Feature{Name: "filename", Type: "filepath", Value: "setup.exe"}, index.Feature{Name: "url", Type: "string", Value: "same"},
			index.Feature{Name: "score", Type: "float", Value: "5.702044582187162"})
		d.ID, d.Action, d.Author.Name = plugin, "enriched", plugin
		if i == 2 {
			d.Features = append(d.Features, index.Feature{Name: "url", Type: "string", Value: "same", Offset: &off})
		}
		p.apply(index.Batch{Documents: []index.Document{d}}, "")
	}
	page := ok(t, server, "/file/"+sha("4"))
	if n := strings.Count(page, ">same</a>"); n != 2 || !strings.Contains(page, `<td class="plugin" title="A, B, C">A, …</td>`) {
		t.Errorf("%d lines of one value at two places, or not by all", n)
	}
	if name, url := strings.Index(page, ">filename</th>"), strings.Index(page, ">url</th>"); name < url || url < 0 {
		t.Error("the name comes before what was found")
	}
	if !strings.Contains(page, `title="5.702044582187162">5.70204</a>`) {
		t.Error("a number is shown to its last digit, or not at all")
	}
}

// TestFaults: a page begins with what went wrong, by the newest version of each plugin.
func TestFaults(t *testing.T) {
	p, server := newSite(t)
	now := time.Now()
	state := func(plugin, version, state, message string) index.StatusDocument {
		return index.StatusDocument{ID: plugin + version, SHA256: sha("4"), Author: index.Author{Name: plugin, Version: version}, State: state, Message: message, Timestamp: now}
	}
	old := state("Mended", "1", "error-exception", "long ago")
	old.Timestamp = now.Add(-time.Hour)
	p.apply(index.Batch{Documents: []index.Document{document(sha("4"), "f")}, Statuses: []index.StatusDocument{
		state("Mended", "2", "completed", ""), old, state("Broken", "1", "error-exception", "it fell over"),
		state("Lame", "1", "completed-with-errors", "no password fits"), state("Other", "1", "opt-out", "not for it")}}, "")
	page := ok(t, server, "/file/"+sha("4"))
	head, _, _ := strings.Cut(page, "<section")
	for _, want := range []string{`class="notice bad" role="status"><a href="#plugins"><b>Broken</b></a> it fell over<`, `class="notice warn" role="status"><a href="#plugins"><b>Lame</b></a> no password fits<`} {
		if !strings.Contains(head, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{"long ago", "not for it"} {
		if strings.Contains(head, not) {
			t.Errorf("%s is no fault of now", not)
		}
	}
	if strings.Contains(page, "<summary>no password fits") {
		t.Error("a message of one line has nothing to open")
	}
}
