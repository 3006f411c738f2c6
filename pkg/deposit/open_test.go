package deposit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/qris"
)

// refuse answers an attempt as a worker whose gateway gave no invoice.
func (f *fixture) refuse(d *Deposit, outcome string) (string, error) {
	require.NoError(f.t, f.k.End(context.Background(), d, d.Attempt, Ended{Outcome: outcome, Code: "x", Detail: "y"}))
	return Refused, nil
}

func (f *fixture) script(answer func(gateway string, d *Deposit) (string, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer, f.asked = answer, nil
}

func (f *fixture) gateways() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *fixture) request(ref string, amount int64) *Request {
	return &Request{WalletID: f.wallet, Mode: "live", Ref: ref, Amount: amount}
}

func TestOneRefIsOneDepositHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var wg sync.WaitGroup
	got := make([]*Deposit, 40)
	for i := range got {
		wg.Go(func() {
			d, err := f.opener().Open(context.Background(), f.request("top-1", 50_000))
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = d
		})
	}
	wg.Wait()
	for _, d := range got {
		require.Equal(t, got[0].ID, d.ID)
		require.Equal(t, Pending, d.State)
	}
	require.Equal(t, []string{"gw-a"}, f.gateways(), "one invoice was asked for")
	_, err := f.opener().Open(t.Context(), f.request("top-1", 60_000))
	require.ErrorIs(t, err, ErrConflict)
	d, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.NoError(t, err)
	require.Equal(t, got[0].ID, d.ID)
	f.wallet = f.merchant("M2")
	d, err = f.opener().Open(t.Context(), f.request("top-1", 60_000))
	require.NoError(t, err, "refs are a wallet's own")
	require.NotEqual(t, got[0].ID, d.ID)
}

func TestAGatewayThatGivesNoInvoiceIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{OutcomeFull, OutcomeRefused, OutcomeNotSent, OutcomeUnknown} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			both := []Gateway{{Name: "gw-a"}, {Name: "gw-b"}}
			f.script(func(gateway string, d *Deposit) (string, error) {
				if gateway == "gw-a" {
					return f.refuse(d, outcome)
				}
				return f.give(d, nil)
			})
			d := f.open(both...)
			require.Equal(t, "gw-b", d.Gateway)
			require.Equal(t, []string{"gw-a", "gw-b"}, f.gateways())
			f.open(both...)
			require.Equal(t, []string{"gw-a", "gw-b", "gw-b"}, f.gateways(), "for a while it is asked last")
			f.script(func(_ string, d *Deposit) (string, error) { return f.give(d, nil) })
			f.advance(16 * time.Second)
			require.Equal(t, "gw-a", f.open(both...).Gateway)
			e, err := f.k.ReadEvidence(t.Context(), d.ID)
			require.NoError(t, err)
			require.Equal(t, outcome, e.Attempts[0].Outcome)
		})
	}
}

func TestAGatewayThatIsLastOnTheListIsStillAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.script(func(_ string, d *Deposit) (string, error) { return f.refuse(d, OutcomeFull) })
	_, err := f.opener().Open(t.Context(), f.request("", 50_000))
	require.ErrorIs(t, err, ErrNoGateway)
	f.script(func(_ string, d *Deposit) (string, error) { return f.give(d, nil) })
	require.Equal(t, Pending, f.open().State, "it may have room again")
	require.NoError(t, f.k.Worked(t.Context(), "gw-a"))
	require.Zero(t, f.count(`SELECT count(*) FROM deposit_gateways`))
}

func TestPausedGatewaysAreNotAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`INSERT INTO upstreams (name, driver, mode, paused, paused_why, breaker_until, created_at, updated_at) VALUES
		('gw-a', 'invoice', 'live', true, 'x', NULL, now(), now()), ('gw-b', 'invoice', 'live', false, '', $1, now(), now()), ('gw-c', 'invoice', 'live', false, '', $2, now(), now())`,
		f.now().Add(time.Minute), f.now().Add(-time.Minute))
	d := f.open(Gateway{Name: "gw-a"}, Gateway{Name: "gw-b"}, Gateway{Name: "gw-c"})
	require.Equal(t, "gw-c", d.Gateway)
	require.Equal(t, []string{"gw-c"}, f.gateways())
	_, err := f.opener(Gateway{Name: "gw-a"}).Open(t.Context(), f.request("", 50_000))
	require.ErrorIs(t, err, ErrNoGateway)
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := f.db.Pool.Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err)
}

func TestADepositForWhichNobodyGaveAnInvoiceLeavesItsRefFree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.script(func(_ string, d *Deposit) (string, error) { return f.refuse(d, OutcomeRefused) })
	_, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.ErrorIs(t, err, ErrNoGateway)
	_, err = f.k.Get(t.Context(), f.wallet, "top-1")
	require.ErrorIs(t, err, ErrNotFound)
	f.script(func(_ string, d *Deposit) (string, error) { return f.give(d, nil) })
	d, err := f.opener().Open(t.Context(), f.request("top-1", 70_000))
	require.NoError(t, err)
	require.EqualValues(t, 70_000, d.Amount)
	got, err := f.k.Get(t.Context(), f.wallet, "top-1")
	require.NoError(t, err)
	require.Equal(t, d.ID, got.ID)
	list, err := List(t.Context(), f.db.Bun, f.wallet, Filter{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, f.events(), "nobody is told of what came to nothing")
	f.verify()
}

// silent lets a gateway take the question and say nothing; it gives the deposit
// that it was asked about.
func (f *fixture) silent() <-chan *Deposit {
	taken := make(chan *Deposit, 10)
	f.script(func(_ string, d *Deposit) (string, error) {
		taken <- d
		return "", errors.New("no answer in time")
	})
	return taken
}

func TestALateInvoiceIsKeptWhereItIsStillWanted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	taken := f.silent()
	_, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.ErrorIs(t, err, ErrNoGateway)
	late := <-taken
	verdict, err := f.give(late, nil)
	require.NoError(t, err)
	require.Equal(t, Done, verdict)
	d, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.NoError(t, err)
	require.Equal(t, late.ID, d.ID)
	require.Equal(t, Pending, d.State)
}

func TestALateInvoiceThatNobodyWantsIsCanceled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	taken := f.silent()
	_, err := f.opener().Open(t.Context(), f.request("", 50_000))
	require.ErrorIs(t, err, ErrNoGateway)
	late := <-taken
	_, err = f.k.Opened(t.Context(), late.ID, late.Attempt, &Invoice{UpstreamRef: "LATE", QR: code(t, 50_000)})
	require.ErrorIs(t, err, ErrStale, "without a ref nobody can ask for it again")
	require.NoError(t, f.k.End(t.Context(), late, late.Attempt, Ended{Outcome: OutcomeLate, UpstreamRef: "LATE"}))
	due, err := f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"gw-a"}, due)
	u, err := f.k.TakeUnwanted(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, "LATE", u.UpstreamRef)
	none, err := f.k.TakeUnwanted(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.Nil(t, none, "it is leased")
	require.NoError(t, f.k.Rid(t.Context(), u, false))
	f.advance(time.Hour)
	u, err = f.k.TakeUnwanted(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.NotNil(t, u, "tried again")
	require.NoError(t, f.k.Rid(t.Context(), u, true))
	due, err = f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Empty(t, due)
}

func TestASlowGatewaysInvoiceComesTooLateOnceTheNextWasAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var slow *Deposit
	f.script(func(gateway string, d *Deposit) (string, error) {
		if gateway == "gw-a" {
			slow = d
			return "", errors.New("no answer in time")
		}
		return f.give(d, nil)
	})
	d := f.open(Gateway{Name: "gw-a"}, Gateway{Name: "gw-b"})
	require.Equal(t, "gw-b", d.Gateway)
	_, err := f.k.Opened(t.Context(), slow.ID, slow.Attempt, &Invoice{UpstreamRef: "SLOW", QR: code(t, 100_000)})
	require.ErrorIs(t, err, ErrStale)
	require.Equal(t, d.UpstreamRef, f.read(d).UpstreamRef)
}

func TestAnAnswerWhoseReplyWasLostCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.script(func(_ string, d *Deposit) (string, error) {
		_, err := f.give(d, nil)
		return "", errors.Join(err, errors.New("redis went away"))
	})
	require.Equal(t, Pending, f.open(Gateway{Name: "gw-a"}, Gateway{Name: "gw-b"}).State)
	require.Equal(t, []string{"gw-a"}, f.gateways())
}

func TestADepositWhoseRequestDiedIsTakenOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, fresh, err := f.k.begin(t.Context(), f.request("top-1", 50_000), 10*time.Second)
	require.NoError(t, err)
	require.True(t, fresh)
	hasty := f.opener()
	hasty.Policy.Patience = 300 * time.Millisecond
	_, err = hasty.Open(t.Context(), f.request("top-1", 50_000))
	require.ErrorIs(t, err, ErrNoGateway, "somebody else is at it")
	require.Empty(t, f.gateways())
	f.advance(11 * time.Second)
	got, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.NoError(t, err)
	require.Equal(t, d.ID, got.ID)
	require.Equal(t, Pending, got.State)
}

func TestADepositThatNobodyAsksForAgainIsSwept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, _, err := f.k.begin(t.Context(), f.request("top-1", 50_000), 10*time.Second)
	require.NoError(t, err)
	f.advance(time.Minute)
	n, err := f.k.Sweep(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "an answer may be on its way")
	f.advance(2 * time.Minute)
	n, err = f.k.Sweep(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, Failed, f.read(d).State)
	_, err = f.k.See(t.Context(), d.ID, Sighting{Seen: SeenPaid})
	require.ErrorIs(t, err, ErrStale)
	_, err = f.k.Claim(t.Context(), d.ID, 1, "gw-a")
	require.ErrorIs(t, err, ErrStale)
}

func TestAnInvoiceMustBeWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Invoice){
		"no code":                     func(i *Invoice) { i.QR = "" },
		"a code that is none":         func(i *Invoice) { i.QR = "https://provider.example/qr.png" },
		"a code over something else":  func(i *Invoice) { i.QR = code(t, 99_000) },
		"no id":                       func(i *Invoice) { i.UpstreamRef = "" },
		"less than is to be credited": func(i *Invoice) { i.Total, i.QR = 99_999, code(t, 99_999) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var got error
			f.script(func(_ string, d *Deposit) (string, error) {
				inv := &Invoice{UpstreamRef: "I", QR: code(t, d.Asked), Total: d.Asked}
				edit(inv)
				_, got = f.k.Opened(t.Context(), d.ID, d.Attempt, inv)
				return f.refuse(d, OutcomeRefused)
			})
			_, err := f.opener().Open(t.Context(), f.request("", 100_000))
			require.ErrorIs(t, err, ErrNoGateway)
			require.ErrorIs(t, got, ErrUnsound)
		})
	}
}

func TestAnInvoiceIsTakenAsFarAsItSays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.script(func(_ string, d *Deposit) (string, error) {
		return f.give(d, func(i *Invoice) { i.Total, i.Received, i.ExpiresAt = 0, 0, f.now().Add(-7*time.Hour) })
	})
	d := f.open()
	require.EqualValues(t, 100_000, d.Total, "the code says it")
	require.Equal(t, f.now().Add(defaultLife), *d.ExpiresAt)
	f.script(func(_ string, d *Deposit) (string, error) {
		return f.give(d, func(i *Invoice) { i.ExpiresAt = f.now().AddDate(1, 0, 0) })
	})
	require.Equal(t, f.now().Add(maxLife), *f.open().ExpiresAt)
}

func TestOneInvoiceCannotServeTwoDeposits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var got error
	f.script(func(_ string, d *Deposit) (string, error) {
		if _, got = f.k.Opened(t.Context(), d.ID, d.Attempt, &Invoice{UpstreamRef: "SAME", QR: code(t, d.Asked)}); got != nil {
			return f.refuse(d, OutcomeRefused)
		}
		return Done, nil
	})
	first := f.open()
	_, err := f.opener().Open(t.Context(), f.request("", 100_000))
	require.ErrorIs(t, err, ErrNoGateway)
	require.ErrorIs(t, got, ErrTaken)
	require.Equal(t, "SAME", f.read(first).UpstreamRef)
}

func TestTotalsOfOurOwnCodeAreUniqueWhileTheyMayBePaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := f.own(30)
	var mu sync.Mutex
	totals := map[int64]bool{}
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			d, err := f.opener(own).Open(context.Background(), f.request("", 100_000))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			totals[d.Total] = true
			c, err := qris.Read(d.QR)
			if err != nil || c.Amount != d.Total || !c.Summed || d.Fee < 1 || d.Fee > 30 {
				t.Errorf("%+v: %v", c, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, totals, 30)
	_, err := f.opener(own).Open(t.Context(), f.request("", 100_000))
	require.ErrorIs(t, err, ErrNoGateway, "none is left")
	require.Equal(t, "gw-b", f.open(own, Gateway{Name: "gw-b"}).Gateway)
	f.advance(30*time.Minute + Grace - time.Second)
	_, err = f.opener(own).Open(t.Context(), f.request("", 100_000))
	require.ErrorIs(t, err, ErrNoGateway, "a late payment must still be its deposit's")
	f.advance(2 * time.Second)
	require.Equal(t, "own", f.open(own).Gateway)
	require.Equal(t, []string{"gw-b"}, f.gateways(), "no worker is asked for our own code")
}

func TestOurOwnCodeExpiresByItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open(f.own(999))
	due, err := f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Empty(t, due)
	f.advance(30 * time.Minute)
	due, err = f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Empty(t, due, "there is nobody to ask")
	n, err := f.k.Sweep(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, Expired, f.read(d).State)
	n, err = f.k.Sweep(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n)

	d = f.open(f.own(999))
	d, err = f.k.Cancel(t.Context(), f.wallet, PublicID("MRA", d.ID))
	require.NoError(t, err)
	require.Equal(t, Canceled, d.State, "there is nobody to ask")
}

func TestAViewShowsNothingOfTheGateway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, err := f.opener().Open(t.Context(), f.request("top-1", 50_000))
	require.NoError(t, err)
	v := f.k.Links.View(d)
	require.Equal(t, View{
		DepositID: "MRA-DP-" + v.DepositID[7:], Ref: ptr("top-1"), Method: "qris", Amount: 50_000, TotalPayment: 50_000, Status: "pending",
		QRString: d.QR, QRImage: "https://api.example/qr/" + d.Token + ".png", StatusURL: "https://api.example/api/v1/deposit/" + v.DepositID,
		ExpiresAt: *d.ExpiresAt, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}, v)
	n, ok := ParseID(v.DepositID)
	require.True(t, ok)
	require.Equal(t, d.ID, n)
	for _, bad := range []string{"", "MRA-DP-", "MRA-M-0000000000000", fmt.Sprint(d.ID)} {
		_, ok := ParseID(bad)
		require.False(t, ok, bad)
	}
	require.Equal(t, "/qr/"+d.Token+".png", Links{}.View(d).QRImage)
	text, _, err := f.k.QR(t.Context(), d.Token)
	require.NoError(t, err)
	require.Equal(t, d.QR, text)
	f.see(d, Sighting{Seen: SeenPaid})
	_, _, err = f.k.QR(t.Context(), d.Token)
	require.ErrorIs(t, err, ErrNotFound, "what is paid is not shown to be paid again")
	names, err := f.k.NamesOf(t.Context(), []int64{d.ID, f.open().ID})
	require.NoError(t, err)
	require.Equal(t, "top-1", names[d.ID])
	require.Len(t, names, 2)
	for n, name := range names {
		if n != d.ID {
			require.Equal(t, PublicID("MRA", n), name)
		}
	}
}
