package plugin_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"lazuli/event"
	"lazuli/plugin"
)

// Links finds links in text.
type Links struct{}

func (Links) Spec() plugin.Spec {
	return plugin.Spec{
		Name: "Links", Version: "1", Description: "Finds links in text",
		Features: []plugin.Feature{{Name: "link", Type: event.URI, Description: "a link in the content"}},
		Wants:    plugin.Wants{Streams: map[event.Label][]string{event.LabelContent: {"text/"}}, MaxSize: 10 << 20},
	}
}

var link = regexp.MustCompile(`https?://[!-~]+`)

func (Links) Run(_ context.Context, job *plugin.Job) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	text := make([]byte, content.Size())
	if _, err := content.ReadAt(text, 0); err != nil {
		return err
	}
	found := link.FindAllIndex(text, -1)
	if found == nil {
		return plugin.OptOut("no_link", "there is no link")
	}
	for _, at := range found {
		where := plugin.At(uint64(at[0]), uint64(at[1]-at[0]))
		if err := job.Feature("link", string(text[at[0]:at[1]]), where); err != nil {
			return err
		}
	}
	return nil
}

func Example() {
	out := runOver(Links{}, "see https://example.org/a and http://example.net\n")
	defer out.Close()
	fmt.Print(out.Text())
	// Output:
	// completed
	// link (uri) = "http://example.net" at 30+18
	// link (uri) = "https://example.org/a" at 4+21
}

// runOver runs a plugin over a text. Tests of plugins have plugintest.Run for that.
func runOver(p plugin.Plugin, text string) *plugin.Outcome {
	sum := sha256.Sum256([]byte(text))
	content := event.Datastream{Label: event.LabelContent, SHA256: hex.EncodeToString(sum[:]), Size: uint64(len(text)), FileFormat: "text/plain"}
	return plugin.Execute(context.Background(), p, plugin.Input{
		Event: &event.Binary{Entity: event.Entity{Datastreams: []event.Datastream{content}}},
		Open: func(context.Context, event.Datastream) (plugin.Content, error) {
			return inMemory{strings.NewReader(text)}, nil
		},
	})
}

type inMemory struct{ *strings.Reader }

func (inMemory) Close() error { return nil }
