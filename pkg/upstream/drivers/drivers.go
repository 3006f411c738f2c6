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
	// Prices is what the provider documents for questions about one product's price, beside
	// Limit; zero where it documents nothing.
	Prices budget.Limit
	// Does is what the driver offers beside purchases.
	Does Does
}

// All are the drivers that there are, in the order of their names.
func All() []Kind {
	polite := budget.Limit{Requests: 20, Per: time.Second}
	return []Kind{
		// What it limits are single purchases and whole lists.
		kind(Kind{Name: "digiflazz", Brand: true, Limit: polite, Prices: budget.Limit{Requests: 1, Per: time.Second}}, digiflazz.New),
		// The gateway documents no limit, nor a name of its own.
		kind(Kind{Name: "invoice", NoGoods: true, Limit: polite}, invoice.New),
		// "120 request/menit per merchant".
		kind(Kind{Name: "muara", Limit: budget.Limit{Requests: 120, Per: time.Minute}}, muara.New),
		kind(Kind{Name: "rqid", Brand: true, Limit: polite}, rqid.New),
		// "5 requests every 10 seconds", for a key and an address.
		kind(Kind{Name: "rumahotp", Brand: true, Limit: budget.Limit{Requests: 5, Per: 10 * time.Second}}, rumahotp.New),
		// Nobody's, and it bears more.
		kind(Kind{Name: "sandbox", Limit: budget.Limit{Requests: 200, Per: time.Second}}, sandbox.New),
		// A convention that documents no limit.
		kind(Kind{Name: "smm", Limit: polite}, smm.New),
	}
}

// Does is what a driver may offer beside purchases.
type Does struct {
	// Deposits: it makes invoices. Withdrawals: it sends money out. Checks: it looks
	// accounts up. Callbacks: it posts to us what becomes of purchases.
	Deposits, Withdrawals, Checks, Callbacks bool
	// Prices: it tells the price of one product at this moment; BillPrices: of a bill, too.
	Prices, BillPrices bool
}

// kind completes a driver's line by what its type tells.
func kind[D upstream.Driver](k Kind, fn func(upstream.Config) (D, error)) Kind {
	var d D
	_, k.Does.Deposits = any(d).(upstream.Invoices)
	_, k.Does.Withdrawals = any(d).(upstream.Payouts)
	_, k.Does.Checks = any(d).(upstream.CheckAccount)
	_, k.Does.Callbacks = any(d).(upstream.Callback)
	_, k.Does.Prices = any(d).(upstream.PriceCheck)
	_, k.Does.BillPrices = any(d).(upstream.BillPrices)
	k.New = of(fn)
	return k
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
