package unbox

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

const benchBytes = 256 << 20

// filesOfTheSystem copies programs and libraries into a folder until there are so many bytes.
func filesOfTheSystem(b *testing.B) (dir string, size int64) {
	dir = b.TempDir()
	n := 0
	_ = filepath.WalkDir("/usr", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || size >= benchBytes {
			return nil // what cannot be read is left out
		}
		info, err := d.Info()
		if err != nil || info.Size() < 100_000 || info.Size() > 32<<20 || n >= 900 {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		n++
		size += info.Size()
		must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", n)), content, 0o600))
		return nil
	})
	return dir, size
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// prepared is a run over a file that the platform has hashed already.
func prepared(b *testing.B, content []byte, format string) func() *plugin.Outcome {
	stream := event.Datastream{Label: event.LabelContent, SHA256: "unused", Size: uint64(len(content)), FileFormat: format}
	in := plugin.Input{
		Event: &event.Binary{Entity: event.Entity{Datastreams: []event.Datastream{stream}}, Source: event.Source{Path: make(event.Path, 1)}},
		Open: func(context.Context, event.Datastream) (plugin.Content, error) {
			return inMemory{bytes.NewReader(content)}, nil
		},
		TempDir: b.TempDir(),
	}
	return func() *plugin.Outcome { return plugin.Execute(b.Context(), New(DefaultLimits()), in) }
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// BenchmarkBesideTools unpacks 256 MB here and with the usual program. cpu-MB/s is by processor time, which other work on the machine leaves alone;
// ours includes SHA-256 of every file and writing them to disk, the program's writing them to disk, and with sha256sum the hash as well.
func BenchmarkBesideTools(b *testing.B) {
	dir, size := filesOfTheSystem(b)
	for _, c := range []struct{ name, pack, unpack string }{
		{"zip", "zip -q -r -1 OUT .", "unzip -q -o IN"}, {"tar", "tar -cf OUT .", "tar -xf IN"}, {"gzip", "tar -czf OUT .", "tar -xzf IN"},
		{"7z", "7zz a -t7z -mx3 -mmt2 OUT .", "7zz x -y -mmt1 IN"},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "x."+c.name)
			command := func(text string) *exec.Cmd {
				args := strings.Fields(strings.NewReplacer("OUT", path, "IN", path).Replace(text))
				return exec.Command(plugintest.Tool(b, args[0]), args[1:]...)
			}
			packing := command(c.pack)
			packing.Dir = dir
			if out, err := packing.CombinedOutput(); err != nil {
				b.Fatalf("%s: %v\n%s", c.pack, err, out)
			}
			content, err := os.ReadFile(path)
			must(err)
			format := identified(content)
			rate := func(b *testing.B, used time.Duration) {
				b.SetBytes(size)
				b.ReportMetric(float64(size)*float64(b.N)/1e6/used.Seconds(), "cpu-MB/s")
			}
			b.Run("lazuli", func(b *testing.B) {
				var used time.Duration
				for b.Loop() {
					out := prepared(b, content, format)
					begun := processor()
					all := out()
					used += processor() - begun
					if part := &all.Parts[0].Outcome; len(part.Children) < 100 || len(part.Message) > 0 {
						b.Fatal(part.Message)
					}
					all.Close()
				}
				rate(b, used)
			})
			for _, hashing := range []bool{false, true} {
				name := "tool"
				if hashing {
					name = "tool and sha256sum"
				}
				b.Run(name, func(b *testing.B) {
					var used time.Duration
					for b.Loop() {
						dir := b.TempDir()
						run := func(cmd *exec.Cmd) {
							cmd.Dir = dir
							var errOut bytes.Buffer
							cmd.Stderr = &errOut
							if err := cmd.Run(); err != nil {
								b.Fatalf("%v: %v\n%s", cmd.Args, err, &errOut)
							}
							used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
						}
						run(command(c.unpack))
						if hashing {
							run(exec.Command("find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"))
						}
					}
					rate(b, used)
				})
			}
		})
	}
}
