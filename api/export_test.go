package api

import (
	"maps"
	"slices"
)

// Routes lists the routes below the base path as "METHOD /path", whether the document
// has them or not.
func Routes(s *Server) (all []string) {
	var walk func(n *node)
	walk = func(n *node) {
		for method := range n.handlers {
			all = append(all, method+" "+n.pattern)
		}
		for _, child := range n.children {
			walk(child)
		}
		if n.param != nil {
			walk(n.param)
		}
	}
	walk(&s.router.root)
	slices.Sort(all)
	return all
}

// Pages lists the paths of the public pages that are made once.
func Pages(s *Server) []string { return slices.Sorted(maps.Keys(s.pages())) }
