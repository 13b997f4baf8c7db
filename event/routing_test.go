package event_test

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lazuli/event"
	"lazuli/event/eventtest"
)

func TestRoute(t *testing.T) {
	b := full()
	b.Source.Settings = map[string]string{"expedite_plugin": "Unbox"}
	event.Track(b)
	content := event.RoutingStream{Label: event.LabelContent, Format: "text/plain", Size: b.Entity.Size}
	of := event.Routing{
		Model: event.ModelBinary, SHA256: b.Entity.SHA256, Author: "bob", Source: "samples", Action: event.Sourced,
		Security: "LOW TLP:CLEAR", Submitted: eventtest.Moment.Time, Depth: 1, Streams: []event.RoutingStream{content},
		Flags: event.Flags{BypassCache: true, Expedite: true, Retry: true}, Settings: "Unbox",
		Made: b.Timestamp.Time, Tracks: []uint64{event.TrackHash(b.TrackSourceReferences), event.TrackHash("user.bob.")},
	}
	ofStatus := of
	ofStatus.Model, ofStatus.Author, ofStatus.Version, ofStatus.Streams = event.ModelStatus, "Example", "1", nil
	ofStatus.Made, ofStatus.Tracks = time.Time{}, nil
	ofStatus.State, ofStatus.Dequeued = event.Completed, "k.Example.1.5"
	for _, c := range []struct {
		ev   event.Event
		want event.Routing
	}{
		{b, of},
		{eventtest.Status(b, event.Completed), ofStatus},
		{eventtest.Plugin("Unbox", "2"), event.Routing{Model: event.ModelPlugin, Author: "Unbox", Version: "2"}},
		{&event.Insert{Entity: event.InsertEntity{ParentSHA256: "aa"}}, event.Routing{Model: event.ModelInsert, SHA256: "aa"}},
		{&event.Download{Source: event.Source{Name: "s", Security: "LOW"}, Entity: event.DownloadEntity{Hash: "aa"}},
			event.Routing{Model: event.ModelDownload, SHA256: "aa", Source: "s", Security: "LOW"}},
		{&event.Delete{}, event.Routing{Model: event.ModelDelete}},
		{&event.Retrohunt{}, event.Routing{Model: event.ModelRetrohunt}},
	} {
		if diff := cmp.Diff(c.want, event.Route(c.ev)); diff != "" {
			t.Errorf("%s: %s", c.ev.Model(), diff)
		}
	}
}

func anyMoment() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if micros := rapid.Int64Range(-62135596799_000000, 253402300799_999999).Draw(t, "micros"); micros != 0 {
			return time.UnixMicro(micros).UTC()
		}
		return time.Time{}
	})
}

func anyRouting() *rapid.Generator[event.Routing] {
	text := rapid.StringN(0, 6, -1)
	return rapid.Custom(func(t *rapid.T) event.Routing {
		r := event.Routing{
			Model:    event.Model(text.Draw(t, "model")),
			SHA256:   text.Draw(t, "sha256"),
			Author:   text.Draw(t, "author"),
			Version:  text.Draw(t, "version"),
			Source:   text.Draw(t, "source"),
			Action:   event.Action(text.Draw(t, "action")),
			Security: text.Draw(t, "security"),
			Depth:    rapid.IntRange(0, math.MaxInt32).Draw(t, "depth"),
			Flags:    event.Flags{BypassCache: rapid.Bool().Draw(t, "b"), Expedite: rapid.Bool().Draw(t, "e"), Retry: rapid.Bool().Draw(t, "r")},
			Settings: text.Draw(t, "settings"),
			State:    event.State(text.Draw(t, "state")),
			Dequeued: text.Draw(t, "dequeued"),
			Input:    text.Draw(t, "input"),
			Run:      text.Draw(t, "run"),
			Made:     anyMoment().Draw(t, "made"),
			Tracks:   rapid.SliceOfN(rapid.Uint64(), 1, 5).Draw(t, "tracks"),
		}
		r.Submitted = anyMoment().Draw(t, "submitted")
		for range rapid.IntRange(0, 4).Draw(t, "streams") {
			r.Streams = append(r.Streams, event.RoutingStream{
				Label: event.Label(text.Draw(t, "label")), Format: text.Draw(t, "format"), Size: rapid.Uint64().Draw(t, "size")})
		}
		return r
	})
}

func TestRoutingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRouting().Draw(t, "routing")
		header := r.Append([]byte("before"))[len("before"):]
		later := append(header[:len(header):len(header)], rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "fields of a later release")...)
		got, err := event.ParseRouting(later)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatal(diff)
		}
		short := header[:rapid.IntRange(0, len(header)-1).Draw(t, "cut at")]
		if got, err := event.ParseRouting(short); !errors.Is(err, event.ErrRouting) {
			t.Fatalf("a header cut short is read as %+v, %v", got, err)
		}
	})
}

// The log uses the header's memory again.
func TestRoutingKeepsNothingOfTheHeader(t *testing.T) {
	r := event.Route(full())
	header := r.Append(nil)
	got, err := event.ParseRouting(header)
	if err != nil {
		t.Fatal(err)
	}
	clear(header)
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRoutingRefuses(t *testing.T) {
	before := make([]byte, 9) // version, seven empty texts, no time
	before[0] = 1
	deep := binary.AppendUvarint(before, math.MaxUint64)
	many := binary.AppendUvarint(append(before[:9:9], 1), 1<<40)
	for name, header := range map[string][]byte{
		"nothing": nil, "version 0": {0}, "version 3": append([]byte{3}, make([]byte, 40)...),
		"depth": append(deep, make([]byte, 40)...), "streams": append(many, make([]byte, 40)...),
		"length": {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a'},
	} {
		if r, err := event.ParseRouting(header); !errors.Is(err, event.ErrRouting) {
			t.Errorf("%s: read as %+v, %v", name, r, err)
		}
	}
	tracks := append(make([]byte, 18), 0xff, 0xff, 0xff, 0xff, 0x0f)
	tracks[0] = 2
	if r, err := event.ParseRouting(tracks); !errors.Is(err, event.ErrRouting) {
		t.Errorf("tracks: read as %+v, %v", r, err)
	}
	if _, err := event.ParseRouting(append([]byte{1}, make([]byte, 40)...)); err != nil {
		t.Errorf("a header of zeros: %v", err) // or the cases above would fail for another reason than their own
	}
}

// A header may claim as many streams as it has room for, and no more.
func TestParseRoutingMemory(t *testing.T) {
	header := append([]byte{1}, make([]byte, 9)...)
	header = binary.AppendUvarint(header, 1<<20-1)
	header = append(header, make([]byte, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := event.ParseRouting(header); err == nil {
		t.Error("a header with more streams than bytes is read")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated for a header of %d", used, len(header))
	}
}

func FuzzParseRouting(f *testing.F) {
	for _, ev := range examples() {
		r := event.Route(ev)
		f.Add(r.Append(nil))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		r, err := event.ParseRouting(header)
		if err != nil {
			if !errors.Is(err, event.ErrRouting) {
				t.Fatal(err)
			}
			return
		}
		again, err := event.ParseRouting(r.Append(nil))
		if err != nil || !cmp.Equal(r, again) {
			t.Fatalf("%+v is read as %+v, %v", r, again, err)
		}
	})
}

// Headers of version 1 end before what deletions look at.
func TestParseRoutingOfVersion1(t *testing.T) {
	b := full()
	event.Track(b)
	r := event.Route(b)
	tail := 1 + 8*len(r.Tracks) + len(binary.AppendVarint(nil, r.Made.UnixMicro()))
	header := r.Append(nil)
	header[0] = 1
	got, err := event.ParseRouting(header[:len(header)-tail])
	if err != nil {
		t.Fatal(err)
	}
	r.Made, r.Tracks = time.Time{}, nil
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
}
