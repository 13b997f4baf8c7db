package inno

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive/archivetest"
)

// TestCompiler: what Inno Setup itself made, which test/innosetup.sh had it do, unpacked as it was packed.
func TestCompiler(t *testing.T) {
	const dir = "../../../.cache/inno/"
	list, _ := filepath.Glob(dir + "out/*.exe") // the pattern is right
	if _, err := os.Stat(dir + "complete"); err != nil || len(list) == 0 {
		if os.Getenv("CI") == "true" && os.Getenv("LAZULI_LONG") != "" {
			t.Fatal("the installers that Inno Setup made are missing: LAZULI_LONG=1 test/setup makes them")
		}
		t.Skip("SKIPPED: Inno Setup's compiler needs Wine, which is left to make test-long (LAZULI_LONG=1 test/setup); made installers are read all the same")
	}
	in := archivetest.ReadFiles(t, dir+"in")
	want := map[string]string{
		"{app}/readme.txt": in["readme.txt"], "{app}/program.exe": in["program.exe"], "{app}/sub/numbers.txt": in["numbers.txt"], "{tmp}/noise.bin": in["noise.bin"],
		folder + "license.txt": in["readme.txt"], folder + "info before (de).txt": in["readme.txt"],
	}
	for _, path := range list {
		t.Run(filepath.Base(path), func(t *testing.T) {
			walk := walkWith("")
			if strings.HasSuffix(path, "-password.exe") {
				walk = walkWith("infected")
			}
			files := archivetest.MustRead(t, walk, archivetest.MustReadFile(t, path))
			got := archivetest.Contents(files)
			if script := got[folder+"script.txt"]; !strings.Contains(script, "\n[Run]\nFilename: \"{app}\\program.exe\"; Parameters: \"http://run.example/\"\n") {
				t.Errorf("the script is %s", script)
			}
			if code := got[folder+"CompiledCode.bin"]; !strings.HasPrefix(code, "IFPS") || !strings.Contains(code, "http://code.example/") && !strings.Contains(code, wideText("http://code.example/")) {
				t.Errorf("the compiled script is %q", code)
			}
			delete(got, folder+"script.txt")
			delete(got, folder+"CompiledCode.bin")
			archivetest.Compare(t, got, want)
			if last := files[len(files)-1]; len(files) != 9 || last.Method == "" {
				t.Errorf("%d files, the last is %+v", len(files), last.Entry)
			}
		})
	}
}

func wideText(s string) string { return string(wideBytes(s)) }
