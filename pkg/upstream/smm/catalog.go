package smm

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

const (
	scopeServices = "services"
	everyServices = 30 * time.Minute
)

// RootScopes is the one list that panels have.
func (d *Driver) RootScopes() []upstream.Scope {
	return []upstream.Scope{{Key: scopeServices, Every: everyServices}}
}

// CatalogPage reads the whole list.
func (d *Driver) CatalogPage(ctx context.Context, scope string, _ int) (*upstream.Page, error) {
	if scope != scopeServices {
		return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no such scope %q", scope)}
	}
	odd := 0
	list, _, err := call(ctx, d, d.cfg.HTTP.Read, func(body []byte) (list []wire.Service, err error) {
		list, odd, err = wire.DecodeServices(body)
		return list, err
	}, wire.ActionServices)
	if err != nil {
		return nil, err
	}
	if odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "catalogue rows not understood", "upstream", d.cfg.Name, "rows", odd)
	}
	out := &upstream.Page{}
	for i := range list {
		if o, ok := d.offer(&list[i]); ok {
			out.Offers = append(out.Offers, o)
		}
	}
	return out, nil
}

// offer makes an offer of a service; ok is false for what cannot be ordered.
func (d *Driver) offer(s *wire.Service) (upstream.Offer, bool) {
	kind := smm.Parse(string(s.Type))
	cost, fits := ceil(new(big.Rat).Mul(s.Rate.Rat, d.rate))
	if kind == "" || !fits || s.Rate.Rat.Sign() <= 0 {
		return upstream.Offer{}, false
	}
	least, most := int64(1), int64(smm.MaxQuantity)
	if s.Min.Known {
		least = max(s.Min.N, 1)
	}
	if s.Max.Known {
		most = min(max(s.Max.N, 0), most)
	}
	if kind.Single() {
		least, most = 1, 1
	}
	if least > most {
		return upstream.Offer{}, false
	}
	// Those that say nothing of it take runs as far as the convention goes.
	drip := s.Dripfeed == nil || bool(*s.Dripfeed)
	extra, err := json.Marshal(address{Kind: kind, Rate: strings.TrimSpace(s.Rate.Said), Currency: d.currency, FX: d.said})
	if err != nil {
		return upstream.Offer{}, false
	}
	o := upstream.Offer{
		Code: s.Service.Text, Extra: extra, Category: "smm", Name: string(s.Name), Group: string(s.Category), Kind: string(kind),
		Description: string(s.Description), Cost: cost, Available: true, Unlimited: true, Min: least, Max: most,
		Refill: bool(s.Refill), Cancel: bool(s.Cancel), Dripfeed: drip, AverageTime: string(s.AverageTime),
	}
	if o.Description == "" {
		o.Description = string(s.Desc)
	}
	for _, f := range (smm.Service{Kind: kind, Min: least, Max: most, Dripfeed: drip}).Fields() {
		o.Inputs = append(o.Inputs, upstream.Input{Name: f.Name, Label: f.Label, Required: f.Required, Example: f.Example})
	}
	return o, true
}
