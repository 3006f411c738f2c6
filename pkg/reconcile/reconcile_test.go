package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestEveryKindOfDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &source{perPage: 2}
	line := func(ref string, state upstream.State, cost int64) {
		s.lines = append(s.lines, upstream.StatementLine{Ref: ref, Code: "IS5", Target: "0812", State: state, Cost: cost, At: at("11:00:00")})
	}
	noon := at("12:00:00")
	line(w.buy(mine{outcome: "succeeded", at: noon}), upstream.Succeeded, 5_500)                            // 1
	line(w.buy(mine{outcome: "succeeded", at: noon}), upstream.Succeeded, 6_000)                            // 2 amount
	line(w.buy(mine{outcome: "succeeded", at: noon}), upstream.Failed, 5_500)                               // 3 taken back
	line(w.buy(mine{outcome: "failed", at: noon}), upstream.Succeeded, 5_500)                               // 4 delivered after all
	line(w.buy(mine{outcome: "failed", at: noon}), upstream.Failed, 5_500)                                  // 5
	line(w.buy(mine{outcome: "accepted", at: noon}), upstream.Pending, 5_500)                               // 6
	line(w.buy(mine{outcome: "unknown", at: noon}), upstream.Succeeded, 5_500)                              // 7 we do not know, they do
	line(w.buy(mine{outcome: "not_sent", at: noon}), upstream.Pending, 5_500)                               // 8 it arrived
	line(w.buy(mine{outcome: "succeeded", at: noon}), "", 0)                                                // 9 not understood
	line(w.buy(mine{outcome: "partial", at: noon, cost: 9}), upstream.Partial, 5_500)                       // 10 amounts of parts are not compared
	line(w.buy(mine{outcome: "succeeded", at: noon}), upstream.Succeeded, 0)                                // 11 an amount that is not said
	lost, unknown := w.buy(mine{outcome: "succeeded", at: noon}), w.buy(mine{outcome: "unknown", at: noon}) // 12, 13: only ours
	for _, outcome := range []string{"failed", "rejected", "not_sent", "throttled"} {                       // nothing was taken, and nothing is in their books
		w.buy(mine{outcome: outcome, at: noon})
	}
	line("M-of-somebody", upstream.Succeeded, 7_000)
	line(w.buy(mine{outcome: "succeeded", at: noon, upstream: "up-b"}), upstream.Succeeded, 5_500) // another source's reference
	w.buy(mine{outcome: "succeeded", at: noon.AddDate(0, 0, -1)})
	w.buy(mine{outcome: "succeeded", at: noon.AddDate(0, 0, 1)})

	run := w.compare(s)
	require.Equal(t, reconcile.Counts{Matched: 5, Amount: 1, OnlyOurs: 2, OnlyTheirs: 2, Status: 5}, run.Counts)
	require.EqualValues(t, 10, run.Findings())
	require.Equal(t, reconcile.ByStatement, run.Means)
	require.Equal(t, []string{
		"amount 2 " + order.OurRef(2, 1) + " succeeded succeeded 5500 6000 ",
		"only_ours 12 " + lost + " succeeded  5500 - ",
		"only_ours 13 " + unknown + " unknown  5500 - ",
		"only_theirs 0 M-of-somebody  succeeded - 7000 ",
		"only_theirs 0 " + order.OurRef(18, 1) + "  succeeded - 5500 ",
		"status 3 " + order.OurRef(3, 1) + " succeeded failed 5500 5500 ",
		"status 4 " + order.OurRef(4, 1) + " failed succeeded 5500 5500 ",
		"status 7 " + order.OurRef(7, 1) + " unknown succeeded 5500 5500 ",
		"status 8 " + order.OurRef(8, 1) + " not_sent pending 5500 5500 ",
		"status 9 " + order.OurRef(9, 1) + " succeeded  5500 - ",
	}, sorted(w.lines(run.ID, false)))
	require.Len(t, w.lines(run.ID, true), 15)
	require.Equal(t, map[int64]string{
		2: "reconciliation: the source says that it took 6000, our books say 5500", 3: "reconciliation: the source says failed, our books say succeeded",
		4: "reconciliation: the source says succeeded, our books say failed", 7: "reconciliation: the source says succeeded, our books say unknown",
		8: "reconciliation: the source says pending, our books say not_sent", 9: "reconciliation: the source says nothing that is understood, our books say succeeded",
		12: "reconciliation: the source's books of the day do not have it", 13: "reconciliation: the source's books of the day do not have it",
	}, s.raised)
	require.EqualValues(t, 5_500*6+9, run.OursCost)
	require.EqualValues(t, 5_500*4+6_000+7_000+5_500, run.TheirsCost)

	s.raised = nil
	again := w.compare(s)
	require.Equal(t, 2, again.N)
	require.Equal(t, run.Counts, again.Counts)
	require.Empty(t, s.raised, "what was shown is not shown again")
	kept, err := reconcile.Get(t.Context(), w.db.Pool, run.ID)
	require.NoError(t, err)
	require.Equal(t, run.Counts, kept.Counts, "earlier comparisons are kept")
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// TestAllAttemptsAtABillAreOneOfTheirs: they bear its inquiry's reference, and the last stands.
func TestAllAttemptsAtABillAreOneOfTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noon := at("12:00:00")
	w.buy(mine{outcome: "not_sent", at: noon})
	paid := order.InquiryRef(77)
	_, err := w.db.Pool.Exec(t.Context(), `INSERT INTO order_attempts (order_id, n, upstream, offer_id, our_ref, upstream_ref, code, target, cost, outcome, reason, said_code, said_detail, started_at)
		SELECT order_id, 2, upstream, offer_id, $1, '', code, target, cost, 'succeeded', '', '', '', started_at FROM order_attempts`, paid)
	require.NoError(t, err)
	_, err = w.db.Pool.Exec(t.Context(), `UPDATE order_attempts SET our_ref = $1`, paid)
	require.NoError(t, err)
	_, err = w.db.Pool.Exec(t.Context(), `UPDATE orders SET state = 'completed', attempt = 2`)
	require.NoError(t, err)
	_, err = w.db.Pool.Exec(t.Context(), `INSERT INTO inquiries (id, wallet_id, mode, ref, sku, name, product_id, customer_no, inputs, upstream, offer_id, code, extra, state, wait_until,
			outcome, said_code, said_detail, bill, price, expires_at, order_id, created_at, updated_at)
		SELECT 77, wallet_id, mode, ref, sku, name, 1, '1', '{}', upstream, 1, code, '{}', 'paid', now(), 'found', '', '', '{}', 20000, now(), id, now(), now() FROM orders`)
	require.NoError(t, err)
	s := &source{lines: []upstream.StatementLine{
		{Ref: paid, State: upstream.Succeeded, Cost: 5_500, At: noon}, {Ref: order.InquiryRef(78), State: upstream.Succeeded, Cost: 9_000, At: noon},
	}}
	run := w.compare(s)
	require.Equal(t, reconcile.Counts{Matched: 1, OnlyTheirs: 1}, run.Counts, "%v", w.lines(run.ID, true))
}

func TestTheClocksOfBothSidesMayDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	midnight := at("00:00:00")
	early := w.buy(mine{outcome: "succeeded", at: midnight.Add(time.Minute)})
	late := w.buy(mine{outcome: "succeeded", at: midnight.Add(24*time.Hour - time.Second)})
	yesterday := w.buy(mine{outcome: "succeeded", at: midnight.Add(-time.Second)})
	gone := w.buy(mine{outcome: "succeeded", at: midnight.Add(24*time.Hour - time.Minute)})
	s := &source{lines: []upstream.StatementLine{
		{Ref: early, State: upstream.Succeeded, Cost: 5_500, At: midnight.Add(-time.Minute)},
		{Ref: late, State: upstream.Succeeded, Cost: 5_500, At: midnight.Add(24 * time.Hour)},
		{Ref: yesterday, State: upstream.Succeeded, Cost: 5_500, At: midnight.Add(time.Second)},
		{Ref: "stranger before", State: upstream.Succeeded, At: midnight.Add(-time.Minute)},
		{Ref: "stranger after", State: upstream.Succeeded, At: midnight.Add(24*time.Hour + time.Minute)},
	}}
	run := w.compare(s)
	require.Equal(t, reconcile.Counts{Matched: 3, OnlyOurs: 1}, run.Counts, "%v", w.lines(run.ID, true))
	require.Contains(t, w.lines(run.ID, false)[0], gone)
	require.Equal(t, []string{"21 00:00 22 00:00 1", "20 23:45 21 00:00 1", "22 00:00 22 00:15 1"}, s.read, "what lies beyond midnight is read only where something is missing")

	quiet := newWorld(t)
	ref := quiet.buy(mine{outcome: "succeeded", at: midnight.Add(12 * time.Hour)})
	s = &source{lines: []upstream.StatementLine{{Ref: ref, State: upstream.Succeeded, At: midnight.Add(12 * time.Hour)}}}
	quiet.compare(s)
	require.Len(t, s.read, 1)
}

func TestAReferenceThatIsThereTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noon := at("12:00:00")
	ref := w.buy(mine{outcome: "succeeded", at: noon})
	known := w.buy(mine{outcome: "succeeded", at: noon, upstreamRef: "UP-7"})
	s := &source{perPage: 1, lines: []upstream.StatementLine{
		{Ref: ref, UpstreamRef: "A", State: upstream.Succeeded, Cost: 5_500, At: noon},
		{Ref: ref, UpstreamRef: "B", State: upstream.Succeeded, Cost: 5_500, At: noon},
		{Ref: ref, UpstreamRef: "B", State: upstream.Succeeded, Cost: 5_500, At: noon}, // read twice, as pages shift
		{UpstreamRef: "UP-7", State: upstream.Succeeded, Cost: 5_500, At: noon},        // known by the source's id alone
	}}
	run := w.compare(s)
	require.Equal(t, reconcile.Counts{Matched: 2, OnlyTheirs: 1}, run.Counts)
	require.Equal(t, []string{"only_theirs 0 " + ref + "  succeeded - 5500 the source has our reference more than once"}, w.lines(run.ID, false))
	require.Contains(t, fmt.Sprint(w.lines(run.ID, true)), known)
}

func TestWhatOurBooksLearnedMeanwhileIsNoFinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noon := at("12:00:00")
	open, missing := w.buy(mine{outcome: "unknown", at: noon}), w.buy(mine{outcome: "unknown", at: noon})
	s := &source{movements: true, lines: []upstream.StatementLine{{Ref: open, State: upstream.Succeeded, Cost: 5_500, At: noon}}}
	id, err := reconcile.Request(t.Context(), w.db.Pool, "up-a", day, wib, "test", w.clock())
	require.NoError(t, err)
	for range 3 { // begin, the one page, what is only ours
		did, err := w.reconciler().Step(t.Context(), s, "up-a")
		require.NoError(t, err)
		require.True(t, did)
	}
	require.Len(t, w.lines(id, false), 2)
	for ref, outcome := range map[string]string{open: "succeeded", missing: "failed"} {
		_, err = w.db.Pool.Exec(t.Context(), `UPDATE order_attempts SET outcome = $2 WHERE our_ref = $1`, ref, outcome)
		require.NoError(t, err)
	}
	w.carryOn(s)
	run, err := reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Counts{Matched: 1}, run.Counts)
	require.Empty(t, s.raised)
}

func TestASourceWithoutBooksIsAskedAboutEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noon := at("12:00:00")
	for _, outcome := range []string{"succeeded", "succeeded", "succeeded", "failed", "failed", "unknown", "succeeded", "not_sent", "failed"} {
		ref := "UP"
		if w.last == 8 { // the ninth failed before the source named it
			ref = ""
		}
		w.buy(mine{outcome: outcome, at: noon, upstreamRef: ref})
	}
	w.buy(mine{outcome: "succeeded", at: noon, n: 2, upstreamRef: "UP"})
	_, err := w.db.Pool.Exec(t.Context(), `INSERT INTO order_attempts SELECT order_id, 1, upstream, offer_id, 'earlier', 'UP-1', code, target, cost, 'unknown', '', '', '', NULL, NULL, started_at
		FROM order_attempts WHERE order_id = 10`)
	require.NoError(t, err)
	for _, limit := range []int{1, 4} {
		s := &source{limit: limit, said: map[int64]*upstream.Result{
			1: said(upstream.Succeeded, 5_500), 2: said(upstream.Succeeded, 6_000), 3: said(upstream.NotFound, 0), 4: said(upstream.Failed, 0), 5: said(upstream.NotFound, 0),
			6: said(upstream.Succeeded, 5_500), 10: said(upstream.Failed, 0),
		}}
		run := w.compare(s)
		require.Equal(t, reconcile.ByStatus, run.Means)
		require.Equal(t, reconcile.Counts{Matched: 2, Amount: 1, OnlyOurs: 1, Status: 2, Unchecked: 2}, run.Counts, "%v", w.lines(run.ID, true))
	}
}

func TestTheChainOfBalances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noon := at("12:00:00")
	w.buy(mine{outcome: "succeeded", at: noon})
	w.buy(mine{outcome: "failed", at: noon, finished: noon.Add(time.Minute)})                                      // taken and given back
	w.buy(mine{outcome: "failed", at: noon.AddDate(0, 0, -1), finished: noon, cost: 1_000})                        // yesterday's came back today
	w.buy(mine{outcome: "failed", at: at("23:59:00"), finished: at("23:59:00").Add(2 * time.Minute), cost: 2_000}) // not back by midnight
	w.buy(mine{outcome: "rejected", at: noon, cost: 70_000})
	w.buy(mine{outcome: "succeeded", at: noon, upstream: "up-b"})
	_, err := w.db.Pool.Exec(t.Context(), `INSERT INTO deposits (id, wallet_id, mode, ref, amount, fee, total, received, asked, gateway, upstream_ref, qr, token, state, version, attempt, sent,
			cancel_requested, credited, suspense, flag, trace_parent, lease_until, polls, expires_at, paid_at, created_at, updated_at)
		SELECT 1, $1, 'live', 'd', 10000, 100, 10100, 10000, 10000, 'up-a', 'INV', '0002', 'tok', 'paid', 1, 1, true, false, 10000, 0, '', '', $2, 0, $2, $2, $2, $2`, w.wallet, noon)
	require.NoError(t, err)
	w.buy(mine{outcome: "not_bought", at: noon, cost: 80_000})
	w.buy(mine{outcome: "returned", at: noon, finished: noon.Add(time.Minute), cost: 90_000})
	w.buy(mine{outcome: "returned", at: at("23:58:00"), finished: at("23:58:00").Add(3 * time.Minute), cost: 400})
	for i, p := range []struct {
		gateway, state, ref string
		amount, charge      int64
		sent, ended         time.Time
	}{
		{"up-a", "success", "P1", 20_000, 500, noon, noon.Add(time.Hour)},
		{"up-a", "sent", "P2", 30_000, 0, noon, time.Time{}},
		{"up-a", "rejected", "P3", 40_000, 0, noon, noon.Add(time.Hour)},                   // taken and given back
		{"up-a", "rejected", "P4", 3_000, 0, noon.AddDate(0, 0, -1), noon},                 // yesterday's came back today
		{"up-a", "rejected", "P5", 7_000, 0, noon, noon.AddDate(0, 0, 1)},                  // not back by midnight
		{"up-a", "rejected", "", 50_000, 0, noon.AddDate(0, 0, -1), noon},                  // never there
		{"up-a", "approved", "", 60_000, 0, noon, time.Time{}},                             // was refused
		{"up-a", "success", "P8", 70_000, 0, noon.AddDate(0, 0, -1), noon},                 // taken yesterday
		{"up-b", "success", "P9", 80_000, 0, noon, noon},                                   // elsewhere
		{"up-a", "success", "PA", 90_000, 0, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 1)}, // tomorrow's
	} {
		var ended *time.Time
		if !p.ended.IsZero() {
			ended = &p.ended
		}
		_, err := w.db.Pool.Exec(t.Context(), `INSERT INTO withdrawals (id, wallet_id, mode, ref, content_hash, amount, fee, method, account_number, account_name, receiver, state, version,
				approvals, gateway, attempt, claim, upstream_ref, charge, refused, message, flag, trace_parent, checker, check_result, check_name, polls, created_at, updated_at, sent_at, completed_at)
			VALUES ($1, $2, 'live', 'w' || $1::bigint, '', $3, 0, 'dana', '0812', 'A', '0812', $4, 1, 1, $5, 1, '', $6, $7, '', '', '', '', '', '', '', 0, $8, $8, $8, $9)`,
			i+1, w.wallet, p.amount, p.state, p.gateway, p.ref, p.charge, p.sent, ended)
		require.NoError(t, err)
	}
	const paidOut = 20_500 + 30_000 - 3_000 + 7_000
	const explained = 5_500 - 1_000 + 2_000 - 10_000 + 400 + paidOut
	told := func(balance int64, at time.Time) {
		_, err := w.db.Pool.Exec(t.Context(), `UPDATE upstreams SET balance = $2, balance_at = $3 WHERE name = $1`, "up-a", balance, at)
		require.NoError(t, err)
		n, err := reconcile.Snapshot(t.Context(), w.db.Pool, at.Add(time.Second))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		n, err = reconcile.Snapshot(t.Context(), w.db.Pool, at.Add(2*time.Second))
		require.NoError(t, err)
		require.Zero(t, n, "once a quarter of an hour")
	}
	s := &source{limit: 1, said: map[int64]*upstream.Result{}}
	run := w.compare(s)
	require.Equal(t, reconcile.Chain{}, run.Chain, "nothing was told near midnight")
	told(1_000_000, at("00:00:10"))
	told(999_999, at("12:00:10"))
	told(1_000_000-explained-777, at("23:59:40"))
	told(5, at("23:59:40").Add(3*time.Hour))
	run = w.compare(s)
	require.EqualValues(t, 1_000_000, *run.Chain.Opening)
	require.EqualValues(t, 1_000_000-explained-777, *run.Chain.Closing)
	require.EqualValues(t, 777, *run.Chain.Unexplained)
	require.Nil(t, run.Chain.Breaks)

	shown := &source{movements: true, moved: []upstream.Movement{
		{Debit: 5_500, Balance: 994_500, At: noon}, {Debit: 5_500, Balance: 989_000, At: noon}, {Credit: 5_500, Balance: 994_500, At: noon},
		{Debit: 100, Balance: 994_000, At: noon}, {Debit: 2_000, Balance: 992_000, At: noon}, {Credit: 11_000, Balance: 1_003_000, At: noon},
	}}
	run = w.compare(shown)
	require.EqualValues(t, 1_000_000, *run.Chain.Opening)
	require.EqualValues(t, 1_003_000, *run.Chain.Closing)
	require.EqualValues(t, 1, *run.Chain.Breaks)
	require.EqualValues(t, 1_000_000-1_003_000-explained, *run.Chain.Unexplained)
	run = w.compare(&source{movements: true})
	require.Nil(t, run.Chain.Opening)
	require.Zero(t, *run.Chain.Breaks)
}

func TestAStatementThatIsNotBelievedFlagsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 30 {
		w.buy(mine{outcome: "succeeded", at: at("12:00:00")})
	}
	s := &source{}
	s.lines = append(s.lines, upstream.StatementLine{Ref: w.buy(mine{outcome: "succeeded", at: at("12:00:00")}), State: upstream.Failed, At: at("12:00:00")})
	run := w.compare(s)
	require.EqualValues(t, 30, run.OnlyOurs)
	require.Contains(t, run.Note, "not believed")
	require.Len(t, s.raised, 1, "but for what is in there")
}

func TestAFailureIsTriedAgainLaterWhereItStood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &source{perPage: 1}
	for range 3 {
		s.lines = append(s.lines, upstream.StatementLine{Ref: w.buy(mine{outcome: "succeeded", at: at("12:00:00")}), State: upstream.Succeeded, At: at("12:00:00")})
	}
	id, err := reconcile.Request(t.Context(), w.db.Pool, "up-a", day, wib, "test", w.clock())
	require.NoError(t, err)
	step := func(ctx context.Context) (bool, error) { return w.reconciler().Step(ctx, s, "up-a") }
	for range 2 { // begin, page 1
		_, err = step(t.Context())
		require.NoError(t, err)
	}
	s.fail = errors.New("the source is away")
	did, err := step(t.Context())
	require.True(t, did)
	require.ErrorContains(t, err, "away")
	run, err := reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, 1, run.Failures)
	require.Contains(t, run.Progress(), "page 2; failed 1 times and will be tried again (the source is away)")
	did, err = step(t.Context())
	require.NoError(t, err)
	require.False(t, did, "not at once")
	w.advance(time.Minute)
	_, err = step(t.Context())
	require.Error(t, err)
	w.advance(time.Minute)
	did, err = step(t.Context())
	require.NoError(t, err)
	require.False(t, did, "later each time")
	w.advance(time.Minute)
	s.fail = nil
	ended, cancel := context.WithCancel(t.Context())
	s.before = func() {
		cancel()
		s.fail = ended.Err()
	}
	_, err = step(ended)
	require.Error(t, err)
	s.before, s.fail = nil, nil
	run, err = reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, 2, run.Failures, "a turn that ends is no failure")
	s.read = nil
	w.carryOn(s)
	require.Equal(t, []string{"21 00:00 22 00:00 2", "21 00:00 22 00:00 3"}, s.read, "and it is due at once, where it stood")
	run, err = reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Counts{Matched: 3}, run.Counts)
	require.Empty(t, run.LastError)
}

// TestManyWorkersComeToOneResult: two that read the same page, and one that is killed
// after any of its steps.
func TestManyWorkersComeToOneResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &source{perPage: 7}
	for i := range 60 {
		ref := w.buy(mine{outcome: "succeeded", at: at("12:00:00")})
		if i%10 != 0 {
			s.lines = append(s.lines, upstream.StatementLine{Ref: ref, State: upstream.Succeeded, Cost: 5_500 + int64(i%7/6), At: at("12:00:00")})
		}
		s.lines = append(s.lines, upstream.StatementLine{Ref: fmt.Sprint("stranger ", i), State: upstream.Failed, At: at("12:00:00")})
	}
	id, err := reconcile.Request(t.Context(), w.db.Pool, "up-a", day, wib, "test", w.clock())
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				w.advance(time.Minute) // so that leases run out while their holders work
				if _, err := w.reconciler().Step(t.Context(), s, "up-a"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	w.advance(time.Hour)
	w.carryOn(s)
	run, err := reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Done, run.State)
	require.EqualValues(t, 54, run.Matched+run.Amount)
	require.Positive(t, run.Amount)
	require.EqualValues(t, 6, run.OnlyOurs)
	require.EqualValues(t, 60, run.OnlyTheirs)
}

// TestAnyBooksAreCompared holds the comparison to counting by hand.
func TestAnyBooksAreCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outcomes := []string{"succeeded", "failed", "unknown", "accepted", "not_sent", "rejected", "canceled"}
	states := []upstream.State{upstream.Succeeded, upstream.Failed, upstream.Pending, upstream.Canceled, ""}
	stand := func(s string) int {
		switch s {
		case "succeeded":
			return 1
		case "failed", "canceled", "not_sent", "rejected", "expired":
			return 2
		case "":
			return 0
		}
		return 3
	}
	date := 0
	rapid.Check(t, func(rt *rapid.T) {
		date++ // a day of its own for each
		noon := time.Date(2026, 1, 1, 12, 0, 0, 0, wib).AddDate(0, 0, -date)
		s := &source{perPage: rapid.IntRange(1, 5).Draw(rt, "page")}
		var want reconcile.Counts
		for range rapid.IntRange(0, 12).Draw(rt, "purchases") {
			outcome := rapid.SampledFrom(outcomes).Draw(rt, "outcome")
			both := rapid.IntRange(0, 3).Draw(rt, "theirs")
			if both == 0 {
				s.lines = append(s.lines, upstream.StatementLine{Ref: fmt.Sprint("x", date, "-", len(s.lines)), State: upstream.Succeeded, At: noon})
				want.OnlyTheirs++
				continue
			}
			ref := w.buy(mine{outcome: outcome, at: noon.UTC()})
			if both == 1 {
				if stand(outcome) != 2 {
					want.OnlyOurs++
				}
				continue
			}
			state := rapid.SampledFrom(states).Draw(rt, "state")
			cost := rapid.SampledFrom([]int64{0, 5_500, 6_000}).Draw(rt, "cost")
			s.lines = append(s.lines, upstream.StatementLine{Ref: ref, State: state, Cost: cost, At: noon})
			switch {
			case stand(outcome) != stand(string(state)) && !(stand(outcome) == 3 && state == upstream.Pending):
				want.Status++
			case outcome == "succeeded" && state == upstream.Succeeded && cost == 6_000:
				want.Amount++
			default:
				want.Matched++
			}
		}
		id, err := reconcile.Request(t.Context(), w.db.Pool, "up-a", noon.Format(time.DateOnly), wib, "test", w.clock())
		if err != nil {
			rt.Fatal(err)
		}
		w.carryOn(s)
		run, err := reconcile.Get(t.Context(), w.db.Pool, id)
		if err != nil {
			rt.Fatal(err)
		}
		if run.Counts != want {
			rt.Fatalf("%+v, not %+v", run.Counts, want)
		}
	})
}

func TestTheDailyJobMakesUpForMissedDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // the sources are known since two days before the day
	ensure := func(now time.Time) int {
		n, err := reconcile.Ensure(t.Context(), w.db.Pool, []string{"up-a", "up-b", "up-t", "gone"}, wib, now)
		require.NoError(t, err)
		return n
	}
	midnight := at("00:00:00").AddDate(0, 0, 1)
	require.Equal(t, 4, ensure(midnight.Add(29*time.Minute)), "two days of two live sources; the third ended a moment ago")
	require.Zero(t, ensure(midnight.Add(29*time.Minute)))
	require.Equal(t, 2, ensure(midnight.Add(30*time.Minute)))
	require.Equal(t, 2, ensure(midnight.Add(25*time.Hour)))
	due, err := reconcile.Due(t.Context(), w.db.Pool, midnight.Add(25*time.Hour))
	require.NoError(t, err)
	require.Equal(t, []string{"up-a", "up-b"}, due)
	var got []string
	rows, err := w.db.Pool.Query(t.Context(), `SELECT DISTINCT day::text || ' ' || (to_at - from_at)::text || ' ' || actor FROM reconciliations ORDER BY 1`)
	require.NoError(t, err)
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		got = append(got, s)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"2026-04-19 1 day scheduler", "2026-04-20 1 day scheduler", "2026-04-21 1 day scheduler", "2026-04-22 1 day scheduler"}, got)

	_, err = reconcile.Request(t.Context(), w.db.Pool, "gone", day, wib, "cli:ops", w.clock())
	require.ErrorIs(t, err, reconcile.ErrNotFound)
	_, err = reconcile.Request(t.Context(), w.db.Pool, "up-a", "2026-04-22", wib, "cli:ops", w.clock())
	require.ErrorIs(t, err, reconcile.ErrNotOver)
	_, err = reconcile.Request(t.Context(), w.db.Pool, "up-a", "21-04-2026", wib, "cli:ops", w.clock())
	require.ErrorContains(t, err, "is not a day")
	id, err := reconcile.Request(t.Context(), w.db.Pool, "up-a", day, wib, "cli:ops", w.clock())
	require.NoError(t, err)
	run, err := reconcile.Get(t.Context(), w.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Scheduler, run.Actor, "the one under way is enough")
	var audited int
	require.NoError(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'upstream.reconcile' AND actor = 'cli:ops'`).Scan(&audited))
	require.Equal(t, 1, audited)
	_, err = reconcile.Get(t.Context(), w.db.Pool, 1<<40)
	require.ErrorIs(t, err, reconcile.ErrNotFound)

	w.now = midnight.Add(26 * time.Hour)
	w.carryOn(&source{})
	last, err := reconcile.Last(t.Context(), w.db.Pool)
	require.NoError(t, err)
	require.Len(t, last, 1)
	require.Equal(t, "2026-04-22", last[0].Day)
}
