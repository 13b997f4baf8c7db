package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"lazuli/internal/eventlog"
)

// TestFailureBehindAStall makes a flush fail while a commit waits for that very flush. The append must come back with the
// error, reading must go on, and Close must not hang. Pebble cannot be closed in that state, so that this is done in a
// process of its own.
func TestFailureBehindAStall(t *testing.T) {
	t.Parallel()
	const variable = "LAZULI_TEST_STALL"
	if os.Getenv(variable) != "" {
		failBehindAStall(t)
		if !t.Failed() {
			fmt.Println("all is well")
			os.Exit(0) // before the check for leaks
		}
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFailureBehindAStall$", "-test.timeout=120s")
	child.Env = append(os.Environ(), variable+"=1")
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "all is well") {
		t.Errorf("the process said %v:\n%s", err, out)
	}
}

func failBehindAStall(t *testing.T) {
	const large = 5 << 20
	memory := vfs.NewMem()
	flushing, release := make(chan struct{}), make(chan struct{})
	var opened, armed, wrote atomic.Bool
	fs := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch {
		case opened.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst"):
			close(flushing)
			<-release
			return syscall.ENOSPC
		case armed.Load() && op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") && wrote.CompareAndSwap(false, true):
			close(release) // the second large append is on its way, and has nowhere to go but to wait
		}
		return nil
	}))
	l := openLog(t, "dir", eventlog.Options{FS: fs, ReserveBytes: -1})
	opened.Store(true)
	// More than all memtables together may hold: they are full until the flush is done.
	appendTo(t, l, largeRecords(6, large)...)
	<-flushing
	armed.Store(true)
	if _, err := l.Append(context.Background(), largeRecords(1, large)); !errors.Is(err, eventlog.ErrFull) {
		t.Errorf("the append behind the flush gave %v, want ErrFull", err)
	}
	if _, err := l.Append(context.Background(), padded(1, 10)); !errors.Is(err, eventlog.ErrFull) {
		t.Errorf("the next append gave %v, want ErrFull", err)
	}
	if records, damage := readAll(t, l, partitionT); len(records) != 6 || damage != nil {
		t.Errorf("%d records can be read (damage %v), want 6", len(records), damage)
	}
	if err := l.Close(); !errors.Is(err, eventlog.ErrFull) {
		t.Errorf("close gave %v, want ErrFull", err)
	}

	l = openLog(t, "dir", eventlog.Options{FS: memory})
	if records, damage := readAll(t, l, partitionT); len(records) < 6 || damage != nil {
		t.Errorf("after opening again %d records can be read (damage %v), want 6 at least", len(records), damage)
	}
	closeLog(t, l)
}

func largeRecords(n, size int) []eventlog.Record {
	return slices.Repeat([]eventlog.Record{{Topic: "t", Value: make([]byte, size)}}, n)
}
