package archive

import (
	"fmt"
	"io"
	"runtime"
)

// The libraries that unpack for us were written for files that somebody means well with, and some panic over others. To an analyst that is
// a damaged archive: what came before counts. All of them are called through Guard or read through Guarded, and nothing of ours is: a
// panic of ours is a mistake, which the kit tells as such.

// Guard calls a library, and makes an error of a panic.
func Guard(call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, stopped := v.(*ours); stopped {
				panic(v)
			}
			err = fmt.Errorf("what unpacks it gave up (%v): %w", v, ErrDamaged)
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

// Callback calls something of ours from within a Guard.
func Callback(call func() error) error {
	defer func() {
		if v := recover(); v != nil {
			stack := make([]byte, 16<<10)
			panic(&ours{v, stack[:runtime.Stack(stack, false)]})
		}
	}()
	return call()
}

// Guarded reads from a library.
func Guarded(r io.Reader) io.Reader { return guarded{r} }

type guarded struct{ r io.Reader }

func (g guarded) Read(p []byte) (n int, err error) {
	err = Guard(func() error {
		var failed error
		n, failed = g.r.Read(p)
		return failed
	})
	return n, err
}
