// Package unbox takes archives apart: every file inside becomes a child.
//
// Archives lie. No name of an entry is ever a path, no length is trusted, nothing is followed, and Limits bound what comes out of one
// archive. Begin with Plugin.Run.
package unbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/plugin"
)

// Plugin unpacks zip, tar and gzip, and tar inside gzip in one step.
type Plugin struct{ limits Limits }

// New makes the plugin with the given limits.
func New(limits Limits) Plugin { return Plugin{limits} }

// Spec implements plugin.Plugin. Names and types of features are those of the plugin of the same name in Azul.
func (p Plugin) Spec() plugin.Spec {
	return plugin.Spec{
		Name: "Unbox", Version: "2026.11.23",
		Description: "Unpacks archives: zip, tar, gzip",
		Timeout:     15 * time.Minute,
		Features: []plugin.Feature{
			{Name: "box_type", Type: event.String, Description: "kind of archive"},
			{Name: "box_count", Type: event.Integer, Description: "number of entries that were listed"},
			{Name: "box_filepath", Type: event.Filepath, Description: "name of an entry; folders end with a slash"},
			{Name: "box_insertdate", Type: event.Datetime, Description: "when an entry was changed last, as the archive says"},
			{Name: "box_compression", Type: event.String, Description: "how an entry is compressed"},
			{Name: "extra_content", Type: event.String, Description: "true when bytes follow the compressed data"},
			{Name: "suspicious", Type: event.String, Description: "what no ordinary archive has"},
		},
		Wants: plugin.Wants{Streams: map[event.Label][]string{
			event.LabelContent: {"archive/gzip", "archive/tar", "archive/zip"},
		}},
		Settings: p.limits.settings(),
	}
}

// Run implements plugin.Plugin.
func (p Plugin) Run(ctx context.Context, job *plugin.Job) error {
	content, err := job.Content()
	if err != nil {
		return err
	}
	b := &box{ctx: ctx, job: job, content: content, budget: newBudget(p.limits, content.Size())}
	head := make([]byte, 4)
	if _, err := content.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	switch format := job.Event().Entity.FileFormat; {
	case strings.HasPrefix(string(head), "PK"), format == "archive/zip":
		err = b.zip()
	case head[0] == 0x1f && head[1] == 0x8b:
		err = b.gzip()
	case format == "archive/tar":
		err = b.tar(content)
	default:
		return plugin.OptOut("wrong_file_type", "the file is no zip, tar or gzip")
	}
	return b.conclude(err)
}

// box is one archive that is being taken apart.
type box struct {
	ctx     context.Context
	job     *plugin.Job
	content *plugin.Reader
	budget  *budget
	listed  int
	odd     []string // entries that could not be taken out, and why
}

// entry is what an archive says of one file in it.
type entry struct {
	name    string
	changed time.Time
	method  string // of compression; "" when there is nothing to say
}

// errStop ends a walk through an archive when a limit is reached.
var errStop = errors.New("a limit is reached")

// list records an entry on the archive. errStop when there are enough.
func (b *box) list(e *entry) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if !b.budget.entry() {
		return errStop
	}
	b.listed++
	var oddity string
	if e.name, oddity = cleanName(e.name, b.budget.limits.Name); oddity != "" {
		if err := b.job.Feature("suspicious", oddity, plugin.Label(e.name)); err != nil {
			return err
		}
	}
	if err := b.job.Feature("box_filepath", e.name); err != nil {
		return err
	}
	if e.method != "" {
		if err := b.job.Feature("box_compression", e.method, plugin.Label(e.name)); err != nil {
			return err
		}
	}
	if e.changed.IsZero() || e.changed.Year() < 1 || e.changed.Year() > 9999 {
		return nil
	}
	return b.job.Feature("box_insertdate", e.changed, plugin.Label(e.name))
}

// extract makes an entry's bytes a child. Entries without bytes are only listed. What is wrong with one entry is noted and the next one
// goes on; errStop when a limit is reached.
func (b *box) extract(e *entry, r io.Reader) error {
	limited := b.budget.reader(r)
	first := make([]byte, 1)
	n, err := io.ReadFull(limited, first)
	if n == 0 {
		if err == io.EOF {
			return nil
		}
		return b.failed(e, err)
	}
	_, err = b.job.AddChild(io.MultiReader(strings.NewReader(string(first)), limited), plugin.Filename(e.name))
	return b.failed(e, err)
}

// failed sorts out why an entry could not be taken out.
func (b *box) failed(e *entry, err error) error {
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case b.budget.full():
		return errStop
	case errors.Is(err, errTooLarge):
		return nil // the budget has noted it; smaller ones may follow
	}
	b.note(fmt.Sprintf("%.200s: %v", e.name, err))
	return nil
}

// note keeps a few of the reasons.
func (b *box) note(why string) {
	if len(b.odd) < 10 && !slices.Contains(b.odd, why) {
		b.odd = append(b.odd, why)
	}
}

// finish records what holds for the whole archive.
func (b *box) finish(kind string) error {
	if err := b.job.Feature("box_type", kind); err != nil {
		return err
	}
	return b.job.Feature("box_count", b.listed)
}

// conclude turns what went wrong into the job's end. What was found is kept.
func (b *box) conclude(err error) error {
	var damaged *damage
	switch {
	case errors.As(err, &damaged):
		b.note(damaged.Error())
		return plugin.Malformed(strings.Join(b.odd, "; "))
	case err != nil && err != errStop:
		return err
	}
	for _, reached := range b.budget.reached {
		if err := b.job.Feature("suspicious", "extraction limit reached: "+reached); err != nil {
			return err
		}
		b.odd = append(b.odd, "extraction limit reached: "+reached)
	}
	if len(b.odd) > 0 {
		return plugin.Partial(strings.Join(b.odd, "; "))
	}
	return nil
}

// damage is an error of the archive, in contrast to one of reading it.
type damage struct{ error }

func (d *damage) Unwrap() error { return d.error }
