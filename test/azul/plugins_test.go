package azul

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lazuli/client"
	"lazuli/event"
	"lazuli/event/eventtest"
	"lazuli/test/platform"
)

// TestPlugins runs four plugins at once against one platform: every type of feature, a family of files, several authors of one
// job, and one that raises, opts out, lies, hangs and dies.
func TestPlugins(t *testing.T) {
	t.Parallel()
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--lease", "10s", "--max-attempts", "2")
	for _, script := range []string{"kinds.py", "family.py", "multi.py", "unruly.py"} {
		startPlugin(t, up, script, "PLUGIN_RUN_TIMEOUT=4", "PLUGIN_HEARTBEAT_INTERVAL=1")
	}
	startPlugin(t, up, documented(t))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shas := map[string]string{}
	for _, content := range []string{"plain", "family ann bob", "raise", "optout", "lie", "hang", "die", "many"} {
		sha, err := up.Submit(ctx, "sample.txt", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		shas[content] = sha
	}
	file := func(content, plugin string) *platform.File { return states(ctx, t, up, shas[content], plugin) }
	t.Run("kinds", func(t *testing.T) { checkKinds(t, file("plain", "Kinds")) })
	t.Run("family", func(t *testing.T) { checkFamily(ctx, t, up, file("family ann bob", "Family")) })
	t.Run("documented", func(t *testing.T) {
		if got := stateOf(file("plain", "Lines"), "Lines"); got != "completed" {
			t.Errorf("the plugin of docs/plugins.md: %q", got)
		}
	})
	t.Run("multi", func(t *testing.T) { checkMulti(t, file("plain", "Multi")) })
	t.Run("unruly", func(t *testing.T) {
		for content, want := range map[string]string{
			"plain": "completed-empty", "raise": "error-exception ValueError", "optout": "opt-out asked_to", "lie": "error-output Invalid Plugin Output",
			"hang": "error-timeout PluginTimeout Error", "die": "error-timeout given up by the dispatcher", "many": "completed-with-errors",
		} {
			if got := stateOf(file(content, "Unruly"), "Unruly"); got != want {
				t.Errorf("%s: %q, want %q", content, got, want)
			}
		}
		var dead struct {
			Dead []struct{ SHA256, Plugin, Reason string }
		}
		if err := up.Get(ctx, "/api/v1/dead", &dead); err != nil {
			t.Fatal(err)
		}
		if len(dead.Dead) != 1 || dead.Dead[0].SHA256 != shas["die"] || dead.Dead[0].Plugin != "Unruly" {
			t.Errorf("the dead letters are %+v", dead.Dead)
		}
	})
	readBack(ctx, t, up, map[string]int{"plugin": 6, "status": 24, "binary": 20})
}

// documented writes the plugin of docs/plugins.md to a file.
func documented(t *testing.T) string {
	text, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```python\n")
	source, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("docs/plugins.md has no plugin in Python")
	}
	path := filepath.Join(t.TempDir(), "lines.py")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// stateOf is what a plugin said of a file: its state and error.
func stateOf(f *platform.File, plugin string) string {
	for _, s := range f.Statuses {
		if s.Plugin == plugin {
			return strings.TrimSpace(s.State + " " + s.Error)
		}
	}
	return "nothing"
}

func checkKinds(t *testing.T, f *platform.File) {
	want := map[string][]string{
		"kinds_string": {"plain", "ünïcode <&>"}, "kinds_integer": {"-1", "1180591620717411303424"}, "kinds_float": {"1.5e-300"}, "kinds_binary": {"AP8="},
		"kinds_datetime": {"1999-12-31T23:59:59+00:00"}, "kinds_filepath": {`C:\Windows\x.exe`}, "kinds_uri": {"https://example.invalid/a?b=c"},
	}
	got := map[string][]string{}
	for _, feature := range f.Features {
		if feature.Plugin == "Kinds" && strings.HasPrefix(feature.Name, "kinds_") {
			got[feature.Name] = append(got[feature.Name], feature.Value)
		}
	}
	for name, values := range want {
		if slices.Sort(got[name]); !slices.Equal(got[name], values) {
			t.Errorf("%s is %q, want %q", name, got[name], values)
		}
	}
	if state := stateOf(f, "Kinds"); state != "completed" {
		t.Errorf("the state is %q", state)
	}
}

// checkFamily: two children with text of their own and a grandchild each, all of which went through the plugins in their turn.
func checkFamily(ctx context.Context, t *testing.T, up *platform.Up, f *platform.File) {
	var streams struct {
		Streams []struct{ Label, Plugin string }
	}
	if err := up.Get(ctx, "/api/v1/binaries/"+f.SHA256, &streams); err != nil {
		t.Fatal(err)
	}
	var augmented []string
	for _, s := range streams.Streams {
		if s.Plugin == "Family" {
			augmented = append(augmented, s.Label)
		}
	}
	if slices.Sort(augmented); !slices.Equal(augmented, []string{"report", "text"}) {
		t.Errorf("the augmented streams are %q of %+v", augmented, streams.Streams)
	}
	grandchildren := 0
	for _, child := range f.Children {
		c := states(ctx, t, up, child.SHA256, "Family")
		if stateOf(c, "Family") != "opt-out" || stateOf(c, "Kinds") == "nothing" {
			t.Errorf("a child's statuses are %+v", c.Statuses)
		}
		for _, g := range c.Children {
			grandchildren++
			if states(ctx, t, up, g.SHA256, "Kinds") == nil {
				t.Errorf("the grandchild %s is not known", g.SHA256)
			}
		}
	}
	if len(f.Children) != 2 || grandchildren != 2 || stateOf(f, "Family") != "completed" {
		t.Errorf("%d children, %d grandchildren, state %s", len(f.Children), grandchildren, stateOf(f, "Family"))
	}
}

func checkMulti(t *testing.T, f *platform.File) {
	for author, want := range map[string]string{"Multi": "completed", "Multi-good": "completed", "Multi-bad": "opt-out not_mine"} {
		if got := stateOf(f, author); got != want {
			t.Errorf("%s: %q, want %q", author, got, want)
		}
	}
	seen := map[string]string{}
	for _, feature := range f.Features {
		if feature.Name == "multi_seen" {
			seen[feature.Plugin] = feature.Value
		}
	}
	if len(seen) != 2 || seen["Multi"] != "main" || seen["Multi-good"] != "good" {
		t.Errorf("seen by %v", seen)
	}
}

// TestDispatcherAPI calls every method of azul_bedrock's DispatcherAPI.
func TestDispatcherAPI(t *testing.T) {
	t.Parallel()
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"), "--allow-delete")
	out, err := exec.CommandContext(t.Context(), python(t), "api.py", up.Plugins).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || lines[len(lines)-1] != "16" {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDownloadPlugin asks a download plugin for a file; it brings it, and says so. (This release of azul-runner brings only what
// it finds in the store already: its test is the wrong way round.)
func TestDownloadPlugin(t *testing.T) {
	t.Parallel()
	up := platform.Start(t, filepath.Join(t.TempDir(), "data"))
	startPlugin(t, up, "download.py", "PLUGIN_REQUIRE_HISTORIC=true")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sha, err := up.Submit(ctx, "there.txt", []byte("there already"))
	if err != nil {
		t.Fatal(err)
	}
	request := &event.Download{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: event.Author{Category: "user", Name: "bob"}},
		Action: "requested", Entity: event.DownloadEntity{Hash: sha}, Source: eventtest.Binary().Source}
	request.Source.Name = "test"
	api, err := client.NewDispatcher(up.Plugins)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	if _, err := api.PostEvents(ctx, event.ModelDownload, request); err != nil {
		t.Fatal(err)
	}
	fetched := sha256.Sum256([]byte("fetched " + sha))
	for {
		var f platform.File
		if err := up.Get(ctx, "/api/v1/binaries/"+hex.EncodeToString(fetched[:]), &f); err == nil {
			break
		}
		select { // the plugin needs a moment to start
		case <-ctx.Done():
			t.Fatal("the plugin brought nothing")
		case <-time.After(100 * time.Millisecond):
		}
	}
	for counted := 0; counted < 2; { // the outcome comes after the file
		answer, err := api.Poll(ctx, client.PollParams{Model: event.ModelDownload, Passive: true, Consumer: client.Consumer{Name: "reader", Version: "1", Live: true, Historic: true}, Count: 10, Deadline: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		counted += len(answer.Events)
	}
	readBack(ctx, t, up, map[string]int{"download": 2, "plugin": 1})
}
