package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/withdraw"
)

// teller is the gateway of deposits: it gives an invoice at once.
type teller struct {
	k   *deposit.Keeper
	n   atomic.Int64
	now func() time.Time
}

func (g *teller) AskDeposit(ctx context.Context, gateway, _ string, n int64, attempt int) (string, error) {
	d, err := g.k.Claim(ctx, n, attempt, gateway)
	if err != nil {
		return deposit.Stale, nil //nolint:nilerr // as a worker does
	}
	text, err := qris.Payload{{Tag: "00", Value: "01"}, {Tag: "54", Value: fmt.Sprint(d.Asked)}, {Tag: "59", Value: "TOKO"}}.Text()
	if err != nil {
		return "", err
	}
	_, err = g.k.Opened(ctx, n, attempt, &deposit.Invoice{UpstreamRef: fmt.Sprint("INV-", g.n.Add(1)), QR: text, Total: d.Asked, Received: d.Asked - 100, ExpiresAt: g.now().Add(time.Hour)})
	return deposit.Done, err
}

// TestMoneyInAndOutOfOneWalletAtOnce lets many deposits be paid, each seen several
// times, while withdrawals take the same money out and operators correct it: the
// wallet ends at what they add up to, and every check of the books holds.
func TestMoneyInAndOutOfOneWalletAtOnce(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	wallet := b.open(t, "M1", 100_000)
	clock := func() time.Time { return noon }
	quiet := slog.New(slog.DiscardHandler)
	in := deposit.New(deposit.Options{Pool: b.Pool, Accounts: b.accounts, Now: clock, Log: quiet, Links: deposit.Links{IDPrefix: "MRA"}})
	out := withdraw.New(withdraw.Options{
		Pool: b.Pool, Accounts: b.accounts, Now: clock, Log: quiet, IDPrefix: "MRA",
		Policy: withdraw.Policy{FeeFixed: 1_000, Live: withdraw.Way{Gateway: "pays", Approvals: 1}},
	})
	till := &deposit.Opener{
		Keeper: in, Ask: &teller{k: in, now: clock}, Log: quiet,
		Policy: deposit.Policy{Live: []deposit.Gateway{{Name: "gw"}}, Patience: 20 * time.Second, Share: 10 * time.Second},
	}
	var want atomic.Int64
	want.Store(100_000)
	const each = 20
	var wg sync.WaitGroup
	for i := range each {
		wg.Go(func() {
			d, err := till.Open(context.Background(), &deposit.Request{WalletID: wallet, Mode: "live", Ref: fmt.Sprint("in-", i), Amount: 10_000})
			if err != nil {
				t.Error(err)
				return
			}
			var seen sync.WaitGroup
			for range 5 {
				seen.Go(func() {
					if _, err := in.See(context.Background(), d.ID, deposit.Sighting{Seen: deposit.SeenPaid, Cause: "test"}); err != nil {
						t.Error(err)
					}
				})
			}
			seen.Wait()
			want.Add(10_000)
		})
		wg.Go(func() {
			took, err := withdrawn(out, wallet, i)
			if err != nil {
				t.Error(err)
			}
			want.Add(-took)
		})
		wg.Go(func() {
			if _, err := b.adjust(context.Background(), wallet, 500); err != nil {
				t.Error(err)
			}
			want.Add(500)
		})
	}
	wg.Wait()
	balance, err := ledger.Balance(t.Context(), b.Bun, wallet)
	require.NoError(t, err)
	require.Equal(t, want.Load(), balance)
	r, err := ledger.Verify(t.Context(), b.Pool, append(deposit.Checks(), withdraw.Checks()...)...)
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	list, err := ledger.Mutations(t.Context(), b.Pool, wallet, ledger.Range{})
	require.NoError(t, err)
	running := int64(0)
	for i := len(list) - 1; i >= 0; i-- {
		m := list[i]
		require.EqualValues(t, len(list)-i, m.ID, "without a gap")
		running += m.Credit - m.Debit
		require.Equal(t, running, m.Balance)
	}
}

// withdrawn asks for money to be paid out and lets it end one way or another; it gives
// what the wallet has less for it.
func withdrawn(k *withdraw.Keeper, wallet int64, i int) (took int64, err error) {
	ctx := context.Background()
	w, _, err := k.Place(ctx, &withdraw.Request{
		WalletID: wallet, Mode: "live", Ref: fmt.Sprint("out-", i), Amount: 20_000, Method: withdraw.MethodDANA, AccountNumber: fmt.Sprint("0812", i), AccountName: "Budi",
	})
	if errors.Is(err, withdraw.ErrInsufficient) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	by := withdraw.Decision{Actor: "test", Why: "test"}
	if rand.IntN(3) == 0 {
		_, err = k.Reject(ctx, w.ID, by)
		return 0, err
	}
	if _, err = k.Approve(ctx, w.ID, by); err != nil {
		return w.Total(), err
	}
	if w, err = k.Claim(ctx, w.ID, "claim", time.Minute); err != nil {
		return 0, err
	}
	a := withdraw.Answer{Word: withdraw.Paid, Attempt: w.Attempt, UpstreamRef: fmt.Sprint("P", i), Charge: 300}
	if i%2 == 0 {
		a.Word = withdraw.Failed
	}
	var both sync.WaitGroup
	for range 3 {
		both.Go(func() { _, _ = k.Heard(ctx, w.ID, a) }) // the first counts, the others come too late
	}
	both.Wait()
	if a.Word == withdraw.Failed {
		return 0, nil
	}
	return w.Total(), nil
}
