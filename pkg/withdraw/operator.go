package withdraw

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
)

// Decision is an operator's word about a withdrawal.
type Decision struct {
	Why string
	// Actor is who says so.
	Actor string
	// Despite approves an account that the check did not find, or has not looked at yet.
	Despite bool
	// As is what a withdrawal is resolved as: Success or Rejected.
	As State
	// Charge is what paying it out took beside the amount, in rupiah.
	Charge int64
}

func (c *change) audited(k *Keeper, action string, r Decision, detail map[string]any) {
	detail["why"], detail["from"] = r.Why, c.from
	c.audit = &audit.Entry{Actor: r.Actor, Action: action, Subject: PublicID(k.IDPrefix, c.w.ID), Detail: detail, At: c.now}
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNotResolvable}, args...)...)
}

// Approve counts one person's yes, with an audit row in the same commit. Once as many
// different people have said it as are needed, the withdrawal is on its way; one whose
// gateway refused it before is sent again. [ErrNotResolvable] says why not.
func (k *Keeper) Approve(ctx context.Context, n int64, r Decision) (*Withdrawal, error) {
	return k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		w := c.w
		c.cause = "operator"
		if w.State == Approved && w.NextRunAt == nil && w.Gateway != "" {
			c.audited(k, "withdraw.again", r, map[string]any{})
			c.detail = "to be sent again " + r.Why
			w.NextRunAt, w.Flag = &c.now, ""
			return nil
		}
		switch {
		case w.State != Pending:
			return refuse("it is %s", w.State)
		case w.CheckAt != nil && w.CheckResult == "" && !r.Despite:
			return refuse("its account is being looked up: wait a moment, or approve it despite that")
		case w.CheckResult == "invalid" && !r.Despite:
			return refuse("the check found no such account: reject it, or approve it despite that")
		}
		tag, err := tx.Exec(ctx, `INSERT INTO withdrawal_approvals (withdrawal_id, actor, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, n, r.Actor, c.now)
		if err != nil {
			return fmt.Errorf("withdraw: approve: %w", err)
		}
		var have int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM withdrawal_approvals WHERE withdrawal_id = $1`, n).Scan(&have); err != nil {
			return fmt.Errorf("withdraw: approve: %w", err)
		}
		if tag.RowsAffected() == 0 && have < w.Approvals {
			return refuse("%s has approved it already: it takes %d different people", r.Actor, w.Approvals)
		}
		c.audited(k, "withdraw.approve", r, map[string]any{"approvals": have, "of": w.Approvals, "check": w.CheckResult})
		c.detail = fmt.Sprintf("approved by %d of %d %s", have, w.Approvals, r.Why)
		if have < w.Approvals {
			return nil
		}
		w.State, w.CheckAt = Approved, nil
		if w.Gateway == "" {
			w.Flag = flagHand
			return nil
		}
		w.NextRunAt = &c.now
		return nil
	})
}

// Reject gives the money back of a withdrawal that has not been sent.
func (k *Keeper) Reject(ctx context.Context, n int64, r Decision) (*Withdrawal, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		switch c.w.State {
		case Pending, Approved:
		case Sending, Sent, Unknown:
			return refuse("it is %s: the gateway may be paying it out, so resolve it on evidence", c.w.State)
		case Success, Rejected:
			return refuse("it is %s, which is final", c.w.State)
		}
		c.cause, c.detail = "operator", r.Why
		c.audited(k, "withdraw.reject", r, map[string]any{})
		c.reject(sayGateway)
		return nil
	})
}

// Resolve settles a withdrawal on an operator's evidence: it was paid out, by the
// gateway or by hand, or it was not. One that had been rejected and turns out to have
// been paid out stays rejected: it is our loss. One that is being sent at this moment
// is left alone.
func (k *Keeper) Resolve(ctx context.Context, n int64, r Decision) (*Withdrawal, error) {
	return k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		w := c.w
		c.cause, c.detail = "operator", string(r.As)+" "+r.Why
		c.audited(k, "withdraw.resolve", r, map[string]any{"as": r.As, "charge": r.Charge})
		switch {
		case r.As != Success && r.As != Rejected:
			return refuse("a withdrawal is resolved as success or rejected")
		case w.State == Sending:
			return refuse("it is being sent at this moment")
		case w.State == Pending && r.As == Success:
			return refuse("it has not been approved")
		case w.State == Success, w.State == Rejected && r.As == Rejected:
			return refuse("it is %s, which is final", w.State)
		case w.State == Rejected:
			var booked bool
			err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ledger_entries WHERE subject_id = $1 AND subject = $2 AND kind = $3)`, n, subject, ledger.KindLatePayout).Scan(&booked)
			if err != nil {
				return fmt.Errorf("withdraw: resolve: %w", err)
			}
			if booked {
				return refuse("its loss has been booked")
			}
			c.late(r.Charge)
		case r.As == Success:
			c.succeed(r.Charge)
		default:
			c.reject(sayGateway)
		}
		return nil
	})
}

// Seen takes a withdrawal's flag away: a person has looked and needs nobody else to.
// It stays where nothing but a decision ends it.
func (k *Keeper) Seen(ctx context.Context, n int64, r Decision) (*Withdrawal, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		switch {
		case c.w.Flag == "":
			return refuse("it has no flag")
		case !c.w.State.Final() && c.w.NextRunAt == nil:
			return refuse("nothing but a decision ends it")
		}
		c.cause, c.detail = "operator", "seen "+r.Why
		c.audited(k, "withdraw.seen", r, map[string]any{"flag": c.w.Flag})
		c.w.Flag = ""
		return nil
	})
}
