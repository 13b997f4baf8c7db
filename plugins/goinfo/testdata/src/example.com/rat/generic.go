//go:build go1.21
// +build go1.21

package main

import "example.com/rat/internal/beacon"

type list[T any] struct{ items []T }

//go:noinline
func (l *list[T]) push(item T) { l.items = append(l.items, item) }

//go:noinline
func each[T any](l *list[T], do func(T)) {
	for _, item := range l.items {
		do(item)
	}
}

func init() {
	generic = func() {
		l := &list[task]{}
		l.push(task{7})
		each(l, func(t task) { println(t.run()) })
		beacon.Show(*l)
	}
}
