// Rat is what the tests look into: a program that has something of everything.
package main

import (
	"example.com/rat/internal/beacon"
	"example.org/dep"
)

type task struct{ id int }

//go:noinline
func (t task) run() int { return t.id * 2 }

//go:noinline
func loop(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += task{i}.run()
	}
	return sum
}

// generic is set by releases that know generics.
var generic = func() {}

func main() {
	c := &beacon.Config{Host: "c2.example.net", Port: 443}
	if err := beacon.Run(c); err != nil {
		println(err.Error())
	}
	beacon.Show(beacon.Keys{1, 2, 3, 4})
	beacon.Show(beacon.Table{"a": *c})
	beacon.Show(beacon.Hook(func(*beacon.Config) error { return nil }))
	beacon.Show(task{1})
	beacon.Show(new(beacon.Sender))
	generic()
	println(loop(3), dep.Sum([]int{1, 2, 3}), len(beacon.Shown))
}
