package rumahotp_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rumahotp"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/emulator"
	"github.com/muarahq/muara/pkg/upstream/rumahotp/wire"
	"github.com/muarahq/muara/pkg/upstream/upstreamtest"
)

const secret = "otp_s3cr3tKeyOfTests"

func harness() upstreamtest.Harness {
	return upstreamtest.Harness{
		Start: func(cfg emulate.Config, credentials map[string]string) upstreamtest.Backend {
			return emulator.New(emulator.Config{Config: cfg, APIKey: credentials["api_key"]})
		},
		New:         func(cfg upstream.Config) (upstream.Driver, error) { return rumahotp.New(cfg) },
		BasePath:    emulator.Base,
		Credentials: map[string]string{"api_key": secret},
		Secret:      secret,
		Offers: upstreamtest.Offers{
			Balance: true, Cancel: true, Finish: true, Resend: true, Operators: true, Catalog: true, Serial: true, Invoices: true, CheckAccount: true,
		},
		Invoicing: upstreamtest.Invoicing{Most: 3},
		Checks: []upstreamtest.Check{
			{Kind: upstream.CheckBank, Code: "dana", Valid: "081234567890", Invalid: "081234567804"},
			{Kind: upstream.CheckGame, Code: "freefire", Valid: "12345678", Invalid: "12345604"},
		},
		Products: []upstreamtest.Product{h2h(), number()},
		Refusal: func(message string) []byte {
			b, err := json.Marshal(wire.Refuse(message))
			if err != nil {
				panic(err)
			}
			return b
		},
		Listed: func(b upstreamtest.Backend) map[string]int {
			e := b.(*emulator.Emulator)
			listed := map[string]int{"services": 0, "h2h": len(e.Products())}
			for _, service := range []string{"1", "4", "24"} {
				for _, c := range e.Countries(service) {
					listed["countries:"+service] += len(c.Pricelist)
				}
			}
			return listed
		},
	}
}

func h2h() upstreamtest.Product {
	return upstreamtest.Product{
		Name: "h2h",
		Purchase: func(_ upstreamtest.Backend, n int) *upstream.Purchase {
			return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "ppob", Code: "FF50", Target: fmt.Sprintf("1234%04d", n), Zone: "77"}
		},
		Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code, p.Target + p.Zone, "" },
	}
}

func number() upstreamtest.Product {
	return upstreamtest.Product{
		Name: "number", Rented: true,
		Purchase: func(b upstreamtest.Backend, n int) *upstream.Purchase {
			c := b.(*emulator.Emulator).Countries("4")[0]
			id, provider := strconv.Itoa(int(c.NumberID)), string(c.Pricelist[0].ProviderID)
			extra, err := json.Marshal(map[string]string{"number_id": id, "provider_id": provider, "country": string(c.Name)})
			if err != nil {
				panic(err)
			}
			return &upstream.Purchase{Ref: fmt.Sprint("T-", n), Category: "otp", Code: "4:" + id + ":" + provider, Extra: extra}
		},
		Bought: func(p *upstream.Purchase) (string, string, string) { return p.Code[len("4:"):], "", "" },
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, harness())
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := rumahotp.New(upstream.Config{Name: "u"})
	require.ErrorContains(t, err, "base_url is missing")
	require.ErrorContains(t, err, "credentials.api_key is missing")
}

func TestHowLongAnOrphanIsKept(t *testing.T) {
	t.Parallel()
	cfg := upstream.Config{Name: "u", BaseURL: "http://127.0.0.1:1/api", Credentials: map[string]string{"api_key": secret}, HTTP: upstream.NewHTTP()}
	d, err := rumahotp.New(cfg)
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, d.Orphaned(&upstream.Purchase{Category: "otp"}))
	require.Zero(t, d.Orphaned(&upstream.Purchase{Category: "ppob"}), "a product is delivered, whoever knows of it")
	cfg.Options = map[string]string{"number_life": "20m"}
	d, err = rumahotp.New(cfg)
	require.NoError(t, err)
	require.Equal(t, 20*time.Minute, d.Orphaned(&upstream.Purchase{Category: "otp"}))
	cfg.Options["number_life"] = "soon"
	_, err = rumahotp.New(cfg)
	require.ErrorContains(t, err, "number_life")
}
