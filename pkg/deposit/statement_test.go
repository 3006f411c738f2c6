package deposit

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
)

func wib() *time.Location { return time.FixedZone("WIB", 7*60*60) }

func TestAStatementIsReadOrRefusedWhole(t *testing.T) {
	t.Parallel()
	got, err := ReadStatement(strings.NewReader("\ufeffTanggal,Nominal,Keterangan,Kota,RRN\n"+
		"2026-11-21 15:04:05,100347,DARI BUDI,JAKARTA,77001\n"+
		"2026-11-21T08:04:05Z, 100348.00 ,,,\n2026-11-21T08:04:05Z,100348,,,\n2026-11-21 15:05,5,\"a, b\",,77002\n"), wib())
	require.NoError(t, err)
	require.Len(t, got, 4)
	at := time.Date(2026, 11, 21, 8, 4, 5, 0, time.UTC)
	require.Equal(t, Line{Key: "77001", Amount: 100_347, PaidAt: at, Note: "DARI BUDI"}, got[0])
	require.EqualValues(t, 100_348, got[1].Amount)
	require.Equal(t, at, got[1].PaidAt)
	require.True(t, strings.HasPrefix(got[1].Key, "sha256:"))
	require.NotEqual(t, got[1].Key, got[2].Key, "two alike are two payments")
	require.Equal(t, "a, b", got[3].Note)
	for why, text := range map[string]string{
		"header":         "",
		`column "time"`:  "amount\n5\n",
		`column "amoun`:  "time\n2026-11-21 15:04\n",
		"two columns":    "time,amount,nominal\n2026-11-21 15:04,5,5\n",
		"line 3: amount": "time,amount\n2026-11-21 15:04,5\n2026-11-21 15:04,100.347\n",
		"line 2: amount": "time,amount\n2026-11-21 15:04,\"100,347\"\n",
		"2: amount":      "time,amount\n2026-11-21 15:04,-5\n",
		": amount \"+5":  "time,amount\n2026-11-21 15:04,+5\n",
		": amount \"5.5": "time,amount\n2026-11-21 15:04,5.5\n",
		"line 2: time":   "time,amount\n21/11/2026,5\n",
		"fields":         "time,amount\n2026-11-21 15:04\n",
	} {
		_, err := ReadStatement(strings.NewReader(text), wib())
		require.ErrorContains(t, err, why, text)
	}
}

func FuzzReadStatement(f *testing.F) {
	f.Add("time,amount,id,note\n2026-11-21 15:04:05,100347,1,x\n")
	f.Add("tanggal,nominal\n2026-11-21T08:04:05Z,5.00\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadStatement(strings.NewReader(text), time.UTC)
		if err != nil {
			return
		}
		for _, l := range got {
			if l.Amount <= 0 || l.Key == "" || l.PaidAt.IsZero() && !strings.Contains(text, "0001") {
				t.Fatalf("%+v", l)
			}
		}
	})
}

func (f *fixture) match(l Line) *Line {
	f.t.Helper()
	l.Gateway = "own"
	out, err := f.k.Match(f.t.Context(), l, "cli:ops")
	require.NoError(f.t, err)
	return out
}

func TestALineThatFitsOneDepositPaysIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, other := f.open(f.own(999)), f.open(f.own(999))
	paid := f.now().Add(3 * time.Minute)
	f.advance(time.Hour)
	l := Line{Key: "1", Amount: d.Total, PaidAt: paid}
	got := f.match(l)
	require.Equal(t, LineCredited, got.Outcome)
	require.Equal(t, d.ID, *got.DepositID)
	d = f.read(d)
	require.Equal(t, Paid, d.State)
	require.Equal(t, paid, *d.PaidAt)
	require.EqualValues(t, 100_000, f.balance())
	require.Equal(t, d.Fee, f.account(ledger.Fees))
	require.Equal(t, Pending, f.read(other).State)
	log, err := audit.List(t.Context(), f.k.Pool, PublicID(f.k.Links.IDPrefix, d.ID), 10)
	require.NoError(t, err)
	require.Len(t, log, 1, "whose word it was is there with the money")
	require.Equal(t, "cli:ops", log[0].Actor)
	require.Equal(t, "deposit.line", log[0].Action)

	require.Equal(t, LineSeen, f.match(l).Outcome, "the same statement again")
	require.EqualValues(t, 100_000, f.balance())
	_, err = f.k.Match(t.Context(), Line{Gateway: "own", Key: "1", Amount: d.Total + 1, PaidAt: paid}, "test")
	require.ErrorIs(t, err, ErrNotResolvable, "an id that two payments share")
	require.Equal(t, LineUnmatched, f.match(Line{Key: "2", Amount: d.Total, PaidAt: paid}).Outcome, "a second payment of it is nobody's by itself")
	f.verify()
}

func TestALineAppliesWithinItsDepositsTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration // the deposit was made
		want  Outcome
	}{
		"the statement's clock is behind": {-clockSlack, LineCredited},
		"before it was made":              {-clockSlack - time.Second, LineUnmatched},
		"at the end of the grace":         {30*time.Minute + Grace, LineCredited},
		"after the grace":                 {30*time.Minute + Grace + time.Second, LineUnmatched},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			d := f.open(f.own(999))
			paid := f.now().Add(c.after)
			f.advance(72 * time.Hour)
			_, err := f.k.Sweep(t.Context(), 10)
			require.NoError(t, err)
			got := f.match(Line{Key: "1", Amount: d.Total, PaidAt: paid})
			require.Equal(t, c.want, got.Outcome)
			require.Equal(t, map[Outcome]State{LineCredited: Paid, LineUnmatched: Expired}[c.want], f.read(d).State)
			f.verify()
		})
	}
}

func TestManyReadersOfOneStatementPayOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ls []Line
	for i := range 10 {
		ls = append(ls, Line{Gateway: "own", Key: fmt.Sprint(i), Amount: f.open(f.own(999)).Total, PaidAt: f.now()})
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for _, l := range ls {
				if _, err := f.k.Match(context.Background(), l, "test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1_000_000, f.balance())
	require.Equal(t, 10, f.count(`SELECT count(*) FROM deposit_lines WHERE outcome = 'credited'`))
	f.verify()
}

// twins are two deposits of one total, as a change of the configuration may leave.
func twins(t *testing.T) (f *fixture, a, b *Deposit) {
	f = newFixture(t)
	own := f.own(1)
	a = f.open(own)
	f.exec(`DELETE FROM deposit_codes`)
	b = f.open(own)
	require.Equal(t, a.Total, b.Total)
	return f, a, b
}

func TestALineThatFitsSeveralIsAPersonsMatter(t *testing.T) {
	t.Parallel()
	f, a, b := twins(t)
	l := f.match(Line{Key: "1", Amount: a.Total, PaidAt: f.now()})
	require.Equal(t, LineAmbiguous, l.Outcome)
	require.Zero(t, f.balance())
	require.Equal(t, a.Total, f.account(ledger.Suspense))
	f.verify()
	open, err := f.k.OpenLines(t.Context(), false, 0, 10)
	require.NoError(t, err)
	require.Len(t, open, 1)
	st, err := f.k.Stand(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, st.Suspense)
	require.Equal(t, a.Total, st.SuspenseRupiah)
	require.EqualValues(t, 2, st.Open["own"][Pending])

	_, err = f.k.Credit(t.Context(), b.ID, Decision{Line: 999, Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable)
	b, err = f.k.Credit(t.Context(), b.ID, Decision{Line: l.ID, Why: "the payer's receipt", Actor: "test"})
	require.NoError(t, err)
	require.Equal(t, Paid, b.State)
	require.EqualValues(t, 100_000, f.balance())
	require.Zero(t, f.account(ledger.Suspense))
	_, err = f.k.Credit(t.Context(), a.ID, Decision{Line: l.ID, Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable, "it belongs to the other")
	require.Equal(t, Pending, f.read(a).State)
	f.verify()
	require.Equal(t, LineCredited, f.match(Line{Key: "2", Amount: a.Total, PaidAt: f.now()}).Outcome, "now it fits one only")
	f.verify()
}

func TestALineThatFitsNoneMayBeGivenToADeposit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.open(f.own(999))
	l := f.match(Line{Key: "1", Amount: d.Total + 5_000, PaidAt: f.now()})
	require.Equal(t, LineUnmatched, l.Outcome)
	require.Zero(t, f.account(ledger.Clearing("own")), "it may be none of ours")
	_, err := f.k.Credit(t.Context(), f.open().ID, Decision{Line: l.ID, Why: "x", Actor: "test"})
	require.ErrorIs(t, err, ErrNotResolvable, "another gateway's")
	d, err = f.k.Credit(t.Context(), d.ID, Decision{Line: l.ID, Why: "rounded up by the payer", Actor: "test"})
	require.NoError(t, err)
	require.Equal(t, Paid, d.State)
	require.EqualValues(t, 105_000, d.Credited)
	require.EqualValues(t, 105_000, f.balance())
	require.Equal(t, d.Fee, f.account(ledger.Fees))
	f.verify()
}

func TestALineOfWhatAnOperatorCreditedMovesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, err := f.k.Credit(t.Context(), f.open(f.own(999)).ID, Decision{Why: "seen in the app", Actor: "test"})
	require.NoError(t, err)
	got := f.match(Line{Key: "1", Amount: d.Total, PaidAt: f.now()})
	require.Equal(t, LineKnown, got.Outcome)
	require.EqualValues(t, 100_000, f.balance())
	require.Equal(t, LineUnmatched, f.match(Line{Key: "2", Amount: d.Total, PaidAt: f.now()}).Outcome)
	f.verify()
}
