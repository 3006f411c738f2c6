package role

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// importer builds what writes the upstreams' lists into the catalogue.
func (d Deps) importer() *intake.Importer {
	provides := map[string][]string{}
	for _, u := range d.Config.Upstreams {
		if len(u.Provides) > 0 {
			provides[u.Name] = u.Provides
		}
	}
	return intake.New(d.DB.Pool, intake.Options{
		JumpPercent: int64(d.Config.Catalog.JumpPercent), Forbidden: forbidden(d.Config), Provides: provides, Location: d.Config.Brand.Location(), Now: d.Now, Log: d.Log,
	})
}

// forbidden are the words by which a merchant could tell who is upstream: what the
// providers and the configured upstreams are called, and their hosts. Those of every
// upstream, whichever is read: sources list each other's names, too.
func forbidden(cfg *config.Config) []string {
	words := drivers.Brands()
	for _, u := range cfg.Upstreams {
		words = append(words, u.Name)
		if at, err := url.Parse(u.BaseURL); err == nil {
			words = append(words, labels(at.Hostname())...)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// labels are the parts of a host's name that name somebody.
func labels(host string) []string {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	parts := strings.Split(strings.ToLower(host), ".")
	if len(parts) > 1 {
		parts = parts[:len(parts)-1] // the top level
	}
	return slices.DeleteFunc(parts, func(p string) bool {
		switch p {
		case "www", "api", "app", "h2h", "com", "net", "web", "dev", "prod", "svc", "cluster", "localhost":
			return true
		}
		return len(p) < 3
	})
}
