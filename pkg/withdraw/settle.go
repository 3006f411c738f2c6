package withdraw

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/ledger"
)

// What merchants read of a rejection.
const (
	sayAccount = "The account was not accepted. You have been refunded."
	sayGateway = "The withdrawal was not carried out. You have been refunded."
)

// Why a person has to look.
const (
	flagRefused = "the gateway refuses it: approve it again to send it again, or reject it"
	flagBalance = "our balance at the gateway does not reach"
	flagAway    = "the gateway cannot be reached"
	flagLost    = "nobody knows whether it was sent, and the gateway's history does not show it"
	flagUnread  = "nobody knows whether it was sent, and the gateway's history cannot be read"
	flagTwins   = "nobody knows whether it was sent: several payouts of the gateway's history could be it"
	flagGone    = "the gateway knows nothing of it any more"
	flagHand    = "no gateway is configured: pay it out by hand, then resolve it"
	flagLate    = "paid out after it had been given back: our loss"
)

// awayAfter sendings that never left us, an operator is told.
const awayAfter = 10

// Claim is a worker's right to send a withdrawal, once: it is being sent from here
// on, and in doubt should nothing be heard until deadline. The token is the caller's
// own, drawn anew for each claim: should it not learn how the commit ended, it can
// take back this claim and no other. [ErrStale] when it is not
// to be sent (any more, or while another of the same amount to the same account is in
// doubt).
func (k *Keeper) Claim(ctx context.Context, n int64, token string, deadline time.Duration) (*Withdrawal, error) {
	twin := false
	w, err := k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		w := c.w
		if !w.ready() || w.NextRunAt == nil {
			return ErrStale
		}
		// Two alike that are claimed at once must see each other.
		receiver := PlainNumber(w.AccountNumber)
		key := fmt.Sprintf("%s\n%s\n%d", w.Gateway, receiver, w.Amount)
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, key); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM withdrawals WHERE gateway = $1 AND receiver = $2 AND amount = $3
			AND state IN ('sending', 'unknown') AND id <> $4)`, w.Gateway, receiver, w.Amount, w.ID).Scan(&twin)
		if err != nil {
			return err
		}
		if twin {
			c.quiet = true
			w.NextRunAt = c.in(time.Minute)
			return nil
		}
		c.cause = "claim"
		w.State, w.Attempt, w.SentAt, w.UpstreamRef, w.NextRunAt, w.CheckAt = Sending, w.Attempt+1, &c.now, "", c.in(deadline), nil
		w.Refused, w.Token = "", token
		c.detail = w.OurRef()
		return nil
	})
	if err == nil && twin {
		return nil, ErrStale
	}
	return w, err
}

// ready tells whether the withdrawal may be sent.
func (w *Withdrawal) ready() bool {
	return w.Gateway != "" && (w.State == Approved || w.State == Pending && w.Approvals == 0)
}

// Word is what a gateway says of a payout.
type Word string

// The words. Refused and NotSent prove that this sending did nothing; Lost proves
// nothing.
const (
	Waiting Word = "waiting" // it has it, and has not decided
	Paid    Word = "paid"
	Failed  Word = "failed"
	Refused Word = "refused"
	NotSent Word = "not_sent"
	Lost    Word = "lost"
	// Gone: it does not know a payout that it had accepted. Silent: a question that was
	// not answered.
	Gone   Word = "gone"
	Silent Word = "silent"
)

// Reasons of a refusal that decide what follows.
const (
	ReasonAccount = "account" // the receiver's account is wrong
	ReasonBalance = "balance" // our balance at the gateway does not reach
)

// Answer is a gateway's word about one withdrawal.
type Answer struct {
	Word Word
	// Attempt is the sending that it is about.
	Attempt int
	// Token, where it is set, is the claim that it is about.
	Token       string
	UpstreamRef string
	// Charge is what the gateway takes beside the amount, in rupiah.
	Charge int64
	// Reason is why, for Refused, and a hint with Answered.
	Reason string
	// Answered, of a Lost one: the gateway refused in words that prove nothing. Together
	// with its history, which lacks it, they do.
	Answered bool
	// Cause says who or what: submit, poll, history.
	Cause string
	// Code and Detail are the gateway's own, for operators.
	Code, Detail string
	// After is how long the gateway asked us to wait.
	After time.Duration
}

// Heard takes a gateway's word into account. [ErrStale] when it is about a sending
// that the withdrawal has left behind, or the withdrawal is final; [ErrTaken] when its
// payout is another withdrawal's.
func (k *Keeper) Heard(ctx context.Context, n int64, a Answer) (*Withdrawal, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		w := c.w
		if a.Attempt != w.Attempt || a.Token != "" && a.Token != w.Token || w.State != Sending && w.State != Sent && w.State != Unknown {
			return ErrStale
		}
		c.cause, c.detail = a.Cause, a.said()
		if a.UpstreamRef != "" && w.UpstreamRef == "" {
			w.UpstreamRef = a.UpstreamRef
		}
		c.heard(&a)
		return nil
	})
}

func (a *Answer) said() string {
	text := string(a.Word)
	for _, part := range []string{a.Reason, a.UpstreamRef, a.Code, a.Detail} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

func (c *change) heard(a *Answer) {
	w := c.w
	if w.State == Sent && (a.Word == Refused || a.Word == NotSent) {
		a.Word = Silent // the gateway has it: these are words about a sending
	}
	if a.Word == Waiting && w.UpstreamRef == "" {
		a.Word = Lost // without an id nobody can ask about it
	}
	switch a.Word {
	case Paid:
		c.succeed(a.Charge)
	case Failed:
		c.reject(sayGateway)
	case Refused:
		c.refused(a)
	case NotSent:
		w.State, w.Flag, w.NextRunAt = Approved, "", c.in(max(a.After, backoff(w.Attempt)))
		if w.Attempt >= awayAfter {
			w.Flag = flagAway
		}
	case Waiting:
		c.quiet = w.State == Sent
		w.State, w.Flag, w.NextRunAt = Sent, "", c.nextLook(a)
		w.Polls++
	case Gone:
		c.quiet = w.Flag == flagGone
		w.Flag, w.NextRunAt = flagGone, c.nextLook(a)
	default:
		c.doubt(a)
	}
}

// refused is a sending that certainly did nothing.
func (c *change) refused(a *Answer) {
	w := c.w
	switch a.Reason {
	case ReasonAccount:
		c.reject(sayAccount)
	case ReasonBalance:
		w.State, w.Flag, w.NextRunAt = Approved, flagBalance, c.in(15*time.Minute)
	default:
		w.State, w.Flag, w.NextRunAt = Approved, flagRefused, nil
	}
}

// doubt is a question or a sending without an answer: nothing follows from it.
func (c *change) doubt(a *Answer) {
	w := c.w
	if w.State == Sent {
		c.quiet = true
		w.NextRunAt = c.nextLook(a)
		return
	}
	c.quiet = w.State == Unknown
	if a.Answered {
		w.Refused = cmp.Or(a.Reason, refusedAnyhow)
	}
	w.State, w.NextRunAt = Unknown, c.in(max(firstSearch, a.After))
}

const (
	// firstSearch is how long after a lost answer the history is first searched.
	firstSearch = 5 * time.Second
	// lostAfter is when an operator is told of one that the history does not show, and
	// searchedFor how long it is searched for.
	lostAfter = 15 * time.Minute
	// refusedFor is when a refusal without proof and a history that still lacks it prove
	// together that nothing was done.
	refusedFor    = 2 * time.Minute
	refusedAnyhow = "other"
	searchedFor   = 24 * time.Hour
)

// nextLook is when a payout that its gateway has is asked about again: people decide
// there, in minutes or hours.
func (c *change) nextLook(a *Answer) *time.Time {
	w := c.w
	wait := 5 * time.Second
	if w.SentAt != nil {
		wait = min(max(c.now.Sub(*w.SentAt)/8, wait), 10*time.Minute)
	}
	if w.WatchedAt != nil && c.now.Sub(*w.WatchedAt) < time.Minute {
		wait = min(wait, 20*time.Second)
	}
	return c.in(max(wait, a.After))
}

// backoff is how long a sending that never left us waits: 2 s, 4 s … 5 min.
func backoff(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt, 1), 9), 5*time.Minute)
}

// Found is what a search of a gateway's history brought that is no evidence.
type Found string

// What a search brings. None: the history was read as far back as a payout could be,
// and lacks it. Part: it could not be read so far back, or not at all.
const (
	FoundNone    Found = "not there"
	FoundSeveral Found = "several"
	FoundPart    Found = "not read"
)

// Search is a search of a gateway's history that ended nothing.
type Search struct {
	Attempt int
	Found   Found
	// Detail is why the history could not be read, for operators.
	Detail string
	// After is how long the gateway asked us to wait.
	After time.Duration
}

// Searched notes that the history was searched in vain. [ErrStale] when the withdrawal
// is no longer in doubt.
func (k *Keeper) Searched(ctx context.Context, n int64, s Search) (*Withdrawal, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		w := c.w
		if w.State != Unknown || w.Attempt != s.Attempt {
			return ErrStale
		}
		c.cause, c.detail = "history", strings.TrimSpace(string(s.Found)+" "+s.Detail)
		w.Polls++
		age := c.now.Sub(*w.SentAt)
		w.NextRunAt = c.in(max(min(max(age/4, firstSearch), 10*time.Minute), s.After))
		switch {
		case s.Found == FoundSeveral:
			w.Flag, w.NextRunAt = flagTwins, nil
		case s.Found == FoundNone && w.Refused != "" && age >= refusedFor:
			c.detail = "refused, and not there"
			c.refused(&Answer{Reason: w.Refused})
		case s.Found == FoundNone && age >= searchedFor:
			w.Flag, w.NextRunAt = flagLost, nil
		case age >= lostAfter && s.Found == FoundNone:
			c.quiet = w.Flag == flagLost
			w.Flag = flagLost
		case age >= lostAfter:
			c.quiet = w.Flag == flagUnread
			w.Flag = flagUnread
		default:
			c.quiet = true
		}
		return nil
	})
}

// Stuck calls a withdrawal unknown whose worker did not come back by the deadline of
// its claim. [ErrStale] when it did.
func (k *Keeper) Stuck(ctx context.Context, n int64, attempt int) (*Withdrawal, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		if c.w.State != Sending || c.w.Attempt != attempt {
			return ErrStale
		}
		c.cause, c.detail = "sweep", "the worker did not come back"
		c.w.State, c.w.NextRunAt = Unknown, &c.now
		return nil
	})
}

// Checked notes what an account check found: valid, invalid or unknown, and the name
// it gave. A check that did not come about is tried again after a while, if again.
func (k *Keeper) Checked(ctx context.Context, n int64, result, name string, again bool) error {
	_, err := k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		w := c.w
		if w.CheckAt == nil {
			return ErrStale
		}
		c.cause, c.detail = "check", result+" "+name
		w.CheckResult, w.CheckName, w.CheckAt = result, name, nil
		if again && c.now.Sub(w.CreatedAt) < time.Hour {
			c.quiet = true
			w.CheckAt = c.in(max(c.now.Sub(w.CreatedAt)/2, 30*time.Second))
		}
		return nil
	})
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// late books a payout that turned out to have succeeded after it was given back.
func (c *change) late(charge int64) {
	w, b := c.w, c.books
	w.Flag, w.Charge = flagLate, max(charge, 0)
	c.post(ledger.KindLatePayout, b.loss, b.float, w.Amount+w.Charge)
}
