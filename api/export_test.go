package api

import (
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/pages"
)

// Routes lists the routes below the base path as "METHOD /path", whether the document
// has them or not.
func Routes(s *Server) []string { return s.rest.Routes() }

// Pages lists the paths of the public pages that are made once.
func Pages(s *Server) []string { return slices.Sorted(maps.Keys(s.pages())) }

// OpenAPI is the document.
func OpenAPI(s *Server) *huma.OpenAPI { return s.rest.Huma.OpenAPI() }

// Facts are what the guide tells besides the document.
func Facts(s *Server) pages.Facts { return s.facts() }

// WaitForPrices sets how long a source's price is waited for.
func WaitForPrices(s *Server, d time.Duration) { s.quotes.patience = d }
