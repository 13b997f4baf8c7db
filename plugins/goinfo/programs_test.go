package goinfo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The programs that tests build: a little implant with a package and a dependency of its own, and a library. They lie in testdata so that nothing but these tests
// compiles them.
//
//go:embed testdata/src
var sources embed.FS

// Releases of Go that tests build with. test/setup fetches them.
const (
	go112 = "1.12.17"
	go116 = "1.16.15"
	go118 = "1.18.10"
	go121 = "1.21.13"
	go123 = "1.23.12"
	go126 = "1.26.0"
	go127 = "1.27.0"
)

// build is how a program is built.
type build struct {
	release    string
	os, arch   string
	pkg        string   // "." or "./lib"
	flags      []string // of go build
	cgo        bool
	obfuscator []string // garble and its flags
}

func (b build) String() string {
	return strings.TrimSpace(fmt.Sprintf("go%s %s/%s %s %s", b.release, b.os, b.arch, strings.Join(b.obfuscator, " "), strings.Join(b.flags, " ")))
}

// with returns the same build with more flags.
func (b build) with(flags ...string) build {
	b.flags = append(slices.Clone(b.flags), flags...)
	return b
}

// compilers bounds how many programs are built at a time.
var compilers = make(chan struct{}, 2)

// program returns a built program. What is built is kept in .cache by everything that it depends on, because a first build compiles the runtime for its target.
func (b build) program(t testing.TB) []byte {
	t.Helper()
	root := toolchain(t, b.release)
	dir := sourceFolder(t)
	kept := filepath.Join(filepath.Dir(dir), b.key(dir))
	content, err := os.ReadFile(kept)
	if err == nil {
		return content
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	compilers <- struct{}{}
	defer func() { <-compilers }()
	out := filepath.Join(t.TempDir(), "program")
	args := append([]string{"build", "-o", out}, b.flags...)
	cmd := exec.Command(filepath.Join(root, "bin/go"), append(args, b.pkg)...)
	if len(b.obfuscator) > 0 {
		cmd = exec.Command(b.obfuscator[0], append(append(slices.Clone(b.obfuscator[1:]), args...), b.pkg)...)
	}
	cmd.Dir = filepath.Join(dir, "src/example.com/rat")
	cmd.Env = b.environment(t, root, dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", b, err, text)
	}
	if content, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	keep(t, kept, content)
	return content
}

// key names what comes out of a build.
func (b build) key(dir string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v in %s", b, filepath.Base(dir)))
	return hex.EncodeToString(sum[:12])
}

// environment is what the go command goes by: nothing of the machine's own settings.
func (b build) environment(t testing.TB, root, dir string) []string {
	t.Helper()
	env := []string{
		"HOME=" + os.Getenv("HOME"), "PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH"),
		"GOCACHE=" + goEnv(t, "GOCACHE"), "GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOPROXY=off", "GOROOT=" + root, "GOOS=" + b.os, "GOARCH=" + b.arch,
		"GOPATH=" + dir, "CGO_ENABLED=" + map[bool]string{false: "0", true: "1"}[b.cgo],
	}
	if len(b.obfuscator) > 0 { // garble replaces files of Go's own, which the go command refuses below GOMODCACHE
		env = append(env, "GOMODCACHE="+t.TempDir(), "GARBLE_CACHE="+filepath.Join(filepath.Dir(dir), "garble"))
	}
	if b.release == go112 {
		env = append(env, "GO111MODULE=off")
	}
	return env
}

// keep writes a file as a whole or not at all: other processes may be at it.
func keep(t testing.TB, path string, content []byte) {
	t.Helper()
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		t.Fatal(err)
	}
}

// sourceFolder writes the sources to .cache, to a folder that is named by what is in it, and returns it. It is a module, and in a GOPATH at the same time.
func sourceFolder(t testing.TB) string {
	t.Helper()
	dir, err := writeSources()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var writeSources = sync.OnceValues(func() (string, error) {
	cache, err := filepath.Abs("../../.cache/goinfo")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	sum := sha256.New()
	err = fs.WalkDir(sources, "testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.Replace(strings.TrimPrefix(path, "testdata/"), "go.mod.txt", "go.mod", 1) // folders with a go.mod are not embedded
		fmt.Fprintf(sum, "%s %d %s", name, len(text), text)
		target := filepath.Join(temp, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "src-"+hex.EncodeToString(sum.Sum(nil)[:6]))
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
})

// toolchain returns the GOROOT of a release, which the go command has fetched before.
func toolchain(t testing.TB, release string) string {
	t.Helper()
	found := findToolchain(release)
	if found.root == "" {
		missing(t, fmt.Sprintf("Go %s is not there (%s)", release, found.why))
	}
	return found.root
}

type foundToolchain struct{ root, why string }

var toolchains = struct {
	sync.Mutex
	found map[string]foundToolchain
}{found: map[string]foundToolchain{}}

func findToolchain(release string) foundToolchain {
	toolchains.Lock()
	defer toolchains.Unlock()
	if f, known := toolchains.found[release]; known {
		return f
	}
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+release, "GOENV=off", "GOFLAGS=", "GOPROXY=off")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	f := foundToolchain{root: strings.TrimSpace(string(out))}
	if err != nil {
		f = foundToolchain{why: strings.TrimSpace(errOut.String())}
	}
	toolchains.found[release] = f
	return f
}

func goEnv(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// missing ends a test whose tool is not there.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: test/setup fetches it", what)
	}
	t.Skipf("SKIPPED: %s; run test/setup", what)
}
