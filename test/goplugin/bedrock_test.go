package goplugin

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/test/platform"
)

// TestBedrock: a plugin on the reference's own Go runner; its client reads every event of the platform in Avro.
func TestBedrock(t *testing.T) {
	program := bedrock.build(t)
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	submit := func(content string) string {
		sha, err := up.Submit(ctx, "sample.txt", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return sha
	}
	before := submit("first line\nsecond line\n") // historic when the plugin comes
	start(t, exec.Command(program), "PLUGIN_EVENTS_URL="+up.Plugins, "PLUGIN_DATA_URL="+up.Plugins, "PLUGIN_HEARTBEAT_INTERVAL=1", "TMPDIR="+t.TempDir())
	type outcome struct{ state, lines string }
	for sha, want := range map[string]outcome{
		before:                     {"completed", "2"},
		submit("live\nand well\n"): {"completed", "2"},
		submit("raise an error\n"): {"error-input", ""},
		submit("one line"):         {"opt-out", ""},
	} {
		f, state := reported(ctx, t, up, sha, "BedrockLines")
		got := outcome{state: state}
		for _, feature := range f.Features {
			if feature.Plugin == "BedrockLines" && feature.Name == "bedrock_lines" {
				got.lines = feature.Value
			}
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v: %+v", sha, got, want, f.Statuses)
		}
	}
	readAll(ctx, t, up, program, before)
}

// readAll reads all events by the reference's client in Avro, until the plugin's outcome on a file has come, and compares them with
// what lazuli's own codec reads in JSON.
func readAll(ctx context.Context, t *testing.T, up *platform.Up, program, sha string) {
	cmd := exec.CommandContext(ctx, program, up.Plugins)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	missing := map[string]bool{"plugin BedrockLines": true, "binary sourced": true, "binary augmented": true, "status completed": true}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for len(missing) > 0 && lines.Scan() {
		line, ours := strings.CutPrefix(lines.Text(), "event ")
		if !ours {
			continue
		}
		model, text, _ := strings.Cut(line, " ")
		ev, err := event.Decode(event.Model(model), []byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", model, err, text)
		}
		switch ev := ev.(type) {
		case *event.Plugin:
			delete(missing, "plugin "+ev.Entity.Name)
		case *event.Binary:
			if err := ev.Validate(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			if ev.Action == event.Sourced && ev.Entity.SHA256 == sha || ev.Author.Name == "BedrockLines" {
				delete(missing, fmt.Sprint("binary ", ev.Action))
			}
		case *event.Status:
			if ev.Author.Name == "BedrockLines" && ev.Entity.Input.Entity.SHA256 == sha {
				delete(missing, fmt.Sprint("status ", ev.Entity.Status))
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("the reader ended (%v) without %v", lines.Err(), missing)
	}
}
