package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	invoice "github.com/muarahq/muara/pkg/upstream/invoice/emulator"
	"github.com/muarahq/muara/pkg/withdraw"
)

func (s *stage) payouts() *withdraw.Keeper {
	return withdraw.New(withdraw.Options{
		Pool: s.db.Pool, Accounts: ledger.NewAccounts(s.db.Pool), Now: s.clock, Log: slog.New(slog.DiscardHandler), IDPrefix: "MRA",
		Policy: withdraw.Policy{FeeFixed: 2_500, Live: withdraw.Way{Gateway: "pays", Checker: "checks", Approvals: 1}, Test: withdraw.Way{Gateway: "sandbox"}},
	})
}

// payer is a stage with a gateway that pays out, and its staff.
type payer struct {
	*stage
	k    *withdraw.Keeper
	gate *invoice.Emulator
	w    *Worker
	n    int
}

// silently lets every withdrawal wait for the gateway's staff.
func silently(emulate.Purchase, *rand.Rand) emulate.Outcome {
	return emulate.Outcome{Result: emulate.Silent}
}

func newPayer(t *testing.T) *payer {
	t.Helper()
	s := newStage(t, emulate.Digits(0, 0))
	p := &payer{stage: s, k: s.payouts(), gate: invoice.New(invoice.Config{Config: emulate.Config{Clock: s.clock, Script: silently}})}
	require.NoError(t, catalog.KnowUpstream(t.Context(), s.db.Pool, catalog.Source{Name: "pays", Driver: "invoice", Mode: catalog.Live}, s.now))
	p.w = s.worker("pays", "invoice", s.serve(p.gate))
	return p
}

func (p *payer) read(wd *withdraw.Withdrawal) *withdraw.Withdrawal {
	p.t.Helper()
	out, err := p.k.ByID(p.t.Context(), wd.ID)
	require.NoError(p.t, err)
	return out
}

// approved asks for 50,000 rupiah to be paid out, and lets an operator say yes.
func (p *payer) approved() *withdraw.Withdrawal {
	p.t.Helper()
	p.n++
	wd, _, err := p.k.Place(p.t.Context(), &withdraw.Request{
		WalletID: p.wallet, Mode: "live", Ref: fmt.Sprint("wd-", p.n), Amount: 50_000, Method: "dana", AccountNumber: "081234567890", AccountName: "Budi",
	})
	require.NoError(p.t, err)
	wd, err = p.k.Approve(p.t.Context(), wd.ID, withdraw.Decision{Actor: "test", Despite: true})
	require.NoError(p.t, err)
	return wd
}

// turn lets time pass and gives the worker a turn.
func (p *payer) turn(wd *withdraw.Withdrawal, after time.Duration) *withdraw.Withdrawal {
	p.t.Helper()
	p.advance(after)
	require.NoError(p.t, p.w.MoneyTurn(p.t.Context(), queue.Task{}))
	return p.read(wd)
}

func (p *payer) verify() {
	p.t.Helper()
	r, err := ledger.Verify(p.t.Context(), p.db.Pool, withdraw.Checks()...)
	require.NoError(p.t, err)
	require.Empty(p.t, r.Problems)
}

func TestAWithdrawalIsPaidOutByItsGateway(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	paid := p.turn(p.approved(), 0)
	require.Equal(t, withdraw.Sent, paid.State)
	require.NotEmpty(t, paid.UpstreamRef)
	require.EqualValues(t, 10_000_000-52_500, p.balance())
	require.Equal(t, withdraw.Sent, p.turn(paid, 10*time.Second).State, "its staff has not decided")
	require.True(t, p.gate.Decide(paid.UpstreamRef, true, ""))
	paid = p.turn(paid, 20*time.Second)
	require.Equal(t, withdraw.Success, paid.State)
	require.EqualValues(t, 1_000, paid.Charge)

	back := p.turn(p.approved(), 0)
	require.True(t, p.gate.Decide(back.UpstreamRef, false, "nomor salah"))
	back = p.turn(back, time.Minute)
	require.Equal(t, withdraw.Rejected, back.State)
	require.NotContains(t, back.Message, "nomor")
	require.EqualValues(t, 10_000_000-52_500, p.balance(), "given back with the fee")
	require.Len(t, p.gate.Books().Purchases, 2)
	p.verify()
}

func TestALostAnswerIsLookedForInTheHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule emulate.Rule
		sent int
		want withdraw.State
	}{
		"dropped after effect": {emulate.Rule{Kind: emulate.Drop, AfterEffect: true}, 1, withdraw.Sent},
		"garbled after":        {emulate.Rule{Kind: emulate.Garbled, AfterEffect: true}, 1, withdraw.Sent},
		"block page after":     {emulate.Rule{Kind: emulate.BlockPage, Status: 502, AfterEffect: true}, 1, withdraw.Sent},
		"dropped before":       {emulate.Rule{Kind: emulate.Drop}, 0, withdraw.Unknown},
		"server error":         {emulate.Rule{Kind: emulate.Status, Status: 500}, 0, withdraw.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPayer(t)
			c.rule.Endpoint, c.rule.Count = "purchase", 1
			p.fault(p.gate.Core, c.rule)
			wd := p.approved()
			for range 25 {
				wd = p.turn(wd, 3*time.Minute)
			}
			require.Equal(t, c.want, wd.State)
			require.Len(t, p.gate.Books().Purchases, c.sent, "never sent twice")
			require.EqualValues(t, 10_000_000-52_500, p.balance(), "unknown is not failed")
			if c.want == withdraw.Unknown {
				require.NotEmpty(t, wd.Flag)
			}
			p.verify()
		})
	}
}

func TestARefusalInWordsIsProvedByTheHistory(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	p.gate.SetBalance(0)
	wd := p.turn(p.approved(), 0)
	require.Equal(t, withdraw.Unknown, wd.State)
	wd = p.turn(wd, 3*time.Minute)
	require.Equal(t, withdraw.Approved, wd.State)
	require.NotEmpty(t, wd.Flag)
	require.EqualValues(t, 10_000_000-52_500, p.balance(), "it is tried again once there is money")
	p.gate.SetBalance(1_000_000)
	require.Equal(t, withdraw.Sent, p.turn(wd, 20*time.Minute).State)
	require.Len(t, p.gate.Books().Purchases, 1)
	p.verify()
}

func TestWhatNeverLeftIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	gone := p.worker("pays", "invoice", "http://127.0.0.1:1")
	wd := p.approved()
	require.NoError(t, gone.MoneyTurn(t.Context(), queue.Task{}))
	wd = p.read(wd)
	require.Equal(t, withdraw.Approved, wd.State)
	require.Equal(t, 1, wd.Attempt)
	require.Equal(t, withdraw.Sent, p.turn(wd, time.Minute).State)
	p.verify()
}

func TestAPausedGatewayPaysNothingOut(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	require.NoError(t, catalog.Pause(t.Context(), p.db.Pool, "pays", "x", "test", p.now))
	wd := p.turn(p.approved(), 0)
	require.Equal(t, withdraw.Approved, wd.State)
	require.Empty(t, p.gate.Books().Purchases)
	require.NoError(t, catalog.Resume(t.Context(), p.db.Pool, "pays", "test", p.now))
	require.Equal(t, withdraw.Sent, p.turn(wd, 2*time.Minute).State)
	p.w.Mode = catalog.Test
	require.Equal(t, withdraw.Approved, p.turn(p.approved(), 2*time.Minute).State, "of another mode")
}

func TestManyTurnsAtOnceSendOnce(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	wd := p.approved()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := p.w.MoneyTurn(context.Background(), queue.Task{}); err != nil {
				t.Error(err)
			}
			if err := p.w.payOut(context.Background(), wd); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, p.gate.Books().Purchases, 1)
	require.Equal(t, withdraw.Sent, p.read(wd).State)
	p.verify()
}

func TestAWorkerThatDiedIsLookedForInTheHistory(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	wd := p.approved()
	wd, err := p.k.Claim(t.Context(), wd.ID, "claim", time.Minute)
	require.NoError(t, err)
	// It was sent, and nobody came back to say so.
	_, err = p.w.Client.Driver().(upstream.Payouts).CreatePayout(t.Context(), &upstream.PayoutRequest{
		Amount: wd.Amount, Method: wd.Method, AccountNumber: wd.AccountNumber, AccountName: wd.AccountName,
	})
	require.NoError(t, err)
	require.Equal(t, withdraw.Sending, p.turn(wd, 30*time.Second).State)
	wd = p.turn(wd, time.Minute)
	wd = p.turn(wd, time.Minute)
	require.Equal(t, withdraw.Sent, wd.State)
	require.Len(t, p.gate.Books().Purchases, 1)
	p.verify()
}

// ledgerbook is a gateway of which the test decides what its history shows.
type ledgerbook struct {
	upstream.Driver
	pages   [][]upstream.Payout
	err     error
	account *upstream.Account
	targets []upstream.CheckTarget
	asked   []string
}

func (g *ledgerbook) CreatePayout(context.Context, *upstream.PayoutRequest) (*upstream.Payout, error) {
	return nil, errors.New("no answer")
}

func (g *ledgerbook) PayoutStatus(context.Context, string) (*upstream.Payout, error) {
	return nil, errors.New("no answer")
}

func (g *ledgerbook) PayoutHistory(_ context.Context, page int) ([]upstream.Payout, int, error) {
	if g.err != nil || page > len(g.pages) {
		return nil, 0, g.err
	}
	next := page + 1
	if page == len(g.pages) {
		next = 0
	}
	return g.pages[page-1], next, nil
}

func (g *ledgerbook) CheckTargets(context.Context, string) ([]upstream.CheckTarget, error) {
	return g.targets, g.err
}

func (g *ledgerbook) CheckAccount(_ context.Context, _, code, number string) (*upstream.Account, error) {
	g.asked = append(g.asked, code+" "+number)
	return g.account, g.err
}

func TestOnlyOnePayoutThatCanBeItIsEvidence(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	at := func(after time.Duration) time.Time { return s.now.Add(after) }
	it := upstream.Payout{UpstreamRef: "P1", State: upstream.Succeeded, Amount: 50_000, AccountNumber: "+62 812-3456-7890", Method: "DANA", CreatedAt: at(2 * time.Second)}
	change := func(edit func(*upstream.Payout)) upstream.Payout {
		p := it
		p.UpstreamRef = "P2"
		edit(&p)
		return p
	}
	other := []upstream.Payout{
		change(func(p *upstream.Payout) { p.Amount = 49_999 }), change(func(p *upstream.Payout) { p.AccountNumber = "081234567891" }),
		change(func(p *upstream.Payout) { p.Method = "ovo" }), change(func(p *upstream.Payout) { p.CreatedAt = at(2 * time.Hour) }),
	}
	old := change(func(p *upstream.Payout) { p.CreatedAt = at(-time.Hour) })
	for name, c := range map[string]struct {
		pages [][]upstream.Payout
		err   error
		want  withdraw.State
		flag  bool
	}{
		"one that is it":             {[][]upstream.Payout{other, {it, old}, {change(func(*upstream.Payout) {})}}, nil, withdraw.Success, false},
		"none":                       {[][]upstream.Payout{other, {old}}, nil, withdraw.Unknown, false},
		"two":                        {[][]upstream.Payout{{it}, {change(func(*upstream.Payout) {})}}, nil, withdraw.Unknown, true},
		"one that does not say when": {[][]upstream.Payout{{change(func(p *upstream.Payout) { p.CreatedAt = time.Time{} })}}, nil, withdraw.Unknown, true},
		"one that was rejected":      {[][]upstream.Payout{{change(func(p *upstream.Payout) { p.State = upstream.Failed })}}, nil, withdraw.Rejected, false},
		"no answer":                  {nil, errors.New("down"), withdraw.Unknown, false},
		"one, pushed to a 2nd page":  {[][]upstream.Payout{{it}, {it}}, nil, withdraw.Success, false},
		"one without a name":         {[][]upstream.Payout{{change(func(p *upstream.Payout) { p.UpstreamRef = "" })}}, nil, withdraw.Unknown, true},
		"one in a word not known":    {[][]upstream.Payout{{change(func(p *upstream.Payout) { p.State = "resting" })}}, nil, withdraw.Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &payer{stage: s, k: s.payouts(), n: len(name) * 100}
			p.w = s.over("pays", &ledgerbook{pages: c.pages, err: c.err})
			require.NoError(t, catalog.KnowUpstream(t.Context(), s.db.Pool, catalog.Source{Name: "pays", Driver: "invoice", Mode: catalog.Live}, s.now))
			_, err := s.db.Pool.Exec(t.Context(), `UPDATE withdrawals SET receiver = 'another test', upstream_ref = '', next_run_at = NULL`)
			require.NoError(t, err)
			wd := p.approved()
			wd, err = p.k.Claim(t.Context(), wd.ID, "claim", time.Minute)
			require.NoError(t, err)
			wd, err = p.k.Heard(t.Context(), wd.ID, withdraw.Answer{Word: withdraw.Lost, Attempt: 1})
			require.NoError(t, err)
			require.NoError(t, p.w.searchPayout(t.Context(), wd))
			wd = p.read(wd)
			require.Equal(t, c.want, wd.State)
			require.Equal(t, c.flag, wd.Flag != "")
		})
	}
}

// doubted is a withdrawal whose sending was answered by what proves nothing.
func (p *payer) doubted(a withdraw.Answer) *withdraw.Withdrawal {
	p.t.Helper()
	wd, err := p.k.Claim(p.t.Context(), p.approved().ID, "claim", time.Minute)
	require.NoError(p.t, err)
	a.Word, a.Attempt = withdraw.Lost, wd.Attempt
	wd, err = p.k.Heard(p.t.Context(), wd.ID, a)
	require.NoError(p.t, err)
	require.Equal(p.t, withdraw.Unknown, wd.State)
	return wd
}

func (p *payer) searched(wd *withdraw.Withdrawal) *withdraw.Withdrawal {
	p.t.Helper()
	require.NoError(p.t, p.w.searchPayout(p.t.Context(), p.read(wd)))
	return p.read(wd)
}

func TestWhatIsNotUnderstoodIsNotTakenForNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	g := &ledgerbook{}
	p := &payer{stage: s, k: s.payouts(), w: s.over("pays", g)}
	wd := p.doubted(withdraw.Answer{Answered: true}) // refused in words: with a history that lacks it, a proof
	s.advance(10 * time.Minute)
	row := upstream.Payout{UpstreamRef: "P1", State: "resting", Amount: 50_000, AccountNumber: "081234567890", CreatedAt: *wd.SentAt}
	g.pages = [][]upstream.Payout{{row}}
	for range 3 {
		wd = p.searched(wd)
		require.Equal(t, withdraw.Unknown, wd.State, "there is something that may be it: it is not sent again")
		require.Empty(t, wd.UpstreamRef)
		s.advance(10 * time.Minute)
	}
	require.NotEmpty(t, wd.Flag, "a person is told in the end")
	g.pages[0][0].State = upstream.Succeeded
	wd = p.searched(wd)
	require.Equal(t, withdraw.Success, wd.State)
	require.Equal(t, "P1", wd.UpstreamRef)
	p.verify()
}

func TestAPayoutThatTheGatewayNamedIsFoundByItsName(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	g := &ledgerbook{}
	p := &payer{stage: s, k: s.payouts(), w: s.over("pays", g)}
	wd := p.doubted(withdraw.Answer{UpstreamRef: "P1"}) // it named it, and said of it what nobody understands
	named := upstream.Payout{UpstreamRef: "P1", State: upstream.Pending, Amount: 50_000, AccountNumber: "081234567890", CreatedAt: *wd.SentAt}
	other := named
	other.UpstreamRef, other.State = "P2", upstream.Succeeded
	g.pages = [][]upstream.Payout{{other}}
	require.Equal(t, withdraw.Unknown, p.searched(wd).State, "another one alike is no evidence")
	g.pages = [][]upstream.Payout{{other, named}}
	wd = p.searched(wd)
	require.Equal(t, withdraw.Sent, wd.State, "its own name does not hide it")
	require.Equal(t, "P1", wd.UpstreamRef)
	p.verify()
}

func TestAPayoutSettledByHandIsNoEvidenceForTheNextOneAlike(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	g := &ledgerbook{}
	p := &payer{stage: s, k: s.payouts(), w: s.over("pays", g)}
	first := p.doubted(withdraw.Answer{})
	paid := upstream.Payout{UpstreamRef: "P1", State: upstream.Succeeded, Amount: 50_000, AccountNumber: "081234567890", CreatedAt: *first.SentAt}
	_, err := p.k.Resolve(t.Context(), first.ID, withdraw.Decision{As: withdraw.Success, Why: "seen at the gateway", Actor: "test"})
	require.NoError(t, err)
	s.advance(time.Minute)
	g.pages = [][]upstream.Payout{{paid}}
	second := p.searched(p.doubted(withdraw.Answer{}))
	require.Equal(t, withdraw.Unknown, second.State, "the first's payout has nobody's name")
	require.NotEmpty(t, second.Flag)

	s.advance(24 * time.Hour)
	_, err = p.k.Resolve(t.Context(), second.ID, withdraw.Decision{As: withdraw.Rejected, Why: "not there", Actor: "test"})
	require.NoError(t, err)
	third := p.doubted(withdraw.Answer{})
	paid.UpstreamRef, paid.CreatedAt = "P3", *third.SentAt
	g.pages = [][]upstream.Payout{{paid}}
	require.Equal(t, withdraw.Success, p.searched(third).State, "a day later there is no mistaking it")
	p.verify()
}

func TestAHistoryThatIsTooLongProvesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pages int
		want  withdraw.State
	}{"read to its end": {3, withdraw.Approved}, "too long": {historyPages + 1, withdraw.Unknown}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, emulate.Digits(0, 0))
			p := &payer{stage: s, k: s.payouts()}
			p.w = s.over("pays", &ledgerbook{pages: endless(c.pages)})
			wd, err := p.k.Claim(t.Context(), p.approved().ID, "claim", time.Minute)
			require.NoError(t, err)
			wd, err = p.k.Heard(t.Context(), wd.ID, withdraw.Answer{Word: withdraw.Lost, Answered: true, Attempt: 1})
			require.NoError(t, err)
			s.advance(10 * time.Minute)
			require.NoError(t, p.w.searchPayout(t.Context(), wd))
			require.Equal(t, c.want, p.read(wd).State)
		})
	}
}

// endless is a history of others' payouts, all of just now.
func endless(pages int) (out [][]upstream.Payout) {
	for range pages {
		out = append(out, []upstream.Payout{{UpstreamRef: "P9", State: upstream.Succeeded, Amount: 1, AccountNumber: "081"}})
	}
	return out
}

func TestAPayoutDoesNotLeaveAfterItsTime(t *testing.T) {
	t.Parallel()
	p := newPayer(t)
	wd := p.approved()
	now, calls := p.now, 0
	p.w.Now = func() time.Time { calls++; return now.Add(p.w.Client.Timeout + time.Second) } // it stood still since its claim
	require.NoError(t, p.w.payOut(t.Context(), wd))
	require.Positive(t, calls)
	require.Empty(t, p.gate.Books().Purchases)
	wd = p.read(wd)
	require.Equal(t, withdraw.Approved, wd.State)
	p.w.Now = p.clock
	require.Equal(t, withdraw.Sent, p.turn(wd, time.Minute).State)
	require.Len(t, p.gate.Books().Purchases, 1)
}

func TestAReceiverIsLookedUp(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	p := &payer{stage: s, k: s.payouts()}
	g := &ledgerbook{targets: []upstream.CheckTarget{{Code: "008", Name: "Mandiri", Type: "bank"}, {Code: "915", Name: "E-Wallet DANA", Type: "ewallet"}}}
	w := s.over("checks", g)
	check := func() *withdraw.Withdrawal {
		wd, _, err := p.k.Place(t.Context(), &withdraw.Request{
			WalletID: p.wallet, Mode: "live", Ref: fmt.Sprint("c-", p.n), Amount: 50_000, Method: "dana", AccountNumber: "081234567890", AccountName: "Budi",
		})
		p.n++
		require.NoError(t, err)
		require.NoError(t, w.MoneyTurn(t.Context(), queue.Task{}))
		return p.read(wd)
	}
	g.account = &upstream.Account{Valid: true, Name: "BU** SA*****"}
	wd := check()
	require.Equal(t, "valid", wd.CheckResult)
	require.Equal(t, "BU** SA*****", wd.CheckName)
	require.Nil(t, wd.CheckAt)
	require.Equal(t, []string{"915 081234567890"}, g.asked)
	g.account = &upstream.Account{}
	require.Equal(t, "invalid", check().CheckResult)
	g.err = errors.New("disturbed")
	wd = check()
	require.Equal(t, "unknown", wd.CheckResult)
	require.NotNil(t, wd.CheckAt, "it is tried again")
	g.err, g.targets = nil, g.targets[:1]
	wd = check()
	require.Equal(t, "unknown", wd.CheckResult)
	require.Nil(t, wd.CheckAt, "this source knows no such accounts")
	g.targets = []upstream.CheckTarget{{Code: "dana", Name: "DANA", Type: "ewallet"}}
	check()
	require.Equal(t, "dana 081234567890", g.asked[len(g.asked)-1])
}

func TestTheSandboxPaysOutByItself(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	w := s.sandbox()
	p := &payer{stage: s, k: s.payouts(), w: w}
	wallet := s.testWallet()
	require.NoError(t, s.fund(wallet, 1_000_000))
	place := func(account string) *withdraw.Withdrawal {
		wd, _, err := p.k.Place(t.Context(), &withdraw.Request{
			WalletID: wallet, Mode: "test", Ref: "wd-" + account, Amount: 50_000, Method: "dana", AccountNumber: account, AccountName: "Budi",
		})
		require.NoError(t, err)
		require.Equal(t, "pending", wd.Status())
		return wd
	}
	ok, bad, lost := place("081200000001"), place("081200000004"), place("081200000007")
	p.turn(ok, 0)
	p.turn(ok, 6*time.Second)
	p.turn(ok, 10*time.Second)
	require.Equal(t, withdraw.Success, p.turn(ok, 10*time.Second).State)
	require.Equal(t, withdraw.Rejected, p.read(bad).State)
	require.Equal(t, withdraw.Success, p.read(lost).State, "found in the history")
	p.verify()
}
