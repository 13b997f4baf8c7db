package index

import (
	"container/list"
	"sync"
)

// recent keeps what was used last, as much as weighs no more than most.
type recent[K comparable, V any] struct {
	most int

	mu     sync.Mutex
	weight int
	items  map[K]*list.Element
	order  *list.List // of *kept[K, V], the last used in front
}

type kept[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, items: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.items[key]
	if e == nil {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V, weight int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.items[key] != nil {
		return
	}
	r.items[key] = r.order.PushFront(&kept[K, V]{key, value, weight})
	for r.weight += weight; r.weight > r.most; {
		r.remove(r.order.Back())
	}
}

// drop forgets what will not be asked for again.
func (r *recent[K, V]) drop(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.items[key]; e != nil {
		r.remove(e)
	}
}

func (r *recent[K, V]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.items)
	r.order.Init()
	r.weight = 0
}

func (r *recent[K, V]) remove(e *list.Element) {
	r.order.Remove(e)
	of := e.Value.(*kept[K, V])
	r.weight -= of.weight
	delete(r.items, of.key)
}
