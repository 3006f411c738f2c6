package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/withdraw"
)

const (
	// payoutWaits is when a payout that could not be tried is taken up again.
	payoutWaits = 15 * time.Second
	// A payout of the history can be the one in doubt when it was made from so long
	// before to so long after that was sent: clocks differ.
	historyBefore, historyAfter = 5 * time.Minute, time.Hour
	// historyPages bounds one search.
	historyPages = 30
)

// payoutTurn takes one step with each withdrawal that is due, and looks accounts up.
func (w *Worker) payoutTurn(ctx context.Context) error {
	lease := w.Client.Timeout + settleTime + turn
	for ctx.Err() == nil {
		wd, err := w.Payouts.TakeDue(ctx, w.Client.Name, lease)
		if err != nil {
			return err
		}
		if wd == nil {
			break
		}
		if err := w.payoutStep(ctx, wd); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		wd, err := w.Payouts.TakeCheck(ctx, w.Client.Name, lease)
		if err != nil || wd == nil {
			return err
		}
		if err := w.checkReceiver(ctx, wd); err != nil {
			return err
		}
	}
	return nil
}

func (w *Worker) payoutStep(ctx context.Context, wd *withdraw.Withdrawal) error {
	switch wd.State {
	case withdraw.Pending, withdraw.Approved:
		return w.payOut(ctx, wd)
	case withdraw.Sending:
		_, err := w.Payouts.Stuck(ctx, wd.ID, wd.Attempt)
		return unlessStale(err)
	case withdraw.Sent:
		return w.askPayout(ctx, wd)
	case withdraw.Unknown:
		return w.searchPayout(ctx, wd)
	case withdraw.Success, withdraw.Rejected:
	}
	return nil
}

func unlessStale(err error) error {
	if errors.Is(err, withdraw.ErrStale) {
		return nil
	}
	return err
}

// payOut sends a withdrawal: budget, claim, call, record. Nothing sends it again but
// the proof that this did nothing.
func (w *Worker) payOut(ctx context.Context, wd *withdraw.Withdrawal) error {
	if wd.Mode != w.Mode || w.paused(ctx) {
		return w.Payouts.PutBack(ctx, wd, 4*payoutWaits)
	}
	slot, err := w.Client.Reserve(ctx, budget.Buy)
	if err != nil {
		return w.Payouts.PutBack(ctx, wd, payoutWaits)
	}
	token := rand.Text()
	claimed, err := w.Payouts.Claim(ctx, wd.ID, token, w.Client.Timeout+sendingMargin)
	if err != nil {
		slot.Unused(ctx)
		if errors.Is(err, withdraw.ErrStale) {
			return nil
		}
		// Whether it was claimed is not known. Should it have been: nothing was sent. Should
		// it not, the same sending may be another worker's by now: the token tells.
		undo := w.tellPayout(ctx, wd.ID, withdraw.Answer{Word: withdraw.NotSent, Attempt: wd.Attempt + 1, Token: token, Cause: "claim"})
		return errors.Join(err, undo)
	}
	if w.Now().Sub(*claimed.SentAt) > w.Client.Timeout {
		// This process stood still, and others take the payout for one in doubt: it must not
		// leave now.
		slot.Unused(ctx)
		return w.tellPayout(ctx, claimed.ID, withdraw.Answer{Word: withdraw.NotSent, Attempt: claimed.Attempt, Token: token, Cause: "claim", Detail: "too late to send it"})
	}
	p, err := w.Client.CreatePayout(ctx, slot, &upstream.PayoutRequest{
		Ref: claimed.OurRef(), Amount: claimed.Amount, Method: claimed.Method, AccountNumber: claimed.AccountNumber, AccountName: claimed.AccountName, SentAt: *claimed.SentAt,
	})
	a := refusal(upstream.AsError(err))
	if err == nil {
		a = payoutWord(claimed, p)
		if a.Word == withdraw.Gone || a.Word == withdraw.Silent {
			a.Word = withdraw.Lost // an answer that tells nothing of this one
		}
	}
	a.Attempt, a.Token, a.Cause = claimed.Attempt, token, "submit"
	return w.tellPayout(ctx, claimed.ID, a)
}

// tellPayout records a gateway's word, also while the worker is stopping or Postgres
// is away for a while.
func (w *Worker) tellPayout(ctx context.Context, n int64, a withdraw.Answer) error {
	err := w.steadily(ctx, func(ctx context.Context) error {
		_, err := w.Payouts.Heard(ctx, n, a)
		return err
	}, withdraw.ErrStale, withdraw.ErrTaken, withdraw.ErrNotFound)
	switch {
	case errors.Is(err, withdraw.ErrTaken):
		// It answered with another withdrawal's payout: that says nothing of this one.
		w.Log.ErrorContext(ctx, "a payout was named twice", "upstream", w.Client.Name, "withdrawal", n, "upstream_ref", a.UpstreamRef)
		a.Word, a.UpstreamRef, a.Detail = withdraw.Lost, "", "named the payout of another withdrawal: "+a.UpstreamRef
		_, err = w.Payouts.Heard(ctx, n, a)
		return unlessStale(err)
	case errors.Is(err, withdraw.ErrStale):
		w.Log.WarnContext(ctx, "observation came too late", "withdrawal", n, "attempt", a.Attempt, "word", string(a.Word), "upstream_ref", a.UpstreamRef)
		return nil
	case err != nil:
		// Everything an operator needs to finish it by hand is in this line.
		w.Log.ErrorContext(ctx, "observation lost", "withdrawal", n, "attempt", a.Attempt, "word", string(a.Word), "upstream_ref", a.UpstreamRef, "error", err)
	}
	return err
}

// refusal is what an error says of a sending. What is not classified says nothing.
func refusal(e *upstream.Error) withdraw.Answer {
	if e == nil {
		return withdraw.Answer{}
	}
	a := withdraw.Answer{Word: withdraw.Lost, Code: e.Code, Detail: said(e), After: e.After}
	switch e.Class {
	case upstream.NotSent, upstream.Throttled:
		a.Word = withdraw.NotSent
	case upstream.Rejected:
		switch e.Reason {
		case upstream.ReasonDuplicate: // it knows this reference: ask
		case upstream.ReasonCustomer:
			a.Word, a.Reason = withdraw.Refused, withdraw.ReasonAccount
		case upstream.ReasonOurBalance:
			a.Word, a.Reason = withdraw.Refused, withdraw.ReasonBalance
		default:
			a.Word = withdraw.Refused
		}
	case upstream.Unknown:
		a.Answered = e.Answered
		switch e.Reason { //nolint:exhaustive // hints; the others say nothing of what follows
		case upstream.ReasonCustomer:
			a.Reason = withdraw.ReasonAccount
		case upstream.ReasonOurBalance:
			a.Reason = withdraw.ReasonBalance
		}
	}
	return a
}

// payoutWord is a gateway's word in the withdrawals' own terms. One about another
// amount or account is no word about this one.
func payoutWord(wd *withdraw.Withdrawal, p *upstream.Payout) withdraw.Answer {
	a := withdraw.Answer{UpstreamRef: p.UpstreamRef, Charge: p.Fee, Code: p.Code, Detail: p.Detail}
	if p.Amount != 0 && p.Amount != wd.Amount || p.AccountNumber != "" && !sameAccount(p.AccountNumber, wd.AccountNumber) {
		return withdraw.Answer{Word: withdraw.Silent, Code: p.Code, Detail: "it spoke of another payout: " + p.UpstreamRef}
	}
	switch p.State {
	case upstream.Pending:
		a.Word = withdraw.Waiting
	case upstream.Succeeded:
		a.Word = withdraw.Paid
	case upstream.Failed, upstream.Canceled, upstream.Expired:
		a.Word = withdraw.Failed
	case upstream.NotFound:
		a.Word = withdraw.Gone
	default:
		a.Word = withdraw.Silent
	}
	return a
}

// sameAccount compares numbers of accounts however they are written.
func sameAccount(a, b string) bool { return withdraw.PlainNumber(a) == withdraw.PlainNumber(b) }

// askPayout asks about a payout that its gateway has.
func (w *Worker) askPayout(ctx context.Context, wd *withdraw.Withdrawal) error {
	slot, err := w.Client.Reserve(ctx, budget.Poll)
	if err != nil {
		return w.Payouts.PutBack(ctx, wd, payoutWaits)
	}
	p, err := w.Client.PayoutStatus(ctx, slot, wd.UpstreamRef)
	a := withdraw.Answer{Word: withdraw.Silent}
	if err == nil {
		a = payoutWord(wd, p)
		a.UpstreamRef = "" // the row has it
	} else {
		e := upstream.AsError(err)
		a.Code, a.Detail, a.After = e.Code, said(e), e.After
	}
	a.Attempt, a.Cause = wd.Attempt, "poll"
	_, err = w.Payouts.Heard(context.WithoutCancel(ctx), wd.ID, a)
	return unlessStale(err)
}

// searchPayout looks for a payout in doubt in its gateway's history. One that can be
// it, and no other, is evidence; that none is there is not.
func (w *Worker) searchPayout(ctx context.Context, wd *withdraw.Withdrawal) error {
	found, whole, err := w.payoutsLike(ctx, wd)
	if err != nil {
		e := upstream.AsError(err)
		_, err := w.Payouts.Searched(context.WithoutCancel(ctx), wd.ID,
			withdraw.Search{Attempt: wd.Attempt, Found: withdraw.FoundPart, Detail: strings.TrimSpace(e.Code + " " + said(e)), After: e.After})
		return unlessStale(err)
	}
	ctx = context.WithoutCancel(ctx)
	s := withdraw.Search{Attempt: wd.Attempt, Found: withdraw.FoundNone}
	if len(found) == 1 && whole && found[0].UpstreamRef != "" && !found[0].CreatedAt.IsZero() {
		twin, err := w.Payouts.PaidUnnamed(ctx, wd, wd.SentAt.Add(-2*historyBefore))
		if err != nil {
			return err
		}
		a := payoutWord(wd, &found[0])
		a.Attempt, a.Cause = wd.Attempt, "history"
		switch {
		case twin:
			s.Detail = "it may be that of one which was settled by hand"
		case a.Word == withdraw.Gone || a.Word == withdraw.Silent:
			// There is something that could be it, which must not be taken for nothing.
			s.Found, s.Detail = withdraw.FoundPart, "what it says is not understood: "+a.UpstreamRef+" "+a.Code
			_, err = w.Payouts.Searched(ctx, wd.ID, s)
			return unlessStale(err)
		default:
			if _, err = w.Payouts.Heard(ctx, wd.ID, a); !errors.Is(err, withdraw.ErrTaken) {
				return unlessStale(err)
			}
			found = nil // another withdrawal was faster to prove that it is its own
		}
	}
	switch {
	case len(found) > 0:
		s.Found = withdraw.FoundSeveral
	case !whole:
		s.Found, s.Detail = withdraw.FoundPart, "it is too long"
	}
	_, err = w.Payouts.Searched(ctx, wd.ID, s)
	return unlessStale(err)
}

// payoutsLike gives the payouts that could be a withdrawal's, without those that are
// known to be others'; whole tells whether the history was read as far back as one
// could be.
func (w *Worker) payoutsLike(ctx context.Context, wd *withdraw.Withdrawal) (found []upstream.Payout, whole bool, err error) {
	since, until := wd.SentAt.Add(-historyBefore), wd.SentAt.Add(historyAfter)
	seen := map[string]bool{} // a payout made meanwhile pushes the last of a page onto the next
	for page, n := 1, 0; page > 0 && !whole && n < historyPages; n++ {
		slot, err := w.Client.Reserve(ctx, budget.Poll)
		if err != nil {
			return nil, false, err
		}
		rows, next, err := w.Client.PayoutHistory(ctx, slot, page)
		if err != nil {
			return nil, false, err
		}
		for _, p := range rows {
			if !p.CreatedAt.IsZero() && p.CreatedAt.Before(since) {
				whole = true // newest first: the rest is older
				break
			}
			if p.UpstreamRef != "" && seen[p.UpstreamRef] {
				continue
			}
			seen[p.UpstreamRef] = true
			if couldBe(wd, &p) && !p.CreatedAt.After(until) {
				found = append(found, p)
			}
		}
		if page = next; page == 0 {
			whole = true
		}
	}
	refs := make([]string, len(found))
	for i := range found {
		refs[i] = found[i].UpstreamRef
	}
	taken, err := w.Payouts.Taken(ctx, wd, refs)
	if err != nil {
		return nil, false, err
	}
	free := found[:0]
	for _, p := range found {
		if !taken[p.UpstreamRef] {
			free = append(free, p)
		}
	}
	return free, whole, nil
}

// couldBe tells whether a payout of a history could be a withdrawal's. Where the gateway
// has named it, that one alone.
func couldBe(wd *withdraw.Withdrawal, p *upstream.Payout) bool {
	return p.Amount == wd.Amount && sameAccount(p.AccountNumber, wd.AccountNumber) && (p.Method == "" || strings.EqualFold(p.Method, wd.Method)) &&
		(wd.UpstreamRef == "" || p.UpstreamRef == wd.UpstreamRef)
}

// What a check found.
const (
	checkValid   = "valid"
	checkInvalid = "invalid"
	checkUnknown = "unknown"
)

// checkReceiver looks up where a withdrawal is to go, for whoever approves it.
func (w *Worker) checkReceiver(ctx context.Context, wd *withdraw.Withdrawal) error {
	result, name, again := checkUnknown, "", true
	code, err := w.methodCode(ctx, wd.Method)
	if err == nil && code == "" {
		again = false // this source does not know such accounts
	}
	if err == nil && code != "" {
		var found *upstream.Account
		found, err = w.Client.CheckAccount(ctx, upstream.CheckBank, code, wd.AccountNumber)
		switch {
		case err == nil && found.Valid:
			result, name, again = checkValid, upstream.Clip(found.Name), false
		case err == nil:
			result, again = checkInvalid, false
		}
	}
	if errors.Is(err, upstream.ErrUnsupported) {
		again = false
	} else if err != nil {
		w.Log.WarnContext(ctx, "account not checked", "upstream", w.Client.Name, "withdrawal", wd.ID, "error", err)
	}
	return w.Payouts.Checked(ctx, wd.ID, result, name, again)
}

// methodCode is what a source calls a method of payout among the accounts that it
// can check; empty when it knows none.
func (w *Worker) methodCode(ctx context.Context, method string) (string, error) {
	targets, err := w.Client.CheckTargets(ctx, upstream.CheckBank)
	if err != nil {
		return "", err
	}
	for _, t := range targets {
		if strings.EqualFold(t.Code, method) || strings.EqualFold(t.Name, method) {
			return t.Code, nil
		}
	}
	for _, t := range targets {
		if t.Type == "ewallet" && strings.Contains(strings.ToLower(t.Name), method) {
			return t.Code, nil
		}
	}
	return "", nil
}
