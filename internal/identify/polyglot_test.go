package identify

import (
	"bytes"
	"strings"
	"testing"

	"lazuli/internal/identify/zoo"
)

// A file that is several things is what its first bytes make it for the program that is likeliest to open it.
func TestPolyglots(t *testing.T) {
	sampled := func(name string) []byte { return zoo.Find(name).Content }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	pe, jar, zip, gif, pdf, html := sampled("pe32"), sampled("jar"), sampled("zip"), sampled("gif"), sampled("pdf"), sampled("html")
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"program with an archive behind":      {join(pe, zip), "executable/windows/pe32"},
		"picture with a jar behind":           {join(gif, jar), "image/gif"},
		"noise with an archive behind":        {join([]byte("\x00\x01\x02\x03 noise \xff"), zip), "archive/zip"},
		"noise with a jar behind":             {join([]byte("\x00\x01\x02\x03 noise \xff"), jar), "java/jar"},
		"page with a program behind":          {join(html, pe), "code/html"},
		"archive with a document behind":      {join(zip, pdf), "archive/zip"},
		"document after noise":                {join([]byte("\x00noise\n"), pdf, zip), "document/pdf"},
		"two programs":                        {join(pe, sampled("elf64 pie")), "executable/windows/pe32"},
		"shell script that is a program too":  {join([]byte("#!/bin/sh\nexit\n"), pe), "code/shell"},
		"program for DOS that is a script":    {[]byte("MZ=1 echo x\nexit 0\n" + strings.Repeat("# padding\n", 10)), "executable/windows/dos"},
		"tar whose first name is a signature": {zoo.Tar("%PDF-1.7"), "archive/tar"},
	} {
		if got := File(bytes.NewReader(c.content), int64(len(c.content))).Format; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
