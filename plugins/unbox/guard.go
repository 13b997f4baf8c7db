package unbox

import (
	"fmt"
	"io"
	"runtime"

	"lazuli/plugins/unbox/archive"
)

// The libraries that unpack for us were written for files that somebody means well with, and some panic over others. To an analyst that is
// a damaged archive: what came before counts. All of them are called through guard or read through guarded, and nothing of ours is: a
// panic of ours is a mistake, which the kit tells as such.

// guard calls a library, and makes an error of a panic.
func guard(call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, stopped := v.(*ours); stopped {
				panic(v)
			}
			err = fmt.Errorf("what unpacks it gave up (%v): %w", v, archive.ErrDamaged)
		}
	}()
	return call()
}

// ours is a panic of our own in what a library calls.
type ours struct {
	value any
	stack []byte
}

func (o *ours) String() string { return fmt.Sprintf("%v\n%s", o.value, o.stack) }

// callback calls something of ours from within a guard.
func callback(call func() error) error {
	defer func() {
		if v := recover(); v != nil {
			stack := make([]byte, 16<<10)
			panic(&ours{v, stack[:runtime.Stack(stack, false)]})
		}
	}()
	return call()
}

// guarded reads from a library.
type guarded struct{ r io.Reader }

func (g guarded) Read(p []byte) (n int, err error) {
	err = guard(func() error {
		var failed error
		n, failed = g.r.Read(p)
		return failed
	})
	return n, err
}
