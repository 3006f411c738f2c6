package inquiry

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
)

// TestNoHistoryPaysWhatWasNotTold asks, tells, pays and lets time pass in any order, beside
// a model of what one ref stands for.
func TestNoHistoryPaysWhatWasNotTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	accounts := ledger.NewAccounts(d.Pool)
	const purse = 1_000_000_000
	require.NoError(t, pg.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		_, err := ledger.Adjust(ctx, tx, accounts, d.wallet, purse, "opening", "test", d.now)
		return err
	}))
	placer := order.NewPlacer(d.Pool, accounts, nil, d.Now, slog.New(slog.DiscardHandler), nil)
	t.Cleanup(placer.Close)
	spent, n := int64(0), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ref := fmt.Sprint("h", n)
		var found, told []*Inquiry
		var current *Inquiry // what the ref stands for
		var paid *order.Order
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"ask", "tell", "tell", "pay", "pay old", "wait", "long"}), 1, 14).Draw(rt, "steps")
		for i, step := range steps {
			switch step {
			case "ask":
				found = append(found, d.found(d.request(ref, "5463"), int64(1_000+i)))
			case "tell":
				if len(found) == 0 {
					continue
				}
				q := found[len(found)-1]
				opened, err := d.Open(ctx, q, q.Bill.Total+100)
				switch {
				case paid != nil && !errors.Is(err, ErrConflict):
					rt.Fatalf("a paid bill was replaced: %v", err)
				case paid == nil && q.State == Found && err != nil:
					rt.Fatalf("not told: %v", err)
				case err == nil:
					*q = *opened
					current, told = opened, append(told, opened)
				}
			case "pay", "pay old":
				q := current
				if step == "pay old" && len(told) > 0 {
					q = told[0]
				}
				if q == nil {
					continue
				}
				placed, err := placer.Place(ctx, &order.Request{
					WalletID: d.wallet, Ref: ref, Category: order.PPOB, SKU: q.SKU, Name: q.Name, ProductID: 1, Quantity: 1, Price: q.Price, CustomerNo: &q.CustomerNo,
					Bill: q.Bill, Route: q.Route, MaxCost: q.Bill.Cost,
				})
				switch {
				case paid != nil:
					if err != nil || placed.Order.ID != paid.ID || placed.Order.Price != paid.Price {
						rt.Fatalf("not the same order again: %v", err)
					}
				case q.ID != current.ID:
					if !errors.Is(err, order.ErrInquiredAnew) {
						rt.Fatalf("an old bill was taken: %v", err)
					}
				case !d.now.Before(q.ExpiresAt):
					if !errors.Is(err, order.ErrInquiryExpired) {
						rt.Fatalf("an expired bill was taken: %v", err)
					}
				case err != nil:
					rt.Fatalf("not paid: %v", err)
				default:
					paid = placed.Order
					spent += paid.Price
				}
			case "wait":
				d.now = d.now.Add(time.Minute)
			case "long":
				d.now = d.now.Add(Life)
			}
		}
		balance, err := balanceOf(d)
		if err != nil || balance != purse-spent {
			rt.Fatalf("balance %d, spent %d: %v", balance, spent, err)
		}
	})
	r, err := ledger.Verify(ctx, d.Pool, order.Checks()...)
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}

func balanceOf(d *desk) (n int64, err error) {
	err = d.Pool.QueryRow(d.t.Context(), `SELECT balance FROM wallets WHERE id = $1`, d.wallet).Scan(&n)
	return n, err
}
