package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestAnOrderIsFoundByWhateverOneHasAtHand: and never in another's wallet.
func TestAnOrderIsFoundByWhateverOneHasAtHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.placer(t)
	mine, other := f.open(t, "MINE", 1_000_000), f.open(t, "OTHER", 1_000_000)
	ids := map[string]int64{}
	for _, wallet := range []int64{mine, other} {
		for i, whom := range []string{"081234567890", "https://example.com/p/1", "081234567891"} {
			r := &Request{
				WalletID: wallet, Ref: fmt.Sprint("r", i), Category: PPOB, SKU: "X", Name: "X", ProductID: 1, Quantity: 1, Price: 100, CustomerNo: &whom,
				Route: Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: 90},
			}
			if i == 1 {
				r.Category, r.CustomerNo, r.Target = SMM, nil, &whom
			}
			f.now = f.now.Add(1500 * time.Microsecond)
			placed, err := p.Place(t.Context(), r)
			require.NoError(t, err)
			ids[fmt.Sprint(wallet, r.Ref)] = placed.Order.ID
		}
		_, err := f.db.Pool.Exec(t.Context(), `UPDATE orders SET facts = facts || '{"sn": "SN-7"}', state = 'failed', next_run_at = NULL WHERE wallet_id = $1 AND ref = 'r2'`, wallet)
		require.NoError(t, err)
	}
	found := func(filter Filter) (refs []string) {
		filter.Limit = 10
		orders, err := List(t.Context(), f.db.Bun, mine, filter)
		require.NoError(t, err)
		for _, o := range orders {
			require.Equal(t, mine, o.WalletID)
			refs = append(refs, o.Ref)
		}
		return refs
	}
	for search, want := range map[string][]string{
		"r1": {"r1"}, "081234567890": {"r0"}, "https://example.com/p/1": {"r1"}, "SN-7": {"r2"}, PublicID(PPOB, ids[fmt.Sprint(mine, "r0")]): {"r0"},
		PublicID(PPOB, ids[fmt.Sprint(other, "r0")]): nil, "0812": nil, "": {"r2", "r1", "r0"}, "nobody\x00": nil,
	} {
		require.Equal(t, want, found(Filter{Search: search}), search)
	}
	require.Equal(t, []string{"r2"}, found(Filter{Search: "081234567891", Status: "failed"}))
	require.Empty(t, found(Filter{Search: "081234567890", Status: "failed"}))
	// Ids know milliseconds, rows microseconds: the middle order is of 500 µs into its millisecond.
	middle, err := List(t.Context(), f.db.Bun, mine, Filter{Search: "r1", Limit: 1})
	require.NoError(t, err)
	at := middle[0].CreatedAt
	after := at.Add(time.Microsecond)
	require.Equal(t, []string{"r2", "r1"}, found(Filter{From: &at}))
	require.Equal(t, []string{"r2"}, found(Filter{From: &after}))
	require.Equal(t, []string{"r0"}, found(Filter{To: &at}))
	require.Equal(t, []string{"r1", "r0"}, found(Filter{To: &after}))
}

// TestWhatIsLookedForHasAnIndex: a page of a merchant with a long past costs what is on it.
func TestWhatIsLookedForHasAnIndex(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wallet := f.open(t, "MANY", 1_000_000)
	_, err := f.db.Pool.Exec(t.Context(), `INSERT INTO orders (id, wallet_id, mode, ref, content_hash, category, sku, name, product_id, quantity, price, refunded, customer_no, inputs, callback_url,
		max_cost, state, version, attempt, sends, upstream, offer_id, code, extra, cost, upstream_ref, message, facts, cancel_requested, finish_requested, resend_requested, flag, trace_parent, polls,
		created_at, updated_at) SELECT n, $1, 'live', 'm' || n, '\x01', 'ppob', 'X', 'X', 1, 1, 1000, 0, '0812' || 1000000 + n, '{}', '', 0, CASE WHEN n % 5000 = 0 THEN 'expired' ELSE 'completed' END, 1,
		1, 1, 'up-a', 1, 'X', '{}', 900, '', '', jsonb_build_object('sn', 'S' || n), false, false, false, '', '', 0, $2, $2 FROM generate_series(1, 20000) n`, wallet, f.now)
	require.NoError(t, err)
	_, err = f.db.Pool.Exec(t.Context(), `ANALYZE orders`)
	require.NoError(t, err)
	for index, condition := range map[string]string{
		"orders_recipient": `coalesce(customer_no, target) = '08121000007'`, "orders_sn": `facts ->> 'sn' = 'S7'`, "orders_ended": `state = 'expired'`,
		"orders_kind": `sku = 'Y' AND category IN ('ppob', 'smm', 'otp', 'product')`,
	} {
		rows, err := f.db.Pool.Query(t.Context(), `EXPLAIN SELECT * FROM orders WHERE wallet_id = `+fmt.Sprint(wallet)+` AND `+condition+` ORDER BY id DESC LIMIT 51`)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(lines), index)
	}
}
