package unbox

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// gzipWith is a gzip with a header of its own, behind the ten bytes that every one has.
func gzipWith(flags byte, header string, content string) []byte {
	whole := gzipOf("", []byte(content))
	whole[3] = flags
	return slices.Concat(whole[:10], []byte(header), whole[10:])
}

func TestGzipHeaders(t *testing.T) {
	long := strings.Repeat("long/", 600)
	for _, c := range []struct {
		name   string
		flags  byte
		header string
		want   string
	}{
		{"name", gzipName, "plain.txt\x00", "plain.txt"},
		{"everything", gzipExtra | gzipName | gzipComment | gzipHeaderSum | 1, "\x04\x00AB\x00\x00all.txt\x00comment\x00??", "all.txt"},
		{"UTF-8", gzipName, "été\x00", "été"},
		{"Latin-1", gzipName, "\xe9t\xe9\x00", "été"},
		{"long", gzipName, long + "\x00", long[:DefaultLimits().Name]},
		{"empty", gzipName, "\x00", ""},
	} {
		out := run(t, gzipWith(c.flags, c.header, "content"), "archive/gzip")
		if got := contents(t, out); len(out.Children) != 1 || c.want != "" && got[c.want] != "content" {
			t.Errorf("%s: %s %s with %q", c.name, out.State, out.Message, got)
		}
		if got := strings.Join(values(out, "box_filepath"), ""); got != c.want {
			t.Errorf("%s: the name is %.40q", c.name, got)
		}
	}
	for name, content := range map[string][]byte{
		"reserved flag": gzipWith(0x80, "", "content"), "method": func() []byte { b := gzipOf("", nil); b[2] = 7; return b }(),
		"endless name": gzipWith(gzipName, "", "")[:12], "endless extra": gzipWith(gzipExtra, "\xff\xff", ""), "no checksum": gzipWith(gzipHeaderSum, "", "")[:11],
	} {
		if out := run(t, content, "archive/gzip"); out.State != event.CompletedWithErrors || len(out.Children) != 0 {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
	}
}

// TestGzipEnds: what may follow a member, and how each is told.
func TestGzipEnds(t *testing.T) {
	one := gzipOf("a", []byte("content"))
	wrongSum, wrongSize := bytes.Clone(one), bytes.Clone(one)
	wrongSum[len(one)-8] ^= 1
	wrongSize[len(one)-1] ^= 1
	for _, c := range []struct {
		name    string
		content []byte
		want    string
		extra   bool
		damage  string
	}{
		{"padding", append(bytes.Clone(one), make([]byte, 3000)...), "content", false, ""},
		{"text", append(bytes.Clone(one), "text"...), "content", true, ""},
		{"text behind padding", append(bytes.Clone(one), "\x00\x00text"...), "content", true, ""},
		{"a member", slices.Concat(one, gzipOf("", nil), one), "contentcontent", false, ""},
		{"what only begins like a member", append(bytes.Clone(one), "\x1f\x8btext"...), "content", true, ""},
		{"a member that is cut short", append(bytes.Clone(one), one[:len(one)-1]...), "contentcontent", false, "cut short"},
		{"wrong checksum", wrongSum, "content", false, "checksum"},
		{"wrong size", append(wrongSize, one...), "content", false, "checksum"},
		{"no trailer", one[:len(one)-8], "content", false, "cut short"},
	} {
		out := run(t, c.content, "archive/gzip")
		if got := contents(t, out)["a"]; got != c.want || values(out, "extra_content") != nil != c.extra {
			t.Errorf("%s: %q, extra %q", c.name, got, values(out, "extra_content"))
		}
		if strings.Contains(out.Message, c.damage) == false || (out.State == event.Completed) != (c.damage == "") {
			t.Errorf("%s: %s %s", c.name, out.State, out.Message)
		}
		if (len(out.Children[0].Features) == 2) != (c.damage != "") {
			t.Errorf("%s: the child has %+v", c.name, out.Children[0].Features)
		}
	}
}

// TestExtraBehindTar: what follows the gzip is told of when there is a tar in it, too.
func TestExtraBehindTar(t *testing.T) {
	tgz := gzipOf("", tarOf(some...))
	if out := run(t, append(bytes.Clone(tgz), "text"...), "archive/gzip"); values(out, "extra_content") == nil || out.State != event.Completed {
		t.Errorf("%s %s: %+v", out.State, out.Message, out.Features)
	}
	tgz[len(tgz)-1] ^= 1
	if out := run(t, tgz, "archive/gzip"); len(out.Children) != 2 || !strings.Contains(out.Message, "checksum") {
		t.Errorf("wrong checksum: %s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

func TestNameWithoutGz(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt.gz": "a.txt", "A.GZ": "A", "x/y.gzip": "y", `C:\dir\b.tgz`: "b.tar", "plain": "plain", ".gz": ".gz", "": "", "archive.tar.gz": "archive.tar",
	} {
		out := run(t, gzipOf("", []byte("content")), "archive/gzip", plugintest.Filename(name))
		if got := strings.Join(values(out, "box_filepath"), ""); got != want {
			t.Errorf("in %q lies %q, want %q", name, got, want)
		}
	}
}

// TestGzipAgainstStandardLibrary compares the bytes of random gzips of several members.
func TestGzipAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var content, packed bytes.Buffer
		for range 1 + r.IntN(4) {
			part := make([]byte, r.IntN(200_000))
			for i := range part {
				part[i] = byte(r.IntN(1 + r.IntN(256)))
			}
			content.Write(part)
			w, err := gzip.NewWriterLevel(&packed, r.IntN(10))
			must(err)
			_, err = w.Write(part)
			must(err)
			must(w.Close())
		}
		out := run(t, packed.Bytes(), "archive/gzip", plugintest.Filename("x"))
		if got := contents(t, out)["x"]; got != content.String() || out.State != event.Completed {
			t.Fatalf("%s %s: %d bytes, want %d", out.State, out.Message, len(got), content.Len())
		}
	}
}
