package plugin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lazuli/event"
)

// colour is a type of a plugin's own.
type colour uint8

func TestValues(t *testing.T) {
	for _, c := range []struct {
		feature string
		value   any
		want    string
	}{
		{"count", 7, "7"}, {"count", int64(math.MinInt64), "-9223372036854775808"}, {"count", uint64(math.MaxUint64), "18446744073709551615"},
		{"count", colour(3), "3"}, {"count", uint16(0x5a4d), "23117"},
		{"ratio", 0.1, "0.1"}, {"ratio", 0.0, "0"}, {"ratio", float32(0.1), "0.1"}, {"ratio", 123456789.0, "123456789"},
		{"ratio", 4.431965045349459, "4.431965045349459"}, {"ratio", 1e300, "1e+300"}, {"ratio", -2.5e-9, "-2.5e-09"},
		{"raw", []byte{0, 255}, "AP8="}, {"raw", []byte(nil), ""},
		{"when", time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), "2024-01-02T02:04:05Z"},
		{"when", time.Date(2024, 1, 2, 3, 4, 5, 123456789, time.UTC), "2024-01-02T03:04:05.123456Z"},
		{"note", true, "true"}, {"note", event.Sourced, "sourced"}, {"note", "zero \x00", "zero \x00"},
		{"filename", "bad\xff\xfename", "bad\ufffdname"}, {"link", "http://a/", "http://a/"},
	} {
		out := execute(t, func(_ context.Context, job *Job) error { return job.Feature(c.feature, c.value) })
		if out.State != event.Completed || len(out.Features) != 1 || out.Features[0].Value != c.want {
			t.Errorf("%s = %v: %s %s %+v, want %q", c.feature, c.value, out.State, out.Message, out.Features, c.want)
		}
	}
}

func TestWrongTypes(t *testing.T) {
	for feature, values := range map[string][]any{
		"count": {"7", 7.0, true, []byte("7"), nil, []int{1}}, "ratio": {1, "1"}, "raw": {"text", 1}, "when": {"2024", 1700000000},
		"note": {1, []byte("x"), time.Now()}, "link": {false}, "filename": {1.5, (*string)(nil)},
	} {
		for _, value := range values {
			out := execute(t, func(_ context.Context, job *Job) error { return job.Feature(feature, value) })
			if out.State != event.ErrorOutput || !strings.Contains(out.Message, "is not a value of type") {
				t.Errorf("%s = %#v: %s %s", feature, value, out.State, out.Message)
			}
		}
	}
}

// TestUnwritable: values of the right type that events cannot carry come from hostile files, so they are not a mistake of the plugin.
func TestUnwritable(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		return errors.Join(job.Feature("ratio", math.NaN()), job.Feature("ratio", math.Inf(-1)), job.Feature("ratio", 1.0),
			job.Feature("when", time.Date(60000, 1, 1, 0, 0, 0, 0, time.UTC)))
	})
	if out.State != event.CompletedWithErrors || len(out.Features) != 1 || !strings.Contains(out.Message, "cannot be written") {
		t.Errorf("%s %s: %+v", out.State, out.Message, out.Features)
	}
}

// TestSameValue: a value is the same when its name, label and place are, too.
func TestSameValue(t *testing.T) {
	out := execute(t, func(_ context.Context, job *Job) error {
		for range 2 {
			for _, opts := range [][]FeatureOption{nil, {Label("l")}, {At(0, 0)}, {At(0, 3)}, {At(1, 3)}, {Label("l"), At(1, 3)}} {
				if err := job.Feature("note", "v", opts...); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if out.State != event.Completed || len(out.Features) != 6 {
		t.Fatalf("%s %s with %d values: %+v", out.State, out.Message, len(out.Features), out.Features)
	}
	if last := out.Features[5]; last.Label != "l" || *last.Offset != 1 || *last.Size != 3 || out.Features[0].Offset != nil {
		t.Errorf("label and place: %+v", last)
	}
	far := execute(t, func(_ context.Context, job *Job) error { return job.Feature("note", "v", At(1<<63, 1)) })
	if far.State != event.ErrorOutput {
		t.Errorf("an offset that no reader takes: %s", far.State)
	}
}

func TestLimitOfValues(t *testing.T) {
	var names []Feature
	for i := range 12 {
		names = append(names, Feature{fmt.Sprintf("f%d", i), event.Integer, "a number"})
	}
	out := execute(t, func(_ context.Context, job *Job) error {
		for _, f := range names {
			for i := range MaxValuesPerFeature + 5 {
				if err := job.Feature(f.Name, i); err != nil {
					return err
				}
			}
		}
		return nil
	}, func(_ *Input, p *funcPlugin) { p.more = names })
	if out.State != event.CompletedWithErrors || len(out.Features) != MaxValues {
		t.Errorf("%s with %d values", out.State, len(out.Features))
	}
	for _, want := range []string{"f0 had more than 1000 values", "f8 had more than 1000 values", "more than 9500 values"} {
		if !strings.Contains(out.Message, want) {
			t.Errorf("no %q in %s", want, out.Message)
		}
	}
}

func TestLimitOfLength(t *testing.T) {
	for _, n := range []int{MaxValueLength, MaxValueLength + 1} {
		out := execute(t, func(_ context.Context, job *Job) error {
			return job.Feature("filename", strings.Repeat("é", n), Label(strings.Repeat("l", n)))
		})
		want := event.Completed
		if n > MaxValueLength {
			want = event.CompletedWithErrors
		}
		f := out.Features[0]
		if out.State != want || utf8.RuneCountInString(f.Value) != MaxValueLength || len(f.Label) != MaxValueLength || !utf8.ValidString(f.Value) {
			t.Errorf("%d characters: %s, value of %d bytes, label of %d", n, out.State, len(f.Value), len(f.Label))
		}
	}
}
