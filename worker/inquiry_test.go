package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

func (s *stage) bills() *inquiry.Keeper { return &inquiry.Keeper{Pool: s.db.Pool, Now: s.clock} }

// asks begins an inquiry at rqid's bill of electricity.
func (s *stage) asks(ref, customer string) *inquiry.Inquiry {
	s.t.Helper()
	q, err := s.bills().Begin(s.t.Context(), &inquiry.Request{
		WalletID: s.wallet, Mode: "live", Ref: ref, SKU: "PLNIDPASCA", Name: "PLN", ProductID: 1, CustomerNo: customer,
		Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "PLNPASCA"}, WaitUntil: s.now.Add(10 * time.Second),
	})
	require.NoError(s.t, err)
	return q
}

// inquired asks for a bill and makes it payable at 100 rupiah above its total.
func (s *stage) inquired(ref, customer string) *inquiry.Inquiry {
	s.t.Helper()
	q := s.asks(ref, customer)
	verdict, err := s.a.inquire(s.t.Context(), q.ID)
	require.NoError(s.t, err)
	require.Equal(s.t, inquiry.VerdictFound, verdict)
	q, err = s.bills().ByID(s.t.Context(), q.ID)
	require.NoError(s.t, err)
	q, err = s.bills().Open(s.t.Context(), q, inquiry.Price(q.Bill, 100, 0))
	require.NoError(s.t, err)
	return q
}

// pays places the order that pays an inquiry.
func (s *stage) pays(q *inquiry.Inquiry) *order.Order {
	s.t.Helper()
	return s.order(&order.Request{
		WalletID: s.wallet, Ref: q.Ref, Category: order.PPOB, SKU: q.SKU, Name: q.Name, ProductID: q.ProductID, Quantity: 1, Price: q.Price,
		CustomerNo: &q.CustomerNo, Bill: q.Bill, Route: q.Route, MaxCost: q.Bill.Cost,
	})
}

// paid is what the source took, in rupiah.
func (s *stage) paid() (sum int64) {
	for _, p := range s.ppob.Books().Purchases {
		sum += p.Price
	}
	return sum
}

func TestABillIsPaidAsItWasInquired(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	q := s.inquired("r1", "546302215801")
	require.Empty(t, s.ppob.Books().Purchases, "asking buys nothing")
	require.NotEmpty(t, q.Bill.CustomerName)
	require.Equal(t, s.now.Add(inquiry.Life), q.ExpiresAt)
	o := s.buy(s.a, s.pays(q))
	require.Equal(t, order.Completed, o.State)
	require.Len(t, o.Facts.SN, 32)
	require.Equal(t, q.Bill.Cost, s.paid())
	require.Equal(t, order.InquiryRef(q.ID), s.ppob.Books().Purchases[0].Ref)
	require.Equal(t, 10_000_000-q.Price, s.balance())
	s.audit()
}

func TestAWorkerSaysWhyThereIsNoBill(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	ask := func(q *inquiry.Inquiry) string {
		verdict, err := s.a.inquire(t.Context(), q.ID)
		require.NoError(t, err)
		return verdict
	}
	for customer, want := range map[string]string{"546302215822": inquiry.VerdictNoBill, "546302215823": inquiry.VerdictNoBill} {
		q := s.asks("r"+customer, customer)
		require.Equal(t, want, ask(q))
		q, err := s.bills().ByID(t.Context(), q.ID)
		require.NoError(t, err)
		require.Equal(t, inquiry.Failed, q.State)
		require.Equal(t, "rejected no_bill", q.Outcome)
		require.NotEmpty(t, q.SaidDetail)
		require.Equal(t, inquiry.VerdictStale, ask(q), "a question that has ended is not asked again")
	}
	require.Equal(t, inquiry.VerdictStale, ask(&inquiry.Inquiry{ID: 1}), "there is no such question")
	q := s.asks("late", "546302215801")
	before := len(s.ppob.Books().Requests)
	s.advance(10 * time.Second)
	require.Equal(t, inquiry.VerdictStale, ask(q), "nobody waits any more")
	verdict, err := s.over("up-c", s.a.Client.Driver()).inquire(t.Context(), s.asks("other", "1").ID)
	require.NoError(t, err)
	require.Equal(t, inquiry.VerdictStale, verdict, "another's question")
	require.Len(t, s.ppob.Books().Requests, before)
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.Drop})
	require.Equal(t, inquiry.VerdictRefused, ask(s.asks("lost", "546302215801")))
	_, err = s.db.Pool.Exec(t.Context(), `UPDATE upstreams SET paused = true WHERE name = 'up-a'`)
	require.NoError(t, err)
	s.advance(time.Minute)
	require.Equal(t, inquiry.VerdictRefused, ask(s.asks("paused", "546302215801")))
	// Whoever waits is answered.
	d, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, s.a.Ask(d, queue.Task{InquiryID: s.asks("answered", "1").ID, Reply: "muara:reply:x"}))
	text, err := s.rdb.LPop(d, "muara:reply:x").Result()
	require.NoError(t, err)
	require.JSONEq(t, `{"data":"refused"}`, text)
}

func TestALostPaymentIsPaidOnce(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]emulate.Rule{
		"dropped after effect":  {Kind: emulate.Drop, AfterEffect: true},
		"dropped before effect": {Kind: emulate.Drop},
		"a gateway's error":     {Kind: emulate.Status, Status: 502, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
			q := s.inquired("r1", "546302215801")
			rule := rule
			rule.Endpoint, rule.Count = "purchase", 1
			s.fault(s.ppob.Core, rule)
			o := s.buy(s.a, s.pays(q))
			require.Equal(t, order.Unknown, o.State)
			for range 12 {
				o = s.poll(s.a, o, 20*time.Second)
			}
			require.Equal(t, order.Completed, o.State)
			require.Equal(t, q.Bill.Cost, s.paid())
			require.Len(t, s.ppob.Books().Purchases, 1)
			s.audit()
		})
	}
}

// TestAPaymentThatNeverLeftIsTriedAgainUnderItsReference: all attempts bear the
// inquiry's, and no other source is tried.
func TestAPaymentThatNeverLeftIsTriedAgainUnderItsReference(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	q := s.inquired("r1", "546302215801")
	away := s.over("up-a", &unreachable{s.a.Client.Driver()})
	o := s.pays(q)
	for range 3 {
		o = s.buy(away, o)
		require.Equal(t, order.Queued, o.State)
		require.Equal(t, "up-a", o.Upstream)
	}
	o = s.buy(s.a, o)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, 4, o.Attempt)
	require.Equal(t, order.InquiryRef(q.ID), s.ppob.Books().Purchases[0].Ref)
	var refs int
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(DISTINCT our_ref) FROM order_attempts`).Scan(&refs))
	require.Equal(t, 1, refs)
	s.audit()
}

// unreachable is a driver whose provider cannot be dialled.
type unreachable struct{ upstream.Driver }

func (u *unreachable) Inquire(context.Context, *upstream.Purchase) (*upstream.Bill, error) {
	return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no route")}
}

func (u *unreachable) Pay(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return nil, &upstream.Error{Class: upstream.NotSent, Err: fmt.Errorf("no route")}
}

func TestABillWhoseTimeIsOverIsNotPaid(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	waits := s.pays(s.inquired("r1", "546302215801"))
	lost := s.inquired("r2", "546302215802")
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Count: 1})
	unknown := s.buy(s.a, s.pays(lost))
	require.Equal(t, order.Unknown, unknown.State)
	s.advance(inquiry.Life)
	waits = s.buy(s.a, waits)
	require.Equal(t, order.Failed, waits.State)
	require.Equal(t, sayLate, waits.Message)
	require.Zero(t, waits.Attempt, "nothing was sent")
	for range 12 {
		unknown = s.poll(s.a, unknown, 20*time.Second)
	}
	require.Equal(t, order.Failed, unknown.State, "it is not known there, and is not paid any more")
	require.Equal(t, sayLate, unknown.Message)
	require.Empty(t, s.ppob.Books().Purchases)
	require.EqualValues(t, 10_000_000, s.balance())
	s.audit()
}

func TestABillThatIsRefusedIsRefundedAndPaidNowhereElse(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct}))
	o := s.buy(s.a, s.pays(s.inquired("r1", "546302215801")))
	for range 12 {
		o = s.poll(s.a, o, 20*time.Second)
	}
	require.Equal(t, order.Failed, o.State)
	require.Equal(t, "up-a", o.Upstream)
	require.EqualValues(t, 10_000_000, s.balance())
	s.audit()
}
