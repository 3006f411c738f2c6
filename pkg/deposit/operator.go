package deposit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/operator"
)

// Cancel closes a deposit on its merchant's behalf. One of our own code is canceled
// at once; another is marked, and its gateway has yet to be asked, since a payment
// may be on its way. [ErrNotFound] and [ErrNotCancelable].
func (k *Keeper) Cancel(ctx context.Context, walletID int64, idOrRef string) (*Deposit, error) {
	d, err := k.Get(ctx, walletID, idOrRef)
	if err != nil {
		return nil, err
	}
	return k.change(ctx, d.ID, func(_ context.Context, _ pgx.Tx, c *change) error {
		c.cause = "merchant"
		switch {
		case c.d.State != Pending:
			return ErrNotCancelable
		case c.d.UpstreamRef == "":
			c.d.CancelRequested = true
			c.enter(Canceled, nil)
		case c.d.CancelRequested:
			c.quiet = true
		default:
			c.detail = "cancel"
			c.d.CancelRequested, c.d.NextRunAt = true, &c.now
		}
		return nil
	})
}

// Listed is a deposit with whose it is, for operators.
type Listed struct {
	Deposit    `bun:",extend"`
	MerchantID string `bun:"merchant_id,scanonly"`
}

// OperatorFilter selects deposits of every merchant; the source is a gateway.
type OperatorFilter = operator.Filter[State]

// ListAll gives deposits of every merchant, newest first.
func ListAll(ctx context.Context, db bun.IDB, f OperatorFilter) ([]Listed, error) {
	var out []Listed
	if err := f.Apply(db.NewSelect().Model(&out), "d", "gateway").Scan(ctx); err != nil {
		return nil, fmt.Errorf("deposit: list all: %w", err)
	}
	return out, nil
}

// Attempt is one question to one gateway for an invoice.
type Attempt struct {
	N           int        `db:"n" json:"n"`
	Gateway     string     `db:"gateway" json:"gateway"`
	Asked       int64      `db:"asked" json:"asked"`
	UpstreamRef string     `db:"upstream_ref" json:"upstream_ref"`
	Outcome     string     `db:"outcome" json:"outcome"`
	SaidCode    string     `db:"said_code" json:"said_code"`
	SaidDetail  string     `db:"said_detail" json:"said_detail"`
	StartedAt   time.Time  `db:"started_at" json:"started_at"`
	FinishedAt  *time.Time `db:"finished_at" json:"finished_at"`
}

// Event is one change of a deposit, and who or what caused it.
type Event = operator.Event[State]

// Evidence is all that is known of a deposit.
type Evidence struct {
	Deposit    *Deposit
	MerchantID string
	Attempts   []Attempt
	Events     []Event
	Entries    []ledger.Posted
	Lines      []Line
}

// ReadEvidence gathers what an operator needs to decide.
func (k *Keeper) ReadEvidence(ctx context.Context, n int64) (*Evidence, error) {
	d, err := k.ByID(ctx, n)
	if err != nil {
		return nil, err
	}
	e := &Evidence{Deposit: d}
	fail := func(err error) (*Evidence, error) { return nil, fmt.Errorf("deposit: evidence: %w", err) }
	if err := k.Pool.QueryRow(ctx, `SELECT merchant_id FROM wallets WHERE id = $1`, d.WalletID).Scan(&e.MerchantID); err != nil {
		return fail(err)
	}
	rows, _ := k.Pool.Query(ctx, `SELECT n, gateway, asked, upstream_ref, outcome, said_code, said_detail, started_at, finished_at
		FROM deposit_attempts WHERE deposit_id = $1 ORDER BY n`, n)
	if e.Attempts, err = pgx.CollectRows(rows, pgx.RowToStructByName[Attempt]); err != nil {
		return fail(err)
	}
	rows, _ = k.Pool.Query(ctx, `SELECT `+operator.EventColumns+` FROM deposit_events WHERE deposit_id = $1 ORDER BY version`, n)
	if e.Events, err = pgx.CollectRows(rows, pgx.RowToStructByName[Event]); err != nil {
		return fail(err)
	}
	if e.Lines, err = lines(ctx, k.Pool, `l.deposit_id = $1`, n); err != nil {
		return fail(err)
	}
	e.Entries, err = ledger.Of(ctx, k.Pool, subject, n)
	return e, err
}

// Decision is an operator's word about a deposit.
type Decision struct {
	// Amount is what to credit, in rupiah. Zero credits what was asked for, or of what
	// is in suspense all but the deposit's fee.
	Amount int64
	// Line is a line of a statement that is this deposit's payment; zero for none.
	Line int64
	Why  string
	// Actor is who says so.
	Actor string
}

// Credit pays a deposit on an operator's word, with an audit row in the same
// commit. [ErrNotResolvable] when it is paid, or never had an invoice, or when the
// amount is more than came.
func (k *Keeper) Credit(ctx context.Context, n int64, r Decision) (*Deposit, error) {
	return k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		d := c.d
		from := d.State
		switch d.State {
		case Creating, Failed:
			return fmt.Errorf("%w: it never had an invoice", ErrNotResolvable)
		case Paid:
			return fmt.Errorf("%w: it has been credited", ErrNotResolvable)
		case Pending, Expired, Canceled, Suspended:
		}
		if d.returned() {
			return fmt.Errorf("%w: its payment was given back", ErrNotResolvable)
		}
		at := c.now
		if d.PaidAt != nil {
			at = *d.PaidAt
		}
		if r.Line != 0 {
			l, err := k.settleLine(ctx, tx, c, r.Line)
			if err != nil {
				return err
			}
			at = l.PaidAt
			if l.Amount != d.Total {
				c.suspend(l.Amount, at, "")
			}
		}
		amount := d.Amount
		switch {
		case d.State == Suspended && r.Amount == 0:
			amount = d.Suspense - d.Fee
		case d.State == Suspended:
			amount = r.Amount
		case r.Amount != 0 && r.Amount != d.Amount:
			return fmt.Errorf("%w: nothing else than %d was seen to be paid for it", ErrNotResolvable, d.Amount)
		}
		if amount <= 0 || d.State == Suspended && amount > d.Suspense {
			return fmt.Errorf("%w: %d came, and %d cannot be credited", ErrNotResolvable, d.Suspense, amount)
		}
		c.cause, c.detail = "operator", r.Why
		c.audited(k, "deposit.credit", r, map[string]any{"from": from, "amount": amount, "line": r.Line, "why": r.Why})
		c.credit(amount, at)
		return nil
	})
}

// Return takes a payment out of suspense that was given back to its payer; the
// deposit is canceled.
func (k *Keeper) Return(ctx context.Context, n int64, r Decision) (*Deposit, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		if c.d.State != Suspended {
			return fmt.Errorf("%w: nothing of it is in suspense", ErrNotResolvable)
		}
		c.cause, c.detail = "operator", r.Why
		c.audited(k, "deposit.return", r, map[string]any{"amount": c.d.Suspense, "why": r.Why})
		c.post(ledger.KindSuspenseReturn, c.books.suspense, c.books.clearing, c.d.Suspense)
		c.d.Flag = ""
		c.enter(Canceled, nil)
		return nil
	})
}

// Expire ends a pending deposit on an operator's word that nothing was paid. A
// payment that is seen all the same is still credited.
func (k *Keeper) Expire(ctx context.Context, n int64, r Decision) (*Deposit, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		switch {
		case c.d.State != Pending:
			return fmt.Errorf("%w: it is %s", ErrNotResolvable, c.d.State)
		case c.now.Before(*c.d.ExpiresAt):
			return fmt.Errorf("%w: it can be paid until %s", ErrNotResolvable, c.d.ExpiresAt.Format(time.RFC3339))
		}
		c.cause, c.detail, c.d.Flag = "operator", r.Why, ""
		c.audited(k, "deposit.expire", r, map[string]any{"why": r.Why})
		c.enter(Expired, nil)
		if c.d.UpstreamRef != "" {
			c.d.NextRunAt = c.lateLook()
		}
		return nil
	})
}

func (c *change) audited(k *Keeper, action string, r Decision, detail any) {
	c.audit = &audit.Entry{Actor: r.Actor, Action: action, Subject: PublicID(k.Links.IDPrefix, c.d.ID), Detail: detail, At: c.now}
}

// ParseOperatorID reads what an operator calls a deposit: its deposit_id, or the
// number that logs, tasks and rows know it by.
func ParseOperatorID(s string) (int64, bool) { return operator.ParseID(s, ParseID) }

// settleLine gives a line of a statement to the deposit of a change: what it put
// into suspense is booked out again.
func (k *Keeper) settleLine(ctx context.Context, tx pgx.Tx, c *change, n int64) (*Line, error) {
	found, err := lines(ctx, tx, `l.id = $1 FOR UPDATE`, n)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w: there is no line %d", ErrNotResolvable, n)
	case found[0].DepositID != nil:
		return nil, fmt.Errorf("%w: line %d belongs to %s already", ErrNotResolvable, n, PublicID(k.Links.IDPrefix, *found[0].DepositID))
	case found[0].Gateway != c.d.Gateway:
		return nil, fmt.Errorf("%w: line %d is of %s and the deposit of %s", ErrNotResolvable, n, found[0].Gateway, c.d.Gateway)
	case c.d.State == Suspended:
		return nil, fmt.Errorf("%w: another payment of it is in suspense", ErrNotResolvable)
	}
	l := &found[0]
	if l.Outcome == LineAmbiguous {
		c.entries = append(c.entries, ledger.Entry{
			Subject: lineSubject, SubjectID: l.ID, Kind: ledger.KindSuspenseReturn, Debit: c.books.suspense, Credit: c.books.clearing, Amount: l.Amount, Notes: notes,
		})
	}
	_, err = tx.Exec(ctx, `UPDATE deposit_lines SET outcome = 'resolved', deposit_id = $2 WHERE id = $1`, n, c.d.ID)
	if err != nil {
		return nil, fmt.Errorf("deposit: line: %w", err)
	}
	return l, nil
}
