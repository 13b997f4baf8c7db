package pdf

import (
	"context"
	"strings"
	"testing"
)

// parse reads one object from a file of its own, and tells where it ends and how much in it was broken.
func parse(text string) (o Object, rest string, flaws int) {
	l := defaultLimits
	src := &source{ctx: context.Background(), file: strings.NewReader(text), size: int64(len(text)), work: &work{left: 1 << 30, notes: &reached{}}}
	p := parser{lexer: lexer{src: src, most: l.text}, limits: &l, notes: src.work.notes, levels: allLevels}
	o, _ = p.value(0)
	return o, text[min(int(p.at), len(text)):], p.flaws
}

// TestParse: what syntax means, and what is made of broken syntax.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, want string // as Text writes it
		rest       string
		flaws      int
	}{
		{"true false", "true", " false", 0},
		{"null", "null", "", 0},
		{" \x00\t\n\f\r% a comment\r42", "42", "", 0},
		{"+17", "17", "", 0},
		{"-98", "-98", "", 0},
		{"--5", "-5", "", 1},
		{"+-5", "-5", "", 1},
		{"34.5", "34.5", "", 0},
		{"4.", "4", "", 0},
		{"-.002", "-0.002", "", 0},
		{".5.5", "0.5", "", 1},
		{"12-34", "12", "", 1},
		{"-", "0", "", 1},
		{".", "0", "", 1},
		{"1e5", "null", "1e5", 0}, // no number, and no object
		{"123456789012345678", "123456789012345678", "", 0},
		{"1234567890123456789", "1234567890123456789", "", 0},
		{"12345678901234567890", "12345678901234567000", "", 0},
		{"12 0 R]", "12 0 R", "]", 0},
		{"12 0 obj", "12", " 0 obj", 0},
		{"12 0", "12", " 0", 0},
		{"0 0 R", "0", " 0 R", 0},
		{"/Name", "/Name", "", 0},
		{"/A#42#20#2f#", "/AB#20#2F#23", "", 1},
		{"/", "/", "", 0},
		{"/A/B", "/A", "/B", 0},
		{"/ä", "/#C3#A4", "", 0},
		{"(text)", "(text)", "", 0},
		{"(a(b)c) x", `(a\(b\)c)`, " x", 0},
		{`(\(\)\\\n\r\t\b\f)`, "<28295c0a0d09080c>", "", 0},
		{`(\101\1012\78\400\q)`, "<41413207380071>", "", 0},
		{"(a\\\nb\\\r\nc\rd\r\ne\nf)", `(abc\nd\ne\nf)`, "", 0},
		{"(open (", `(open \()`, "", 1},
		{"<48656c6C6f2>", "(Hello )", "", 0},
		{"<4 8\n6x5>", "(He)", "", 1},
		{"<48", "(H)", "", 1},
		{"<>", "()", "", 0},
		{"<feff00e9>", "(é)", "", 0},
		{"<feffd83dde00>", "(😀)", "", 0},
		{"<ff00>", "<ff00>", "", 0},
		{"[1 2.5 /A (s) [] <<>> null 3 0 R true]", "[1 2.5 /A (s) [] << >> null 3 0 R true]", "", 0},
		{"[1 2 R 3 4 5 R 6 R]", "[1 2 R 3 4 5 R 6]", "", 1},
		{"[0 0 R 4294967296 0 R 1 65536 R]", "[null null null]", "", 0},
		{"<</A 1/B[1]/C<</D(x)>>>>", "<< /A 1 /B [1] /C << /D (x) >> >>", "", 0},
		{"<</A/B/C>>", "<< /A /B /C null >>", "", 1},
		{"<</A 1 2/B 3>>", "<< /A 1 /B 3 >>", "", 1},
		{"<</A [1 2>> x", "<< /A [1 2] >>", " x", 1},
		{"<</A 1] /B 2>>", "<< /A 1 /B 2 >>", "", 1},
		{"<</A garbage 1>>", "<< /A 1 >>", "", 1},
		{"<</A 1 endobj", "<< /A 1 >>", "endobj", 1},
		{"[1 2 7 0 obj", "[1 2 7 0]", "obj", 1},
		{"[[[", "[[[]]]", "", 3},
		{">> x", "null", " x", 1},
		{"] x", "null", " x", 1},
		{"}", "null", "}", 1},
		{"endobj", "null", "endobj", 0},
		{"", "null", "", 0},
	} {
		o, rest, flaws := parse(c.text)
		got := Text(o, 250)
		if got != c.want || rest != c.rest || flaws != c.flaws {
			t.Errorf("%.60q: got %s, %q is left, %d flaws; want %.60s, %q, %d", c.text, got, rest, flaws, c.want, c.rest, c.flaws)
		}
	}
}

// TestWindow: objects that lie across the edges of what is in memory are read as any other.
func TestWindow(t *testing.T) {
	object := `<< /Name#20x 12345 /String (a \(nested (one)\) \101) /Hex <48656c6c6f> /Array [1 0 R true -2.5] >>`
	want, _, _ := parse(object)
	for shift := range 400 {
		text := strings.Repeat(" ", windowBytes-backBytes-300+shift) + object + " 9 0 obj"
		got, rest, flaws := parse(text)
		if Text(got, 1000) != Text(want, 1000) || rest != " 9 0 obj" || flaws != 0 {
			t.Fatalf("at %d: %s, %q is left, %d flaws", shift, Text(got, 1000), rest, flaws)
		}
	}
}

// TestText: dictionaries are written as they are read, and cut.
func TestText(t *testing.T) {
	o, _, _ := parse("<< /A (" + strings.Repeat("x", 100) + ") >>")
	if got := Text(o, 20); got != "<< /A (xxxxxxxxxxxxx…" {
		t.Error(got)
	}
	o, _, _ = parse("[" + strings.Repeat("[1 (é)] ", 1000) + "]")
	if got := Text(o, 7); got != "[[1 (Ã…" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"<< /A [1 0 R (x) <41>] >>", "(a\\101(", "[[<<", "/A#4", "1 0 R", "-+.5-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, rest, flaws := parse(text)
		if flaws > 0 || o == nil {
			return
		}
		// What is read without a flaw is written so that it is read as the same, but for text beyond ASCII, which is written as UTF-8.
		written := Text(o, 1<<20)
		if strings.ContainsFunc(written, func(r rune) bool { return r > 0x7e }) {
			return
		}
		again, left, flaws := parse(written)
		if flaws != 0 || left != "" || Text(again, 1<<20) != written {
			t.Errorf("%q is written as %q and read as %s, %q, %d", text[:len(text)-len(rest)], written, Text(again, 1<<20), left, flaws)
		}
	})
}
