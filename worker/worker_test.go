package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// always gives every purchase the same future.
func always(o emulate.Outcome) emulate.Script {
	return func(emulate.Purchase, *rand.Rand) emulate.Outcome { return o }
}

func TestAPurchaseThatSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-77"}))
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "SN-77", o.Facts.SN)
	require.Nil(t, o.NextRunAt)
	require.EqualValues(t, 10_000_000-20_000, s.balance())
	s.audit()
}

func TestATaskForWhatIsDoneDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	o := s.place("r1", "081234567890")
	task := queue.Task{OrderID: o.ID}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.a.Buy(context.Background(), task); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, s.ppob.Books().Purchases, 1)
	require.NoError(t, s.a.Buy(t.Context(), queue.Task{OrderID: 12345}))
	require.NoError(t, s.b.Buy(t.Context(), task), "another upstream's worker leaves it alone")
	s.audit()
}

func TestAPendingPurchaseIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome emulate.Outcome
		state   order.State
		left    int64
	}{
		"success":            {emulate.Outcome{Result: emulate.Success, After: 30 * time.Second}, order.Completed, 9_980_000},
		"failure":            {emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct, After: 30 * time.Second}, order.Failed, 10_000_000},
		"customer's mistake": {emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonCustomer, After: 30 * time.Second}, order.Failed, 10_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, always(c.outcome))
			o := s.buy(s.a, s.place("r1", "081234567890"))
			require.Equal(t, order.Processing, o.State)
			o = s.poll(s.a, o, 10*time.Second)
			require.Equal(t, order.Processing, o.State)
			for range 5 {
				o = s.poll(s.a, o, 30*time.Second)
			}
			require.Equal(t, c.state, o.State)
			require.Equal(t, c.left, s.balance())
			s.audit()
		})
	}
}

func TestManyOpenOrdersAreAskedAboutInOneRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, After: time.Hour}))
	var os []*order.Order
	for i := range 60 {
		os = append(os, s.buy(s.a, s.place(fmt.Sprint("r", i), fmt.Sprintf("0812345%05d", i))))
	}
	before := len(s.ppob.Books().Requests)
	s.poll(s.a, os[0], 20*time.Second)
	require.Equal(t, 1, len(s.ppob.Books().Requests)-before)
	for _, o := range os {
		o = s.read(o)
		require.Equal(t, order.Processing, o.State)
		require.Equal(t, 1, o.Polls)
		require.True(t, o.NextRunAt.After(s.now))
	}
}

func TestALostAnswerIsResolvedByEvidence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   emulate.Rule
		bought int
	}{
		"dropped after effect":  {emulate.Rule{Kind: emulate.Drop, AfterEffect: true}, 1},
		"dropped before effect": {emulate.Rule{Kind: emulate.Drop}, 1},
		"block page before":     {emulate.Rule{Kind: emulate.BlockPage, Status: 502}, 1},
		"block page after":      {emulate.Rule{Kind: emulate.BlockPage, Status: 520, AfterEffect: true}, 1},
		"server error before":   {emulate.Rule{Kind: emulate.Status, Status: 500}, 1},
		"garbled after":         {emulate.Rule{Kind: emulate.Garbled, AfterEffect: true}, 1},
		"truncated after":       {emulate.Rule{Kind: emulate.Truncated, AfterEffect: true}, 1},
		"mistyped after":        {emulate.Rule{Kind: emulate.Mistyped, AfterEffect: true}, 1},
		"redirected before":     {emulate.Rule{Kind: emulate.Redirect}, 1},
		"cut off after":         {emulate.Rule{Kind: emulate.Cut, AfterEffect: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
			c.rule.Endpoint, c.rule.Count = "purchase", 1
			s.fault(s.ppob.Core, c.rule)
			o := s.buy(s.a, s.place("r1", "081234567890"))
			require.Equal(t, order.Unknown, o.State)
			require.Equal(t, "processing", o.Status())
			require.EqualValues(t, 9_980_000, s.balance(), "unknown is not failed")
			for range 20 {
				o = s.poll(s.a, o, 20*time.Second)
			}
			require.Equal(t, order.Completed, o.State)
			require.Len(t, s.ppob.Books().Purchases, c.bought)
			require.Equal(t, 1, o.Attempt, "the same reference, however often it was sent")
			s.audit()
		})
	}
}

func TestWhatIsFoundInAHistoryIsCompleteAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.Drop, AfterEffect: true, Endpoint: "purchase", Count: 1})
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Unknown, o.State)
	o = s.poll(s.a, o, 3*time.Second)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "SN-1", o.Facts.SN, "by the look that found it")
	s.audit()
}

func TestWhatNeverLeftGoesBackToTheQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	gone := s.worker("up-a", "rqid", "http://127.0.0.1:1")
	o := s.buy(gone, s.place("r1", "081234567890"))
	require.Equal(t, order.Queued, o.State)
	require.Equal(t, 1, o.Attempt)
	require.True(t, o.NextRunAt.After(s.now))
	o = s.buy(s.a, o)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, 2, o.Attempt)
	s.audit()
}

func TestARefusalFailsOverToAnotherOfferOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct}))
	var product int64
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
		VALUES ('live', 'FAILOVER', 'ppob', 'Pulsa', 'TELKOMSEL', 'Pulsa', 'prepaid', '', '[]', '', 'price', false, '{}', 1, $1, $1) RETURNING id`, s.now).Scan(&product))
	offer := func(up, code string, cost int64) (id int64) {
		require.NoError(t, s.db.Pool.QueryRow(t.Context(), `INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited,
			success_rate, closed, failures, priority, weight, created_at, updated_at)
			VALUES ($1, $2, 's', $3, '{}', '', '', '', $4, true, '', 0, true, 100, false, 0, 0, 1, $5, $5) RETURNING id`, product, up, code, cost, s.now).Scan(&id))
		return id
	}
	code := string(s.ppob.Products()[0].Kode)
	first, second := offer("up-a", code, 5_000), offer("up-c", code, 5_500)
	third := s.worker("up-c", "rqid", s.serve(s.ppob))
	place := func(ref string, most int64) *order.Order {
		target := "081234567890"
		return s.order(&order.Request{
			WalletID: s.wallet, Ref: ref, Category: order.PPOB, SKU: "FAILOVER", Name: "Pulsa", ProductID: product, Quantity: 1, Price: 6_000, CustomerNo: &target,
			Route: order.Route{Upstream: "up-a", OfferID: first, Code: code, Cost: 5_000}, MaxCost: most,
		})
	}
	o := s.buy(s.a, place("r1", 6_000))
	require.Equal(t, order.Queued, o.State)
	require.Equal(t, "up-c", o.Upstream)
	require.Equal(t, second, o.OfferID)
	require.EqualValues(t, 9_994_000, s.balance(), "the price stays held on the way to the next offer")
	o = s.buy(third, o)
	require.Equal(t, order.Failed, o.State, "no offer is left")
	require.Equal(t, sayUnavailable, o.Message)
	require.EqualValues(t, 10_000_000, s.balance())

	o = s.buy(s.a, place("r2", 5_400))
	require.Equal(t, order.Failed, o.State, "the other offer costs more than the order may")
	s.audit()
}

func TestACustomersMistakeIsNotTriedElsewhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonCustomer}))
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Failed, o.State)
	require.Equal(t, sayCustomer, o.Message)
	for _, word := range []string{"rqid", "up-a", "rc "} {
		require.NotContains(t, strings.ToLower(o.Message), word)
	}
	s.audit()
}

func TestAPausedUpstreamKeepsItsOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	require.NoError(t, catalog.Pause(t.Context(), s.db.Pool, "up-a", "maintenance", "test", s.now))
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Queued, o.State)
	require.Empty(t, s.ppob.Books().Purchases)
	require.NoError(t, catalog.Resume(t.Context(), s.db.Pool, "up-a", "test", s.now))
	s.advance(2 * pausedFor)
	o = s.buy(s.a, o)
	require.Equal(t, order.Completed, o.State)
	s.audit()
}

func TestACodeComesToARentedNumber(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success, After: 20 * time.Second, Code: "482913"}))
	o := s.buy(s.b, s.rent("r1"))
	require.Equal(t, order.Processing, o.State)
	require.True(t, strings.HasPrefix(o.Facts.Phone, "+62"), o.Facts.Phone)
	require.NotNil(t, o.ExpiresAt)
	o = s.poll(s.b, o, 10*time.Second)
	require.Equal(t, order.Processing, o.State)
	o = s.poll(s.b, o, 15*time.Second)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "482913", o.Facts.Messages[0].Code)

	o, err := s.writer.Resend(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: o.ID}))
	require.True(t, s.read(o).Facts.WishSent)
	require.True(t, s.otp.DeliverCode(o.UpstreamRef, "777888"))
	o = s.poll(s.b, o, 10*time.Second)
	require.Len(t, o.Facts.Messages, 2)
	require.False(t, o.ResendRequested)
	o = s.poll(s.b, o, 10*time.Second)
	require.Nil(t, o.NextRunAt, "there is nothing more to come")

	o, err = s.writer.Finish(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: o.ID}))
	require.Nil(t, s.read(o).NextRunAt)
	s.audit()
}

func TestANumberWithoutACodeExpiresAndIsRefunded(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	o := s.buy(s.b, s.rent("r1"))
	for range 16 {
		o = s.poll(s.b, o, time.Minute)
	}
	require.Equal(t, order.Expired, o.State)
	require.EqualValues(t, 10_000_000, s.balance())
	s.audit()
}

func TestACancelIsConfirmedBeforeTheRefundAndACodeWinsOverIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	o := s.buy(s.b, s.rent("r1"))
	_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: o.ID}))
	require.EqualValues(t, 9_991_000, s.balance(), "the source has been told, nothing more")
	o = s.poll(s.b, o, time.Second)
	require.Equal(t, order.Canceled, o.State)
	require.EqualValues(t, 10_000_000, s.balance())

	won := s.buy(s.b, s.rent("r2"))
	require.True(t, s.otp.DeliverCode(won.UpstreamRef, "111222"))
	won, err = s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, "r2")
	require.NoError(t, err)
	require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: won.ID}))
	won = s.poll(s.b, won, time.Second)
	require.Equal(t, order.Completed, won.State)
	require.EqualValues(t, 9_991_000, s.balance())
	s.audit()
}

func TestAnOutcomeThatNobodyCanTellGoesToAnOperator(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Drop, AfterEffect: true, Endpoint: "purchase", Count: 1})
	o := s.buy(s.b, s.rent("r1"))
	require.Equal(t, order.Unknown, o.State)
	for range 3 {
		o = s.poll(s.b, o, time.Hour)
	}
	require.Equal(t, order.Unknown, o.State, "age never decides")
	require.NotEmpty(t, o.Flag)
	require.Nil(t, o.NextRunAt)
	require.Len(t, s.otp.Books().Purchases, 1, "nothing is bought again without evidence")
	require.EqualValues(t, 9_991_000, s.balance())
	var after *int64
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT balance_after FROM order_attempts WHERE order_id = $1`, o.ID).Scan(&after))
	require.Equal(t, s.otp.Books().Balance, *after, "the balance is part of the evidence")
	s.audit()
}

func TestARefusedCancelIsNotToldAllTheTime(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Silent}))
	o := s.buy(s.b, s.rent("r1"))
	s.fault(s.otp.Core, emulate.Rule{Kind: emulate.Status, Status: 400, Endpoint: "/api/v1/orders/set_status"})
	_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, "r1")
	require.NoError(t, err)
	before := len(s.otp.Books().Requests)
	for range 60 { // a minute
		s.poll(s.b, o, time.Second)
		require.NoError(t, s.b.Act(t.Context(), queue.Task{OrderID: o.ID}))
	}
	require.Less(t, len(s.otp.Books().Requests)-before, 45, "of which three tell, and the rest ask")
}

func TestARefusalWithoutProofEndsOnceTheReferenceIsNotKnown(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	s.ppob.SetBalance(0)
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Unknown, o.State, "its code is in no document")
	for range 6 {
		o = s.poll(s.a, o, 3*time.Second)
	}
	require.Equal(t, order.Failed, o.State)
	require.EqualValues(t, 10_000_000, s.balance())
	require.Empty(t, s.ppob.Books().Purchases)
	s.audit()
}

func TestALateSuccessIsLookedFor(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonCustomer, Late: time.Minute}))
	o := s.buy(s.a, s.place("r1", "081234567890"))
	require.Equal(t, order.Failed, o.State)
	require.EqualValues(t, 10_000_000, s.balance())
	for range 3 {
		o = s.poll(s.a, o, 20*time.Minute)
	}
	require.Equal(t, order.Completed, o.State)
	require.NotEmpty(t, o.Flag, "the loss is an operator's task")
	require.EqualValues(t, 10_000_000, s.balance(), "the merchant keeps the refund")
	s.audit()
	for range 40 {
		o = s.poll(s.a, o, time.Hour)
	}
	require.Nil(t, o.NextRunAt, "and then nobody asks any more")
}

func TestAnOrderThatWentElsewhereIsNotSentHere(t *testing.T) {
	t.Parallel()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	o := s.place("r1", "081234567890")
	slot, err := s.a.Client.Reserve(t.Context(), budget.Buy)
	require.NoError(t, err)
	_, err = s.writer.Do(t.Context(), order.Step{OrderID: o.ID, From: order.Queued, To: order.Queued, Cause: "reroute", NextRunAt: &s.now,
		Route: &order.Route{Upstream: "up-c", OfferID: 7, Code: "Z", Cost: 1}})
	require.NoError(t, err)
	require.NoError(t, s.a.submit(t.Context(), o, slot))
	require.Empty(t, s.ppob.Books().Purchases)
	require.Equal(t, order.Queued, s.read(o).State)
}
