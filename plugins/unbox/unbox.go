// Package unbox takes archives apart: every file inside becomes a child.
//
// Archives lie. No name of an entry is ever a path, no length is trusted, nothing is followed, and Limits bound what comes
// out of one archive. What is damaged is taken out as far as it can be read. Begin with the table in formats.go: it names what can be unpacked,
// and by which file; box.go has what all formats share.
package unbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"lazuli/event"
	"lazuli/plugin"
)

// Plugin unpacks archives. Each family of formats is a part of it.
type Plugin struct {
	limits    Limits
	passwords []string // that are tried first
}

// New makes the plugin with the given limits.
func New(limits Limits) Plugin { return Plugin{limits, defaultPasswords} }

// reportTime is what a job has beyond the time for an archive, to end with what was found until then.
const reportTime = 5 * time.Minute

// Spec implements plugin.Plugin. Names and types of features, and names of parts, are those of the plugin of the same name in Azul.
func (p Plugin) Spec() plugin.Spec {
	spec := plugin.Spec{
		Name: "Unbox", Version: "2026.11.30",
		Description: "Unpacks archives, compressed files, mails and disk images",
		Timeout:     time.Duration(p.limits.Seconds)*time.Second + reportTime,
		Features: slices.Concat(mailFeatures, []plugin.Feature{
			{Name: "archive_encoding", Type: event.String, Description: "character set of names in a tar that are not plain ASCII"},
			{Name: "box_compression", Type: event.String, Description: "how an entry is compressed and encrypted"},
			{Name: "box_count", Type: event.Integer, Description: "number of entries that were listed"},
			{Name: "box_filepath", Type: event.Filepath, Description: "name of an entry; folders end with a slash"},
			{Name: "box_insertdate", Type: event.Datetime, Description: "when an entry was changed last, as the archive says"},
			{Name: "box_password", Type: event.String, Description: "password that opened the archive"},
			{Name: "box_type", Type: event.String, Description: "kind of archive"},
			{Name: "extra_content", Type: event.String, Description: "true when something follows the compressed data"},
			{Name: "password", Type: event.String, Description: "password that opened the archive"},
			{Name: "pdf_object_dictionary", Type: event.String, Description: "dictionary of an object of a PDF"},
			{Name: "rar_compression", Type: event.Integer, Description: "method of a RAR's entry: 48 for stored to 53 for best"},
			{Name: "suspicious", Type: event.String, Description: "what no ordinary archive has"},
			{Name: "upx_version", Type: event.String, Description: "version of UPX that packed a program; upx modified if its signs were altered"},
		}),
		Wants: plugin.Wants{Streams: map[event.Label][]string{event.LabelContent: fileFormats()}},
	}
	for _, part := range parts {
		spec.Parts = append(spec.Parts, plugin.Part{
			Name: part.name, Description: part.description, Formats: part.fileFormats(),
			Run: func(ctx context.Context, job *plugin.Job) error { return p.unpack(ctx, job, part) },
		})
	}
	return spec
}

// Run implements plugin.Plugin: all is done by the parts.
func (p Plugin) Run(context.Context, *plugin.Job) error { return nil }

// unpack runs a part on a file.
func (p Plugin) unpack(ctx context.Context, job *plugin.Job, part part) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	format, err := part.format(job.Format())
	if err != nil {
		return err
	}
	limits, wrong := p.limits.ofSubmission(job.Event().Source.Settings)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limits.Seconds)*time.Second)
	defer cancel()
	b := &box{ctx: ctx, job: job, content: content, budget: newBudget(ctx, limits, content.Size()), usual: p.passwords}
	for _, what := range wrong {
		b.notes.left(what)
	}
	if len(job.Event().Source.Path) > limits.Depth {
		b.budget.tooDeep()
		return b.conclude(nil)
	}
	err = format.unpack(b)
	if errors.Is(err, plugin.ErrNotMine) {
		return err
	}
	return b.conclude(err)
}
