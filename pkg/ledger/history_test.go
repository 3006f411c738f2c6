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
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/withdraw"
)

// deed is something that somebody does, drawn before anything happens: what it is done
// to is chosen among what is there by then.
type deed struct {
	what   string
	who    int // which merchant
	pick   int // which order, deposit or withdrawal
	choice int
	amount int64
	yes    bool
}

// deeds are as often in it as each is drawn.
func deeds() (all []string) {
	for _, d := range []struct {
		what  string
		often int
	}{
		{"adjust", 1}, {"tier", 1}, {"rise", 1}, {"time", 1}, {"order", 5}, {"step", 14},
		{"open", 4}, {"see", 12}, {"cancel", 1}, {"credit", 3}, {"return", 4}, {"expire", 1}, {"sweep", 1},
		{"place", 4}, {"approve", 10}, {"reject", 1}, {"claim", 12}, {"hear", 14}, {"resolve", 2}, {"stuck", 1}, {"search", 1},
	} {
		for range d.often {
			all = append(all, d.what)
		}
	}
	return all
}

// firm is everything that moves money, over one database.
type firm struct {
	*books
	ticks  atomic.Int64
	store  *merchant.Store
	placer *order.Placer
	writer *order.Writer
	in     *deposit.Keeper
	teller *teller
	out    *withdraw.Keeper
}

func (f *firm) now() time.Time { return time.Unix(0, f.ticks.Load()).UTC() }

func newFirm(t *testing.T) *firm {
	t.Helper()
	f := &firm{books: newBooks(t)}
	f.ticks.Store(noon.UnixNano())
	quiet := slog.New(slog.DiscardHandler)
	f.store = merchant.NewStore(&pg.DB{Bun: f.Bun, Pool: f.Pool}, f.accounts, merchant.Options{IDPrefix: "MRA", KeyPrefix: "mra", Now: f.now})
	f.placer = order.NewPlacer(f.Pool, f.accounts, nil, f.now, quiet, nil)
	t.Cleanup(f.placer.Close)
	f.writer = order.NewWriter(f.Pool, f.accounts, f.now, quiet, nil, nil)
	t.Cleanup(f.writer.Close)
	f.in = deposit.New(deposit.Options{Pool: f.Pool, Accounts: f.accounts, Now: f.now, Log: quiet, Links: deposit.Links{IDPrefix: "MRA"}})
	f.teller = &teller{k: f.in, now: f.now}
	f.out = withdraw.New(withdraw.Options{
		Pool: f.Pool, Accounts: f.accounts, Now: f.now, Log: quiet, IDPrefix: "MRA",
		Policy: withdraw.Policy{FeeBP: 50, FeeFixed: 1_000, Live: withdraw.Way{Gateway: "pays", Approvals: 1}},
	})
	return f
}

// tale is one history: its merchants, and what they have by now.
type tale struct {
	*firm
	name      string
	merchants []string
	wallets   []int64
	adjusted  []atomic.Int64
	mu        sync.Mutex
	n         int
	things    map[string][]int64
	wrong     []error
}

func (s *tale) ctx() context.Context { return context.Background() }

func (s *tale) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.n
}

func (s *tale) keep(kind string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.things[kind] = append(s.things[kind], id)
}

// thing is one of a kind; zero while there is none.
func (s *tale) thing(kind string, pick int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.things[kind]; len(all) > 0 {
		return all[pick%len(all)]
	}
	return 0
}

// play does one deed. What may be refused because others were faster is no error.
func (s *tale) play(d deed) error {
	err := s.do(d)
	for _, fine := range []error{
		ledger.ErrInsufficient, order.ErrInsufficient, order.ErrStale, order.ErrLinkBusy, deposit.ErrNotCancelable, deposit.ErrNotResolvable, deposit.ErrStale,
		deposit.ErrNoGateway, // the clock was moved on past the invoice's end meanwhile
		withdraw.ErrInsufficient, withdraw.ErrStale, withdraw.ErrNotResolvable, withdraw.ErrTaken,
	} {
		if errors.Is(err, fine) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.what, err)
	}
	return nil
}

func (s *tale) do(d deed) error {
	switch d.what {
	case "adjust":
		amount := d.amount - 60_000
		_, err := s.adjust(s.ctx(), s.wallets[d.who], amount)
		if err == nil {
			s.adjusted[d.who].Add(amount)
		}
		return err
	case "tier":
		return s.store.SetTier(s.ctx(), s.merchants[d.who], 1+d.choice%4, d.yes, "test")
	case "rise":
		_, err := merchant.Rise(s.ctx(), s.Pool, s.wallets[d.who], int64(d.pick), 1_000*d.amount, s.now())
		return err
	case "time":
		s.ticks.Add(int64(time.Duration(d.amount) * time.Second))
		return nil
	case "order", "step":
		return s.buy(d)
	case "place", "approve", "reject", "claim", "hear", "resolve", "stuck", "search":
		return s.payOut(d)
	}
	return s.payIn(d)
}

// buy places an order at the price of the merchant's tier of this moment, or takes one on.
func (s *tale) buy(d deed) error {
	if d.what == "order" {
		m, err := s.store.Get(s.ctx(), s.merchants[d.who])
		if err != nil {
			return err
		}
		ref := fmt.Sprint("r", s.next())
		p, err := s.placer.Place(s.ctx(), &order.Request{
			WalletID: s.wallets[d.who], Ref: ref, Category: order.SMM, SKU: "SKU1", Name: "Thing", ProductID: 1, Quantity: 1 + int64(d.choice), Price: d.amount/int64(m.Tier) + 1,
			Target: &ref, Terms: &order.Terms{Units: 1000, Total: 1 + int64(d.choice)}, Route: order.Route{Upstream: "up-a", OfferID: 1, Code: "X", Cost: d.amount / 2}, AllowDuplicate: true,
		})
		if err == nil {
			s.keep("order", p.Order.ID)
		}
		return err
	}
	id := s.thing("order", d.pick)
	if id == 0 {
		return nil
	}
	var attempt int
	var state order.State
	if err := s.Pool.QueryRow(s.ctx(), `SELECT attempt, state FROM orders WHERE id = $1`, id).Scan(&attempt, &state); err != nil {
		return err
	}
	after := map[order.State][]order.State{
		order.Queued: {order.Sending, order.Sending, order.Sending, order.Canceled}, order.Sending: {order.Processing, order.Unknown, order.Completed, order.Failed},
		order.Failed: {order.Completed},
	}[state]
	if after == nil {
		after = []order.State{order.Completed, order.Failed, order.Partial, order.Canceled}
	}
	step := order.Step{OrderID: id, Attempt: attempt, To: after[d.choice%len(after)], Cause: "test", Recharge: d.yes}
	if step.To == order.Partial {
		n := int64(d.choice / 2)
		step.Remains = &n
	}
	_, err := s.writer.Do(s.ctx(), step)
	return err
}

func (s *tale) payIn(d deed) error {
	by := deposit.Decision{Why: "by hand", Actor: "test"}
	if d.what == "open" {
		till := &deposit.Opener{Keeper: s.in, Ask: s.teller, Log: slog.New(slog.DiscardHandler), Policy: deposit.Policy{
			Live:     []deposit.Gateway{{Name: "gw", Fee: deposit.Fee{PercentBP: int64(20 * d.choice), Absorbed: d.yes}}},
			Patience: 20 * time.Second, Share: 10 * time.Second,
		}}
		row, err := till.Open(s.ctx(), &deposit.Request{WalletID: s.wallets[d.who], Mode: "live", Ref: fmt.Sprint("in-", s.next()), Amount: 10_000 + d.amount})
		if err == nil {
			s.keep("deposit", row.ID)
		}
		return err
	}
	id := s.thing("deposit", d.pick)
	if id == 0 {
		return nil
	}
	row, err := s.in.ByID(s.ctx(), id)
	if err != nil {
		return err
	}
	switch d.what {
	case "see":
		seen := deposit.Sighting{Cause: "test", Seen: []deposit.Seen{deposit.SeenPaid, deposit.SeenPaid, deposit.SeenPending, deposit.SeenExpired, deposit.SeenCanceled, deposit.SeenGone}[d.choice%6]}
		if seen.Seen == deposit.SeenPaid && d.yes {
			came := row.Total + []int64{0, -1, 5_000}[d.choice%3]
			seen.Paid = &came
		}
		_, err = s.in.See(s.ctx(), id, seen)
	case "cancel":
		_, err = s.in.Cancel(s.ctx(), row.WalletID, deposit.PublicID("MRA", id))
	case "credit":
		if row.Suspense > 0 {
			by.Amount = 1 + d.amount%row.Suspense
		}
		_, err = s.in.Credit(s.ctx(), id, by)
	case "return":
		_, err = s.in.Return(s.ctx(), id, by)
	case "expire":
		_, err = s.in.Expire(s.ctx(), id, by)
	case "sweep":
		_, err = s.in.Sweep(s.ctx(), 1000)
	}
	return err
}

func (s *tale) payOut(d deed) error {
	by := withdraw.Decision{Why: "by hand", Actor: "test", Charge: int64(100 * d.choice), As: withdraw.Rejected}
	if d.yes {
		by.As = withdraw.Success
	}
	if d.what == "place" {
		row, _, err := s.out.Place(s.ctx(), &withdraw.Request{
			WalletID: s.wallets[d.who], Mode: "live", Ref: fmt.Sprint("out-", s.next()), Amount: 10_000 + d.amount%3*5_000, Method: withdraw.MethodDANA,
			AccountNumber: fmt.Sprint("0812000", d.choice%3), AccountName: "Budi",
		})
		if err == nil {
			s.keep("withdrawal", row.ID)
		}
		return err
	}
	id := s.thing("withdrawal", d.pick)
	if id == 0 {
		return nil
	}
	row, err := s.out.ByID(s.ctx(), id)
	if err != nil {
		return err
	}
	switch d.what {
	case "approve":
		_, err = s.out.Approve(s.ctx(), id, by)
	case "reject":
		_, err = s.out.Reject(s.ctx(), id, by)
	case "claim":
		_, err = s.out.Claim(s.ctx(), id, fmt.Sprint("claim-", s.next()), time.Minute)
	case "hear":
		a := withdraw.Answer{Attempt: row.Attempt, Cause: "test", Charge: int64(100 * d.choice)}
		a.Word = []withdraw.Word{withdraw.Waiting, withdraw.Paid, withdraw.Failed, withdraw.Refused, withdraw.NotSent, withdraw.Lost, withdraw.Gone, withdraw.Silent}[d.choice%8]
		a.Reason = []string{"", withdraw.ReasonAccount, withdraw.ReasonBalance}[d.choice%3]
		if d.yes {
			a.UpstreamRef = fmt.Sprint("P", s.name, id, "-", row.Attempt)
		}
		_, err = s.out.Heard(s.ctx(), id, a)
	case "resolve":
		_, err = s.out.Resolve(s.ctx(), id, by)
	case "stuck":
		_, err = s.out.Stuck(s.ctx(), id, row.Attempt)
	case "search":
		_, err = s.out.Searched(s.ctx(), id, withdraw.Search{Attempt: row.Attempt, Found: []withdraw.Found{withdraw.FoundNone, withdraw.FoundSeveral, withdraw.FoundPart}[d.choice%3]})
	}
	return err
}

// reckoned is what a wallet must hold by what became of its orders, deposits and
// withdrawals, without a look at the ledger.
func (s *tale) reckoned(t *testing.T, i int) int64 {
	t.Helper()
	sum := s.adjusted[i].Load()
	for _, sql := range []string{
		`SELECT coalesce(sum(refunded - price), 0) FROM orders WHERE wallet_id = $1`,
		`SELECT coalesce(sum(credited), 0) FROM deposits WHERE wallet_id = $1`,
		`SELECT coalesce(-sum(amount + fee), 0) FROM withdrawals WHERE wallet_id = $1 AND state <> 'rejected'`,
	} {
		var n int64
		require.NoError(t, s.Pool.QueryRow(s.ctx(), sql, s.wallets[i]).Scan(&n))
		sum += n
	}
	return sum
}

// check proves the books, ours and the reckoning.
func (s *tale) check(t *testing.T) {
	t.Helper()
	require.Empty(t, s.wrong, s.name)
	r, err := ledger.Verify(s.ctx(), s.Pool, append(append(order.Checks(), deposit.Checks()...), withdraw.Checks()...)...)
	require.NoError(t, err)
	require.Empty(t, r.Problems, s.name)
	for i, wallet := range s.wallets {
		balance, err := ledger.Balance(s.ctx(), s.Bun, wallet)
		require.NoError(t, err)
		require.Equal(t, s.reckoned(t, i), balance, "%s", s.merchants[i])
		list, err := ledger.Mutations(s.ctx(), s.Pool, wallet, ledger.Range{})
		require.NoError(t, err)
		running := int64(0)
		for n := len(list) - 1; n >= 0; n-- {
			require.EqualValues(t, len(list)-n, list[n].ID, "no gap")
			running += list[n].Credit - list[n].Debit
			require.Equal(t, running, list[n].Balance)
			require.GreaterOrEqual(t, running, int64(0))
		}
		require.Equal(t, running, balance)
	}
	// What is on its way is where the rows say, in all histories so far.
	held := map[string]string{
		ledger.InFlight: `SELECT coalesce(sum(price), 0) FROM orders WHERE state IN ('queued', 'sending', 'processing', 'unknown')`,
		ledger.Suspense: `SELECT coalesce(sum(suspense), 0) FROM deposits WHERE state = 'suspense'`,
		ledger.Payouts:  `SELECT coalesce(sum(amount + fee), 0) FROM withdrawals WHERE state NOT IN ('success', 'rejected')`,
	}
	sums, err := ledger.SystemSums(s.ctx(), s.Pool)
	require.NoError(t, err)
	for code, sql := range held {
		var want, got int64
		require.NoError(t, s.Pool.QueryRow(s.ctx(), sql).Scan(&want))
		for _, sum := range sums {
			if sum.Mode == "live" && sum.Code == code {
				got = sum.Balance
			}
		}
		require.Equal(t, want, got, code)
	}
}

// histories are played, each by several workers; their deeds are the same in every run,
// and who is faster is not.
const histories = 40

// TestNoHistoryOfManyAtOnceMakesMoneyWrong plays random histories of orders, deposits,
// withdrawals, corrections and changes of tier of several merchants, by several workers at
// once: payments that come late, twice or in another amount, what is refused, lost, given
// back, decided by hand. After each of them the books are proved.
func TestNoHistoryOfManyAtOnceMakesMoneyWrong(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	all := deeds()
	for n := range histories {
		r := rand.New(rand.NewPCG(uint64(n), 7))
		s := &tale{firm: f, name: fmt.Sprint("h", n, "-"), things: map[string][]int64{}}
		for i := range 2 + r.IntN(3) {
			s.merchants = append(s.merchants, fmt.Sprint(s.name, i))
			s.wallets = append(s.wallets, f.open(t, s.merchants[i], 0))
		}
		s.adjusted = make([]atomic.Int64, len(s.wallets))
		for i := range s.wallets {
			require.NoError(t, s.do(deed{what: "adjust", who: i, amount: 60_001 + r.Int64N(300_000)}))
		}
		todo := make(chan deed, 1000)
		for range 120 + r.IntN(160) {
			d := deed{what: all[r.IntN(len(all))], who: r.IntN(len(s.wallets)), pick: r.IntN(40), choice: r.IntN(12), amount: r.Int64N(60_000), yes: r.IntN(2) == 0}
			todo <- d
			for range d.choice % 3 { // by several at once
				if d.what != "order" && d.what != "open" && d.what != "place" {
					todo <- d
				}
			}
		}
		close(todo)
		var workers sync.WaitGroup
		for range 6 {
			workers.Go(func() {
				for d := range todo {
					if err := s.play(d); err != nil {
						s.mu.Lock()
						s.wrong = append(s.wrong, err)
						s.mu.Unlock()
					}
				}
			})
		}
		workers.Wait()
		s.check(t)
		if t.Failed() {
			t.Fatalf("in history %d", n)
		}
	}
	seen := map[string]int{}
	rows, err := f.Pool.Query(t.Context(), `SELECT 'order ' || state, count(*) FROM orders GROUP BY 1 UNION ALL SELECT 'deposit ' || state, count(*) FROM deposits GROUP BY 1
		UNION ALL SELECT 'withdraw ' || state, count(*) FROM withdrawals GROUP BY 1 UNION ALL SELECT 'entry ' || subject || ' ' || kind, count(*) FROM ledger_entries GROUP BY 1`)
	require.NoError(t, err)
	for rows.Next() {
		var what string
		var n int
		require.NoError(t, rows.Scan(&what, &n))
		seen[what] = n
	}
	require.NoError(t, rows.Err())
	t.Log(histories, "histories:", seen)
	for _, what := range []string{
		"order completed", "order canceled", "entry order refund", "entry order late_charge", "deposit paid", "deposit expired", "deposit canceled",
		"entry deposit suspense", "entry deposit suspense_return", "withdraw success", "withdraw rejected", "entry withdraw withdraw_refund",
	} {
		require.Positive(t, seen[what], "the histories do not come to %q", what)
	}
}
