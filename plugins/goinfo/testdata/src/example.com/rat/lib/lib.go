// Lib is what is loaded by programs of other languages.
package main

import "C"

import "example.com/rat/internal/beacon"

type implant struct{ n int }

//go:noinline
func (i *implant) Work() int { return i.n }

//export Start
func Start(n C.int) C.int {
	beacon.Show(&implant{})
	return C.int((&implant{int(n)}).Work())
}

func main() {}
