package role

import (
	"time"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// pricers are the upstreams that tell the price of one product, by name.
func pricers(c *config.Config) api.Pricers {
	out := api.Pricers{}
	for _, u := range c.Upstreams {
		kind, known := drivers.ByName(u.Driver)
		if known && kind.Does.Prices {
			out[u.Name] = api.Pricer{Bills: kind.Does.BillPrices, Rate: priceRate(kind, u.Budget)}
		}
	}
	return out
}

// priceRate is how often an upstream may be asked for prices: merchants who read prices
// all day must not take from others what an order's status waits for, so that it is a
// quarter of the budget, and what the provider allows for such questions at most.
func priceRate(kind drivers.Kind, b config.Budget) catalog.PriceRate {
	const share = 4
	rate := catalog.PriceRate{Questions: b.Requests / share, Per: b.Per}
	if rate.Questions < 1 {
		rate = catalog.PriceRate{Questions: 1, Per: b.Per * share / time.Duration(max(b.Requests, 1))}
	}
	if own := kind.Prices; own.Requests > 0 && own.Per*time.Duration(rate.Questions) > rate.Per*time.Duration(own.Requests) {
		rate = catalog.PriceRate{Questions: own.Requests, Per: own.Per}
	}
	return rate
}
