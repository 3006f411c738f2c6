package muara_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/muara"
	"github.com/muarahq/muara/pkg/upstream/muara/emulator"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

const secret = "mra_live_s3cr3tkeyoftests"

func harness() upstreamtest.Harness {
	bought := func(p *upstream.Purchase) (string, string, string) { return p.Code, p.Target, p.Ref }
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{Config: cfg, APIKey: credentials["api_key"]})
		},
		New:         func(cfg upstream.Config) (upstream.Driver, error) { return muara.New(cfg) },
		BasePath:    emulator.BasePath,
		Credentials: map[string]string{"api_key": secret},
		Secret:      secret,
		Offers: upstreamtest.Offers{
			Lookup: true, IdempotentSubmit: true, BulkStatus: true, Balance: true, Cancel: true, Finish: true, Resend: true, Operators: true, Catalog: true,
			Inquire: true, PriceCheck: true, Invoices: true, Payouts: true, CheckAccount: true, Statement: true, Movements: true, Callback: true, Refiller: true,
		},
		Products: []upstreamtest.Product{
			{
				Name: "topup", Bought: bought,
				Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
					return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: "MLID10", Target: fmt.Sprintf("081234%04d", n), MaxCost: 2_750}
				},
			},
			{
				Name: "number", Bought: bought, Rented: true,
				Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
					return &upstream.Purchase{Ref: fmt.Sprint("N-", n), Category: "otp", Code: "OTPTGID"}
				},
			},
			{
				Name: "followers", Bought: bought, Counted: true,
				Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
					return &upstream.Purchase{Ref: fmt.Sprint("S-", n), Category: "smm", Code: "IGF1", Target: fmt.Sprint("https://example.com/p/", n), Quantity: 1000}
				},
			},
			{
				Name: "bill", Bought: bought, Bill: true,
				Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
					return &upstream.Purchase{Ref: fmt.Sprint("B-", n), Category: "ppob", Code: "PLNIDPASCA", Target: fmt.Sprintf("530000%04d", n)}
				},
			},
		},
		Refusal: func(message string) []byte {
			b, err := json.Marshal(wire.Refuse(wire.CodeInsufficient, message))
			if err != nil {
				panic(err)
			}
			return b
		},
		RefusalStatus: http.StatusPaymentRequired,
		Reasons:       true,
		KnownFirst:    true,
		Fails:         true,
		Customers: upstreamtest.Customers{
			Two: "5300000096", None: "5300000098", Unknown: "5300000097", Over: "5300000095", Life: emulator.InquiryLife,
		},
		Closed: func(b upstreamtest.Backend, code, reason string) bool {
			return b.(*emulator.Emulator).Close(code, reason)
		},
		Checks: []upstreamtest.Check{
			{Kind: upstream.CheckBank, Code: "dana", Valid: "081234567801", Invalid: "081234567804"},
			{Kind: upstream.CheckGame, Code: "mobilelegend", Valid: "12345", Invalid: "12304"},
		},
		Payouts: upstreamtest.Payouts{
			Request: func(n int) *upstream.PayoutRequest {
				return &upstream.PayoutRequest{Ref: fmt.Sprint("W-", n), Amount: 50_000, Method: "dana", AccountNumber: fmt.Sprintf("08123456%04d", n), AccountName: "Demo Customer"}
			},
			Decide: func(b upstreamtest.Backend, ref string, approve bool) bool {
				return b.(*emulator.Emulator).DecideWithdraw(ref, approve)
			},
		},
		Listed: func(b upstreamtest.Backend) map[string]int {
			e := b.(*emulator.Emulator)
			return map[string]int{"ppob": e.Listed("ppob"), "smm": e.Listed("smm"), "otp": 0, "otp:tg": 3, "otp:wa": 1}
		},
		Order: func(o upstream.Offer, n int) *upstream.Purchase {
			p := &upstream.Purchase{Target: fmt.Sprint("081234567", n), Zone: "1"}
			if o.Category == "smm" {
				p.Quantity = 1000
			}
			return p
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness())
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := muara.New(upstream.Config{Name: "u"})
	require.ErrorContains(t, err, "base_url is missing; credentials.api_key is missing")
	_, err = muara.New(upstream.Config{
		Name: "u", BaseURL: "https://b.example/api/v1", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"api_key": "vel_test_abcdef"},
	})
	require.ErrorContains(t, err, "credentials.api_key is a test key")
	require.NotContains(t, err.Error(), "abcdef")
}
