package role

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// TestAPriceGoesToItsSourceAndBack asks for a price over HTTP, with the question travelling
// through Redis to a worker and what it learnt back through the catalogue.
func TestAPriceGoesToItsSourceAndBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	s.ready("TESTPULSA5")
	price := func() int64 {
		var out struct{ Price int64 }
		status, _ := s.send(s.test, http.MethodGet, "/price?sku=TESTPULSA5", "", &out)
		require.Equal(t, http.StatusOK, status)
		return out.Price
	}
	wanted := price()
	pool := g.deps.DB.Pool
	const offer = `SELECT id FROM offers WHERE product_id = (SELECT id FROM products WHERE sku = 'TESTPULSA5')`
	_, err := pool.Exec(t.Context(), `WITH o AS (UPDATE offers SET cost = cost + 1000 WHERE id = (`+offer+`)),
		v AS (UPDATE catalog_version SET version = version + 1 RETURNING version)
		UPDATE products SET version = v.version FROM v WHERE sku = 'TESTPULSA5'`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		g.pass(catalog.PriceFresh)
		shown := price()
		var learnt int
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM price_history WHERE cause = 'check' AND offer_id = (`+offer+`)`).Scan(&learnt))
		return learnt == 1 && shown == wanted
	}, 30*time.Second, 10*time.Millisecond)
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
