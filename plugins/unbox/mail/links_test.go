package mail

import (
	"fmt"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	for _, c := range []struct{ kind, text, want string }{
		{"text/plain", "See http://a.example/x?y=1, (https://b.example/(z)). www.c.example! mailto:d@e.example file://f/g", "text http://a.example/x?y=1|text https://b.example/(z)|text www.c.example|text mailto:d@e.example|text file://f/g"},
		{"", "«http://a.example/é» <HTTP://B.example> http://a.example/é", "text http://a.example/é|text HTTP://B.example"},
		{"text/plain", "no link: a.b, http://, x@y.z, C:\\d, <a href='http://x.example/'>", "text http://x.example/"},
		{"text/html", `<A HREF=" ht` + "\n" + `tp://a.example/?a&amp;b ">http://bank.example/</a>`, "href http://a.example/?a&b|text http://bank.example/"},
		{"text/html", `<img src="cid:x"><img src=//b.example/i><a href="#top"><a href="/rel"><a href="javascript:go()"><iframe src="data:text/html;base64,PGE+">`, "src //b.example/i|href javascript:go()|src data:text/html;base64"},
		{"text/html", `<meta http-equiv=Refresh content="0; url='http://a.example'"><form action=https://b.example/p><p style="background:url( 'http://c.example/i' )"><img srcset="http://d.example/1 1x, http://d.example/2 2x">`,
			"refresh http://a.example|action https://b.example/p|style http://c.example/i|srcset http://d.example/1|srcset http://d.example/2"},
		{"text/html", `<script>location="http://a.example/s"</script><style>@import url(http://b.example/c);</style><!--[if mso]><a href="http://c.example/m"><![endif]-->`,
			"script http://a.example/s|style http://b.example/c|comment http://c.example/m"},
		{"text/html", `<a href="\\host\share\x"><a href="file:///\\host\y">`, `href \\host\share\x|href file:///\\host\y`},
		{"text/html", `<a href="http://a.example/unfinished`, ""},
		{"application/rtf", `{\rtf1 {\*\htmltag84 <a href="http://a.example/b">}{\field{\*\fldinst HYPERLINK "http://c.example/"}}}`, "rtf http://a.example/b|rtf http://c.example/"},
	} {
		list, more := Links(c.text, c.kind, 10)
		var got []string
		for _, l := range list {
			got = append(got, l.In+" "+l.URI)
		}
		if strings.Join(got, "|") != c.want || more {
			t.Errorf("%s %s:\n got %q, %v\nwant %q", c.kind, c.text, strings.Join(got, "|"), more, c.want)
		}
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "<a href=http://a.example/%d>http://b.example/%d%s</a>\n", i, i, strings.Repeat("é", 2000))
	}
	for _, kind := range []string{"text/html", "text/plain"} {
		list, more := Links(many.String(), kind, 10)
		if len(list) != 10 || !more || len(list[1].URI) > mostLink {
			t.Errorf("%s: %d links, %v", kind, len(list), more)
		}
	}
}

func FuzzLinks(f *testing.F) {
	f.Add(`<a href="http://a.example/">http://b.example</a>`, true)
	f.Fuzz(func(t *testing.T, text string, isHTML bool) {
		kind := map[bool]string{true: "text/html", false: "text/plain"}[isHTML]
		list, _ := Links(text, kind, 10)
		for _, l := range list {
			if l.URI == "" || len(l.URI) > mostLink || l.In == "" {
				t.Fatalf("%+v", l)
			}
		}
	})
}

func BenchmarkLinks(b *testing.B) {
	text := strings.Repeat("some words (and others) http://a.example/b/c?d=e ", 20_000)
	for name, text := range map[string]string{"text": text, "html": strings.Repeat("<p>some <a href='http://a.example/'>words</a> ", 20_000), "hostile": strings.Repeat("mailto:www.www.", 60_000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Links(text, "text/html", 500)
			}
		})
	}
}
