package mail

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Link is one in a text.
type Link struct {
	URI string
	In  string // text, script, style, rtf, or the attribute of a tag
}

// Links are those of a text of some MIME type, each once for every kind of place, at most so many. Those that lead nowhere outside of the
// mail, as to a picture that came with it, are left out, and of data in a link no more is kept than what it says of itself.
func Links(text, mimeType string, most int) (list []Link, more bool) {
	c := &links{most: most, known: map[Link]bool{}}
	switch {
	case mimeType == "application/rtf" || mimeType == "text/rtf":
		c.plain(text, "rtf")
	case strings.HasSuffix(mimeType, "html"):
		c.html(text)
	default:
		c.plain(text, "text")
	}
	return c.list, c.more
}

type links struct {
	most  int
	list  []Link
	more  bool
	known map[Link]bool
}

// mostLink is how many bytes of a link are kept.
const mostLink = 2000

func (c *links) add(uri, in string) {
	if uri == "" {
		return
	}
	if len(uri) > mostLink {
		uri = strings.ToValidUTF8(uri[:mostLink], "")
	}
	l := Link{uri, in}
	if c.known[l] {
		return
	}
	if len(c.list) >= c.most {
		c.more = true
		return
	}
	c.known[l] = true
	c.list = append(c.list, l)
}

// plain finds links that stand in a text. It looks at colons and at www only, as there are a thousand letters for each of these.
func (c *links) plain(text, in string) {
	for at := 0; !c.more; {
		i := strings.IndexAny(text[at:], ":wW")
		if i < 0 {
			return
		}
		i += at
		start, is := i, false
		if text[i] == ':' {
			start, is = schemeBefore(text, at, i)
		} else {
			is = hostBegins(text, i)
		}
		if !is {
			at = i + 1
			continue
		}
		end := len(text)
		if n := strings.IndexFunc(text[i:], endsLink); n >= 0 {
			end = i + n
		}
		if uri := trimLink(text[start:end]); !strings.HasSuffix(uri, ":") && !strings.HasSuffix(uri, "://") {
			c.add(uri, in)
		}
		at = end
	}
}

// schemes are those that are links wherever they stand before :// or, if they have a second sign here, before that.
var schemes = map[string]string{
	"http": "//", "https": "//", "ftp": "//", "ftps": "//", "sftp": "//", "file": "//", "ws": "//", "wss": "//", "smb": "//", "ldap": "//", "ldaps": "//",
	"mailto": "", "magnet": "?", "search-ms": "", "ms-msdt": "", "ms-word": "", "ms-excel": "", "ms-officecmd": "", "ms-appinstaller": "",
}

// schemeBefore tells whether a scheme ends with the colon at i, and where it begins.
func schemeBefore(text string, from, i int) (start int, is bool) {
	for start = i; start > from && i-start < 20 && (isWord(text[start-1]) || text[start-1] == '-'); {
		start--
	}
	for ; start < i; start++ {
		if sign, known := schemes[strings.ToLower(text[start:i])]; known {
			return start, strings.HasPrefix(text[i+1:], sign)
		}
		dash := strings.IndexByte(text[start:i], '-')
		if dash < 0 {
			break
		}
		start += dash
	}
	return i, false
}

// hostBegins tells whether www. and more of a name begins at i.
func hostBegins(text string, i int) bool {
	return len(text) > i+4 && strings.EqualFold(text[i:i+4], "www.") && (isWord(text[i+4]) || text[i+4] >= 0x80) && (i == 0 || !isWord(text[i-1]))
}

func isWord(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func endsLink(r rune) bool {
	if r < 0x80 {
		return r <= ' ' || strings.IndexByte("<>\"`\\^{}|\x7f", byte(r)) >= 0
	}
	return unicode.IsSpace(r)
}

// trimLink takes off what ends a sentence or brackets, not the link.
func trimLink(uri string) string {
	for uri != "" {
		last := uri[len(uri)-1]
		open := map[byte]string{')': "(", ']': "["}[last]
		switch {
		case strings.IndexByte(`.,;:!?'*`, last) >= 0:
		case open != "" && strings.Count(uri, string(last)) > strings.Count(uri, open):
		default:
			for _, sign := range []string{"»", "”", "’", "…", "。", "，"} {
				if rest, cut := strings.CutSuffix(uri, sign); cut {
					return trimLink(rest)
				}
			}
			return uri
		}
		uri = uri[:len(uri)-1]
	}
	return uri
}

// leading are attributes that are links.
var leading = map[string]bool{
	"href": true, "src": true, "action": true, "formaction": true, "background": true, "data": true, "poster": true, "cite": true, "longdesc": true,
	"xlink:href": true, "lowsrc": true, "dynsrc": true, "codebase": true, "manifest": true,
}

// inStyle are links of style sheets.
var inStyle = regexp.MustCompile(`(?i)url\(\s*["']?([^"')]+)`)

// refresh is where a page sends its reader.
var refresh = regexp.MustCompile(`(?i)^\s*[\d.]*\s*[;,]?\s*url\s*=\s*["']?([^"']+)`)

func (c *links) html(text string) {
	z := html.NewTokenizer(strings.NewReader(text))
	in := "text"
	for !c.more {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if in == "style" {
				c.style(string(z.Text()), in)
			}
			c.plain(string(z.Text()), in)
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch in = "text"; string(name) {
			case "script", "style":
				in = string(name)
			}
			c.tag(string(name), z, more)
		case html.EndTagToken:
			in = "text"
		case html.CommentToken: // conditional ones are read by Outlook
			c.plain(string(z.Text()), "comment")
		}
	}
}

func (c *links) tag(name string, z *html.Tokenizer, more bool) {
	var content, equiv string
	for more && !c.more {
		var k, v []byte
		k, v, more = z.TagAttr()
		key, value := string(k), string(v)
		switch {
		case leading[key]:
			c.add(leads(value), key)
		case key == "srcset":
			for one := range strings.SplitSeq(value, ",") {
				if words := strings.Fields(one); len(words) > 0 {
					c.add(leads(words[0]), key)
				}
			}
		case key == "style":
			c.style(value, key)
		case key == "content":
			content = value
		case key == "http-equiv":
			equiv = value
		}
	}
	if name == "meta" && strings.EqualFold(strings.TrimSpace(equiv), "refresh") {
		if m := refresh.FindStringSubmatch(content); m != nil {
			c.add(leads(m[1]), "refresh")
		}
	}
}

func (c *links) style(text, in string) {
	for _, m := range inStyle.FindAllStringSubmatch(text, -1) {
		c.add(leads(m[1]), in)
	}
}

// scheme is what an absolute link begins with.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,40}:`)

// leads is a link that leads out of the mail, or carries something; "" for every other.
func leads(value string) string {
	value = strings.Map(func(r rune) rune { // as browsers do it
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimFunc(value, func(r rune) bool { return r <= ' ' }))
	switch s := strings.ToLower(scheme.FindString(value)); s {
	case "cid:", "mid:", "about:":
		return ""
	case "data:":
		kind, _, _ := strings.Cut(value, ",")
		return kind
	case "":
		if strings.HasPrefix(value, "//") || strings.HasPrefix(value, `\\`) {
			return value
		}
		return ""
	}
	return value
}
