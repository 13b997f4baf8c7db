package unbox

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin/plugintest"
)

// sevenZipCommands make archives of everything in a folder: two programs, all methods and filters that they write.
var sevenZipCommands = []string{
	"7zz a -t7z", "7zz a -t7z -mx0", "7zz a -t7z -mx1 -ms=off", "7zz a -t7z -m0=LZMA", "7zz a -t7z -m0=LZMA -mx9 -mhc=off", "7zz a -t7z -m0=PPMd", "7zz a -t7z -m0=PPMd:o=32:mem=20m",
	"7zz a -t7z -m0=BZip2", "7zz a -t7z -m0=Deflate", "7zz a -t7z -m0=Deflate64", "7zz a -t7z -m0=BCJ -m1=LZMA2", "7zz a -t7z -m0=BCJ2 -m1=LZMA -m2=LZMA -m3=LZMA -mb0:1 -mb0s1:2 -mb0s2:3",
	"7zz a -t7z -m0=Delta:4 -m1=LZMA", "7zz a -t7z -m0=ARM64 -m1=LZMA2", "7zz a -t7z -m0=ARM -m1=Copy", "7zz a -t7z -m0=PPC -m1=LZMA", "7zz a -t7z -m0=SPARC -m1=LZMA", "7zz a -t7z -m0=ARMT -m1=LZMA",
	"7zz a -t7z -m0=IA64 -m1=LZMA", "7zz a -t7z -psecret", "7zz a -t7z -psecret -mhe", "7zz a -t7z -pinfected -mhe -ms=off", "7zz a -t7z -psecret -m0=Copy", "7zz a -t7z -psecret -m0=BCJ2 -m1=LZMA2",
	"bsdtar -c --format=7zip", "bsdtar -c --format=7zip --options=7zip:compression=store", "bsdtar -c --format=7zip --options=7zip:compression=ppmd",
	"bsdtar -c --format=7zip --options=7zip:compression=bzip2", "bsdtar -c --format=7zip --options=7zip:compression=deflate", "bsdtar -c --format=7zip --options=7zip:compression=lzma1",
}

// Test7zAgainstTools: what other programs made comes out as it was, and its methods are called as 7-Zip calls them.
func Test7zAgainstTools(t *testing.T) {
	want := map[string]string{}
	dir := t.TempDir()
	must(os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for name, content := range contentsToPack() {
		want["folder/"+name] = string(content)
		must(os.WriteFile(filepath.Join(dir, "folder", name), content, 0o600))
	}
	must(os.WriteFile(filepath.Join(dir, "folder", "empty"), nil, 0o600))
	must(os.Symlink("words", filepath.Join(dir, "folder", "link")))
	for _, command := range sevenZipCommands {
		t.Run(command, func(t *testing.T) {
			args := strings.Fields(command)
			tool := plugintest.Tool(t, args[0])
			archive := filepath.Join(t.TempDir(), "x.7z")
			if args[0] == "bsdtar" {
				args = append(args, "-f")
			} else {
				args = append(args, "-snl") // keep links
			}
			plugintest.Output(t, dir, nil, tool, append(args[1:], archive, "folder")...)
			content, err := os.ReadFile(archive)
			must(err)
			out := run(t, content, "archive/7-zip", plugintest.Setting("passwords", "wrong\nsecret"))
			if got := contents(t, out); out.State != event.Completed || !maps.Equal(got, want) {
				t.Errorf("%s %s with %q", out.State, out.Message, slices.Sorted(maps.Keys(got)))
			}
			names := append(slices.Sorted(maps.Keys(want)), "folder/empty")
			slices.Sort(names)
			if got := values(out, "box_filepath"); !slices.Equal(slices.Sorted(slices.Values(got)), names) {
				t.Errorf("listed %q", got)
			}
			if strings.Contains(command, "infected") {
				return
			}
			listing := string(plugintest.Output(t, dir, nil, plugintest.Tool(t, "7zz"), "l", "-slt", "-psecret", archive))
			for _, method := range values(out, "box_compression") {
				method, _, _ = strings.Cut(method, "|")
				if !strings.Contains(listing, "Method = "+method+"\n") {
					t.Errorf("7-Zip does not call the method %q:\n%s", method, listing)
				}
			}
		})
	}
}
