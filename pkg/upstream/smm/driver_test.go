package smm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/smm"
	"github.com/muarahq/muara/pkg/upstream/smm/emulator"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

const secret = "pnl_s3cr3tKeyOfTests"

// panel is an account at a panel: its money and its dialect.
type panel struct {
	currency, rate string
	dialect        emulator.Dialect
}

func (p panel) options() map[string]string {
	if p.currency == "" {
		return nil
	}
	return map[string]string{"currency": p.currency, "rate": p.rate}
}

func harness(p panel) upstreamtest.Harness {
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{
				Config: cfg, APIKey: credentials["api_key"], Currency: p.currency, Rate: p.rate, Dialect: p.dialect, Services: 64,
			})
		},
		New: func(cfg upstream.Config) (upstream.Driver, error) {
			cfg.Options = p.options()
			return smm.New(cfg)
		},
		Credentials: map[string]string{"api_key": secret},
		Secret:      secret,
		Offers: upstreamtest.Offers{
			Serial: true, BulkStatus: true, Balance: true, Cancel: true, Catalog: true, Refiller: true, BulkRefillStatus: true,
		},
		Products: []upstreamtest.Product{
			{
				Name: "default", Counted: true,
				Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
					return purchase(b, n, "Default", 1000, nil)
				},
				Bought: bought,
			},
			{
				Name: "custom comments", Counted: true,
				Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
					lines := strings.TrimSuffix(strings.Repeat("Keren!\n", 8), "\n")
					return purchase(b, n, "Custom Comments", 8, map[string]string{"comments": lines})
				},
				Bought: bought,
			},
		},
		// The suite speaks of our balance in Indonesian; the convention does not.
		Refusal: func(message string) []byte {
			b, err := json.Marshal(&wire.Refusal{Text: strings.Replace(message, "saldo", "Not enough funds on balance", 1)})
			if err != nil {
				panic(err)
			}
			return b
		},
		Listed: func(b upstreamtest.Backend) map[string]int {
			n := 0
			for _, s := range b.(*emulator.Emulator).Services() {
				if s.Type != "Comment Replies" {
					n++
				}
			}
			return map[string]int{"services": n}
		},
		Order: func(_ upstream.Offer, n int) *upstream.Purchase {
			return &upstream.Purchase{Target: fmt.Sprint("https://instagram.com/p/catalogue", n), Quantity: 1000}
		},
	}
}

func purchase(b upstreamtest.Backend, n int, kind string, quantity int64, inputs map[string]string) *upstream.Purchase {
	s := b.(*emulator.Emulator).ServiceOf(kind)
	extra, err := json.Marshal(map[string]string{"kind": strings.ReplaceAll(strings.ToLower(kind), " ", "_"), "rate": s.Rate.Said})
	if err != nil {
		panic(err)
	}
	return &upstream.Purchase{
		Ref: fmt.Sprint("T-", n), Category: "smm", Code: s.Service.Text, Extra: extra, Target: fmt.Sprint("https://instagram.com/p/", n),
		Quantity: quantity, Inputs: inputs,
	}
}

func bought(p *upstream.Purchase) (product, target, ref string) { return p.Code, p.Target, "" }

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]panel{
		"by the convention": {},
		"in dollars":        {currency: "USD", rate: "16000"},
		"numbers and keys":  {dialect: emulator.Dialect{Success: true, Numbers: true, TextIDs: true, Lower: true, Keys: true, Bits: true}},
		"real statuses":     {dialect: emulator.Dialect{HTTP: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstreamtest.Run(t, harness(p))
		})
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	whole := upstream.Config{Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{"api_key": "key"}}
	_, err := smm.New(upstream.Config{Name: "u"})
	require.ErrorContains(t, err, "base_url is missing; credentials.api_key is missing")
	for options, want := range map[[3]string]string{
		{"", "", ""}:              "",
		{"IDR", "1", "0"}:         "",
		{"usd", "16350.25", "10"}: "",
		{"USD", "", ""}:           `options.rate must be how many rupiah one USD is, as in "16350.25"`,
		{"USD", "16.350,25", ""}:  "options.rate must be",
		{"USD", "-1", ""}:         "options.rate must be",
		{"IDR", "2", ""}:          "options.rate is for another currency than IDR",
		{"", "", "5.5"}:           "options.drift_percent must be a whole number of 0 to 1000",
	} {
		cfg := whole
		cfg.Options = map[string]string{"currency": options[0], "rate": options[1], "drift_percent": options[2]}
		_, err := smm.New(cfg)
		if want == "" {
			require.NoError(t, err, options)
			continue
		}
		require.ErrorContains(t, err, want, options)
	}
}
