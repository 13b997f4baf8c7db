package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugins"
)

// letters is a plugin for tests: it counts the a in a file and fails on one that says so.
type letters struct{}

func (letters) Spec() plugin.Spec {
	return plugin.Spec{
		Name: "Letters", Version: "1",
		Features: []plugin.Feature{{Name: "letter_count", Type: event.Integer, Description: "how many"}},
	}
}

func (letters) Run(_ context.Context, job *plugin.Job) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(text), "fail") {
		return errors.New("told to fail")
	}
	job.Feature("letter_count", strings.Count(string(text), "a"))
	return nil
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTryPlugin(t *testing.T) {
	path := write(t, "text.txt", "a banana and a papaya\n")
	var out strings.Builder
	if err := tryPlugin(t.Context(), &out, letters{}, path, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Letters 1, ", "text.txt, ", "22 B", "\ncompleted\nletter_count (integer) = \"9\"\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}

	out.Reset()
	if err := tryPlugin(t.Context(), &out, letters{}, path, true); err != nil {
		t.Fatal(err)
	}
	var got trial
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.State != event.Completed || got.File.Size != 22 || len(got.Features) != 1 || got.Features[0].Value != "9" {
		t.Errorf("got %+v", got)
	}
}

func TestTryPluginFails(t *testing.T) {
	var out strings.Builder
	err := tryPlugin(t.Context(), &out, letters{}, write(t, "bad", "fail"), false)
	if err == nil || !strings.Contains(err.Error(), "Letters failed on bad: ") || exitCode(err) != exitFailed {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(out.String(), "told to fail") {
		t.Errorf("the reason is not printed:\n%s", &out)
	}
	if err := tryPlugin(t.Context(), io.Discard, letters{}, write(t, "empty", ""), false); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Errorf("an empty file: %v", err)
	}
	if err := tryPlugin(t.Context(), io.Discard, letters{}, ".", false); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// TestBuiltInPlugins: every plugin that is built in can be named in any case, and does not fail on a text.
func TestBuiltInPlugins(t *testing.T) {
	names := pluginNames(plugins.BuiltIn())
	if len(names) == 0 {
		t.Fatal("no plugin is built in")
	}
	path := write(t, "text.txt", strings.Repeat("lapis lazuli\n", 100))
	for _, name := range names {
		p, err := findPlugin(plugins.BuiltIn(), strings.ToUpper(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := tryPlugin(t.Context(), io.Discard, p, path, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := findPlugin(plugins.BuiltIn(), "nonsense"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), names[0]) {
		t.Errorf("an unknown plugin: %v", err)
	}
}
