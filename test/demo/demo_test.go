package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"image/png"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/client"
)

// TestNest opens what nest has closed, with nothing of our own.
func TestNest(t *testing.T) {
	nested, err := nest([]entry{{"a/b.txt", []byte("bottom")}})
	if err != nil {
		t.Fatal(err)
	}
	gz, err := gzip.NewReader(bytes.NewReader(unzip(t, nested, "middle.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(gz)
	if header, err := files.Next(); err != nil || header.Name != "inner.zip" {
		t.Fatalf("in the tar: %v, %v", header, err)
	}
	inner, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	if got := unzip(t, inner, "a/b.txt"); string(got) != "bottom" {
		t.Errorf("at the bottom is %q", got)
	}
}

func unzip(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestMakeSamples(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "samples")
	samples, err := makeSamples(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		content, err := os.ReadFile(filepath.Join(dir, s.name))
		if err != nil {
			t.Fatal(err)
		}
		if len(content) == 0 || hash(content) != s.sha256 {
			t.Errorf("%s: %d bytes with another hash", s.name, len(content))
		}
		switch s.name {
		case "picture.png":
			if _, err := png.Decode(bytes.NewReader(content)); err != nil {
				t.Errorf("the picture: %v", err)
			}
		case "program":
			if !bytes.HasPrefix(content, []byte("\x7fELF")) {
				t.Error("the program is not an ELF file")
			}
		}
	}
}

// TestCheck: a tree that lacks something is a fault, a complete one is not.
func TestCheck(t *testing.T) {
	s := sample{name: "x.zip", sha256: "root", inside: []string{"bottom"}, depth: 2}
	node := func(sha string, children ...*client.Tree) *client.Tree {
		return &client.Tree{Binary: client.Binary{
			SHA256: sha, Features: []client.Feature{{Name: "entropy", Value: "1"}},
			Statuses: []client.Status{{Plugin: "Entropy", State: "completed"}, {Plugin: "Unbox", State: "opt-out"}},
		}, Children: children}
	}
	bare := node("root", node("middle", node("bottom")))
	bare.Children[0].Binary.Features = nil
	failed := node("root", node("middle", node("bottom")))
	failed.Binary.Statuses[0].State = "error-exception"
	for _, tc := range []struct {
		name string
		tree *client.Tree
		want string
	}{
		{"complete", node("root", node("middle", node("bottom"))), ""},
		{"another file", node("other"), "the tree is that of other"},
		{"not unpacked", node("root"), "bottom was not found"},
		{"not deep enough", node("root", node("bottom")), "bottom was not found"},
		{"no feature", bare, "middle has no entropy"},
		{"a failure", failed, "Entropy of root is error-exception"},
	} {
		err := s.check(tc.tree)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestFreeAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if got := freeAddress(l.Addr().String()); got != "127.0.0.1:0" {
		t.Errorf("a busy address gives %s", got)
	}
	l.Close()
	if got := freeAddress(l.Addr().String()); got != l.Addr().String() {
		t.Errorf("a free address gives %s", got)
	}
}

// script writes a program that stands for lazuli.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lazuli")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// readyScript is ready at once and ends with a code of its own when it is interrupted.
func readyScript(code string) string {
	return "sleep 600 >/dev/null 2>&1 &\ntrap 'kill $!; exit " + code + "' INT\n" +
		"echo lazuli is ready: pages and REST on http://127.0.0.1:1, plugins on http://127.0.0.1:2\nwait\n"
}

func TestPlatform(t *testing.T) {
	p, err := startPlatform(t.Context(), script(t, readyScript("0")), "data")
	if err != nil {
		t.Fatal(err)
	}
	if p.pages != "http://127.0.0.1:1" {
		t.Errorf("the pages are on %q", p.pages)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); err != nil {
		t.Errorf("wait: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}

	if p, err = startPlatform(t.Context(), script(t, readyScript("3")), "data"); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a platform that ends badly: %v", err)
	}
	if err := p.wait(t.Context()); err == nil {
		t.Error("wait for a platform that is gone")
	}

	if _, err = startPlatform(t.Context(), script(t, "echo no space >&2; exit 1"), "data"); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("a platform that does not start: %v", err)
	}
	if _, err = startPlatform(t.Context(), filepath.Join(t.TempDir(), "missing"), "data"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
}
