package pdf

// nameTrees learns the names that the catalog gives to scripts and files (7.7.4).
func (s *sweep) nameTrees() {
	names := s.d.dict(s.d.dict(s.d.trailer.Get("Root")).Get("Names"))
	s.nameTree(names.Get("JavaScript"), func(name Object, ref Ref) {
		s.named(ref, name)
		s.causes[ref.Number] = cause{trail: "Names"}
	})
	s.nameTree(names.Get("EmbeddedFiles"), func(name Object, ref Ref) { s.named(ref, name) })
}

// named keeps an object's name.
func (s *sweep) named(ref Ref, name Object) {
	if _, known := s.names[ref.Number]; !known && len(s.names) < s.d.limits.found {
		s.names[ref.Number] = s.d.text(name)
	}
}

// nameTree calls use for each name in a tree (7.9.6) that stands for an object of its own. Each node is read once, so that a tree
// that goes round in a circle ends.
func (s *sweep) nameTree(root Object, use func(name Object, ref Ref)) {
	seen := map[uint32]bool{}
	left := s.d.limits.found
	queue := []Object{root}
	for len(queue) > 0 {
		o := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if ref, ok := o.(Ref); ok {
			if seen[ref.Number] {
				continue
			}
			seen[ref.Number] = true
		}
		if s.d.work.spend(objectCost) != nil {
			return
		}
		node := s.d.dict(o)
		kids := s.d.array(node.Get("Kids"))
		for i := len(kids) - 1; i >= 0 && len(queue) < s.d.limits.found; i-- {
			queue = append(queue, kids[i])
		}
		for list := s.d.array(node.Get("Names")); len(list) >= 2; list = list[2:] {
			if left--; left < 0 || s.d.work.spend(objectCost) != nil {
				return
			}
			if ref, ok := list[1].(Ref); ok {
				use(list[0], ref)
			}
		}
	}
}
