package unbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

// bomb is an archive that gives much more than it has.
type bomb struct {
	name    string
	content []byte
	most    int64 // bytes of the archive that may be read
}

// bombs are made by other programs of 128 MiB of zeros, alone and as a hundred files, and here of a great many entries.
func bombs(t testing.TB) []bomb {
	const zeros = 128 << 20
	dir := t.TempDir()
	must(os.WriteFile(filepath.Join(dir, "zeros"), nil, 0o600))
	must(os.Truncate(filepath.Join(dir, "zeros"), zeros))
	for i := range 100 {
		name := filepath.Join(dir, fmt.Sprintf("part%02d", i))
		must(os.WriteFile(name, nil, 0o600))
		must(os.Truncate(name, zeros/100))
	}
	var list []bomb
	for _, command := range []string{
		"xz -0 -c zeros", "xz -0 --format=lzma -c zeros", "lzip -0 -c zeros", "bzip2 -9 -c zeros", "zstd -1 -c zeros",
		"7z a -t7z -mx1 -mmt1 OUT zeros", "7z a -t7z -mx1 -mmt1 -ms=on OUT part*", "7z a -t7z -m0=BZip2 -mmt1 OUT zeros", "7z a -t7z -m0=PPMd -mmt1 OUT zeros",
		"7z a -tzip -mm=LZMA -mx1 -mmt1 OUT zeros", "7z a -tzip -mm=BZip2 -mx1 -mmt1 OUT part*", "7z a -tzip -mm=Deflate64 -mx1 -mmt1 OUT part*",
		"7z a -tzip -mm=PPMd:mem=128m -mmt1 OUT zeros", "7z a -tzip -mm=PPMd:mem=64m -mmt1 OUT part*",
		"mksquashfs part* OUT -quiet -no-progress", "mksquashfs zeros OUT -quiet -no-progress -comp xz -no-sparse",
		"qemu-img convert -f raw -O vpc zeros OUT", "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized zeros OUT",
	} {
		out := filepath.Join(t.TempDir(), "x.bomb")
		var args []string
		for _, word := range strings.Fields(command) {
			switch {
			case word == "OUT":
				word = out
			case strings.HasSuffix(word, "*"):
				names, err := filepath.Glob(filepath.Join(dir, word))
				must(err)
				args = append(args, names...)
				continue
			}
			args = append(args, word)
		}
		content := plugintest.Output(t, dir, nil, plugintest.Tool(t, args[0]), args[1:]...)
		if strings.Contains(command, "OUT") {
			var err error
			content, err = os.ReadFile(out)
			must(err)
		}
		list = append(list, bomb{command, content, 4*int64(len(content)) + 1<<20})
	}
	many := make([]file, 20_000)
	for i := range many {
		many[i] = file{fmt.Sprint(i), fmt.Sprint(i)}
	}
	for name, content := range map[string][]byte{"RAR 5 of many files": rar5Of(0, many...), "RAR 4 of many files": rar4Of(0, many...)} {
		list = append(list, bomb{name, content, 8*int64(len(content)) + 1<<20})
	}
	return list
}

// countedContent counts what is read of an archive.
type countedContent struct {
	*bytes.Reader
	read *int64
}

func (c countedContent) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	*c.read += int64(n)
	return n, err
}

func (countedContent) Close() error { return nil }

// explode runs the plugin on a bomb and returns how many bytes of it were read.
func explode(t testing.TB, content []byte) (out *plugin.Outcome, read int64) {
	stream := event.Datastream{Label: event.LabelContent, SHA256: "bomb", Size: uint64(len(content)), FileFormat: identified(content)}
	out = plugin.Execute(t.Context(), New(DefaultLimits()), plugin.Input{
		Event: &event.Binary{Entity: event.Entity{Datastreams: []event.Datastream{stream}}, Source: event.Source{Path: make(event.Path, 1)}},
		Open: func(context.Context, event.Datastream) (plugin.Content, error) {
			return countedContent{bytes.NewReader(content), &read}, nil
		},
		TempDir: t.TempDir(),
	})
	return out, read
}

// TestBombsOfTools: limits end the extraction of every compression within 200 MB of memory. Work is bounded by bytes: what is read of the
// archive, and what is kept of what comes out.
func TestBombsOfTools(t *testing.T) {
	for _, b := range bombs(t) {
		t.Run(b.name, func(t *testing.T) {
			var out *plugin.Outcome
			var read int64
			peak := plugintest.PeakMemory(func() { out, read = explode(t, b.content) })
			defer out.Close()
			if len(out.Parts) != 1 {
				t.Fatalf("%s: %s", identified(b.content), out.Text())
			}
			part := &out.Parts[0].Outcome
			var kept int64
			for _, c := range part.Children {
				kept += c.Content.Size
			}
			budget := newBudget(t.Context(), DefaultLimits(), int64(len(b.content)))
			t.Logf("%d bytes: %d MiB of memory, %d bytes read, %d kept, suspicious %q", len(b.content), peak>>20, read, kept, values(part, "suspicious"))
			if part.State != event.CompletedWithErrors || !strings.HasPrefix(strings.Join(values(part, "suspicious"), ""), "extraction limit reached: ") {
				t.Errorf("%s %s, suspicious %q", part.State, part.Message, values(part, "suspicious"))
			}
			if peak > 200<<20 || read > b.most || kept > budget.most {
				t.Errorf("%d MiB of memory, %d bytes read of %d, %d kept of at most %d", peak>>20, read, len(b.content), kept, budget.most)
			}
		})
	}
}

// BenchmarkBombs prints how long the bombs take: each is to be well under two seconds.
func BenchmarkBombs(b *testing.B) {
	for _, c := range bombs(b) {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				out, _ := explode(b, c.content)
				out.Close()
			}
		})
	}
}
