package worker

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// reading takes our balance, as every half minute.
func (s *stage) reading(w *Worker) {
	s.t.Helper()
	require.NoError(s.t, w.BalanceTurn(s.t.Context(), queue.Task{}))
}

// lose makes the next n purchases at RumahOTP lose their answers.
func (s *stage) lose(n int, bought bool) {
	s.t.Helper()
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Drop, AfterEffect: bought, Endpoint: "purchase", Count: n})
}

// evidence is what was concluded about an order, as verdicts.
func (s *stage) evidence(o *order.Order) (verdicts []string) {
	s.t.Helper()
	e, err := order.ReadEvidence(s.t.Context(), s.db.Bun, o.ID)
	require.NoError(s.t, err)
	for _, c := range e.Concluded {
		verdicts = append(verdicts, c.Verdict)
	}
	return verdicts
}

func TestANumberWhoseAnswerWasLostBeforeItWasBoughtIsBoughtAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, Code: "482913"}))
	s.reading(s.b)
	s.lose(1, false)
	o := s.buy(s.b, s.rent("r1"))
	require.Equal(t, order.Unknown, o.State)
	require.Equal(t, "processing", o.Status())
	o = s.poll(s.b, o, 10*time.Second)
	require.Equal(t, order.Unknown, o.State, "its request may still be on its way")
	o = s.poll(s.b, o, 30*time.Second)
	require.Equal(t, order.Queued, o.State)
	require.Equal(t, "processing", o.Status())
	require.Empty(t, o.Flag)
	require.Equal(t, []string{"home"}, s.evidence(o))
	o = s.buy(s.b, o)
	require.Equal(t, 2, o.Attempt)
	o = s.poll(s.b, o, 10*time.Second)
	require.Equal(t, order.Completed, o.State)
	require.Len(t, s.otp.Books().Purchases, 1)
	s.audit()
}

func TestANumberWhoseAnswerWasLostIsPaidBackWithItsMoney(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(1, true)
	o := s.buy(s.b, s.rent("r1"))
	o = s.poll(s.b, o, 40*time.Second)
	require.Equal(t, order.Unknown, o.State, "it was bought, says the balance")
	require.Empty(t, o.Flag, "and needs nobody")
	require.Equal(t, []string{"away"}, s.evidence(o))
	for range 13 {
		o = s.poll(s.b, o, time.Minute)
		require.Equal(t, order.Unknown, o.State)
		require.EqualValues(t, 9_991_000, s.balance(), "nothing is given back before it came back")
	}
	for range 4 {
		o = s.poll(s.b, o, time.Minute)
	}
	require.Equal(t, order.Failed, o.State)
	require.EqualValues(t, 10_000_000, s.balance())
	require.Equal(t, []string{"away", "home"}, s.evidence(o))
	require.Len(t, s.otp.Books().Purchases, 1, "it was not bought again")
	e, err := order.ReadEvidence(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	var seen evidence
	require.NoError(t, json.Unmarshal(e.Concluded[0].Detail, &seen))
	require.Equal(t, seen.Before.Balance-seen.Cost, seen.After.Balance)
	require.Equal(t, order.OutcomeReturned, e.Attempts[0].Outcome)
	require.Equal(t, s.otp.Books().Balance, *e.Attempts[0].BalanceAfter)
	s.audit()
}

func TestNothingElseIsBoughtWhileAnOutcomeIsOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(1, true)
	lost, other := s.rent("lost"), s.rent("other")
	lost = s.buy(s.b, lost)
	other = s.buy(s.b, other)
	require.Equal(t, order.Queued, other.State)
	require.Zero(t, other.Attempt)
	require.Equal(t, "pending", other.Status())
	second := s.worker("up-b", "rumahotp", s.serve(s.otp)+"/api")
	other = s.buy(second, other)
	require.Equal(t, order.Queued, other.State, "nor by another pod")
	s.poll(s.b, lost, 40*time.Second)
	other = s.read(other)
	require.False(t, other.NextRunAt.After(s.now), "it is due as soon as the outcome is known")
	other = s.buy(second, other)
	require.Equal(t, order.Processing, other.State)
	s.audit()
}

// product takes an order of an H2H product at RumahOTP.
func (s *stage) product(ref, target string) *order.Order {
	s.t.Helper()
	p := s.otp.Products()[0]
	return s.order(&order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.PPOB, SKU: "H", Name: "H", ProductID: 3, Quantity: 1, Price: 20_000, CustomerNo: &target,
		Route: order.Route{Upstream: "up-b", OfferID: 3, Code: string(p.Code), Cost: int64(p.Price)},
	})
}

func TestAProductWhoseAnswerWasLostIsForAPersonOnlyWhenItWasBought(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
	s.reading(s.b)
	s.lose(1, false)
	o := s.buy(s.b, s.product("r1", "12340001"))
	o = s.poll(s.b, o, 100*time.Second)
	require.Equal(t, order.Unknown, o.State, "what stands in front of the provider may have given up, and the provider not")
	o = s.poll(s.b, o, 80*time.Second)
	require.Equal(t, order.Unknown, o.State, "one look is not enough where a wrong answer delivers twice")
	for range 3 {
		o = s.poll(s.b, o, 10*time.Second)
	}
	require.Equal(t, order.Queued, o.State)
	require.Equal(t, []string{"home"}, s.evidence(o))
	o = s.buy(s.b, o)
	o = s.poll(s.b, o, 10*time.Second)
	require.Equal(t, order.Completed, o.State)
	require.Len(t, s.otp.Books().Purchases, 1)

	s.lose(1, true)
	o = s.buy(s.b, s.product("r2", "12340002"))
	for range 3 {
		o = s.poll(s.b, o, time.Hour)
	}
	require.Equal(t, order.Unknown, o.State)
	require.Contains(t, o.Flag, "its id there has to be found")
	require.Nil(t, o.NextRunAt, "only a person can find it")
	require.Equal(t, []string{"away"}, s.evidence(o))
	require.Len(t, s.otp.Books().Purchases, 2, "and it is not bought again")
	next := s.buy(s.b, s.product("r3", "12340003"))
	require.Equal(t, order.Processing, next.State, "purchases go on")
	_, err := s.writer.Resolve(t.Context(), s.db.Bun, o.ID, order.Resolution{As: order.Completed, SN: "SN-1", Why: "found it", Actor: "test"})
	require.NoError(t, err)
	s.audit()
}

func TestSomebodyElseAtTheAccountLeavesItToAPerson(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(1, false)
	o := s.buy(s.b, s.rent("r1"))
	s.otp.SetBalance(s.otp.Books().Balance - 777)
	o = s.poll(s.b, o, 40*time.Second)
	require.Equal(t, order.Unknown, o.State)
	require.Empty(t, o.Flag, "a provider's books may lag: it is looked at again")
	o = s.poll(s.b, o, 25*time.Second)
	require.Contains(t, o.Flag, "what nothing of ours explains")
	require.EqualValues(t, 9_991_000, s.balance())
	other := s.buy(s.b, s.rent("r2"))
	require.Equal(t, order.Processing, other.State, "purchases go on")

	s.reading(s.b)
	s.lose(1, false)
	o = s.buy(s.b, s.rent("r3"))
	for range 12 {
		o = s.poll(s.b, o, 20*time.Second)
	}
	require.Contains(t, o.Flag, "somebody else moves money")
	require.Equal(t, []string{"disturbed"}, s.evidence(o))
	s.audit()
}

func TestAMerchantWhoCancelsAnUnknownOrderGetsTheMoneyBackOnProof(t *testing.T) {
	t.Parallel()
	for name, bought := range map[string]bool{"not bought": false, "bought": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
			s.reading(s.b)
			s.lose(1, bought)
			o := s.buy(s.b, s.rent("r1"))
			_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, "r1")
			require.NoError(t, err)
			o = s.poll(s.b, o, time.Second)
			require.Equal(t, order.Unknown, o.State)
			require.EqualValues(t, 9_991_000, s.balance(), "a wish is no proof")
			for range 18 {
				o = s.poll(s.b, o, time.Minute)
			}
			require.Equal(t, order.Canceled, o.State)
			require.EqualValues(t, 10_000_000, s.balance())
			s.audit()
		})
	}
}

func TestAnOperatorMayBeFaster(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(2, true)
	first, second := s.buy(s.b, s.rent("r1")), s.rent("r2")
	resolve := func(o *order.Order, as order.State, sn string) {
		_, err := s.writer.Resolve(t.Context(), s.db.Bun, o.ID, order.Resolution{As: as, SN: sn, Why: "looked it up", Actor: "test"})
		require.NoError(t, err)
	}
	resolve(first, order.Completed, "482913")
	require.Nil(t, s.poll(s.b, first, time.Minute).NextRunAt, "and nobody weighs any more")
	second = s.buy(s.b, second)
	require.Equal(t, order.Unknown, second.State, "an operator's word lets purchases go on")
	resolve(second, order.Failed, "")
	require.EqualValues(t, 9_991_000, s.balance())
	third := s.buy(s.b, s.rent("r3"))
	require.Equal(t, order.Processing, third.State)
	s.audit()
}

func TestWhileTheBalanceIsNotToldNothingIsConcluded(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(1, false)
	o := s.buy(s.b, s.rent("r1"))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Garbled, Endpoint: "/api/v1/user/balance"})
	for range 20 {
		o = s.poll(s.b, o, 10*time.Second)
	}
	require.Equal(t, order.Unknown, o.State)
	require.Empty(t, s.evidence(o))
	require.NotNil(t, o.NextRunAt)
	s.otp.ClearFaults(0)
	o = s.poll(s.b, o, 10*time.Second)
	require.Equal(t, order.Queued, o.State)
	s.audit()
}

func TestALateAnswerWins(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	o := s.rent("r1")
	slot, err := s.b.Client.Reserve(t.Context(), budget.Buy)
	require.NoError(t, err)
	watch, err := s.b.watch(o)
	require.NoError(t, err)
	claimed, err := s.b.claim(t.Context(), o, order.Step{From: order.Queued, Version: o.Version, To: order.Sending, Watch: watch}, "claim")
	require.NoError(t, err)
	p, err := s.b.prepared(t.Context(), claimed)
	require.NoError(t, err)
	res, err := s.b.Client.Submit(t.Context(), slot, p)
	require.NoError(t, err)
	s.advance(40 * time.Second) // the worker is frozen; others take its call for lost
	_, err = s.writer.Do(t.Context(), order.Step{OrderID: o.ID, Attempt: 1, From: order.Sending, To: order.Unknown, Cause: "sweep", NextRunAt: &s.now})
	require.NoError(t, err)
	o = s.poll(s.b, o, time.Second)
	require.Equal(t, []string{"away"}, s.evidence(o))
	require.NoError(t, s.b.settle(t.Context(), claimed, answer{res: res}, "submit"))
	o = s.read(o)
	require.Equal(t, order.Processing, o.State)
	require.NotEmpty(t, o.Facts.Phone)
	require.True(t, s.otp.DeliverCode(o.UpstreamRef, "482913"))
	o = s.poll(s.b, o, 20*time.Second)
	require.Equal(t, order.Completed, o.State)
	s.audit()
}

func TestAProductThatIsTakenLateIsNotBoughtAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
	s.reading(s.b)
	s.lose(1, false)
	o := s.buy(s.b, s.product("r1", "12340001"))
	s.advance(40 * time.Second)
	s.reading(s.b)
	s.advance(80 * time.Second)
	s.otp.SetBalance(s.otp.Books().Balance - o.Cost) // two minutes after it was sent
	for range 3 {
		o = s.poll(s.b, o, time.Minute)
	}
	require.Equal(t, order.Unknown, o.State)
	require.Contains(t, o.Flag, "its id there has to be found")
	require.EqualValues(t, 9_980_000, s.balance())
}

func TestABalanceThatIsToldNoMoreKeepsNoPurchaseBackForAnOrphan(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	s.reading(s.b)
	s.lose(1, true)
	o := s.poll(s.b, s.buy(s.b, s.rent("r1")), 40*time.Second)
	require.Equal(t, []string{"away"}, s.evidence(o))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Garbled, Endpoint: "/api/v1/user/balance"})
	o = s.poll(s.b, o, 17*time.Minute)
	looks := 0
	for at := s.now; s.now.Sub(at) < 20*time.Minute; {
		polls := o.Polls
		o = s.poll(s.b, o, 10*time.Second)
		looks += o.Polls - polls
		other := s.buy(s.b, s.rent(fmt.Sprint("next", s.now.Unix())))
		require.Equal(t, order.Processing, other.State, "purchases go on")
	}
	require.Less(t, looks, 60, "less and less often is it looked at")
	require.Contains(t, o.Flag, "the balance cannot be read to any use")
	require.Equal(t, order.Unknown, o.State)
	s.otp.ClearFaults(0)
	for range 20 {
		o = s.poll(s.b, o, time.Minute)
	}
	require.Equal(t, order.Failed, o.State, "it is looked at on")
	require.Empty(t, o.Flag)
}
