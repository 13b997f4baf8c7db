package unbox

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
)

// TestNoJobsOfUnknownFiles: a file that may be anything is not handed out only to be opted out.
func TestNoJobsOfUnknownFiles(t *testing.T) {
	for _, format := range New(DefaultLimits()).Spec().Wants.Streams[event.LabelContent] {
		if format == "" || strings.HasPrefix("unknown", format) {
			t.Errorf("the plugin wants files of format %q", format)
		}
	}
	out := plugintest.Run(t, New(DefaultLimits()), []byte("\x00\x01 anything"))
	if out.State != event.OptOut || out.Error != "wrong_file_type" || len(out.Parts) > 0 {
		t.Error(out.Text())
	}
}

func brotliOf(content string) string {
	return string(packer(func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriter(w), nil }).pack([]byte(content)))
}

// insideOf is what lies in a child by its name.
func insideOf(out *plugin.Outcome, name string) []*plugin.Child {
	for _, c := range out.Children {
		if slices.ContainsFunc(c.Features, func(v event.Feature) bool { return v.Name == "filename" && v.Value == name }) {
			return c.Children
		}
	}
	return nil
}

// TestBrotliByName: what an archive calls brotli is a child, and what comes out of it a child of that.
func TestBrotliByName(t *testing.T) {
	packed := brotliOf("some words")
	out := run(t, zipOf(file{"page.html.br", packed}, file{"PAGE.BR", packed + "more"}, file{"note.br", "no brotli"}, file{"none.br", brotliOf("")}, file{"cut.js.br", packed[:len(packed)-2]}, file{"other", packed}), "archive/zip")
	for name, want := range map[string]string{"page.html.br": "some words", "PAGE.BR": "some words", "note.br": "", "none.br": "", "other": "some words"} {
		inside := insideOf(out, name)
		if got := len(inside) == 1 && childContent(t, inside[0]) == want; got != (want != "") {
			t.Errorf("%s has %d files inside", name, len(inside))
		}
	}
	if out.State != event.CompletedWithErrors || len(out.Children) != 5 {
		t.Errorf("%s: %s with %d children", out.State, out.Message, len(out.Children))
	}
	zeros := run(t, zipOf(file{"zeros.br", brotliOf(strings.Repeat("\x00", 300<<20))}), "archive/zip")
	if len(insideOf(zeros, "zeros.br")) != 0 || zeros.State != event.CompletedWithErrors || len(values(zeros, "suspicious")) != 1 {
		t.Errorf("a bomb: %s %s", zeros.State, zeros.Message)
	}
}

// TestBrotliAgainstTool: what the format's own program compressed comes out as it was.
func TestBrotliAgainstTool(t *testing.T) {
	tool := plugintest.Tool(t, "brotli")
	for _, level := range []string{"-1", "-9"} {
		for name, content := range contentsToPack() {
			packed := plugintest.Output(t, t.TempDir(), content, tool, level, "-c")
			out := run(t, tarOf(file{"file.br", string(packed)}), "archive/tar")
			inside := insideOf(out, "file.br")
			if out.State != event.Completed || len(inside) != 1 || !bytes.Equal([]byte(childContent(t, inside[0])), content) {
				t.Errorf("%s, %s: %s %s with %d files inside", name, level, out.State, out.Message, len(inside))
			}
		}
	}
}
