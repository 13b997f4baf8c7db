package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazuli/client"
)

func newSubmitCmd() *cobra.Command {
	s := submit{}
	var refs []string
	cmd := &cobra.Command{
		Use:   "submit PATH…",
		Short: "Submit files and folders",
		Long: "Submits files, the files in folders and below, or standard input (-). Symbolic links in folders are not followed;\n" +
			"what is empty or not a regular file is left out and named. When a file is listed, the platform has it on disk.",
		Args: cobra.MinimumNArgs(1),
	}
	connect := serverFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.about.Source, "source", "", "where the files come from [the platform's default_source]")
	flags.StringVar(&s.about.Security, "security", "", "security label of the files")
	flags.StringArrayVar(&refs, "ref", nil, "what the source wants to know, as `KEY=VALUE`; may be repeated")
	flags.BoolVar(&s.about.Raw, "raw", false, "keep a container (CaRT, MalPZ) as it is, not what is in it")
	flags.BoolVar(&s.wait, "wait", false, "wait until the files and all files inside them have been analysed")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Minute, "with --wait: give up waiting after this time")
	flags.BoolVar(&s.asJSON, "json", false, "print one JSON document")
	for name, complete := range map[string]func(*client.Sources, string) []string{"source": namesOf, "ref": func(list *client.Sources, word string) []string {
		return referencesOf(list, s.about.Source, refs, word)
	}} {
		err := cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			directive := cobra.ShellCompDirectiveNoFileComp
			if name == "ref" {
				directive |= cobra.ShellCompDirectiveNoSpace // the value follows
			}
			return complete(askSources(cmd.Context(), connect), word), directive
		})
		if err != nil {
			panic(err) // there is no such flag: a mistake above
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if s.about.References, err = parseRefs(refs); err != nil {
			return err
		}
		if s.timeout <= 0 {
			return usagef("--timeout %s must be more than nothing", s.timeout)
		}
		if s.api, err = connect(); err != nil {
			return err
		}
		defer s.api.Close()
		s.in, s.out, s.errOut = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
		return s.run(cmd.Context(), args)
	}
	return cmd
}

func parseRefs(refs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, ref := range refs {
		key, value, ok := strings.Cut(ref, "=")
		if !ok || key == "" {
			return nil, usagef("--ref %.80q must be KEY=VALUE", ref)
		}
		if _, twice := out[key]; twice {
			return nil, usagef("--ref %.80q is given twice", key)
		}
		out[key] = value
	}
	return out, nil
}

// submit is one run of the command.
type submit struct {
	api     *client.API
	about   client.Submission // of every file; without a name
	wait    bool
	timeout time.Duration
	asJSON  bool

	in          io.Reader
	out, errOut io.Writer
}

// submission is the result of the command. Its JSON is that of `lazuli submit --json`.
type submission struct {
	Files   []*submittedFile `json:"files"`
	Skipped []skippedFile    `json:"skipped"`
	Bytes   int64            `json:"bytes"` // of the files that were submitted
	Failed  int              `json:"failed"`
}

// submittedFile is one file: with a SHA-256 the platform has it, with an error something went wrong.
type submittedFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size"`
	State  string `json:"state,omitempty"` // as client.File has it
	Error  string `json:"error,omitempty"`

	err error
}

func (f *submittedFile) fail(err error) { f.err, f.Error = err, printable(err.Error()) }

// skippedFile is what was not worth submitting, and why.
type skippedFile struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// run submits what the arguments name and reports it.
func (s *submit) run(ctx context.Context, args []string) error {
	result, failure := s.submitAll(ctx, args)
	if err := s.report(result); err != nil {
		return err
	}
	return failure
}

// submitAll submits what the arguments name and returns an error if not all of it went well.
func (s *submit) submitAll(ctx context.Context, args []string) (*submission, error) {
	found := findFiles(args)
	result := &submission{Files: []*submittedFile{}, Skipped: append([]skippedFile{}, found.skipped...)}
	progress := newProgress(s.progressOutput(), found, s.wait)
	s.upload(ctx, found.files, result, progress)
	if s.wait {
		s.await(ctx, result, progress)
	}
	progress.finish()

	for _, f := range found.failed {
		result.Files = append(result.Files, &f)
	}
	var first *submittedFile // that failed
	for _, f := range result.Files {
		if f.err == nil {
			result.Bytes += f.Size
			continue
		}
		result.Failed++
		if first == nil {
			first = f
		}
	}
	switch {
	case first == nil:
		return result, nil
	case errors.Is(first.err, client.ErrSaid):
		return result, refused(first.err)
	case len(result.Files) == 1:
		return result, fmt.Errorf("submit %s: %w", first.Path, first.err)
	}
	return result, fmt.Errorf("%d of %s failed, the first: %s: %w", result.Failed, count(len(result.Files), "file"), first.Path, first.err)
}

// refused names the flag that is wrong or missing when a source does not take what is said of the files.
func refused(err error) error {
	var told *client.APIError
	if errors.As(err, &told) {
		switch told.Title {
		case "bad references":
			return usagef("--ref: %w", err)
		case "bad source":
			return usagef("--source: %w", err)
		}
	}
	return &usageError{err} // it says itself that it is about security
}

// progressOutput is where progress is shown, or nil.
func (s *submit) progressOutput() io.Writer {
	if s.asJSON || !isTerminal(s.errOut) {
		return nil
	}
	return s.errOut
}

// report prints the result: hashes on standard output, for whatever comes behind a pipe, all else on standard error.
func (s *submit) report(r *submission) error {
	if s.asJSON {
		return printJSON(s.out, r)
	}
	for _, f := range r.Skipped {
		fmt.Fprintf(s.errOut, "left out: %s: %s\n", printable(f.Path), f.Reason)
	}
	for _, f := range r.Files {
		if f.SHA256 != "" {
			if _, err := fmt.Fprintf(s.out, "%s  %s\n", printable(f.SHA256), printable(f.Path)); err != nil {
				return err
			}
		}
		if f.Error != "" && len(r.Files) > 1 && !errors.Is(f.err, client.ErrSaid) { // which is told once
			fmt.Fprintf(s.errOut, "failed: %s: %s\n", printable(f.Path), f.Error)
		}
	}
	verb := "submitted"
	if s.wait {
		verb = "analysed"
	}
	fmt.Fprintf(s.errOut, "%s %s, %s\n", count(len(r.Files)-r.Failed, "file"), verb, sizeText(r.Bytes))
	return nil
}
