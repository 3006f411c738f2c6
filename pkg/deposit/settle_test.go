package deposit

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
)

func TestAPaymentSeenByManyIsCreditedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	const sightings = 200
	var wg sync.WaitGroup
	for range sightings {
		wg.Go(func() {
			out, err := f.k.See(context.Background(), d.ID, Sighting{Seen: SeenPaid, Cause: "poll"})
			if err != nil || out.State != Paid {
				t.Errorf("%v %v", out, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 100_000, f.balance())
	require.Equal(t, 1, f.count(`SELECT count(*) FROM ledger_entries WHERE subject = 'deposit'`))
	require.Len(t, f.events(), 1)
	require.EqualValues(t, 1, f.told.Load())
	f.verify()
}

func TestAPaymentIsTakenIntoTheBooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fee       Fee
		invoice   func(*Invoice)
		total     int64
		accounts  map[string]int64
		shownFees int64
	}{
		"no fee": {Fee{}, nil, 100_000, map[string]int64{ledger.Clearing("gw-a"): -100_000, ledger.Fees: 0}, 0},
		"the gateway adds its own fee": {
			Fee{}, func(i *Invoice) { i.Total, i.QR = 100_347, code(t, 100_347) }, 100_347,
			map[string]int64{ledger.Clearing("gw-a"): -100_000, ledger.Fees: 0}, 347,
		},
		"the merchant bears what the gateway keeps": {
			Fee{PercentBP: 70, Fixed: 750}, func(i *Invoice) { i.Received = 0 }, 101_450,
			map[string]int64{ledger.Clearing("gw-a"): -100_000, ledger.Fees: 0}, 1_450,
		},
		"the merchant pays a fee that we keep": {
			Fee{PercentBP: 100}, nil, 101_000, map[string]int64{ledger.Clearing("gw-a"): -101_000, ledger.Fees: 1_000}, 1_000,
		},
		"we bear the fee": {
			Fee{PercentBP: 70, Absorbed: true}, func(i *Invoice) { i.Received = 0 }, 100_000,
			map[string]int64{ledger.Clearing("gw-a"): -99_300, ledger.Charges("gw-a"): -700, ledger.Fees: 0}, 0,
		},
		"the gateway says that it keeps more than it is paid": {
			Fee{}, func(i *Invoice) { i.Received = 200_000 }, 100_000, map[string]int64{ledger.Clearing("gw-a"): -100_000, ledger.Fees: 0}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.answer = func(_ string, d *Deposit) (string, error) { return f.give(d, c.invoice) }
			d := f.open(Gateway{Name: "gw-a", Fee: c.fee})
			require.Equal(t, c.total, d.Total)
			require.Equal(t, c.shownFees, d.Fee)
			d = f.see(d, Sighting{Seen: SeenPaid, Total: c.total, Paid: &c.total})
			require.Equal(t, Paid, d.State)
			require.EqualValues(t, 100_000, f.balance())
			for code, sum := range c.accounts {
				require.Equal(t, sum, f.account(code), code)
			}
			f.verify()
		})
	}
}

func TestAnotherAmountGoesToSuspenseUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Sighting{
		"less":                    {Seen: SeenPaid, Paid: ptr(int64(99_000))},
		"more":                    {Seen: SeenPaid, Paid: ptr(int64(101_000))},
		"another invoice's total": {Seen: SeenPaid, Total: 90_000},
		"both say something else": {Seen: SeenPaid, Total: 90_000, Paid: ptr(int64(100_000))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			d := f.see(f.open(), s)
			require.Equal(t, Suspended, d.State)
			require.Equal(t, "pending", d.Status())
			require.NotEmpty(t, d.Flag)
			require.Nil(t, d.NextRunAt)
			require.Zero(t, f.balance())
			require.Empty(t, f.events(), "to the merchant nothing has changed")
			f.verify()
			again := f.see(d, Sighting{Seen: SeenPaid})
			require.Equal(t, Suspended, again.State, "what is in suspense is not credited by seeing it again")
			require.Equal(t, d.Suspense, f.account(ledger.Suspense))

			_, err := f.k.Credit(t.Context(), d.ID, Decision{Amount: d.Suspense + 1, Why: "x", Actor: "test"})
			require.ErrorIs(t, err, ErrNotResolvable)
			d, err = f.k.Credit(t.Context(), d.ID, Decision{Amount: d.Suspense - 500, Why: "the payer called", Actor: "cli:ops"})
			require.NoError(t, err)
			require.Equal(t, Paid, d.State)
			require.Empty(t, d.Flag)
			require.Equal(t, d.Suspense-500, f.balance())
			require.EqualValues(t, 500, f.account(ledger.Fees))
			require.Zero(t, f.account(ledger.Suspense))
			v := f.k.Links.View(d)
			require.Equal(t, f.balance(), v.Amount)
			require.Equal(t, d.Suspense, v.TotalPayment)
			require.EqualValues(t, 500, v.Fee)
			require.Equal(t, 1, f.count(`SELECT count(*) FROM audit_log WHERE action = 'deposit.credit' AND subject = $1 AND actor = 'cli:ops'`, v.DepositID))
			f.verify()
		})
	}
}

func TestWhatWasGivenBackIsNoLongerOurs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.see(f.open(), Sighting{Seen: SeenPaid, Paid: ptr(int64(5))})
	d, err := f.k.Return(t.Context(), d.ID, Decision{Why: "sent back to the payer", Actor: "test"})
	require.NoError(t, err)
	require.Equal(t, Canceled, d.State)
	require.Zero(t, f.account(ledger.Suspense))
	require.Zero(t, f.account(ledger.Clearing("gw-a")))
	require.Equal(t, Canceled, f.see(d, Sighting{Seen: SeenPaid}).State)
	_, err = f.k.Credit(t.Context(), d.ID, Decision{Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	_, err = f.k.Return(t.Context(), d.ID, Decision{Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	require.Zero(t, f.balance())
	f.verify()
}

func TestADepositExpiresOnAnAnswerOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	require.Equal(t, f.now().Add(firstLook), *d.NextRunAt)
	for range 200 { // no answer ever: it stays pending, and is asked about on
		d = f.see(d, Sighting{Seen: SeenNothing})
		require.Equal(t, Pending, d.State)
		require.True(t, d.NextRunAt.After(f.now()))
		f.ticks.Store(d.NextRunAt.UnixNano())
	}
	require.NotEmpty(t, d.Flag, "a person is told")
	d = f.see(d, Sighting{Seen: SeenPending})
	require.Equal(t, Expired, d.State, "the last word is that nothing was paid")
	require.Empty(t, d.Flag)
	require.Len(t, f.events(), 1)
	require.Contains(t, f.events()[0], `"status":"expired"`)
}

func TestAPendingDepositIsAskedAboutAtItsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	looks := 0
	for d.State == Pending {
		require.False(t, f.now().After(d.ExpiresAt.Add(time.Minute)))
		f.ticks.Store(d.NextRunAt.UnixNano())
		d = f.see(d, Sighting{Seen: SeenPending})
		looks++
	}
	require.Equal(t, Expired, d.State)
	require.Equal(t, d.ExpiresAt.Add(lastQuestion), f.now(), "neither before its end nor long after")
	require.Less(t, looks, 60, "it is asked about less and less")
	require.Equal(t, 3, f.count(`SELECT count(*) FROM deposit_events WHERE deposit_id = $1`, d.ID), "created, opened, expired; no look in between")
}

func TestAWatchedDepositIsAskedAboutSooner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	f.advance(5 * time.Minute)
	d = f.see(d, Sighting{Seen: SeenPending})
	require.Equal(t, 50*time.Second, d.NextRunAt.Sub(f.now()))
	f.advance(time.Second)
	require.NoError(t, f.k.Touch(t.Context(), d.ID))
	d = f.read(d)
	require.Equal(t, time.Second, d.NextRunAt.Sub(f.now()), "two seconds after the last look")
	f.advance(time.Second)
	d = f.see(d, Sighting{Seen: SeenPending})
	require.Equal(t, 10*time.Second, d.NextRunAt.Sub(f.now()))
	require.Equal(t, time.Minute, f.see(d, Sighting{Seen: SeenNothing, After: time.Minute}).NextRunAt.Sub(f.now()), "a gateway that asks to wait is obeyed")
}

func TestALatePaymentIsCreditedForADay(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]Sighting{"expired": {Seen: SeenExpired}, "canceled": {Seen: SeenCanceled}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			d := f.see(f.open(), end)
			var looks []time.Duration
			for d.NextRunAt != nil {
				looks = append(looks, d.NextRunAt.Sub(*d.EndedAt))
				f.ticks.Store(d.NextRunAt.UnixNano())
				d = f.see(d, Sighting{Seen: SeenPending})
			}
			require.Equal(t, Grace-time.Minute, looks[len(looks)-1])
			require.Less(t, len(looks), 10)
			d = f.see(d, Sighting{Seen: SeenPaid})
			require.Equal(t, Paid, d.State)
			require.EqualValues(t, 100_000, f.balance())
			require.Len(t, f.events(), 2)
			require.Contains(t, f.events()[1], `"status":"paid","credited":true`)
			f.verify()
		})
	}
}

func TestAPaymentAfterTheGraceIsAPersonsMatter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.see(f.open(), Sighting{Seen: SeenExpired})
	paid := f.now().Add(Grace - time.Second)
	f.advance(Grace + time.Hour)
	require.Equal(t, Suspended, f.see(d, Sighting{Seen: SeenPaid}).State)
	require.Zero(t, f.balance())
	other := f.see(f.open(), Sighting{Seen: SeenExpired})
	f.advance(Grace + time.Hour)
	require.Equal(t, Paid, f.see(other, Sighting{Seen: SeenPaid, PaidAt: paid}).State, "it was paid in time and is only seen late")
	f.verify()
}

func TestPaidWinsOverACancel(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	_, err := f.k.Cancel(t.Context(), f.wallet+1, PublicID("MRA", d.ID))
	require.ErrorIs(t, err, ErrNotFound)
	d, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.NoError(t, err)
	require.Equal(t, Pending, d.State, "until the gateway says so")
	require.True(t, d.CancelRequested)
	d, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.NoError(t, err)
	d = f.see(d, Sighting{Seen: SeenPaid})
	require.Equal(t, Paid, d.State)
	_, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.ErrorIs(t, err, ErrNotCancelable)

	d = f.open()
	_, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.NoError(t, err)
	d = f.see(d, Sighting{Seen: SeenPending, CancelRefused: true})
	require.False(t, d.CancelRequested, "the gateway would not")
	_, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.NoError(t, err)
	require.Equal(t, Canceled, f.see(d, Sighting{Seen: SeenExpired}).State, "a gateway that calls a canceled invoice expired means the cancel")
	f.verify()
}

// Whoever asked for a cancel in time is told of one, also where the gateway was busy, or
// refused it, until the code had run out.
func TestACancelThatTheEndOvertakesIsOne(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]Sighting{
		"over": {Seen: SeenPending}, "forgotten": {Seen: SeenGone}, "refused as expired": {Seen: SeenExpired, CancelRefused: true}, "refused": {Seen: SeenPending, CancelRefused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			d := f.open()
			d, err := f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
			require.NoError(t, err)
			f.advance(d.ExpiresAt.Add(2 * lastQuestion).Sub(f.now()))
			require.Equal(t, Canceled, f.see(d, end).State)
			f.verify()
		})
	}
}

func TestAGatewayThatForgotIsShownToAPerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.see(f.open(), Sighting{Seen: SeenGone})
	require.Equal(t, Pending, d.State)
	require.NotEmpty(t, d.Flag)
	require.Equal(t, Paid, f.see(d, Sighting{Seen: SeenPaid}).State)
	require.Empty(t, f.read(d).Flag)
}

func TestAnOperatorMayCreditOrEndWhatIsPending(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open()
	_, err := f.k.Expire(t.Context(), d.ID, Decision{Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable, "it may still be paid")
	_, err = f.k.Credit(t.Context(), d.ID, Decision{Amount: 5, Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	_, err = f.k.Return(t.Context(), d.ID, Decision{Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	f.advance(time.Hour)
	d, err = f.k.Expire(t.Context(), d.ID, Decision{Why: "the gateway is gone", Actor: "test"})
	require.NoError(t, err)
	require.Equal(t, Expired, d.State)
	_, err = f.k.Expire(t.Context(), d.ID, Decision{Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	d, err = f.k.Credit(t.Context(), d.ID, Decision{Why: "their books show it", Actor: "test"})
	require.NoError(t, err)
	require.Equal(t, Paid, d.State)
	require.EqualValues(t, 100_000, f.balance())
	_, err = f.k.Credit(t.Context(), d.ID, Decision{Why: "again", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	e, err := f.k.ReadEvidence(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, "M1", e.MerchantID)
	require.Len(t, e.Attempts, 1)
	require.Equal(t, "opened", e.Attempts[0].Outcome)
	require.Len(t, e.Entries, 1)
	require.Equal(t, "operator", e.Events[len(e.Events)-1].Cause)
	list, err := ListAll(t.Context(), f.db.Bun, OperatorFilter{States: []State{Paid}, MerchantID: "M1", Mode: "live", Source: "gw-a", Limit: 5})
	require.NoError(t, err)
	require.Len(t, list, 1)
	f.verify()
}
