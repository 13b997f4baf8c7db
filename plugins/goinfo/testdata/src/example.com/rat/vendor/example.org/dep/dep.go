// Package dep is the work of somebody else.
package dep

type Box struct{ N int }

//go:noinline
func (b *Box) Add(n int) { b.N += n }

//go:noinline
func Sum(list []int) int {
	b := &Box{}
	for _, n := range list {
		b.Add(n)
	}
	return b.N
}
