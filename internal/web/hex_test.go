package web

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"lazuli/internal/index"
)

func TestHexPage(t *testing.T) {
	p, server := newSite(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1000) // 16,000 bytes
	copy(content[5000:], "needle <b>\x00n\x00e\x00")
	off, length, far := uint64(0x18), uint64(20), uint64(1)<<63
	file, _ := p.keep(t, content, nil, "text/plain", index.Feature{Name: "f", Type: "string", Value: nasty, Offset: &off, Length: &length},
		index.Feature{Name: "far", Type: "string", Value: "x", Offset: &far, Length: &far}, index.Feature{Name: "start", Type: "string", Value: "y", Offset: new(uint64)})
	path := "/file/" + file + "/hex"
	page := ok(t, server, path)
	if !strings.Contains(page, `<th scope="row">00000010</th><td>30 31 32 33 34 35 36 37 <mark class="feature odd" title="f: &lt;script&gt;`) || !strings.Contains(page, ">38 39 61 62 63 64 65 66</mark></td>") ||
		!strings.Contains(page, "length=20&amp;offset=0x18") || strings.Contains(page, `rel="prev"`) {
		t.Errorf("%.3000s", page)
	}
	// Pages one after another show all rows once.
	rows, pages := 0, 0
	for at := path; at != ""; pages++ {
		page := ok(t, server, at)
		rows += strings.Count(page, `<th scope="row">`)
		at = ""
		if m := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page); m != nil {
			at = html.UnescapeString(m[1])
		}
	}
	if rows != 1000 || pages != 4 {
		t.Errorf("%d rows on %d pages", rows, pages)
	}
	page = ok(t, server, path+"?offset=0x1388&length=6")
	if !strings.Contains(page, `<th scope="row">00001380</th><td>30 31 32 33 34 35 36 37 <mark class="here" title="here">6E 65 65 64 6C 65</mark> 20 3C`) || !strings.Contains(page, `rel="prev"`) {
		t.Errorf("%.3000s", page)
	}
	for _, find := range []url.Values{{"find": {"needle <b>"}}, {"find": {"6e65??646c65"}, "as": {"hex"}}, {"find": {"ne"}, "as": {"utf-16"}}} {
		page := ok(t, server, path+"?"+find.Encode())
		if !strings.Contains(page, "1 place: ") || !strings.Contains(page, `<mark class="hit"`) {
			t.Errorf("%v: %.2000s", find, page)
		}
	}
	for query, want := range map[string]string{"find=" + url.QueryEscape(nasty): "Not in the file", "find=6&as=hex": `role="alert"`, "find=0123": "The first 200 places", "offset=999999": "no byte there",
		"offset=9223372036854775807": "no byte there", "offset=15999&length=9223372036854775807": `<mark class="here"`} {
		if page := ok(t, server, path+"?"+query); !strings.Contains(page, want) {
			t.Errorf("%s: %.2000s", query, page)
		}
	}
	for query, want := range map[string]int{path + "?offset=-1": 400, path + "?offset=x": 400, "/file/" + sha("a") + "/hex": 404, "/file/" + sha("9") + "/hex": 404} {
		if code, _, _ := get(t, server.URL+query); code != want {
			t.Errorf("%s: %d", query, code)
		}
	}
}

func TestStretches(t *testing.T) {
	row := strings.Split("00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F", " ")
	var got []string
	for _, s := range stretches(0x20, row, "0123456789abcdef", []mark{{0x10, 0x22, "a", ""}, {0x21, 0x24, "b", ""}, {0x2f, 0x99, "c", ""}, {0x30, 0x40, "d", ""}}) {
		got = append(got, s.Mark+"="+s.ASCII)
	}
	if strings.Join(got, " ") != "a=01 b=23 =456789abcde c=f" {
		t.Errorf("%q", got)
	}
}

func TestStringsPage(t *testing.T) {
	p, server := newSite(t)
	var content bytes.Buffer
	for range 600 {
		content.WriteString("a string of some length\x00\x00")
	}
	content.WriteString("\x00\x00w\x00i\x00d\x00e\x00 \x00o\x00n\x00e\x00\x00\x00\x01" + nasty + "\x00")
	file, _ := p.keep(t, content.Bytes(), nil, "text/plain")
	path := "/file/" + file + "/strings"
	page := ok(t, server, path)
	if strings.Count(page, "a string of some length") != takeStrings || !strings.Contains(page, "/hex?length=23&amp;offset=0x19\"") {
		t.Errorf("%.2000s", page)
	}
	m := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("no next page")
	}
	page = ok(t, server, html.UnescapeString(m[1]))
	if strings.Count(page, "a string of some length") != 100 || !strings.Contains(page, "wide one") || !strings.Contains(page, "&lt;script&gt;") || strings.Contains(page, `rel="next"`) {
		t.Errorf("%.2000s", page)
	}
	for query, want := range map[string]string{"filter=WIDE": "wide one", "regex=^wide": "wide one", "coding=utf-16le": "No string", "min=500": "No string", "regex=(": `role="alert"`, "min=1": `role="alert"`} {
		if page := ok(t, server, path+"?"+query); !strings.Contains(page, want) {
			t.Errorf("%s: %.2000s", query, page)
		}
	}
	if code, _, _ := get(t, server.URL+path+"?min=x"); code != 400 {
		t.Error(code)
	}
}
