package role_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
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
