package admin_test

import (
	"encoding/json"
	"log/slog"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
)

// What a customer is known by, and what was delivered: no viewer reads them.
const (
	customer = "081234567890"
	receipt  = "SN-2514-1798-8056"
)

// shop is a merchant with a balance, a product and orders.
type shop struct {
	w      *world
	id     string
	key    string
	wallet int64
	writer *order.Writer
	placer *order.Placer
}

// openShop makes one over the upstream hiddenone.
func (w *world) openShop(balance int64) *shop {
	w.t.Helper()
	w.exec(`INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at) VALUES ('hiddenone', 'rumahotp', 'live', false, '', now(), now())`)
	w.exec(`INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		VALUES ('live', 'TSEL5', 'ppob', 'Telkomsel 5.000', 'TELKOMSEL', 'Pulsa', 'prepaid', '', '[]', '', 'price', false, '{}', 1, now(), now())`)
	made, err := w.office.CreateMerchant(w.t.Context(), merchant.New{Name: "Toko", Mode: merchant.Live, Actor: "test"})
	require.NoError(w.t, err)
	_, err = w.office.Adjust(w.t.Context(), made.MerchantID, merchant.Live, ledger.ByHand{Amount: balance, Ref: "opening", Note: "opening", Actor: "test"})
	require.NoError(w.t, err)
	wallet, err := w.office.Merchants().Wallet(w.t.Context(), made.MerchantID, merchant.Live)
	require.NoError(w.t, err)
	log, accounts := slog.New(slog.DiscardHandler), ledger.NewAccounts(w.db.Pool)
	s := &shop{
		w: w, id: made.MerchantID, key: made.Key, wallet: wallet, writer: order.NewWriter(w.db.Pool, accounts, w.clock.Now, log, nil, nil),
		placer: order.NewPlacer(w.db.Pool, accounts, w.office.Sealer, w.clock.Now, log, nil),
	}
	w.t.Cleanup(s.writer.Close)
	w.t.Cleanup(s.placer.Close)
	return s
}

// place takes an order of 5,000 rupiah.
func (s *shop) place(ref string) *order.Order {
	s.w.t.Helper()
	no := customer
	var product int64
	require.NoError(s.w.t, s.w.db.Pool.QueryRow(s.w.t.Context(), `SELECT id FROM products WHERE sku = 'TSEL5'`).Scan(&product))
	placed, err := s.placer.Place(s.w.t.Context(), &order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.PPOB, SKU: "TSEL5", Name: "Telkomsel 5.000", ProductID: product, Quantity: 1, Price: 5_000,
		CustomerNo: &no, Route: order.Route{Upstream: "hiddenone", Code: "X5", Extra: json.RawMessage("{}"), Cost: 4_800}, MaxCost: 5_000,
	})
	require.NoError(s.w.t, err)
	return placed.Order
}

// unknown is an order of which nobody knows what became.
func (s *shop) unknown(ref string) *order.Order {
	s.w.t.Helper()
	return s.step(s.step(s.place(ref), order.Step{To: order.Sending}), order.Step{To: order.Unknown, Outcome: "unknown", SaidDetail: "to " + customer, Flag: "look"})
}

// step moves an order on.
func (s *shop) step(o *order.Order, step order.Step) *order.Order {
	s.w.t.Helper()
	step.OrderID, step.Attempt, step.From, step.Cause = o.ID, o.Attempt, o.State, "test"
	got, err := s.writer.Do(s.w.t.Context(), step)
	require.NoError(s.w.t, err)
	return got
}

// balance is what the wallet holds.
func (s *shop) balance() int64 {
	s.w.t.Helper()
	m, err := s.w.office.Merchants().Get(s.w.t.Context(), s.id)
	require.NoError(s.w.t, err)
	return m.LiveBalance
}

// proven ends a test: the books explain themselves.
func (s *shop) proven() {
	s.w.t.Helper()
	r, err := s.w.office.VerifyBooks(s.w.t.Context())
	require.NoError(s.w.t, err)
	require.True(s.w.t, r.Clean, r.Problems)
}
