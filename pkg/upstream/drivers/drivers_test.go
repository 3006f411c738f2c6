package drivers_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

func TestEveryNameMakesItsDriver(t *testing.T) {
	t.Parallel()
	for _, name := range drivers.Names() {
		_, err := drivers.New(name, upstream.Config{Name: "u"})
		require.ErrorContains(t, err, lacks(name), name)
		cfg := upstream.Config{Name: "u", BaseURL: "https://x.test", HTTP: upstream.NewHTTP(), Credentials: map[string]string{}, DB: new(pgxpool.Pool)}
		if _, err := drivers.New(name, cfg); err != nil {
			for _, lacking := range regexp.MustCompile(`credentials\.(\w+) is missing`).FindAllStringSubmatch(err.Error(), -1) {
				cfg.Credentials[lacking[1]] = "value"
			}
		}
		d, err := drivers.New(name, cfg)
		require.NoError(t, err)
		require.NotNil(t, d)
		var can drivers.Does
		_, can.Deposits = d.(upstream.Invoices)
		_, can.Withdrawals = d.(upstream.Payouts)
		_, can.Checks = d.(upstream.CheckAccount)
		_, can.Callbacks = d.(upstream.Callback)
		_, can.Prices = d.(upstream.PriceCheck)
		_, can.BillPrices = d.(upstream.BillPrices)
		require.True(t, can.Prices || !can.BillPrices, name)
		k, _ := drivers.ByName(name)
		require.Equal(t, can, k.Does, name)
	}
	_, err := drivers.New("odd", upstream.Config{Name: "u"})
	require.ErrorContains(t, err, `unknown driver "odd"`)
	_, known := drivers.ByName("odd")
	require.False(t, known)
}

func TestTheTableIsInOrderAndWhole(t *testing.T) {
	t.Parallel()
	require.IsIncreasing(t, drivers.Names())
	for _, k := range drivers.All() {
		require.Positive(t, k.Limit.Requests, k.Name)
		require.Positive(t, k.Limit.Per, k.Name)
		require.Equal(t, k.Brand, slices.Contains(drivers.Brands(), k.Name))
	}
}

// lacks is what a driver without a configuration complains of.
func lacks(name string) string {
	if name == "sandbox" {
		return "the sandbox needs the database"
	}
	return "base_url is missing"
}
