package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// links returns where the links of a class lead.
func links(page, class string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`<a class="`+class+`" href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}

// safe fails when text of a file is in a page as it is. What is in forms must be: it is sent back.
func safe(t *testing.T, path, page string) {
	t.Helper()
	page = regexp.MustCompile(` value="[^"]*"`).ReplaceAllString(page, "")
	if strings.Contains(page, "<script>alert") || strings.ContainsAny(page, "\u202e\x1b") {
		t.Errorf("%s: text of a file is not made safe", path)
	}
}

func searchPath(q string) string { return "/search?" + url.Values{"q": {q}}.Encode() }

// TestFacets: each link beside the hits finds as many files as it says, and the one beside it the others.
func TestFacets(t *testing.T) {
	p, server := newSite(t)
	odd := document(sha("e"), "odd.bin")
	odd.SourceName, odd.FileFormat = nasty, `a"b\c * (OR) `
	p.apply(index.Batch{Documents: []index.Document{odd}, Tags: []index.Tag{{ID: "t", Name: "apt-1", SHA256: sha("e"), Owner: "me", Time: time.Now()}}}, "")
	_, page, _ := get(t, server.URL+"/search")
	if !strings.Contains(page, "All 3 files") {
		t.Fatalf("%.2000s", page)
	}
	total := regexp.MustCompile(`<h1>(?:All )?(\d+) file`)
	counts := regexp.MustCompile(`</a> <span class="num">(\d+)</span>`).FindAllStringSubmatch(page, -1)
	keep, leave := links(page, "keep-this"), links(page, "leave-out")
	if len(keep) < 12 || len(keep) != len(leave) || len(keep) != len(counts) {
		t.Fatalf("%d, %d and %d links", len(keep), len(leave), len(counts))
	}
	for i := range keep {
		code, with, _ := get(t, server.URL+keep[i])
		code2, without, _ := get(t, server.URL+leave[i])
		if code != 200 || code2 != 200 {
			t.Fatalf("%s: %d, %s: %d", keep[i], code, leave[i], code2)
		}
		if got := total.FindStringSubmatch(with); got == nil || got[1] != counts[i][1] {
			t.Errorf("%s finds %v, not %s", keep[i], got, counts[i][1])
		}
		if got := total.FindStringSubmatch(without); got == nil || got[1] != string('3'-counts[i][1][0]+'0') {
			t.Errorf("%s finds %v, beside %s of 3", leave[i], got, counts[i][1])
		}
		safe(t, keep[i], with)
	}
}

func TestConditions(t *testing.T) {
	_, server := newSite(t)
	_, page, _ := get(t, server.URL+searchPath("archive (action:sourced OR depth:0) timestamp:>=now-7d")+"&order=source.timestamp&ascending=1")
	var without []string
	for _, m := range regexp.MustCompile(`<a href="([^"]*)" aria-label="Search without`).FindAllStringSubmatch(page, -1) {
		u, err := url.Parse(html.UnescapeString(m[1]))
		if err != nil || u.Query().Get("order") != "source.timestamp" || u.Query().Get("ascending") != "1" {
			t.Errorf("%s: %v", m[1], err)
		}
		without = append(without, u.Query().Get("q"))
	}
	want := []string{"(action:sourced OR depth:0) AND timestamp:>=now-7d", "archive AND timestamp:>=now-7d", "archive AND (action:sourced OR depth:0)"}
	if strings.Join(without, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", without)
	}
	if !strings.Contains(page, `aria-current="true">submitted first</a>`) || !strings.Contains(page, "/api/v1/search/export?format=csv&amp;q=archive") {
		t.Error("order or export")
	}
}

// TestTelling: a facet has what narrows the search, depths in their order and in words.
func TestTelling(t *testing.T) {
	d := searchData{Total: 3}
	values := func(list []index.ValueCount) string {
		var out []string
		for _, v := range list {
			out = append(out, v.Value)
		}
		return strings.Join(out, " ")
	}
	counts := func(pairs ...any) (list []index.ValueCount) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, index.ValueCount{Value: pairs[i].(string), Count: int64(pairs[i+1].(int))})
		}
		return list
	}
	for _, c := range []struct {
		facet index.Facet
		want  string
	}{
		{index.Facet{Field: "features.name", Values: counts("every", 3, "some", 1)}, "some"},
		{index.Facet{Field: "features.name", Values: counts("every", 3)}, "every"},
		{index.Facet{Field: "features.name", Approx: true, Values: counts("every", 3, "some", 1)}, "every some"},
		{index.Facet{Field: "file_format", Values: counts("a", 3, "b", 1)}, "a b"},
		{index.Facet{Field: "depth", Values: counts("10", 3, "2", 2, "0", 1)}, "0 2 10"},
		{index.Facet{Field: "file_format", Values: counts("1", 2, "2", 2, "3", 2, "4", 2, "5", 2, "6", 2, "7", 2, "8", 2, "9", 2)}, "1 2 3 4 5 6 7 8"},
	} {
		if got := values(d.telling(c.facet)); got != c.want {
			t.Errorf("%+v: %s", c.facet, got)
		}
	}
	_, server := newSite(t)
	if page := ok(t, server, "/search"); !strings.Contains(page, ">submitted</a>") || !strings.Contains(page, ">1 level inside</a>") {
		t.Error("depths are bare numbers")
	}
}

// TestAlone: when nothing matches all conditions, the page tells which of them are to blame.
func TestAlone(t *testing.T) {
	_, server := newSite(t)
	page := ok(t, server, searchPath("action:sourced filename:never depth:0"))
	if !strings.Contains(page, "Nothing matches all of this") || !strings.Contains(page, `<code>filename:never</code> <b>nothing</b>`) ||
		!strings.Contains(page, `<a href="/search?q=action%3Asourced"><code>action:sourced</code></a> 1 file`) || strings.Contains(page, "export <") {
		t.Errorf("%s", page)
	}
	if page := ok(t, server, searchPath("filename:never")); !strings.Contains(page, "Nothing matches.") || strings.Contains(page, "alone") {
		t.Errorf("%s", page)
	}
}

func TestMistake(t *testing.T) {
	_, server := newSite(t)
	for q, want := range map[string]string{
		"size: 100":           `size: <mark>1</mark>00`,
		`filename:"é <b>`:     `<mark>`,
		"filename:(a":         `<mark>`,
		"a \xff b":            `<mark>`,
		"x) <script>alert(1)": `x<mark>)</mark> &lt;script&gt;`,
		"a AND":               `a AND<mark>&nbsp;</mark>`,
	} {
		code, page, _ := get(t, server.URL+searchPath(q))
		if code != http.StatusBadRequest || !strings.Contains(page, want) || strings.Contains(page, "<script>alert") {
			t.Errorf("%q: %d %s", q, code, page)
		}
	}
}

func TestNarrowed(t *testing.T) {
	for _, c := range [][2]string{
		{"", `source.name:"a b"`}, {"x", `x AND source.name:"a b"`}, {"x OR y z", `(x OR y) AND z AND source.name:"a b"`}, {"x DOCAND y", `(x DOCAND y) AND source.name:"a b"`},
		{`source.name:"a b"`, `source.name:"a b"`}, {"filename:", `filename: AND source.name:"a b"`},
	} {
		e, err := query.Parse(c[0], time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got := query.Format(narrowed(e, condition("source.name", "a b")))
		if got != c[1] {
			t.Errorf("%s became %s", c[0], got)
		}
		if _, err := query.Parse(got, time.Now()); err != nil {
			t.Error(err)
		}
	}
	if condition("bogus", "x") != nil || condition("depth", "two") != nil || searchFor("depth", "2") != "/search?q=depth%3A2" {
		t.Error("fields that are none, or no text")
	}
}

// TestSavedSearches: saved and forgotten with forms.
func TestSavedSearches(t *testing.T) {
	_, server := newSite(t)
	post := func(path string, v url.Values) (int, string) {
		res, err := http.PostForm(server.URL+path, v)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode, res.Request.URL.RequestURI()
	}
	if code, at := post("/search/save", url.Values{"name": {nasty}, "q": {"filename:inner.txt"}}); code != 200 || at != "/search?q=filename%3Ainner.txt" {
		t.Errorf("%d %s", code, at)
	}
	_, page, _ := get(t, server.URL+"/search")
	if !strings.Contains(page, `<a href="/search?q=filename%3Ainner.txt">&lt;script&gt;`) || strings.Contains(page, "<script>alert") {
		t.Error("it is not there, or shown as it is")
	}
	// It comes back in the order in which it was saved.
	in := url.Values{"name": {"first ones"}, "q": {"filename:inner.txt"}, "order": {"source.timestamp"}, "ascending": {"1"}}
	const there = "/search?ascending=1&order=source.timestamp&q=filename%3Ainner.txt"
	if code, at := post("/search/save", in); code != 200 || at != there {
		t.Errorf("%d %s", code, at)
	}
	_, page, _ = get(t, server.URL+there)
	if !strings.Contains(page, `<a href="`+html.EscapeString(there)+`">first ones</a>`) || !strings.Contains(page, `<span class="chip">submitted first</span>`) ||
		strings.Count(page, `<input type="hidden" name="order" value="source.timestamp"><input type="hidden" name="ascending" value="1">`) != 3 {
		t.Errorf("the order is not kept, or not told: %s", page)
	}
	if code, at := post("/search/forget", in); code != 200 || at != there {
		t.Errorf("%d %s", code, at)
	}
	for _, bad := range []url.Values{{"q": {"x"}}, {"name": {strings.Repeat("x", 101)}, "q": {"x"}}, {"name": {"x"}, "q": {"x)"}}} {
		if code, _ := post("/search/save", bad); code != 400 {
			t.Errorf("%v: %d", bad, code)
		}
	}
	if code, _ := post("/search/forget", url.Values{"name": {"never"}}); code != 404 {
		t.Error(code)
	}
	// The browser gave the name back as it was in the form, where nothing is cleaned away.
	if code, _ := post("/search/forget", url.Values{"name": {nasty}}); code != 200 {
		t.Error(code)
	}
	if _, page, _ := get(t, server.URL+"/search"); !strings.Contains(page, "None. What you look for") {
		t.Error("still there")
	}
}

func TestHelp(t *testing.T) {
	_, server := newSite(t)
	code, page, _ := get(t, server.URL+"/search/help")
	if code != 200 || !strings.Contains(page, "features_map.NAME") || strings.Contains(page, "encoded_security") {
		t.Errorf("%d %.300s", code, page)
	}
	for _, m := range regexp.MustCompile(`<tr><td>((?:<code>[^<]+</code> ?)+)</td><td>`).FindAllStringSubmatch(page, -1) {
		for _, q := range regexp.MustCompile(`<code>([^<]+)</code>`).FindAllStringSubmatch(m[1], -1) {
			if _, err := query.Parse(html.UnescapeString(q[1]), time.Now()); err != nil {
				t.Errorf("%s: %v", q[1], err)
			}
		}
	}
}
