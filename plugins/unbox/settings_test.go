package unbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
	"lazuli/plugin/plugintest"
	"lazuli/plugins/unbox/sevenzip/sevenziptest"
)

// TestSettings: every limit is a setting of the operator and of a submission, and says so where it is reached.
func TestSettings(t *testing.T) {
	long := strings.Repeat("n", 30)
	zip := zipOf(file{"a", "1"}, file{long, "22222"}, file{"c", strings.Repeat("3", 100_000)})
	tar := tarOf(file{"a", "1"}, file{long, "22222"}, file{"c", strings.Repeat("3", 100_000)})
	noise := contentsToPack()["noise"]
	xz := packers[".xz"].pack(slices.Concat(noise, noise)) // refers back to the first
	locked := sevenZipOf(sevenziptest.Options{Password: "unknown", Rounds: 2, Directory: true}, some...)
	for _, c := range []struct {
		name, value, format string
		content             []byte
		want                string
	}{
		{"max_extracted_files", "2", "archive/zip", zip, "more than 2 entries"},
		{"max_extracted_files", "2", "archive/tar", tar, "more than 2 entries"},
		{"max_total_bytes", "100", "archive/zip", zip, "more than 100 bytes in all"},
		{"max_file_bytes", "100", "archive/tar", tar, "a file of more than 100 bytes"},
		{"max_name_bytes", "16", "archive/zip", zip, "a name of more than 16 bytes"},
		{"max_dictionary_bytes", "65536", "archive/xz", xz, "a dictionary of more than 65536 bytes"},
		{"max_passwords", "1", "archive/7-zip", locked, "more than 1 passwords"},
	} {
		limit := "extraction limit reached: " + c.want
		check := func(who string, out *plugin.Outcome) {
			t.Helper()
			if len(out.Parts) != 1 {
				t.Fatalf("%s, %s: %s", c.name, who, out.Text())
			}
			part := &out.Parts[0].Outcome
			if got := fmt.Sprint(values(part, "suspicious")); !strings.Contains(got, limit) || part.State != event.CompletedWithErrors {
				t.Errorf("%s, %s: %s %s, suspicious %s", c.name, who, part.State, part.Message, got)
			}
		}
		p, err := plugin.Configure(New(DefaultLimits()), map[string]string{c.name: c.value})
		must(err)
		check("operator", plugintest.Run(t, p, c.content, plugintest.Format(c.format)))
		check("submission", plugintest.Run(t, New(DefaultLimits()), c.content, plugintest.Format(c.format), plugintest.Setting("unbox_"+c.name, c.value)))
	}
}

// TestRatioAndTime: limits that take more than one setting, or no time at all.
func TestRatioAndTime(t *testing.T) {
	zeros := gzipOf("zeros", make([]byte, 1<<20))
	out := run(t, zeros, "archive/gzip", plugintest.Setting("unbox_max_ratio", "3"), plugintest.Setting("unbox_max_ratio_from_bytes", "0"))
	if len(out.Children) != 0 || !strings.Contains(out.Message, "more than 3 bytes for each byte of the archive") {
		t.Errorf("%s %s with %d children", out.State, out.Message, len(out.Children))
	}
	whole := sevenZipOf(sevenziptest.Options{}, some...)
	for format, content := range map[string][]byte{
		"archive/zip": zipOf(some...), "archive/tar": tarOf(some...), "archive/gzip": gzipOf("", tarOf(some...)), "archive/7-zip": whole, "archive/rar": rar5Of(0, some...),
		"archive/deb": debOf(some...), "archive/cpio": cpioOf(some...), "document/pdf": pdfWith("embedded"), "document/email": mailWith("text", some...),
	} {
		limits := DefaultLimits()
		limits.Seconds = 0 // over before it begins
		out := runWith(t, limits, content, format)
		if out.State != event.CompletedWithErrors || len(out.Children) != 0 || fmt.Sprint(values(out, "suspicious")) != "[extraction limit reached: more than 0 seconds]" {
			t.Errorf("%s: %s %s, suspicious %q, with %d children", format, out.State, out.Message, values(out, "suspicious"), len(out.Children))
		}
		if got := values(out, "malformed"); got != nil {
			t.Errorf("%s: time that is over is taken for damage: %q", format, got)
		}
	}
}

// TestDepth: what lies too deep is told and left as it is.
func TestDepth(t *testing.T) {
	limits := DefaultLimits()
	limits.Depth = 0 // less than anybody may set: what was submitted itself is too deep
	out := runWith(t, limits, zipOf(some...), "archive/zip")
	if len(out.Children) != 0 || out.State != event.CompletedWithErrors || !strings.Contains(out.Message, "more than 0 levels of files in files") {
		t.Errorf("%s %s with %d children", out.State, out.Message, len(out.Children))
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	p := New(DefaultLimits())
	for _, s := range p.Settings() {
		if s.Description == "" || s.Value == "" {
			t.Errorf("%+v lacks something", s)
		}
		if again, err := p.With(s.Name, s.Value); err != nil || fmt.Sprint(again.(Plugin).Settings()) != fmt.Sprint(p.Settings()) {
			t.Errorf("%s cannot be what it is: %v", s.Name, err)
		}
		for _, value := range []string{"", "-1", "much", "1e6", "99999999999999999999"} {
			if _, err := p.With(s.Name, value); err == nil && s.Name != settingPasswords {
				t.Errorf("%s may be %q", s.Name, value)
			}
		}
	}
	out := run(t, zipOf(some...), "archive/zip", plugintest.Setting("unbox_max_ratio", "much"))
	if out.State != event.CompletedWithErrors || !strings.Contains(out.Message, `unbox_max_ratio does not count: "much" must be a whole number`) || len(out.Children) != 2 {
		t.Errorf("%s %s with %d children", out.State, out.Message, len(out.Children))
	}
	limits, _ := DefaultLimits().ofSubmission(map[string]string{"unbox_max_seconds": "3600"})
	if limits.Seconds != DefaultLimits().Seconds {
		t.Errorf("a submission may take %d seconds", limits.Seconds)
	}
}

// TestDefaultPasswords: an operator's passwords take the place of the usual ones.
func TestDefaultPasswords(t *testing.T) {
	p, err := New(DefaultLimits()).With(settingPasswords, "first\nXk9#rain\n")
	must(err)
	out := plugintest.Run(t, p, sevenZipOf(sevenziptest.Options{Password: "Xk9#rain", Rounds: 2}, some...), plugintest.Format("archive/7-zip"))
	if part := &out.Parts[0].Outcome; part.State != event.Completed || fmt.Sprint(values(part, "password")) != "[Xk9#rain]" {
		t.Error(out.Text())
	}
}
