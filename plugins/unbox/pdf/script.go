package pdf

// visitScripts visits JavaScript, in strings and in streams.
func (s *sweep) visitScripts(visit Visit) error {
	seen := map[Ref]bool{}
	return s.with(hasScript, func(it *item, o Object) error {
		root := dictOf(o)
		return s.find(o, func(n node) error {
			for _, key := range []Name{"JS", "OnInstantiate"} {
				code := n.dict.Get(key)
				if ref, ok := code.(Ref); ok {
					if seen[ref] || len(seen) >= s.d.limits.found {
						continue
					}
					seen[ref] = true
				}
				p := Part{Kind: Script, Object: it.id, State: it.state, Trigger: s.trigger(it, n.key, n.trail)}
				if key != "JS" {
					p.Trigger = "3D"
				}
				if len(root) > 0 && &root[0] == &n.dict[0] {
					p.Name = s.names[it.id.Number]
				}
				if err := s.visitScript(p, s.d.resolve(code), visit); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *sweep) visitScript(p Part, code Object, visit Visit) error {
	switch code := code.(type) {
	case String:
		return s.visitText(p, code, visit)
	case *Stream:
		return s.visitStream(p, code, visit)
	}
	return nil
}
