package dispatcher

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

// tellDownload publishes a download event of an author.
func (b *bench) tellDownload(author, action, hash string) {
	b.t.Helper()
	source := b.file("src", hash).Source
	ev := &event.Download{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Name: author, Version: "1"}},
		Action: action, Source: source, Entity: event.DownloadEntity{Hash: hash}}
	if code, body := b.call("POST", "/api/v2/event?model=download", ev); code != 200 {
		b.t.Fatalf("%d %s", code, body)
	}
}

// download polls for some seconds as a download plugin does, which passes over all but requests, and returns the hash, or nothing.
func (b *bench) download(name string, seconds int) string {
	b.t.Helper()
	for {
		events, _ := b.pollModel("download/active", "name="+name+"&version=1&count=1&deadline="+strconv.Itoa(seconds)+"&d-self=true&r-live=true&r-historic=true")
		if len(events) == 0 {
			return ""
		}
		ev, err := event.Decode(event.ModelDownload, events[0])
		if err != nil {
			b.t.Fatal(err)
		}
		if dl := ev.(*event.Download); dl.Action == downloadRequested {
			return "requested " + strings.TrimLeft(dl.Entity.Hash, "0")
		}
	}
}

func (b *bench) mustDownload(name, want string) {
	b.t.Helper()
	seconds := 30
	if want == "" {
		seconds = 1
	}
	if got := b.download(name, seconds); got != want {
		b.t.Fatalf("%s got %q, want %q", name, got, want)
	}
}

func hashOf(n string) string { return strings.Repeat("0", 64-len(n)) + n }

func TestDownloadJobs(t *testing.T) {
	b := newBench(t)
	b.tellDownload("user", "requested", hashOf("1"))
	b.tellDownload("user", "requested", hashOf("2"))
	b.mustDownload("Dl", "requested 1")
	b.clock.advance(time.Second)
	b.tellDownload("Other", "success", hashOf("1")) // not its end
	b.mustDownload("Dl", "requested 2")
	b.tellDownload("Dl", "failed-not-found", hashOf("2"))
	b.mustDownload("Dl", "")

	b.clock.advance(downloadTime + time.Second)
	b.d.reap(t.Context())
	b.mustDownload("Dl", "") // it passed over the first: it took another since

	b.tellDownload("user", "requested", hashOf("3"))
	b.mustDownload("Dl", "requested 3")
	for range 5 { // it died, and its successors: there is no limit, and nothing is given up
		b.clock.advance(downloadTime - time.Second)
		b.d.reap(t.Context())
		b.mustDownload("Dl", "")
		b.clock.advance(2 * time.Second)
		b.d.reap(t.Context())
		b.mustDownload("Dl", "requested 3")
	}
	if ids := b.openLetters(); len(ids) > 0 {
		t.Errorf("dead letters %q", ids)
	}
	b.tellDownload("Dl", "success", hashOf("3"))
	b.clock.advance(2 * downloadTime)
	b.d.reap(t.Context())
	b.mustDownload("Dl", "")
}

// What became of a request counts also when the dispatcher died meanwhile.
func TestDownloadJobsAfterACrash(t *testing.T) {
	b := newBench(t)
	for _, n := range []string{"1", "2", "3"} {
		b.tellDownload("user", "requested", hashOf(n))
		b.mustDownload("Dl", "requested "+n)
	}
	b.crash()
	b.start()
	b.tellDownload("Dl", "success", hashOf("2"))
	b.crash()
	b.start()
	b.tellDownload("Dl", "success", hashOf("1"))
	b.mustDownload("Dl", "requested 3") // no record tells of its hand-out
	b.mustDownload("Dl", "")
	b.tellDownload("Dl", "success", hashOf("3"))
	b.restart()
	b.mustDownload("Dl", "")
}
