package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lazuli/internal/eventlog"
	"lazuli/internal/index"
)

// damagedLog cannot read a stretch of one partition.
type damagedLog struct {
	eventlog.Log
	part     eventlog.Partition
	from, to int64
}

func (l *damagedLog) Read(ctx context.Context, p eventlog.Partition, offset int64, limit eventlog.Limit) (eventlog.Page, error) {
	switch {
	case p != l.part || offset >= l.to:
		return l.Log.Read(ctx, p, offset, limit)
	case offset < l.from:
		limit.Records = int(l.from - offset)
		return l.Log.Read(ctx, p, offset, limit)
	}
	return eventlog.Page{}, &eventlog.CorruptError{Partition: p, From: l.from, To: l.to, Cause: errors.New("checksum of file 7")}
}

// TestDamagedLog: what is damaged is named in a dead letter and in one line of the log, and what is behind it arrives.
func TestDamagedLog(t *testing.T) {
	b := newBench(t)
	var part eventlog.Partition
	for i := range 5 { // one key, one partition
		r := record(t, sourced, binary(fmt.Sprint("k", i), string("abcde"[i]), 1), "", "")
		r.Key = []byte("same")
		part = b.append(r)[0].Partition
	}
	b.log = &damagedLog{Log: b.log, part: part, from: 1, to: 3}
	b.start()
	b.settle()
	b.append(record(t, sourced, binary("later", "f", 1), "", ""))
	b.settle()
	for _, letter := range "adef" {
		b.binary(sha(string(letter)))
	}
	if c := b.counts(); c.Binaries != 4 {
		t.Errorf("%+v", c)
	}
	list := b.letters()
	if len(list) != 1 || list[0].Position != part.String()+"/1" || !strings.Contains(list[0].Reason, "offsets 1 to 2") || !strings.Contains(list[0].Reason, "file 7") {
		t.Errorf("dead letters %+v", list)
	}
	if n := b.logs.count("cannot be read"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// pickyIndex refuses batches that have a document of one file.
type pickyIndex struct {
	index.Index
	sha string
}

func (p *pickyIndex) Apply(ctx context.Context, b index.Batch) error {
	for i := range b.Documents {
		if b.Documents[i].SHA256 == p.sha {
			return fmt.Errorf("write to the index: %w", index.ErrRefused)
		}
	}
	return p.Index.Apply(ctx, b)
}

// TestRefusedRecord: what the index cannot keep is a dead letter, and everything around it arrives.
func TestRefusedRecord(t *testing.T) {
	b := newBench(t)
	b.idx = &pickyIndex{b.idx, sha("c")}
	for i := range 9 {
		b.append(record(t, sourced, binary(fmt.Sprint("k", i), string("abcdefabd"[i]), 1), "", ""))
	}
	b.start()
	b.settle()
	if c := b.counts(); c.Binaries != 5 {
		t.Errorf("%+v", c)
	}
	list := b.letters()
	if len(list) != 1 || list[0].Reason == "" || !strings.Contains(list[0].Reason, index.ErrRefused.Error()) {
		t.Errorf("dead letters %+v", list)
	}
	b.append(record(t, sourced, binary("later", "e", 1), "", ""))
	b.settle()
}

// fullIndex has no room for a while.
type fullIndex struct {
	index.Index
	tried chan struct{}
	room  chan struct{} // closed when there is room again
}

func (f *fullIndex) Apply(ctx context.Context, b index.Batch) error {
	select {
	case <-f.room:
		return f.Index.Apply(ctx, b)
	default:
	}
	select {
	case f.tried <- struct{}{}:
	case <-ctx.Done():
	}
	return fmt.Errorf("write to the index: %w", index.ErrFull)
}

// TestFullIndex: an index that cannot be written is tried again, Err says why, and nothing is lost.
func TestFullIndex(t *testing.T) {
	b := newBench(t)
	full := &fullIndex{Index: b.idx, tried: make(chan struct{}), room: make(chan struct{})}
	b.idx = full
	b.append(record(t, sourced, binary("k", "a", 1), "", ""))
	b.start()
	<-full.tried
	<-full.tried // the first attempt has ended
	if err := b.in.Err(); !errors.Is(err, index.ErrFull) {
		t.Errorf("Err is %v", err)
	}
	if len(b.in.Position()) != 0 {
		t.Errorf("it is at %v without having applied anything", b.in.Position())
	}
	close(full.room)
	b.settle()
	b.append(record(t, sourced, binary("k2", "b", 1), "", ""))
	b.settle() // Err is set after a batch is made known: the batch before this one has ended
	if err := b.in.Err(); err != nil {
		t.Errorf("Err is still %v", err)
	}
	b.binary(sha("a"))
	if n, m := b.logs.count("cannot be brought up"), b.logs.count("up to date again"); n != 1 || m != 1 {
		t.Errorf("logged %d times that it fails, %d times that it works again", n, m)
	}
}

// TestStopWhileFailing: Run ends soon and without an error even while nothing can be written.
func TestStopWhileFailing(t *testing.T) {
	b := newBench(t)
	full := &fullIndex{Index: b.idx, tried: make(chan struct{}), room: make(chan struct{})}
	b.idx = full
	b.append(record(t, sourced, binary("k", "a", 1), "", ""))
	b.start()
	<-full.tried
	b.stop()
	if c := b.counts(); c.Documents != 0 {
		t.Errorf("%+v", c)
	}
}
