package digiflazz_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/emulator"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

const (
	secret     = "dev-S3cr3tKeyOfTests"
	hookSecret = "hook-S3cr3tOfTests"
)

func harness() upstreamtest.Harness {
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{Config: cfg, Username: credentials["username"], APIKey: credentials["api_key"], Products: 700})
		},
		New:         func(cfg upstream.Config) (upstream.Driver, error) { return digiflazz.New(cfg) },
		BasePath:    emulator.Base,
		Credentials: map[string]string{"username": "buyer-of-tests", "api_key": secret, "webhook_secret": hookSecret},
		Secret:      secret,
		Offers: upstreamtest.Offers{
			Balance: true, Catalog: true, PriceCheck: true, Inquire: true, CheckAccount: true, Callback: true, Asking: true,
		},
		Products: []upstreamtest.Product{{
			Name: "topup",
			Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
				return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: "tsel10", Target: fmt.Sprintf("+62 812 34%04d", n)}
			},
			Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code, lenient.Customer(p.Target), p.Ref },
		}, {
			Name: "bill", Bill: true,
			Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
				return &upstream.Purchase{
					Ref: fmt.Sprint("B-", n), Category: "ppob", Code: "pln", Target: fmt.Sprintf("53%06d44", n), Extra: json.RawMessage(`{"postpaid":true}`),
				}
			},
			Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code, p.Target, p.Ref },
		}},
		Customers: upstreamtest.Customers{Two: "5300002", None: "5300060"},
		Closed:    closed,
		Checks:    []upstreamtest.Check{{Kind: upstream.CheckGame, Code: "pln", Valid: "12345543211", Invalid: "123"}},
		Refusal: func(message string) []byte {
			b, err := json.Marshal(wire.Reply[wire.Refusal]{Data: wire.Refusal{RC: wire.RCBalance, Status: wire.StatusFailed, Message: lenient.Text(message)}})
			if err != nil {
				panic(err)
			}
			return b
		},
		Reasons: true,
		Coded:   true,
		Apart:   6 * time.Minute,
		OneDoor: true,
		AskBuys: true,
		Listed: func(b upstreamtest.Backend) map[string]int {
			e := b.(*emulator.Emulator)
			return map[string]int{"1 prepaid": len(e.Products()), "2 postpaid": len(e.Bills())}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness())
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	cfg := upstream.Config{Name: "u", BaseURL: "https://x.test/v1"}
	_, err := digiflazz.New(cfg)
	require.ErrorContains(t, err, "credentials.username is missing; credentials.api_key is missing")
	cfg.Credentials, cfg.HTTP = map[string]string{"username": "u", "api_key": "k"}, upstream.NewHTTP()
	_, err = digiflazz.New(cfg)
	require.NoError(t, err)
	for option, value := range map[string]string{"testing": "yes", "cb_url": "ftp://x", "colour": "blue"} {
		cfg.Options = map[string]string{option: value}
		_, err = digiflazz.New(cfg)
		require.ErrorContains(t, err, "options."+option)
	}
	cfg.Options = map[string]string{"testing": "true", "cb_url": "https://gateway.example/callback/x"}
	_, err = digiflazz.New(cfg)
	require.NoError(t, err)
}

// closed closes a product for a reason.
func closed(b upstreamtest.Backend, code, reason string) bool {
	yes, stock := true, int64(7)
	c := emulator.Change{Buyer: &yes, Seller: &yes, Stock: &stock, CutOff: &[2]int{}}
	switch reason {
	case "closed":
		c.Buyer = new(bool)
	case "trouble":
		c.Seller = new(bool)
	case "out_of_stock":
		c.Stock = new(int64)
	case "cut_off":
		c.CutOff = &[2]int{9 * 60, 8 * 60}
	}
	return b.(*emulator.Emulator).Change(code, c)
}
