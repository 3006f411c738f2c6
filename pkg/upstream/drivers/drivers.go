// Package drivers is the one switch from a driver's name in the configuration to
// the driver.
package drivers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/rqid"
	"github.com/muarahq/muara/pkg/upstream/rumahotp"
	"github.com/muarahq/muara/pkg/upstream/sandbox"
)

// Names are the drivers that there are, in order.
func Names() []string { return []string{"rqid", "rumahotp", "sandbox"} }

// Brands are the providers that drivers are called after: words that no merchant
// may read. A driver for a convention that many providers share has none.
func Brands() []string { return []string{"digiflazz", "rqid", "rumahotp"} }

// Known is whether there is a driver of this name.
func Known(name string) bool { return slices.Contains(Names(), name) }

// New makes a driver by its name. The error names what the configuration lacks.
func New(driver string, cfg upstream.Config) (upstream.Driver, error) {
	var d upstream.Driver
	var err error
	switch driver {
	case "rqid":
		d, err = rqid.New(cfg)
	case "rumahotp":
		d, err = rumahotp.New(cfg)
	case "sandbox":
		d, err = sandbox.New(cfg)
	default:
		return nil, fmt.Errorf("upstream %s: unknown driver %q (known: %s)", cfg.Name, driver, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}
