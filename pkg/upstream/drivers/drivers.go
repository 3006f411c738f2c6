// Package drivers is the one table from a driver's name in the configuration to
// the driver. A new provider is a folder beside this one and a line here.
package drivers

import (
	"fmt"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz"
	"github.com/muarahq/muara/pkg/upstream/invoice"
	"github.com/muarahq/muara/pkg/upstream/muara"
	"github.com/muarahq/muara/pkg/upstream/rqid"
	"github.com/muarahq/muara/pkg/upstream/rumahotp"
	"github.com/muarahq/muara/pkg/upstream/sandbox"
	"github.com/muarahq/muara/pkg/upstream/smm"
)

// Kind is a driver as the rest of Muara knows it.
type Kind struct {
	Name string
	// Brand: the name is somebody's, a word that no merchant may read. A driver for a
	// convention that many providers share has none.
	Brand bool
	// NoGoods: it sells nothing, so that there is no catalogue to wait for.
	NoGoods bool
	// Limit is what the provider documents; where it documents nothing, a polite guess.
	Limit budget.Limit
	// New makes a driver. The error names what the configuration lacks.
	New func(upstream.Config) (upstream.Driver, error)
}

// All are the drivers that there are, in the order of their names.
func All() []Kind {
	polite := budget.Limit{Requests: 20, Per: time.Second}
	return []Kind{
		// What it limits are single purchases and whole lists.
		{Name: "digiflazz", Brand: true, Limit: polite, New: of(digiflazz.New)},
		// The gateway documents no limit, nor a name of its own.
		{Name: "invoice", NoGoods: true, Limit: polite, New: of(invoice.New)},
		// "120 request/menit per merchant".
		{Name: "muara", Limit: budget.Limit{Requests: 120, Per: time.Minute}, New: of(muara.New)},
		{Name: "rqid", Brand: true, Limit: polite, New: of(rqid.New)},
		// "5 requests every 10 seconds", for a key and an address.
		{Name: "rumahotp", Brand: true, Limit: budget.Limit{Requests: 5, Per: 10 * time.Second}, New: of(rumahotp.New)},
		// Nobody's, and it bears more.
		{Name: "sandbox", Limit: budget.Limit{Requests: 200, Per: time.Second}, New: of(sandbox.New)},
		// A convention that documents no limit.
		{Name: "smm", Limit: polite, New: of(smm.New)},
	}
}

// Does is what a driver may offer beside purchases.
type Does struct {
	// Deposits: it makes invoices. Withdrawals: it sends money out. Checks: it looks
	// accounts up.
	Deposits, Withdrawals, Checks bool
}

// Does is what the driver offers beside purchases.
func (k Kind) Does() Does {
	switch k.Name {
	case "digiflazz":
		return does[*digiflazz.Driver]()
	case "invoice":
		return does[*invoice.Driver]()
	case "muara":
		return does[*muara.Driver]()
	case "rqid":
		return does[*rqid.Driver]()
	case "rumahotp":
		return does[*rumahotp.Driver]()
	case "sandbox":
		return does[*sandbox.Driver]()
	case "smm":
		return does[*smm.Driver]()
	}
	return Does{}
}

// does looks at what a driver can do, without making one.
func does[D upstream.Driver]() Does {
	var d D
	var out Does
	_, out.Deposits = any(d).(upstream.Invoices)
	_, out.Withdrawals = any(d).(upstream.Payouts)
	_, out.Checks = any(d).(upstream.CheckAccount)
	return out
}

// of makes a driver's own New one of [Kind]: an error must not become a driver that
// is a nil pointer.
func of[D upstream.Driver](fn func(upstream.Config) (D, error)) func(upstream.Config) (upstream.Driver, error) {
	return func(cfg upstream.Config) (upstream.Driver, error) {
		d, err := fn(cfg)
		if err != nil {
			return nil, err
		}
		return d, nil
	}
}

// Names are the names of all drivers, in order.
func Names() []string {
	var out []string
	for _, k := range All() {
		out = append(out, k.Name)
	}
	return out
}

// Brands are the names that no merchant may read.
func Brands() []string {
	var out []string
	for _, k := range All() {
		if k.Brand {
			out = append(out, k.Name)
		}
	}
	return out
}

// ByName finds a driver.
func ByName(name string) (Kind, bool) {
	for _, k := range All() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// New makes a driver by its name. The error names what the configuration lacks.
func New(driver string, cfg upstream.Config) (upstream.Driver, error) {
	k, ok := ByName(driver)
	if !ok {
		return nil, fmt.Errorf("upstream %s: unknown driver %q (known: %s)", cfg.Name, driver, strings.Join(Names(), ", "))
	}
	return k.New(cfg)
}
