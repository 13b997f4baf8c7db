package dispatcher

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lazuli/internal/eventlog"
)

// TestCellModel drives a cell by random steps beside a plain model: what was opened, what is out, what has ended.
func TestCellModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tl := &tail{}
		cl := newCell(feedLive, eventlog.Partition{Topic: "t"}, 1, 0, forever, tl)
		now := time.Unix(1000, 0)
		open, out, ended := map[int64]*job{}, map[int64]*job{}, map[int64]bool{}
		low := int64(0)
		pick := func(m map[int64]*job) *job {
			if len(m) == 0 {
				return nil
			}
			var offsets []int64
			for o := range m {
				offsets = append(offsets, o)
			}
			return m[rapid.SampledFrom(offsets).Draw(t, "offset")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"match": func(t *rapid.T) {
				at := cl.high
				cl.open(&entry{offset: at})
				cl.advance(at + 1)
				if !ended[at] {
					open[at] = cl.jobs[at]
				}
			},
			"skip": func(t *rapid.T) { ended[cl.high] = true; cl.advance(cl.high + 1) },
			"take": func(t *rapid.T) {
				j := cl.waiting(now)
				if j == nil {
					return
				}
				if out[j.offset] != nil || ended[j.offset] {
					t.Fatalf("offset %d is handed out though it is out or ended", j.offset)
				}
				for o := range open {
					if out[o] == nil && open[o].attempt == 0 && j.attempt == 0 && o < j.offset {
						t.Fatalf("first deliveries out of order: %d before %d", j.offset, o)
					}
				}
				cl.take(j, now)
				out[j.offset] = j
			},
			"back": func(t *rapid.T) {
				if j := pick(out); j != nil {
					cl.back(j, time.Time{})
					delete(out, j.offset)
				}
			},
			"end": func(t *rapid.T) {
				if j := pick(open); j != nil {
					cl.end(j.offset)
					delete(open, j.offset)
					delete(out, j.offset)
					ended[j.offset] = true
				}
			},
			"end before it is looked at": func(t *rapid.T) {
				at := cl.high + rapid.Int64Range(0, 3).Draw(t, "ahead")
				cl.end(at)
				ended[at] = true
			},
			"": func(t *rapid.T) {
				if got := cl.low(); got < low {
					t.Fatalf("low went back from %d to %d", low, got)
				} else {
					low = got
				}
				for o := low; o < cl.high; o++ {
					if (cl.jobs[o] != nil) == ended[o] {
						t.Fatalf("offset %d: open %v, ended %v", o, cl.jobs[o] != nil, ended[o])
					}
				}
				for o := int64(0); o < low; o++ {
					if !ended[o] {
						t.Fatalf("low %d passed offset %d, which has not ended", low, o)
					}
				}
				if len(cl.jobs) != len(open) {
					t.Fatalf("%d open jobs, want %d", len(cl.jobs), len(open))
				}
			},
		})
	})
}
