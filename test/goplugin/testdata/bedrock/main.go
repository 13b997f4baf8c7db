// Bedrock is a plugin on the reference's own Go runner, github.com/AustralianCyberSecurityCentre/azul-bedrock (MIT), and with an
// argument a reader that has every event from its client in Avro, as its codec reads them, and prints them as lines
// "event MODEL JSON", among what the module prints by itself.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/AustralianCyberSecurityCentre/azul-bedrock/v13/gosrc/client"
	"github.com/AustralianCyberSecurityCentre/azul-bedrock/v13/gosrc/events"
	"github.com/AustralianCyberSecurityCentre/azul-bedrock/v13/gosrc/plugin"
)

func main() {
	if len(os.Args) == 2 {
		log.Fatal(read(os.Args[1]))
	}
	log.Fatal(plugin.NewPluginRunner(lines{}).Run())
}

// lines counts the lines of texts, and adds the text in capitals as a stream. It has no children: in this release of the runner they
// forget their parent, and it refuses what becomes of them itself.
type lines struct{}

func (lines) GetName() string        { return "BedrockLines" }
func (lines) GetVersion() string     { return "1.0" }
func (lines) GetDescription() string { return "counts lines and raises the voice" }

func (lines) GetFeatures() []events.PluginEntityFeature {
	return []events.PluginEntityFeature{{Name: "bedrock_lines", Type: "integer", Description: "lines"}}
}

func (lines) GetDefaultSettings() *plugin.PluginSettings {
	return plugin.NewDefaultPluginSettings().WithContentFilterDataTypes([]string{"text/"})
}

func (lines) Execute(_ context.Context, job *plugin.Job, _ *plugin.PluginInputUtils) *plugin.PluginError {
	path, failed := job.GetContentPath()
	if failed != nil {
		return failed
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return plugin.NewPluginError(plugin.ErrorException, "read", "the content is not where it should be").WithCausalError(err)
	}
	head, _, ok := bytes.Cut(content, []byte("\n"))
	switch {
	case bytes.HasPrefix(content, []byte("raise")):
		return plugin.NewPluginError(plugin.ErrorInput, "asked to", "the text says so")
	case !ok:
		return plugin.NewPluginOptOut("it is one line")
	}
	if failed := job.AddFeatureWithExtra("bedrock_lines", bytes.Count(content, []byte("\n")), &plugin.AddFeatureOptions{Label: "whole", Size: uint64(len(content))}); failed != nil {
		return failed
	}
	job.AddInfo(json.RawMessage(`{"first":` + fmt.Sprint(len(head)) + `}`))
	if err := job.AddAugmentedBytes(bytes.ToUpper(content), "text"); err != nil {
		return plugin.NewPluginError(plugin.ErrorException, "augment", "no stream").WithCausalError(err)
	}
	return nil
}

// read prints all events from the beginning on, for ever.
func read(url string) error {
	c := client.NewClient(url, url, events.PluginEntity{Name: "reader", Version: "1", Category: "plugin"}, "reader")
	ask := func(model events.Model) *client.FetchEventsStruct {
		return &client.FetchEventsStruct{Model: model, AvroFormat: true, Count: 100, Deadline: 1, RequireLive: true, RequireHistoric: true}
	}
	for {
		binaries, _, err := c.GetBinaryEvents(ask(events.ModelBinary))
		if err != nil {
			return fmt.Errorf("binary: %w", err)
		}
		print(events.ModelBinary, binaries.Events)
		statuses, _, err := c.GetStatusEvents(ask(events.ModelStatus))
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		print(events.ModelStatus, statuses.Events)
		plugins, _, err := c.GetPluginEvents(ask(events.ModelPlugin))
		if err != nil {
			return fmt.Errorf("plugin: %w", err)
		}
		print(events.ModelPlugin, plugins.Events)
	}
}

func print[E any](model events.Model, list []E) {
	for _, ev := range list {
		text, err := json.Marshal(ev)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("event %s %s\n", model, text)
	}
}
