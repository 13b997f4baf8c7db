package archive

import (
	"errors"
	"io"
	"strings"
	"testing"
)

type panicking struct{ r io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err == io.EOF {
		panic("slice bounds out of range")
	}
	return n, err
}

// TestGuard: a panic of a library is damage, one of ours in what it calls stays one.
func TestGuard(t *testing.T) {
	got, err := io.ReadAll(Guarded(panicking{strings.NewReader("before")}))
	if string(got) != "before" || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "slice bounds") {
		t.Errorf("%q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := Guard(func() error { return Callback(func() error { return stop }) }); err != stop {
		t.Errorf("an error: %v", err)
	}
	defer func() {
		if v, own := recover().(*ours); !own || !strings.Contains(v.String(), "mistake") || !strings.Contains(v.String(), "TestGuard") {
			t.Errorf("a panic of ours: %v", v)
		}
	}()
	_ = Guard(func() error { return Callback(func() error { panic("mistake") }) })
}
