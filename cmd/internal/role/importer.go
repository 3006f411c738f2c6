package role

import (
	"net/url"
	"strings"

	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// importer builds what writes upstreams' lists into the catalogue.
func (d Deps) importer() *intake.Importer {
	provides := map[string][]string{}
	forbidden := drivers.Names()
	for _, u := range d.Config.Upstreams {
		if len(u.Provides) > 0 {
			provides[u.Name] = u.Provides
		}
		forbidden = append(forbidden, u.Name)
		forbidden = append(forbidden, hostWords(u.BaseURL)...)
	}
	return intake.New(d.DB.Pool, intake.Options{
		JumpPercent: int64(d.Config.Catalog.JumpPercent), Forbidden: forbidden, Provides: provides, Now: d.Now, Log: d.Log,
	})
}

// hostWords gives the host of an upstream and the name in it: no merchant may read
// either.
func hostWords(base string) []string {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	words := []string{host}
	if labels := strings.Split(host, "."); len(labels) > 1 && strings.Trim(host, "0123456789.") != "" {
		words = append(words, labels[len(labels)-2])
	}
	return words
}
