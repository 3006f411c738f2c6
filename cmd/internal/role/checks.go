package role

import (
	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/config"
)

// checks keeps accounts that are looked up.
func (d Deps) checks() *check.Keeper { return &check.Keeper{Pool: d.DB.Pool, Now: d.Now} }

// checkers are the upstreams that look accounts up, in the order of the configuration.
// The test mode's are the sandboxes.
func checkers(c *config.Config) (out api.Checkers) {
	for _, u := range c.Upstreams {
		switch {
		case !u.Offers(config.ProvidesCheck):
		case u.Driver == config.DriverSandbox:
			out.Test = append(out.Test, u.Name)
		default:
			out.Live = append(out.Live, u.Name)
		}
	}
	return out
}
