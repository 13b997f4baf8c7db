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

// TestDisks: images that other programs made are recognised, and give the files that were put into them.
func TestDisks(t *testing.T) {
	want := map[string]string{"a.txt": "the first", "folder/b.txt": strings.Repeat("the second ", 2000)}
	dir := t.TempDir()
	must(os.Mkdir(filepath.Join(dir, "in"), 0o700))
	must(os.Mkdir(filepath.Join(dir, "in", "folder"), 0o700))
	for name, content := range want {
		must(os.WriteFile(filepath.Join(dir, "in", name), []byte(content), 0o600))
	}
	must(os.WriteFile(filepath.Join(dir, "disk"), nil, 0o600))
	must(os.Truncate(filepath.Join(dir, "disk"), 4<<20))
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "mkfs.fat"), "disk")
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "mcopy"), "-s", "-Q", "-i", "disk", "in/a.txt", "in/folder", "::/")
	lzo := filepath.Join(dir, "lzo")
	plugintest.Output(t, dir, nil, plugintest.Tool(t, "mksquashfs"), "in", lzo, "-quiet", "-no-progress", "-comp", "lzo")
	content, err := os.ReadFile(lzo)
	must(err)
	out := run(t, content, "archive/squashfs")
	if out.State != event.CompletedWithErrors || out.Message != "LZO cannot be unpacked" || values(out, "malformed") != nil {
		t.Errorf("LZO: %s %s, malformed %q", out.State, out.Message, values(out, "malformed"))
	}
	for _, c := range []struct{ command, format, kind string }{
		{"mksquashfs in OUT -quiet -no-progress", "archive/squashfs", "squashfs"},
		{"qemu-img convert -f raw -O vpc disk OUT", "archive/vhd", "vhd"},
		{"qemu-img convert -f raw -O vpc -o subformat=fixed disk OUT", "archive/vhd", "vhd"},
		{"qemu-img convert -f raw -O vmdk disk OUT", "archive/vmdk", "vmdk"},
	} {
		t.Run(c.command, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "image")
			args := strings.Fields(strings.Replace(c.command, "OUT", out, 1))
			plugintest.Output(t, dir, nil, plugintest.Tool(t, args[0]), args[1:]...)
			content, err := os.ReadFile(out)
			must(err)
			if format := identified(content); format != c.format {
				t.Fatalf("taken for %s", format)
			}
			found := run(t, content, c.format)
			if got := contents(t, found); found.State != event.Completed || !maps.Equal(got, want) || !slices.Equal(values(found, "box_type"), []string{c.kind}) {
				t.Errorf("%s %s with %q, box_type %q", found.State, found.Message, slices.Sorted(maps.Keys(got)), values(found, "box_type"))
			}
		})
	}
}
