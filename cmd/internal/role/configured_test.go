package role

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/withdraw"
)

func TestWhoLooksAccountsUp(t *testing.T) {
	t.Parallel()
	require.Equal(t, api.Checkers{Live: []string{"a", "d"}, Test: []string{"s"}}, checkers(&config.Config{Upstreams: []config.Upstream{
		{Name: "a", Driver: "rumahotp", Provides: []string{"otp", "check"}}, {Name: "b", Driver: "rumahotp", Provides: []string{"otp"}},
		{Name: "c", Driver: "rqid"}, {Name: "d", Driver: "digiflazz"}, {Name: "s", Driver: "sandbox"},
	}}))
}

func TestWhoTellsPrices(t *testing.T) {
	t.Parallel()
	polite := config.Budget{Requests: 20, Per: time.Second}
	require.Equal(t, api.Pricers{
		"a": {Rate: catalog.PriceRate{Questions: 5, Per: time.Second}},
		"c": {Rate: catalog.PriceRate{Questions: 1, Per: time.Second}},
		"d": {Bills: true, Rate: catalog.PriceRate{Questions: 30, Per: time.Minute}},
		"e": {Rate: catalog.PriceRate{Questions: 1, Per: 8 * time.Second}},
		"s": {Bills: true, Rate: catalog.PriceRate{Questions: 50, Per: time.Second}},
	}, pricers(&config.Config{Upstreams: []config.Upstream{
		{Name: "a", Driver: "rqid", Budget: polite}, {Name: "b", Driver: "rumahotp", Budget: config.Budget{Requests: 5, Per: 10 * time.Second}},
		{Name: "c", Driver: "digiflazz", Budget: polite}, {Name: "d", Driver: "muara", Budget: config.Budget{Requests: 120, Per: time.Minute}},
		{Name: "e", Driver: "digiflazz", Budget: config.Budget{Requests: 1, Per: 2 * time.Second}},
		{Name: "s", Driver: "sandbox", Budget: config.Budget{Requests: 200, Per: time.Second}}, {Name: "t", Driver: "smm", Budget: polite}, {Name: "odd", Driver: "odd"},
	}}))
	require.Equal(t, catalog.PriceRate{Questions: 1, Per: 4 * time.Second}, priceRate(drivers.Kind{}, config.Budget{Per: time.Second}))
}

func TestTheConfigurationsGatewaysAreThePolicys(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`
upstreams:
  - {name: one, driver: rumahotp, base_url: "https://one.test"}
deposits:
  patience: 9s
  gateways: [{name: qris, fee_bp: 70, fee_by: us}, {name: one, fee_fixed: 750}]
  static_qris: {name: qris, codes: 50, life: 10m, payload: "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"}
`), config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	p, err := depositPolicy(c)
	require.NoError(t, err)
	require.Len(t, p.Live, 2)
	require.Equal(t, deposit.Fee{PercentBP: 70, Absorbed: true}, p.Live[0].Fee)
	require.EqualValues(t, 50, p.Live[0].Own.Codes)
	require.Equal(t, 10*time.Minute, p.Live[0].Own.Life)
	require.Equal(t, deposit.Gateway{Name: "one", Fee: deposit.Fee{Fixed: 750}}, p.Live[1])
	require.Equal(t, []deposit.Gateway{{Name: config.BuiltInSandbox}}, p.Test)
	require.Equal(t, 9*time.Second, p.Patience)
	require.Less(t, p.Share, p.Patience)
}

func TestTheConfigurationsWaysAreThePolicys(t *testing.T) {
	t.Parallel()
	parse := func(text string) withdraw.Policy {
		c, err := config.Parse([]byte(text), config.Source{Env: func(string) (string, bool) { return "", false }})
		require.NoError(t, err)
		return WithdrawPolicy(c)
	}
	p := parse(`
upstreams: [{name: pays, driver: invoice, base_url: "https://pays.test"}, {name: checks, driver: rumahotp, base_url: "https://checks.test"}]
withdrawals: {fee_fixed: 1500, approvals: 2}`)
	require.Equal(t, withdraw.Way{Gateway: "pays", Checker: "checks", Approvals: 2}, p.Live)
	require.Equal(t, withdraw.Way{Gateway: config.BuiltInSandbox}, p.Test)
	require.EqualValues(t, 1_500, p.FeeFixed)
	require.Equal(t, withdraw.Way{Approvals: 1}, parse("").Live)
	require.Equal(t, withdraw.Way{Approvals: 1}, parse(`upstreams: [{name: uji, driver: sandbox, provides: [ppob]}]`).Test)
}
