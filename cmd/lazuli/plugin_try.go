package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazuli/event"
	"lazuli/internal/identify"
	"lazuli/plugin"
	"lazuli/plugins"
)

func newPluginTestCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test NAME FILE",
		Short: "Run a built-in plugin over a file, without a platform",
		Long: "Runs a built-in plugin over a file in this process and prints what it found, in the form of golden files. Nothing is stored, and there is no\n" +
			"sandbox: for files that are not trusted, use `lazuli analyze`. Exit code 1 when the plugin fails.",
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return pluginNames(plugins.BuiltIn()), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	set := setFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := findPlugin(plugins.BuiltIn(), args[0])
		if err != nil {
			return err
		}
		values, err := given(*set)
		if err != nil {
			return err
		}
		if p, err = plugin.Configure(p, values); err != nil {
			return &usageError{err}
		}
		return tryPlugin(cmd.Context(), cmd.OutOrStdout(), p, args[1], asJSON)
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func pluginNames(list []plugin.Plugin) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.Spec().Name)
	}
	slices.Sort(names)
	return names
}

func findPlugin(list []plugin.Plugin, name string) (plugin.Plugin, error) {
	for _, p := range list {
		if strings.EqualFold(p.Spec().Name, name) {
			return p, nil
		}
	}
	return nil, usagef("there is no built-in plugin %.80q: there are %s", name, strings.Join(pluginNames(list), ", "))
}

// trial is what a plugin made of a file. Its JSON is that of `lazuli plugin test --json`.
type trial struct {
	Plugin   string          `json:"plugin"`
	Version  string          `json:"version"`
	File     trialFile       `json:"file"`
	State    event.State     `json:"state"`
	Error    string          `json:"error,omitempty"`
	Message  string          `json:"message,omitempty"`
	Runtime  float64         `json:"runtime"` // seconds
	Features []event.Feature `json:"features"`
	Info     json.RawMessage `json:"info,omitempty"`
	Streams  []trialStream   `json:"streams"`
	Children []trialChild    `json:"children"`
	Parts    []trialPart     `json:"parts,omitempty"`
}

// trialPart is what a part of the plugin made of it.
type trialPart struct {
	Part     string          `json:"part"`
	State    event.State     `json:"state"`
	Error    string          `json:"error,omitempty"`
	Message  string          `json:"message,omitempty"`
	Features []event.Feature `json:"features"`
	Info     json.RawMessage `json:"info,omitempty"`
	Streams  []trialStream   `json:"streams"`
	Children []trialChild    `json:"children"`
}

// trialFile is what the platform would have told the plugin of the file.
type trialFile struct {
	Path      string `json:"path"`
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"` // bytes
	Format    string `json:"file_format"`
	MIME      string `json:"mime"`
	Magic     string `json:"magic"`
	Extension string `json:"file_extension,omitempty"`
}

type trialStream struct {
	Label    event.Label `json:"label"`
	Language string      `json:"language,omitempty"`
	SHA256   string      `json:"sha256"`
	Size     int64       `json:"size"` // bytes
}

type trialChild struct {
	SHA256       string            `json:"sha256"`
	Size         int64             `json:"size"` // bytes
	Relationship map[string]string `json:"relationship"`
	Features     []event.Feature   `json:"features"`
	Streams      []trialStream     `json:"streams"`
	Children     []trialChild      `json:"children"`
}

// tryPlugin runs a plugin over a file and prints what came of it. It is an error if the plugin failed.
func tryPlugin(ctx context.Context, out io.Writer, p plugin.Plugin, path string, asJSON bool) error {
	file, err := foundFile{path: path}.open()
	if err != nil {
		return err
	}
	defer file.Close()
	about, err := describeFile(file, path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	dir, err := os.MkdirTemp("", "lazuli-plugin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	spec := p.Spec()
	ctx, cancel := context.WithTimeout(ctx, orDefault(spec.Timeout, defaultPluginTimeout))
	defer cancel()
	outcome := plugin.Execute(ctx, p, plugin.Input{
		Event: about.event(),
		Open: func(context.Context, event.Datastream) (plugin.Content, error) {
			return fileContent{io.NewSectionReader(file, 0, about.Size)}, nil
		},
		TempDir: dir,
	})
	defer outcome.Close()

	t := newTrial(spec, about, outcome)
	if asJSON {
		err = printJSON(out, t)
	} else {
		err = printTrial(out, t, outcome.Text())
	}
	if err != nil {
		return err
	}
	if err := failure(spec.Name, path, outcome); err != nil {
		return err
	}
	for i := range outcome.Parts {
		if err := failure(spec.Name+"-"+outcome.Parts[i].Part, path, &outcome.Parts[i].Outcome); err != nil {
			return err
		}
	}
	return nil
}

// failure is an error if a plugin, or a part of one, failed.
func failure(name, path string, o *plugin.Outcome) error {
	if !strings.HasPrefix(string(o.State), "error-") {
		return nil
	}
	return fmt.Errorf("%s failed on %s: %s", name, path, firstLine(strings.Trim(o.Error+": "+o.Message, ": ")))
}

// defaultPluginTimeout is what plugin.Spec promises where a plugin says nothing.
const defaultPluginTimeout = 10 * time.Minute

func orDefault(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// describeFile hashes and identifies a file. An empty one is refused, as the platform does.
func describeFile(file *os.File, path string) (trialFile, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return trialFile{}, err
	}
	if size == 0 {
		return trialFile{}, errors.New("it is empty, and plugins never see empty files")
	}
	is := identify.File(file, size)
	return trialFile{
		Path: path, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size,
		Format: is.Format, MIME: is.MIME, Magic: is.Magic, Extension: is.Extension,
	}, nil
}

// event is what the platform would have sent for the file: that a user submitted it.
func (f trialFile) event() *event.Binary {
	now := event.Now()
	author := event.Author{Category: "user", Name: "lazuli"}
	return &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
		Action: event.Sourced,
		Entity: event.Entity{
			SHA256: f.SHA256, Size: uint64(f.Size), MIME: f.MIME, Magic: f.Magic, FileFormat: f.Format, FileExtension: f.Extension,
			Datastreams: []event.Datastream{{
				IdentifyVersion: identify.Version, Label: event.LabelContent, SHA256: f.SHA256, Size: uint64(f.Size),
				MIME: f.MIME, Magic: f.Magic, FileFormat: f.Format, FileExtension: f.Extension,
			}},
		},
		Source: event.Source{Name: "local", Timestamp: now, Path: event.Path{{
			Author: author, Action: event.Sourced, SHA256: f.SHA256, Timestamp: now, FileFormat: f.Format,
			Filename: filepath.Base(f.Path), Size: uint64(f.Size),
		}}},
	}
}

// fileContent is a file that somebody else closes.
type fileContent struct{ *io.SectionReader }

func (fileContent) Close() error { return nil }

func newTrial(spec plugin.Spec, about trialFile, o *plugin.Outcome) *trial {
	return &trial{
		Plugin: spec.Name, Version: spec.Version, File: about,
		State: o.State, Error: o.Error, Message: o.Message, Runtime: o.Runtime.Seconds(),
		Features: append([]event.Feature{}, o.Features...), Info: o.Info,
		Streams: trialStreams(o.Streams), Children: trialChildren(o.Children), Parts: trialParts(o.Parts),
	}
}

func trialParts(parts []plugin.PartOutcome) []trialPart {
	var list []trialPart
	for _, p := range parts {
		list = append(list, trialPart{
			Part: p.Part, State: p.State, Error: p.Error, Message: p.Message,
			Features: append([]event.Feature{}, p.Features...), Info: p.Info, Streams: trialStreams(p.Streams), Children: trialChildren(p.Children),
		})
	}
	return list
}

func trialStreams(streams []plugin.Stream) []trialStream {
	list := []trialStream{}
	for _, s := range streams {
		list = append(list, trialStream{s.Label, s.Language, s.SHA256, s.Size})
	}
	return list
}

func trialChildren(children []*plugin.Child) []trialChild {
	list := []trialChild{}
	for _, c := range children {
		list = append(list, trialChild{
			SHA256: c.Content.SHA256, Size: c.Content.Size, Relationship: c.Relationship,
			Features: append([]event.Feature{}, c.Features...), Streams: trialStreams(c.Streams), Children: trialChildren(c.Children),
		})
	}
	return list
}

// printTrial writes a trial for people: a line about the file, and what was found as golden files have it.
func printTrial(out io.Writer, t *trial, found string) error {
	if _, err := fmt.Fprintf(out, "%s %s, %s: %s, %s %s, %s\n", t.Plugin, t.Version, time.Duration(t.Runtime*float64(time.Second)).Round(time.Millisecond),
		printable(t.File.Path), shortHash(t.File.SHA256), sizeText(t.File.Size), printable(t.File.Format)); err != nil {
		return err
	}
	for line := range strings.Lines(found) {
		if _, err := fmt.Fprintln(out, printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}
