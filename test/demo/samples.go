package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lazuli/client"
)

// sample is a file that is submitted, and what must be found in it.
type sample struct {
	name   string
	sha256 string
	inside []string // SHA-256 of files that must be found in it, at whatever depth
	depth  int      // how far down the deepest of them must be
}

const story = "Lapis lazuli was ground to ultramarine, and cost more than gold.\n"

// makeSamples writes the samples into a new folder.
func makeSamples(dir string) ([]sample, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	program, err := readProgram()
	if err != nil {
		return nil, err
	}
	picture, err := draw(640, 400)
	if err != nil {
		return nil, err
	}
	small, err := draw(64, 40)
	if err != nil {
		return nil, err
	}
	nested, err := nest([]entry{{"story/lapis.txt", []byte(story)}, {"story/picture.png", small}})
	if err != nil {
		return nil, err
	}
	noise := make([]byte, 256<<10)
	_, _ = rand.Read(noise) // never fails

	var samples []sample
	for _, f := range []entry{
		{"program", program},
		{"nested.zip", nested},
		{"readme.txt", []byte(strings.Repeat(story, 20))},
		{"picture.png", picture},
		{"noise.bin", noise},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o600); err != nil {
			return nil, err
		}
		s := sample{name: f.name, sha256: hash(f.content)}
		if f.name == "nested.zip" {
			s.inside, s.depth = []string{hash([]byte(story)), hash(small)}, 3
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// check returns nil if the tree has what it must have: the files inside, an entropy for every file, and no job that failed.
func (s sample) check(tree *client.Tree) error {
	if tree.Binary.SHA256 != s.sha256 {
		return fmt.Errorf("%s: the tree is that of %s", s.name, tree.Binary.SHA256)
	}
	var faults []error
	found := map[string]int{} // hash to depth
	var visit func(t *client.Tree, depth int)
	visit = func(t *client.Tree, depth int) {
		b := &t.Binary
		found[b.SHA256] = max(found[b.SHA256], depth)
		if !slices.ContainsFunc(b.Features, func(f client.Feature) bool { return f.Name == "entropy" }) {
			faults = append(faults, fmt.Errorf("%s: %s has no entropy", s.name, b.SHA256))
		}
		for _, status := range b.Statuses {
			if !strings.HasPrefix(status.State, "completed") && status.State != "opt-out" {
				faults = append(faults, fmt.Errorf("%s: %s of %s is %s: %s", s.name, status.Plugin, b.SHA256, status.State, status.Message))
			}
		}
		for _, child := range t.Children {
			visit(child, depth+1)
		}
	}
	visit(tree, 0)
	for _, sha := range s.inside {
		if depth, ok := found[sha]; !ok || depth < s.depth {
			faults = append(faults, fmt.Errorf("%s: %s was not found inside it, %d levels down", s.name, sha, s.depth))
		}
	}
	return errors.Join(faults...)
}

// entry is a file by its name.
type entry struct {
	name    string
	content []byte
}

// nest puts files into a zip, that into a tar.gz, and that into a zip.
func nest(files []entry) ([]byte, error) {
	inner, err := zipped(files)
	if err != nil {
		return nil, err
	}
	middle, err := tarred([]entry{{"inner.zip", inner}})
	if err != nil {
		return nil, err
	}
	return zipped([]entry{{"middle.tar.gz", middle}})
}

func zipped(files []entry) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		part, err := w.Create(f.name)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}

func tarred(files []entry) ([]byte, error) {
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	w := tar.NewWriter(gz)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := errors.Join(w.Close(), gz.Close())
	return buf.Bytes(), err
}

// draw makes a picture of a round stone.
func draw(width, height int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			dx, dy := x-width/2, y-height/2
			shade := uint8(255 * (x + y) / (width + height))
			c := color.RGBA{R: 245 - shade/8, G: 240 - shade/8, B: 230 - shade/8, A: 255}
			if 9*(dx*dx+dy*dy) < height*height {
				c = color.RGBA{R: shade / 4, G: shade / 3, B: 120 + shade/2, A: 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var buf bytes.Buffer
	err := png.Encode(&buf, img)
	return buf.Bytes(), err
}

// readProgram returns a real executable that every machine with Go has: the assembler, or gofmt.
func readProgram() ([]byte, error) {
	out, err := exec.Command("go", "env", "GOTOOLDIR", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask go where its tools are: %w", err)
	}
	dirs := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(dirs) != 2 {
		return nil, fmt.Errorf("go env names %d folders, not two", len(dirs))
	}
	program, err := os.ReadFile(filepath.Join(dirs[0], "asm"))
	if err == nil {
		return program, nil
	}
	return os.ReadFile(filepath.Join(dirs[1], "bin", "gofmt"))
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
