package main

import (
	"context"
	"net/http"

	digiflazz "github.com/muarahq/muara/pkg/upstream/digiflazz/emulator"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	invoice "github.com/muarahq/muara/pkg/upstream/invoice/emulator"
	muara "github.com/muarahq/muara/pkg/upstream/muara/emulator"
	rqid "github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	rumahotp "github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
	smm "github.com/muarahq/muara/pkg/upstream/smm/emulator"
)

// emulator is one that can be served: under its driver's name, which is its flag too.
type emulator struct {
	name string
	what string // the provider, for the usage
	make func(o *options, nth uint64) served
}

// served is a running emulator; run is what it does besides answering, nil for nothing.
type served struct {
	api, control http.Handler
	run          func(ctx context.Context)
}

// emulators are all that there are. The place in the list decides the default port and
// the seed, so that a new one goes to the end.
func emulators() []emulator {
	return []emulator{
		{"rumahotp", "RumahOTP (base URL http://…/api)", func(o *options, nth uint64) served {
			e := rumahotp.New(rumahotp.Config{
				Config: o.common(nth, emulate.Limit{Requests: o.requests, Per: o.per, Block: o.block}),
				APIKey: o.key, Life: o.life, Services: o.services, Products: o.h2h,
			})
			return served{api: e, control: e.Control()}
		}},
		{"rqid", "an rqid partner", func(o *options, nth uint64) served {
			e := rqid.New(rqid.Config{
				Config: o.common(nth, emulate.Limit{Requests: o.rqidRequests, Per: o.rqidPer, Block: o.block}),
				APIKey: o.key, MMID: o.mmid, Products: o.products,
			})
			return served{api: e, control: e.Control()}
		}},
		{"smm", "an SMM panel", func(o *options, nth uint64) served {
			e := smm.New(smm.Config{
				Config: o.common(nth, o.other()), APIKey: o.key, Currency: o.currency, Rate: o.rate, Services: o.smmServices,
				RefillAfter: o.delay, CancelAfter: o.delay,
			})
			return served{api: e, control: e.Control()}
		}},
		{"invoice", "an invoice gateway", func(o *options, nth uint64) served {
			e := invoice.New(invoice.Config{Config: o.common(nth, o.other()), APIKey: o.key})
			return served{api: e, control: e.Control()}
		}},
		{"muara", "another installation of this gateway (base URL http://…/api/v1)", func(o *options, nth uint64) served {
			e := muara.New(muara.Config{Config: o.common(nth, o.other()), APIKey: o.key, Life: o.life})
			return served{api: e, control: e.Control()}
		}},
		{"digiflazz", "Digiflazz (base URL http://…/v1)", func(o *options, nth uint64) served {
			cfg := digiflazz.Config{
				Config: o.common(nth, o.other()), APIKey: o.key, Products: o.products, Hook: digiflazz.Hook{URL: o.hook, Secret: o.hookSecret},
			}
			if o.instant { // for benchmarks it has no limits of its own either
				cfg.Limits = digiflazz.Limits{Transaction: -1, List: -1, Product: -1}
			}
			e := digiflazz.New(cfg)
			return served{api: e, control: e.Control(), run: e.Run}
		}},
	}
}

// other is the limit of those that document none.
func (o *options) other() emulate.Limit {
	return emulate.Limit{Requests: o.otherRequests, Per: o.otherPer, Block: o.block}
}
