package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"lazuli/client"
)

func newDeadRetryCmd() *cobra.Command {
	var r deadRetry
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "retry ID… | --plugin NAME | --all",
		Short: "Have jobs that were given up tried again",
		Long: "Has jobs tried again, with a fresh count of attempts and before live work. A dead letter is closed when its job ends well, otherwise it\n" +
			"stays. The plugin must be running. Any beginning of an ID will do that no other ID has.",
	}
	connect := serverFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&all, "all", false, "all jobs that were given up")
	cmd.Flags().StringVar(&r.plugin, "plugin", "", "all of this plugin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if byID, byPlugin := len(args) > 0, r.plugin != ""; byID == (byPlugin || all) || byPlugin && all {
			return usagef("say which: IDs, --plugin or --all")
		}
		var err error
		if r.api, err = connect(); err != nil {
			return err
		}
		defer r.api.Close()
		if !asJSON && isTerminal(cmd.ErrOrStderr()) {
			r.progress = cmd.ErrOrStderr()
		}
		result, err := r.run(cmd.Context(), args)
		if result == nil {
			return err
		}
		if asJSON {
			if failed := printJSON(cmd.OutOrStdout(), result); failed != nil {
				return failed
			}
		} else {
			result.print(cmd.OutOrStdout(), cmd.ErrOrStderr())
		}
		if failed := result.failed(); err == nil && failed > 0 {
			err = fmt.Errorf("%d of %d cannot be tried again", failed, len(result.Retried))
		}
		return err
	}
	return cmd
}

// deadRetry is one run of the command.
type deadRetry struct {
	api      *client.API
	plugin   string    // only this one's; "" is all
	progress io.Writer // nil shows none
}

// retryResult is what became of the letters. Its JSON is that of `lazuli dead retry --json`.
type retryResult struct {
	Retried []client.Retried `json:"retried"`
	LeftOut []leftOut        `json:"left_out"` // by --all and --plugin: what is no job of a plugin

	short map[string]string // of IDs
}

type leftOut struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// retryBatch is how many jobs are tried again with one request.
const retryBatch = 100

// run has jobs tried again: those that are named, or all of the plugin, or all. A result that comes with an error is what was done
// until then.
func (r *deadRetry) run(ctx context.Context, ids []string) (*retryResult, error) {
	result := &retryResult{Retried: []client.Retried{}, LeftOut: []leftOut{}, short: map[string]string{}}
	var jobs []string
	add := func(d *client.DeadLetter) {
		if _, twice := result.short[d.ID]; !twice {
			jobs = append(jobs, d.ID)
		}
		result.short[d.ID] = shortID(d)
	}
	for _, id := range ids {
		d, err := r.api.DeadLetter(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("retry: %w", err)
		}
		add(d)
		if d.NoRetry != "" {
			jobs = slices.DeleteFunc(jobs, func(o string) bool { return o == d.ID })
			result.Retried = append(result.Retried, client.Retried{ID: d.ID, Error: d.NoRetry})
		}
	}
	if len(ids) == 0 {
		err := eachDead(ctx, r.api, func(d *client.DeadLetter) bool {
			switch {
			case r.plugin != "" && d.Plugin != r.plugin:
			case d.NoRetry != "":
				result.LeftOut = append(result.LeftOut, leftOut{d.ID, d.NoRetry})
			default:
				add(d)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	bar := newRetryBar(r.progress, len(jobs))
	defer bar.finish()
	for batch := range slices.Chunk(jobs, retryBatch) {
		done, err := r.api.Retry(ctx, batch)
		result.Retried = append(result.Retried, done...)
		if err != nil {
			return result, fmt.Errorf("retry: %w", err)
		}
		bar.add(len(done))
	}
	return result, nil
}

func (r *retryResult) failed() (n int) {
	for _, one := range r.Retried {
		if one.Error != "" {
			n++
		}
	}
	return n
}

// print says how many are tried again, and why others are not.
func (r *retryResult) print(out, errOut io.Writer) {
	for _, one := range r.Retried {
		if one.Error != "" {
			fmt.Fprintf(out, "%s: %s\n", r.short[one.ID], printable(one.Error))
		}
	}
	why := map[string]int{}
	for _, one := range r.LeftOut {
		why[one.Reason]++
	}
	switch n := len(r.Retried) - r.failed(); {
	case n > 0:
		fmt.Fprintf(out, "%d tried again: `lazuli dead list` shows those that fail once more\n", n)
	case len(r.Retried)+len(r.LeftOut) == 0:
		fmt.Fprintln(out, "no job was given up")
	case len(r.Retried) == 0:
		fmt.Fprintln(out, "0 tried again")
	}
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		fmt.Fprintf(errOut, "%d left out: %s\n", why[reason], printable(reason))
	}
}

// retryBar shows how many jobs have been put back into the queue. A nil one shows nothing.
type retryBar struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// newRetryBar makes one if it is worth while: for more than one request, on a terminal.
func newRetryBar(w io.Writer, total int) *retryBar {
	if w == nil || total <= retryBatch {
		return nil
	}
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
	return &retryBar{bars, bars.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name("tried again  "), decor.CountersNoUnit("%d / %d")),
		mpb.AppendDecorators(decor.Percentage()))}
}

func (b *retryBar) add(n int) {
	if b != nil {
		b.bar.IncrBy(n)
	}
}

// finish leaves the bar as it is.
func (b *retryBar) finish() {
	if b != nil {
		b.bar.Abort(false)
		b.bars.Wait()
	}
}
