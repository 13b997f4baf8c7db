package dispatcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/eventlog"
)

// Topics may have any number of partitions: every event is done once, statuses of any partition end jobs, and deletions and
// inserts of any partition count, also after a restart.
func TestTopicsWithSeveralPartitions(t *testing.T) {
	b := newBench(t)
	b.stop()
	b.opts.Topics = func(string, string) (int, int, map[string]string) { return 3, 0, nil }
	b.start()
	const n = 12
	done := map[string]int{}
	var files []*event.Binary
	for i := range n {
		files = append(files, b.file("src", fmt.Sprint(i)))
	}
	b.publish(files...)
	work := func(jobs int) {
		t.Helper()
		for range jobs {
			job, info := b.poll("P", allFeeds)
			if job == nil {
				t.Fatalf("no job: %+v", info)
			}
			done[job.Entity.SHA256]++
			b.status(job, "P", event.Completed)
		}
	}
	b.insert(b.file("src", "parent"), "child", "analyst", func(e *event.InsertEntity) { e.OriginalSource = "" })
	work(n / 2)
	b.restart()
	work(n / 2)
	for _, f := range files {
		if done[f.Entity.SHA256] != 1 {
			t.Errorf("%s was done %d times", f.Entity.SHA256, done[f.Entity.SHA256])
		}
	}
	b.clock.advance(2 * b.opts.Lease)
	b.d.reap(t.Context())
	b.mustIdle("P")
	b.publish(b.file("src", "parent"))
	work(2)
	for _, f := range files {
		b.delete("ids", event.DeleteEntity{IDs: &event.DeleteIDs{IDs: []string{f.KafkaKey}}})
	}
	b.restart()
	if _, info := b.poll("Q", allFeeds); info.Filters[skipDeleted] != n {
		t.Errorf("a new consumer: %+v, want %d skips", info, n)
	}
}

func (b *bench) topic(name string) eventlog.TopicState {
	b.t.Helper()
	topics, err := b.log.Topics(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, t := range topics {
		if t.Name == "azul.lazuli."+name {
			return t
		}
	}
	b.t.Fatalf("there is no topic %s", name)
	return eventlog.TopicState{}
}

// A start brings topics that exist in line with what is configured, and never takes partitions away.
func TestTopicsAreReconciled(t *testing.T) {
	b := newBench(t)
	b.publish(b.file("src", "x"), b.file("other", "y"))
	b.stop()
	b.opts.Topics = func(source, name string) (int, int, map[string]string) {
		switch {
		case name == "src.binary.sourced":
			return 2, 3, map[string]string{"cleanup.policy": "delete", "retention.ms": "3600000"}
		case source == "src":
			return 4, 0, nil
		case strings.HasPrefix(name, "system."):
			return 2, 0, nil
		}
		return 0, 0, nil
	}
	b.start()
	if got := b.topic("src.binary.sourced"); got.Partitions != 2 || got.Compact || got.Retention != time.Hour {
		t.Errorf("src.binary.sourced is %+v", got.Topic)
	}
	for name, want := range map[string]int32{"src.binary.extracted": 4, "other.binary.sourced": 1, "system.status": 2, "system.dead": 1, "system.progress": 1} {
		if got := b.topic(name); got.Partitions != want || !got.Compact {
			t.Errorf("%s is %+v, want %d partitions", name, got.Topic, want)
		}
	}
	b.stop()
	b.opts.Topics = nil
	b.start()
	if got := b.topic("src.binary.sourced"); got.Partitions != 2 || !got.Compact || got.Retention != 0 {
		t.Errorf("src.binary.sourced is %+v after the configuration is gone", got.Topic)
	}
	if ev := b.mustPoll("P", "x"); ev.Source.Name != "src" {
		t.Errorf("got %+v", ev)
	}
}
