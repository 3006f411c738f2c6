package withdraw

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/rule"
)

func TestAWithdrawalTakesItsMoneyAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var wg sync.WaitGroup
	ids := make([]int64, 50)
	for i := range ids {
		wg.Go(func() {
			w, balance, err := f.k.Place(context.Background(), f.request("wd-1", 50_000))
			if err != nil || balance != opening-51_000 {
				t.Errorf("%v %d %v", w, balance, err)
				return
			}
			ids[i] = w.ID
		})
	}
	wg.Wait()
	for _, n := range ids {
		require.Equal(t, ids[0], n)
	}
	require.EqualValues(t, opening-51_000, f.balance())
	require.EqualValues(t, 51_000, f.account(ledger.Payouts))
	other := f.request("wd-1", 50_000)
	other.AccountNumber = "081111111111"
	_, _, err := f.k.Place(t.Context(), other)
	require.ErrorIs(t, err, ErrConflict)
	f.verify()
}

func TestNoMoreIsTakenThanThereIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ok, short atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, _, err := f.k.Place(context.Background(), f.request(fmt.Sprint("wd-", i), 50_000))
			switch {
			case err == nil:
				ok.Add(1)
			case errors.Is(err, ErrInsufficient):
				short.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 19, ok.Load(), "51,000 each of 1,000,000")
	require.EqualValues(t, 21, short.Load())
	var rows int
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM withdrawals`).Scan(&rows))
	require.Equal(t, 19, rows, "a refused one leaves nothing behind")
	f.verify()
}

func TestAPayoutThatSucceeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.place("wd-1")
	require.Equal(t, "pending", w.Status())
	require.Nil(t, w.NextRunAt, "nothing happens before a person says so")
	w = f.hear(f.sending("wd-2"), Answer{Word: Waiting, UpstreamRef: "P1", Cause: "submit"})
	require.Equal(t, Sent, w.State)
	require.Equal(t, "processing", w.Status())
	w = f.hear(w, Answer{Word: Waiting, Cause: "poll"})
	require.True(t, w.NextRunAt.After(f.now()))
	w = f.hear(w, Answer{Word: Paid, Charge: 800, Cause: "poll"})
	require.Equal(t, Success, w.State)
	require.Nil(t, w.NextRunAt)
	require.EqualValues(t, opening-2*51_000, f.balance())
	require.EqualValues(t, 51_000, f.account(ledger.Payouts), "the other one's")
	require.EqualValues(t, 1_000, f.account(ledger.Fees))
	require.EqualValues(t, 50_800, f.account(ledger.Float("gw-a")), "what left there")
	require.EqualValues(t, -800, f.account(ledger.Charges("gw-a")))
	_, err := f.k.Heard(t.Context(), w.ID, Answer{Word: Failed, Attempt: 1})
	require.ErrorIs(t, err, ErrStale, "final is final")
	require.Len(t, f.events(), 2)
	require.Contains(t, f.events()[0], `"type":"withdraw.updated"`)
	require.Contains(t, f.events()[0], `"status":"processing"`)
	require.Contains(t, f.events()[1], `"status":"success"`)
	require.EqualValues(t, 2, f.told.Load())
	f.verify()
}

func TestAPayoutThatDoesNotComeAboutIsGivenBackWhole(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *fixture) *Withdrawal{
		"rejected by an operator": func(f *fixture) *Withdrawal {
			w, err := f.k.Reject(t.Context(), f.place("wd-1").ID, ops("name does not match"))
			require.NoError(t, err)
			return w
		},
		"rejected after approval": func(f *fixture) *Withdrawal {
			w, err := f.k.Reject(t.Context(), f.approved("wd-1").ID, ops("changed our mind"))
			require.NoError(t, err)
			return w
		},
		"failed at the gateway": func(f *fixture) *Withdrawal {
			w := f.hear(f.sending("wd-1"), Answer{Word: Waiting, UpstreamRef: "P1"})
			return f.hear(w, Answer{Word: Failed})
		},
		"its account refused": func(f *fixture) *Withdrawal {
			return f.hear(f.sending("wd-1"), Answer{Word: Refused, Reason: ReasonAccount})
		},
		"in doubt, found failed": func(f *fixture) *Withdrawal {
			w := f.hear(f.sending("wd-1"), Answer{Word: Lost})
			return f.hear(w, Answer{Word: Failed, UpstreamRef: "P1", Cause: "history"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := end(f)
			require.Equal(t, Rejected, w.State)
			require.NotEmpty(t, w.Message)
			require.EqualValues(t, opening, f.balance())
			require.Zero(t, f.account(ledger.Payouts))
			require.Zero(t, f.account(ledger.Fees))
			f.verify()
			_, err := f.k.Approve(t.Context(), w.ID, ops("x"))
			require.ErrorIs(t, err, ErrNotResolvable)
			_, err = f.k.Reject(t.Context(), w.ID, ops("x"))
			require.ErrorIs(t, err, ErrNotResolvable)
			_, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
			require.ErrorIs(t, err, ErrStale)
			require.Equal(t, Rejected, f.read(w).State)
		})
	}
}

func TestOneOfManyWorkersClaims(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.approved("wd-1")
	var claimed atomic.Int64
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			_, err := f.k.Claim(context.Background(), w.ID, rand.Text(), time.Minute)
			switch {
			case err == nil:
				claimed.Add(1)
			case !errors.Is(err, ErrStale):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, claimed.Load())
	require.Equal(t, 1, f.read(w).Attempt)
}

func TestAWorkerTakesBackNoClaimButItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.approved("wd-1")
	w, err := f.k.Claim(t.Context(), w.ID, "second", time.Minute)
	require.NoError(t, err)
	// The first worker's commit failed, as it learns only now: nothing of it left.
	undo := Answer{Word: NotSent, Attempt: w.Attempt, Token: "first"}
	_, err = f.k.Heard(t.Context(), w.ID, undo)
	require.ErrorIs(t, err, ErrStale)
	require.Equal(t, Sending, f.read(w).State, "the second's is on its way")
	undo.Token = "second"
	w, err = f.k.Heard(t.Context(), w.ID, undo)
	require.NoError(t, err)
	require.Equal(t, Approved, w.State)
}

func TestAPayoutWithoutAnIDIsInDoubt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, Unknown, f.hear(f.sending("wd-1"), Answer{Word: Waiting}).State, "nobody could ask about it")
	f.verify()
}

func TestAHistoryThatWasNotReadToItsEndProvesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.hear(f.sending("wd-1"), Answer{Word: Lost, Answered: true, Reason: ReasonAccount})
	part := Search{Attempt: w.Attempt, Found: FoundPart, Detail: "down", After: time.Hour}
	for range 30 {
		f.advance(time.Hour)
		var err error
		w, err = f.k.Searched(t.Context(), w.ID, part)
		require.NoError(t, err)
		require.Equal(t, Unknown, w.State)
		require.Equal(t, time.Hour, w.NextRunAt.Sub(f.now()), "it is searched on")
	}
	require.Equal(t, flagUnread, w.Flag, "and somebody is told")
	w, err := f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundNone})
	require.NoError(t, err)
	require.Equal(t, Rejected, w.State)
	f.verify()
}

func TestTwoAlikeAreNotInDoubtTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ws []*Withdrawal
	for i := range 10 {
		ws = append(ws, f.approved(fmt.Sprint("wd-", i)))
	}
	var claimed atomic.Int64
	var wg sync.WaitGroup
	for _, w := range ws {
		wg.Go(func() {
			if _, err := f.k.Claim(context.Background(), w.ID, rand.Text(), time.Minute); err == nil {
				claimed.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, claimed.Load(), "the history could not tell them apart")
	for _, w := range ws {
		w = f.read(w)
		if w.State == Sending {
			f.hear(w, Answer{Word: Lost})
		} else {
			require.Equal(t, f.now().Add(time.Minute), *w.NextRunAt, "it waits")
		}
	}
	alike := f.request("alike", 50_000)
	alike.AccountNumber = "+62 812-3456-7890"
	same, _, err := f.k.Place(t.Context(), alike)
	require.NoError(t, err)
	_, err = f.k.Approve(t.Context(), same.ID, ops("ok"))
	require.NoError(t, err)
	_, err = f.k.Claim(t.Context(), same.ID, rand.Text(), time.Minute)
	require.ErrorIs(t, err, ErrStale, "the same account, written otherwise")
	other := f.request("other", 50_000)
	other.AccountNumber = "081999999999"
	o, _, err := f.k.Place(t.Context(), other)
	require.NoError(t, err)
	_, err = f.k.Approve(t.Context(), o.ID, ops("ok"))
	require.NoError(t, err)
	_, err = f.k.Claim(t.Context(), o.ID, rand.Text(), time.Minute)
	require.NoError(t, err, "another account's is not held up")
	f.verify()
}

func TestAfterDoubtNothingButEvidenceDecides(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.hear(f.sending("wd-1"), Answer{Word: Lost, Cause: "submit"})
	require.Equal(t, Unknown, w.State)
	require.Equal(t, "processing", w.Status())
	_, err := f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.ErrorIs(t, err, ErrStale, "it is never sent twice")
	_, err = f.k.Reject(t.Context(), w.ID, ops("x"))
	require.ErrorIs(t, err, ErrNotResolvable)
	for w.NextRunAt != nil {
		f.ticks.Store(w.NextRunAt.UnixNano())
		w, err = f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundNone})
		require.NoError(t, err)
		require.Equal(t, Unknown, w.State, "age never decides")
	}
	require.Equal(t, flagLost, w.Flag)
	require.EqualValues(t, opening-51_000, f.balance())
	_, err = f.k.Seen(t.Context(), w.ID, ops("x"))
	require.ErrorIs(t, err, ErrNotResolvable, "nothing but a decision ends it")
	w, err = f.k.Resolve(t.Context(), w.ID, Decision{As: Success, Charge: 500, Why: "their staff showed it", Actor: "cli:ops"})
	require.NoError(t, err)
	require.Equal(t, Success, w.State)
	require.EqualValues(t, 50_500, f.account(ledger.Float("gw-a")))
	f.verify()

	w = f.hear(f.sending("wd-2"), Answer{Word: Lost})
	w, err = f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundSeveral})
	require.NoError(t, err)
	require.Equal(t, flagTwins, w.Flag)
	require.Nil(t, w.NextRunAt)
	w, err = f.k.Resolve(t.Context(), w.ID, Decision{As: Rejected, Why: "their staff says no", Actor: "cli:ops"})
	require.NoError(t, err)
	require.Equal(t, Rejected, w.State)
	f.verify()
}

func TestARefusalWithoutProofIsOneOnceTheHistoryLacksIt(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]struct {
		state State
		flag  string
	}{ReasonAccount: {Rejected, ""}, ReasonBalance: {Approved, flagBalance}, "": {Approved, flagRefused}} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.hear(f.sending("wd-1"), Answer{Word: Lost, Answered: true, Reason: reason})
			require.Equal(t, Unknown, w.State)
			w, err := f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundNone})
			require.NoError(t, err)
			require.Equal(t, Unknown, w.State, "it may not be listed yet")
			f.advance(refusedFor)
			several, err := f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundSeveral})
			require.NoError(t, err)
			require.Equal(t, Unknown, several.State)
			w, err = f.k.Searched(t.Context(), w.ID, Search{Attempt: w.Attempt, Found: FoundNone})
			require.NoError(t, err)
			require.Equal(t, want.state, w.State)
			require.Equal(t, want.flag, w.Flag)
			f.verify()
		})
	}
}

func TestAPayoutOfTheHistoryIsEvidenceOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.hear(f.sending("wd-1"), Answer{Word: Waiting, UpstreamRef: "P1"})
	second := f.hear(f.sending("wd-2"), Answer{Word: Lost})
	_, err := f.k.Heard(t.Context(), second.ID, Answer{Word: Paid, Attempt: second.Attempt, UpstreamRef: "P1", Cause: "history"})
	require.ErrorIs(t, err, ErrTaken)
	require.Equal(t, Unknown, f.read(second).State)
	taken, err := f.k.Taken(t.Context(), second, []string{"P1", "P2", ""})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"P1": true}, taken)
	taken, err = f.k.Taken(t.Context(), first, []string{"P1", "P2", ""})
	require.NoError(t, err)
	require.Empty(t, taken, "not by itself")
	require.Equal(t, Success, f.hear(second, Answer{Word: Paid, UpstreamRef: "P2"}).State)
	require.Equal(t, Sent, f.read(first).State)
	f.verify()
}

func TestAWorkerThatDiesLeavesDoubt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.sending("wd-1")
	due, err := f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Empty(t, due, "it may still come back")
	f.advance(time.Minute)
	got, err := f.k.TakeDue(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, w.ID, got.ID)
	got, err = f.k.Stuck(t.Context(), w.ID, w.Attempt)
	require.NoError(t, err)
	require.Equal(t, Unknown, got.State)
	_, err = f.k.Stuck(t.Context(), w.ID, w.Attempt)
	require.ErrorIs(t, err, ErrStale)
	require.Equal(t, Sent, f.hear(w, Answer{Word: Waiting, UpstreamRef: "P1"}).State, "what comes late all the same counts")
	_, err = f.k.Heard(t.Context(), w.ID, Answer{Word: Paid, Attempt: 7})
	require.ErrorIs(t, err, ErrStale)
	f.verify()
}

func TestWhatProvablyDidNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.sending("wd-1")
	for range awayAfter {
		w = f.hear(w, Answer{Word: NotSent})
		require.Equal(t, Approved, w.State)
		require.True(t, w.NextRunAt.After(f.now()))
		var err error
		w, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
		require.NoError(t, err)
	}
	require.Equal(t, flagAway, f.read(w).Flag)
	require.NotEqual(t, (&Withdrawal{ID: w.ID, Attempt: 1}).OurRef(), w.OurRef(), "each sending has a reference of its own")

	w = f.hear(w, Answer{Word: Refused, Reason: ReasonBalance})
	require.Equal(t, flagBalance, w.Flag)
	require.NotNil(t, w.NextRunAt, "it is tried again by itself")
	w, err := f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.NoError(t, err)
	w = f.hear(w, Answer{Word: Refused, Code: "400"})
	require.Equal(t, flagRefused, w.Flag)
	require.Nil(t, w.NextRunAt, "a person has to look")
	_, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.ErrorIs(t, err, ErrStale)
	w, err = f.k.Approve(t.Context(), w.ID, ops("their account was put right"))
	require.NoError(t, err)
	require.Empty(t, w.Flag)
	w, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.NoError(t, err)
	require.Equal(t, Success, f.hear(w, Answer{Word: Paid, UpstreamRef: "P1"}).State)
	require.Len(t, f.events(), 2, "to the merchant it was processing all the while")
	f.verify()
}

func TestOnceTheGatewayHasItWordsAboutASendingSayNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.hear(f.sending("wd-1"), Answer{Word: Waiting, UpstreamRef: "P1"})
	for _, word := range []Word{NotSent, Refused, Lost, Silent} {
		require.Equal(t, Sent, f.hear(w, Answer{Word: word}).State, word)
	}
	w = f.hear(w, Answer{Word: Gone})
	require.Equal(t, Sent, w.State)
	require.Equal(t, flagGone, w.Flag)
	w, err := f.k.Seen(t.Context(), w.ID, ops("asked them"))
	require.NoError(t, err)
	require.Empty(t, w.Flag)
	f.verify()
}

func TestTwoDifferentPeopleApproveWhereTwoAreNeeded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *Policy) { p.Live.Approvals = 2 })
	w := f.place("wd-1")
	w, err := f.k.Approve(t.Context(), w.ID, Decision{Actor: "cli:ani", Why: "ok"})
	require.NoError(t, err)
	require.Equal(t, Pending, w.State)
	require.Equal(t, "pending", w.Status())
	_, err = f.k.Approve(t.Context(), w.ID, Decision{Actor: "cli:ani", Why: "ok"})
	require.ErrorIs(t, err, ErrNotResolvable)
	_, err = f.k.Resolve(t.Context(), w.ID, Decision{Actor: "cli:ani", As: Success, Why: "by hand"})
	require.ErrorIs(t, err, ErrNotResolvable, "nor by another way")
	_, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.ErrorIs(t, err, ErrStale)
	w, err = f.k.Approve(t.Context(), w.ID, Decision{Actor: "cli:budi", Why: "ok"})
	require.NoError(t, err)
	require.Equal(t, Approved, w.State)
	e, err := f.k.ReadEvidence(t.Context(), w.ID)
	require.NoError(t, err)
	require.Len(t, e.Approvals, 2)
	require.Equal(t, "M1", e.MerchantID)
	require.Len(t, e.Events, 3)
	require.Len(t, e.Entries, 1)
	var rows int
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'withdraw.approve' AND subject = $1`, PublicID("MRA", w.ID)).Scan(&rows))
	require.Equal(t, 2, rows)
}

func TestAnAccountIsLookedUpBeforeItIsPaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *Policy) { p.Live.Checker = "checks" })
	w := f.place("wd-1")
	due, err := f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"checks"}, due)
	got, err := f.k.TakeCheck(t.Context(), "checks", time.Minute)
	require.NoError(t, err)
	require.Equal(t, w.ID, got.ID)
	none, err := f.k.TakeCheck(t.Context(), "checks", time.Minute)
	require.NoError(t, err)
	require.Nil(t, none, "it is leased")
	_, err = f.k.Approve(t.Context(), w.ID, ops("x"))
	require.ErrorIs(t, err, ErrNotResolvable, "nobody has looked yet")
	require.NoError(t, f.k.Checked(t.Context(), w.ID, "unknown", "", true))
	w = f.read(w)
	require.NotNil(t, w.CheckAt, "it is tried again")
	require.NoError(t, f.k.Checked(t.Context(), w.ID, "invalid", "", false))
	_, err = f.k.Approve(t.Context(), w.ID, ops("x"))
	require.ErrorIs(t, err, ErrNotResolvable)
	require.NoError(t, f.k.Checked(t.Context(), w.ID, "valid", "B***", false), "nobody asks any more")
	require.Equal(t, "invalid", f.read(w).CheckResult)
	d := ops("the check is wrong")
	d.Despite = true
	w, err = f.k.Approve(t.Context(), w.ID, d)
	require.NoError(t, err)
	require.Equal(t, Approved, w.State)
	f.verify()
}

func TestWithoutAGatewayAPersonPaysByHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *Policy) { p.Live = Way{Approvals: 1} })
	w, err := f.k.Approve(t.Context(), f.place("wd-1").ID, ops("ok"))
	require.NoError(t, err)
	require.Equal(t, flagHand, w.Flag)
	require.Equal(t, "processing", w.Status())
	_, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.ErrorIs(t, err, ErrStale)
	w, err = f.k.Resolve(t.Context(), w.ID, Decision{As: Success, Why: "sent from my phone", Actor: "cli:ops"})
	require.NoError(t, err)
	require.Equal(t, Success, w.State)
	require.EqualValues(t, 50_000, f.account(ledger.Float(byHand)))
	f.verify()
}

func TestAPayoutAfterTheRefundIsOurLoss(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.hear(f.sending("wd-1"), Answer{Word: Failed, UpstreamRef: "P1"})
	d := Decision{As: Success, Charge: 700, Why: "the receiver has it", Actor: "cli:ops"}
	w, err := f.k.Resolve(t.Context(), w.ID, d)
	require.NoError(t, err)
	require.Equal(t, Rejected, w.State, "a final status never changes")
	require.Equal(t, flagLate, w.Flag)
	require.EqualValues(t, opening, f.balance(), "the merchant keeps what was given back")
	require.EqualValues(t, -50_700, f.account(ledger.Loss("gw-a")))
	f.verify()
	_, err = f.k.Resolve(t.Context(), w.ID, d)
	require.ErrorIs(t, err, ErrNotResolvable, "once")
	w, err = f.k.Seen(t.Context(), w.ID, ops("claimed from them"))
	require.NoError(t, err)
	require.Empty(t, w.Flag)
	for _, as := range []State{Rejected, Pending} {
		_, err = f.k.Resolve(t.Context(), w.ID, Decision{As: as, Why: "x", Actor: "test"})
		require.ErrorIs(t, err, ErrNotResolvable)
	}
}

func TestInTestModeNobodyHasToApprove(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.request("wd-1", 50_000)
	r.Mode = "test"
	require.NoError(t, f.exec(`UPDATE wallets SET mode = 'test' WHERE id = $1`, f.wallet))
	w, _, err := f.k.Place(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "pending", w.Status())
	due, err := f.k.DueGateways(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"box"}, due)
	w, err = f.k.Claim(t.Context(), w.ID, rand.Text(), time.Minute)
	require.NoError(t, err)
	require.Equal(t, Sending, w.State)
}

func (f *fixture) exec(sql string, args ...any) error {
	_, err := f.db.Pool.Exec(f.t.Context(), sql, args...)
	return err
}

func TestWhatIsWatchedIsAskedAboutSooner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.hear(f.sending("wd-1"), Answer{Word: Waiting, UpstreamRef: "P1"})
	f.advance(time.Hour)
	w = f.hear(w, Answer{Word: Waiting})
	require.Equal(t, 450*time.Second, w.NextRunAt.Sub(f.now()))
	require.NoError(t, f.k.Touch(t.Context(), w.ID))
	require.Equal(t, 10*time.Second, f.read(w).NextRunAt.Sub(f.now()))
	w = f.hear(w, Answer{Word: Waiting})
	require.Equal(t, 20*time.Second, w.NextRunAt.Sub(f.now()))
	require.Equal(t, time.Hour, f.hear(w, Answer{Word: Silent, After: time.Hour}).NextRunAt.Sub(f.now()))
	got, err := f.k.TakeDue(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.Nil(t, got)
	f.advance(time.Hour)
	got, err = f.k.TakeDue(t.Context(), "gw-a", time.Minute)
	require.NoError(t, err)
	require.NoError(t, f.k.PutBack(t.Context(), got, 5*time.Second))
	require.Equal(t, 5*time.Second, f.read(got).NextRunAt.Sub(f.now()))
}

func TestWithdrawalsAreListedAndNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.place("wd-1")
	f.advance(time.Second) // ids of one moment are in no order
	b := f.approved("wd-2")
	f.advance(time.Second)
	c := f.hear(f.sending("wd-3"), Answer{Word: Paid, UpstreamRef: "P1"})
	list := func(status string) []*Withdrawal {
		got, err := List(t.Context(), f.db.Bun, f.wallet, Filter{Status: status, Limit: 10})
		require.NoError(t, err)
		return got
	}
	require.Len(t, list(""), 3)
	require.Equal(t, a.ID, list("pending")[0].ID)
	require.Equal(t, b.ID, list("processing")[0].ID)
	require.Equal(t, c.ID, list("success")[0].ID)
	require.Empty(t, list("rejected"))
	future := f.now().Add(time.Hour)
	got, err := List(t.Context(), f.db.Bun, f.wallet, Filter{From: &future, To: &future, Before: c.ID, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, got)
	byRef, err := f.k.Get(t.Context(), f.wallet, "wd-2")
	require.NoError(t, err)
	byID, err := f.k.Get(t.Context(), f.wallet, PublicID("MRA", b.ID))
	require.NoError(t, err)
	require.Equal(t, byRef, byID)
	_, err = f.k.Get(t.Context(), f.wallet+1, PublicID("MRA", b.ID))
	require.ErrorIs(t, err, ErrNotFound)
	all, err := ListAll(t.Context(), f.db.Bun, OperatorFilter{States: []State{Approved}, MerchantID: "M1", Mode: "live", Source: "gw-a", Before: c.ID, Limit: 10})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "M1", all[0].MerchantID)
	all, err = ListAll(t.Context(), f.db.Bun, OperatorFilter{Flagged: true, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, all)
	names, err := NamesOf(t.Context(), f.db.Pool, []int64{a.ID, b.ID})
	require.NoError(t, err)
	require.Equal(t, map[int64]string{a.ID: "wd-1", b.ID: "wd-2"}, names)
	st, err := f.k.Stand(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, st.Open["gw-a"][Pending])
	require.EqualValues(t, 102_000, st.Rupiah)
	v := c.View("MRA")
	require.EqualValues(t, 51_000, v.TotalDeduct)
	require.NotNil(t, v.ProcessedAt)
	n, ok := ParseOperatorID(v.WithdrawID)
	require.True(t, ok)
	require.Equal(t, c.ID, n)
	_, ok = ParseOperatorID("odd")
	require.False(t, ok)
}

func TestADriftIsFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open, paid := f.place("wd-1"), f.hear(f.sending("wd-2"), Answer{Word: Paid, UpstreamRef: "P1", Charge: 9})
	back, err := f.k.Reject(t.Context(), f.place("wd-3").ID, ops("x"))
	require.NoError(t, err)
	f.verify()
	for _, c := range []struct {
		sql string
		id  int64
	}{
		{`UPDATE withdrawals SET amount = amount + 1 WHERE id = $1`, open.ID}, {`UPDATE withdrawals SET charge = 8 WHERE id = $1`, paid.ID},
		{`UPDATE withdrawals SET state = 'rejected' WHERE id = $1`, paid.ID}, {`UPDATE withdrawals SET state = 'success' WHERE id = $1`, back.ID},
		{`UPDATE withdrawals SET state = 'success', completed_at = now() WHERE id = $1`, open.ID},
		{`UPDATE withdrawals SET state = 'sent', completed_at = NULL WHERE id = $1`, back.ID},
	} {
		tx, err := f.db.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), c.sql, c.id)
		require.NoError(t, err)
		r, err := ledger.VerifyIn(t.Context(), tx, Checks()...)
		require.NoError(t, err)
		require.NotEmpty(t, r.Problems, c.sql)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

func TestALimitOfTheDayBoundsWithdrawals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.k.Location = time.FixedZone("WIB", 7*60*60)
	used, err := f.k.UsedToday(t.Context(), f.wallet)
	require.NoError(t, err)
	require.Nil(t, used, "nothing is counted without a limit")
	limit := int64(100_000)
	_, err = rule.SetLimits(t.Context(), f.db.Pool, f.wallet, rule.Change{WithdrawPerDay: &limit}, audit.Entry{Actor: "test", Action: "merchant.limit", Subject: "M1", At: f.now()})
	require.NoError(t, err)
	var accepted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, _, err := f.k.Place(context.Background(), f.request(fmt.Sprint("wd-", i), 30_000))
			var beyond *rule.LimitError
			switch {
			case err == nil:
				accepted.Add(1)
			case errors.As(err, &beyond):
				if beyond.Limit != rule.WithdrawPerDay || beyond.Allowed != limit {
					t.Error(beyond)
				}
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 3, accepted.Load(), "never more, however many at once")
	require.EqualValues(t, 17, refused.Load())
	require.EqualValues(t, opening-3*31_000, f.balance())
	var n int64
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `SELECT min(id) FROM withdrawals`).Scan(&n))
	_, err = f.k.Reject(t.Context(), n, Decision{Actor: "test", Why: "no"})
	require.NoError(t, err)
	used, err = f.k.UsedToday(t.Context(), f.wallet)
	require.NoError(t, err)
	require.EqualValues(t, 60_000, *used, "what was rejected gives room")
	f.advance(24 * time.Hour)
	_, _, err = f.k.Place(t.Context(), f.request("tomorrow", 100_000))
	require.NoError(t, err)
	f.verify()
}
