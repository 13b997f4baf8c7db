package pkzip

import (
	"bufio"
	"io"
	"math/bits"
)

const (
	reduceMark     = 144 // begins a match
	reduceShortest = 3
)

// reduce is a match finder whose output is coded by what may follow each byte (5.2).
type reduce struct {
	stream
	factor    uint // bits of a match's first byte that belong to its distance
	followers [256][]byte
	started   bool
	last      byte // byte of the coded matches
}

// NewReduce reads data of methods 2 to 5, whose factors are 1 to 4.
func NewReduce(in *bufio.Reader, factor uint, size int64) io.Reader {
	r := &reduce{stream: newStream(in, size), factor: factor}
	r.step = r.one
	return r
}

// table reads the followers of each byte, those of the last one first.
func (r *reduce) table() error {
	for c := 255; c >= 0; c-- {
		n, err := r.bits(6)
		if err != nil {
			return err
		}
		if n > 32 {
			return damaged("a byte has too many followers")
		}
		r.followers[c] = make([]byte, n)
		for i := range n {
			follower, err := r.bits(8)
			if err != nil {
				return err
			}
			r.followers[c][i] = byte(follower)
		}
	}
	return nil
}

// next decodes a byte by the one before it.
func (r *reduce) next() (byte, error) {
	followers := r.followers[r.last]
	literal := 1
	var err error
	if len(followers) > 0 {
		if literal, err = r.bits(1); err != nil {
			return 0, err
		}
	}
	if literal == 1 {
		c, err := r.bits(8)
		r.last = byte(c)
		return r.last, err
	}
	i, err := r.bits(uint(max(1, bits.Len(uint(len(followers)-1)))))
	if err != nil {
		return 0, err
	}
	if i >= len(followers) {
		return 0, damaged("a byte has no such follower")
	}
	r.last = followers[i]
	return r.last, nil
}

// one decodes a byte or a match.
func (r *reduce) one() error {
	if !r.started {
		r.started = true
		if err := r.table(); err != nil {
			return err
		}
	}
	c, err := r.next()
	if err != nil {
		return err
	}
	if c != reduceMark {
		r.emit(c)
		return nil
	}
	head, err := r.next()
	if err != nil {
		return err
	}
	if head == 0 {
		r.emit(reduceMark)
		return nil
	}
	most := 1<<(8-r.factor) - 1
	length := int(head) & most
	if length == most {
		more, err := r.next()
		if err != nil {
			return err
		}
		length += int(more)
	}
	low, err := r.next()
	if err != nil {
		return err
	}
	r.repeat(int(head)>>(8-r.factor)<<8+int(low)+1, length+reduceShortest)
	return nil
}
