package api

import (
	"maps"
	"slices"
)

// Routes lists the routes below the base path as "METHOD /path", whether the document
// has them or not.
func Routes(s *Server) []string { return s.rest.Routes() }

// Pages lists the paths of the public pages that are made once.
func Pages(s *Server) []string { return slices.Sorted(maps.Keys(s.pages())) }
