package unbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// arOf is an archive of ar with long names of GNU or of BSD.
func arOf(bsd bool, files ...file) []byte {
	out := "!<arch>\n"
	member := func(name, content string) {
		out += fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", name, changed.Unix(), 0, 0, 0o644, len(content), content)
		if len(out)%2 != 0 {
			out += "\n"
		}
	}
	names := ""
	for _, f := range files {
		if len(f.name) > 15 {
			names += f.name + "/\n"
		}
	}
	if names != "" && !bsd {
		member("//", names)
	}
	for _, f := range files {
		switch {
		case len(f.name) <= 15:
			member(f.name+"/", f.content)
		case bsd:
			member(fmt.Sprintf("#1/%d", len(f.name)), f.name+f.content)
		default:
			member(fmt.Sprintf("/%d", strings.Index(names, f.name)), f.content)
		}
	}
	return []byte(out)
}

// cpioOf is a cpio with names in hexadecimal.
func cpioOf(files ...file) []byte {
	out := ""
	pad := func() {
		for len(out)%4 != 0 {
			out += "\x00"
		}
	}
	for _, f := range append(files, file{"TRAILER!!!", ""}) {
		mode := 0o100644
		if strings.HasSuffix(f.name, "/") {
			mode = 0o040755
		}
		name := strings.TrimSuffix(f.name, "/") + "\x00"
		out += fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, changed.Unix(), len(f.content), 0, 0, 0, 0, len(name), 0) + name
		pad()
		out += f.content
		pad()
	}
	return []byte(out)
}

func debOf(files ...file) []byte {
	return arOf(false, file{"debian-binary", "2.0\n"}, file{"control.tar.gz", string(gzipOf("", tarOf(file{"./control", "Package: x\n"})))}, file{"data.tar.xz", string(packers[".xz"].pack(tarOf(files...)))})
}

// filesToPack puts files into a new folder and returns it, and what it holds.
func filesToPack(t *testing.T) (dir string, want map[string]string) {
	dir, want = t.TempDir(), map[string]string{}
	must(os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	for name, content := range contentsToPack() {
		want["folder/"+name] = string(content)
		must(os.WriteFile(filepath.Join(dir, "folder", name), content, 0o644))
	}
	must(os.Symlink("words", filepath.Join(dir, "folder", "link")))
	return dir, want
}

func TestCpioAgainstTools(t *testing.T) {
	dir, want := filesToPack(t)
	for _, command := range []string{
		"cpio -o -H newc", "cpio -o -H crc", "cpio -o -H odc", "cpio -o -H bin", "bsdtar -c --format=newc -f - folder", "bsdtar -c --format=odc -f - folder",
		"bsdtar -c --format=newc -z -f - folder", "bsdtar -c --format=newc --zstd -f - folder",
	} {
		args := strings.Fields(command)
		names := []byte("folder\n")
		for name := range want {
			names = append(names, name+"\n"...)
		}
		packed := plugintest.Output(t, dir, append(names, "folder/link\n"...), plugintest.Tool(t, args[0]), args[1:]...)
		out := run(t, packed, identified(packed))
		if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) || !slices.Contains(values(out, "box_filepath"), "folder/") {
			t.Errorf("%s (%s): %s %s with %q", command, identified(packed), out.State, out.Message, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestArAgainstTools(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{"short": "content", "a rather long name.txt": "odd", "another name that is long.o": "more content"}
	names := slices.Sorted(maps.Keys(want))
	for name, content := range want {
		must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	for _, command := range []string{"ar qc", "bsdtar -c --format=arbsd -f"} {
		args := strings.Fields(command)
		path := filepath.Join(t.TempDir(), "x.a")
		plugintest.Output(t, dir, nil, plugintest.Tool(t, args[0]), append(append(args[1:], path), names...)...)
		packed, err := os.ReadFile(path)
		must(err)
		out := run(t, packed, identified(packed))
		if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) {
			t.Errorf("%s: %s %s with %q", command, out.State, out.Message, got)
		}
	}
}

func TestDebAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "dpkg-deb")
	dir, _ := filesToPack(t)
	must(os.Mkdir(filepath.Join(dir, "DEBIAN"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "DEBIAN", "control"), []byte("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"), 0o644))
	for _, compression := range []string{"gzip", "xz", "zstd", "none"} {
		path := filepath.Join(t.TempDir(), "x.deb")
		plugintest.Output(t, dir, nil, tool, "--root-owner-group", "-Z"+compression, "-b", dir, path)
		packed, err := os.ReadFile(path)
		must(err)
		out := run(t, packed, identified(packed))
		got := map[string]string{}
		for name, content := range contents(t, out) {
			got[strings.Replace(name, "./", "", 1)] = content
		}
		delete(got, "debian-binary")
		unpacked := t.TempDir()
		plugintest.Output(t, dir, nil, tool, "-R", path, unpacked)
		if want := filesBelow(t, unpacked); out.State != event.Completed || !maps.Equal(got, want) {
			t.Errorf("%s: %s %s with %q, want %q", compression, out.State, out.Message, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

func TestRPMAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "rpmbuild")
	unpack := plugintest.Tool(t, "bsdtar")
	dir, _ := filesToPack(t)
	for _, payload := range []string{"w9.gzdio", "w9.bzdio", "w6.xzdio", "w3.zstdio"} {
		top := t.TempDir()
		spec := filepath.Join(top, "x.spec")
		must(os.WriteFile(spec, []byte("Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%install\nmkdir -p %{buildroot}/opt\ncp -a "+
			filepath.Join(dir, "folder")+" %{buildroot}/opt/\n%files\n/opt/folder\n"), 0o644))
		plugintest.Output(t, top, nil, tool, "-bb", "--quiet", "--nodeps", "--define", "_topdir "+top, "--define", "_binary_payload "+payload, "--define", "__os_install_post %{nil}", spec)
		paths, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
		must(err)
		if len(paths) != 1 {
			t.Fatalf("rpmbuild made %q", paths)
		}
		packed, err := os.ReadFile(paths[0])
		must(err)
		out := run(t, packed, identified(packed))
		got := map[string]string{}
		for name, content := range contents(t, out) {
			got[strings.TrimPrefix(name, "./")] = content
		}
		unpacked := t.TempDir()
		plugintest.Output(t, unpacked, nil, unpack, "-xf", paths[0])
		if want := filesBelow(t, unpacked); out.State != event.Completed || !maps.Equal(got, want) || len(got) != 4 {
			t.Errorf("%s: %s %s with %q, want %q", payload, out.State, out.Message, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

func FuzzPackages(f *testing.F) {
	formats := []string{"archive/ar", "archive/deb", "archive/cpio", "archive/rpm"}
	for i := range formats {
		f.Add(i, arOf(true, file{"a name that is longer", "x"}))
		f.Add(i, debOf(some[:2]...))
		f.Add(i, cpioOf(some[:3]...))
	}
	limits := fuzzLimits()
	f.Fuzz(func(t *testing.T, format int, content []byte) {
		checkFuzzed(t, limits, plugintest.Run(t, New(limits), content, plugintest.Format(formats[uint(format)%uint(len(formats))])))
	})
}
