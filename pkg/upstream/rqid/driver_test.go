package rqid_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rqid"
	"github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

const secret = "rq_s3cr3tKeyOfTests"

func harness() upstreamtest.Harness {
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{Config: cfg, APIKey: credentials["api_key"], MMID: credentials["mmid"], Products: 2300})
		},
		New:         func(cfg upstream.Config) (upstream.Driver, error) { return rqid.New(cfg) },
		Credentials: map[string]string{"api_key": secret, "mmid": "MM001"},
		Secret:      secret,
		Offers: upstreamtest.Offers{
			Lookup: true, IdempotentSubmit: true, BulkStatus: true, Balance: true, Catalog: true,
			Inquire: true, PriceCheck: true, Statement: true, Movements: true,
		},
		Products: []upstreamtest.Product{{
			Name: "topup",
			Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
				return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: "IS5", Target: fmt.Sprintf("+62 812 34%04d", n)}
			},
			Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code, wire.CustomerID(p.Target), p.Ref },
		}, {
			Name: "bill", Bill: true,
			Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
				return &upstream.Purchase{Ref: fmt.Sprint("B-", n), Category: "ppob", Code: "PLNPASCA", Target: fmt.Sprintf("54630221%04d", n)}
			},
			Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code, p.Target, p.Ref },
		}},
		Customers: upstreamtest.Customers{
			Two: "546302215821", None: "546302215822", Unknown: "546302215823", Over: "546302215824", Life: 15 * time.Minute,
		},
		Closed: func(b upstreamtest.Backend, code, reason string) bool {
			return (reason == "trouble" || reason == "out_of_stock") && b.(*emulator.Emulator).SetFlags(code, reason == "trouble", reason == "out_of_stock")
		},
		Refusal: func(message string) []byte {
			b, err := json.Marshal(wire.Refuse(400, wire.RCBalance, message))
			if err != nil {
				panic(err)
			}
			return b
		},
		Reasons:  true,
		Unproven: true,
		Listed: func(b upstreamtest.Backend) map[string]int {
			return map[string]int{"prepaid": len(b.(*emulator.Emulator).Products()) - 4, "postpaid": 4, "categories": 0}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness())
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := rqid.New(upstream.Config{Name: "u", BaseURL: "https://x.test"})
	require.ErrorContains(t, err, "credentials.api_key is missing; credentials.mmid is missing")
}
