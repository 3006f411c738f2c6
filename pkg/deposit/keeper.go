package deposit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
)

// commitTimeout bounds one change; it runs on after its caller has left.
const commitTimeout = 10 * time.Second

// Options are what a [Keeper] is made from.
type Options struct {
	Pool     *pgxpool.Pool
	Accounts *ledger.Accounts
	Now      func() time.Time
	Log      *slog.Logger
	Links    Links
	// Told is called after a commit with the ids of the webhook events in it: a hint.
	// It must not block; nil for none.
	Told func(events []int64)
	// Metrics may be nil.
	Metrics *Metrics
}

// Keeper keeps deposits: it is the only way that one changes.
type Keeper struct{ Options }

// New gives a keeper.
func New(o Options) *Keeper { return &Keeper{Options: o} }

// now is the present as rows have it.
func (k *Keeper) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }

// books are the accounts that a deposit's money moves between.
type books struct{ clearing, fees, charges, suspense ledger.Account }

// open finds the accounts. It is done before a transaction begins, since making one
// needs a connection of its own.
func (k *Keeper) open(ctx context.Context, mode, gateway string) (b books, err error) {
	for _, a := range []struct {
		into *ledger.Account
		code string
	}{
		{&b.clearing, ledger.Clearing(gateway)}, {&b.fees, ledger.Fees}, {&b.charges, ledger.Charges(gateway)}, {&b.suspense, ledger.Suspense},
	} {
		if *a.into, err = k.Accounts.System(ctx, mode, a.code); err != nil {
			return b, err
		}
	}
	return b, nil
}

// change is what happens to a deposit in one commit.
type change struct {
	d      *Deposit
	from   State
	status string
	books  books
	now    time.Time
	// entries are the money that moves.
	entries []ledger.Entry
	// cause says who or what, detail what else is worth knowing.
	cause, detail string
	// quiet: a look that brought nothing new. It is no part of the history.
	quiet bool
	audit *audit.Entry
}

// enter takes the deposit into a state. next is when to look again.
func (c *change) enter(to State, next *time.Time) {
	c.d.State, c.d.NextRunAt = to, next
	switch to {
	case Expired, Canceled:
		c.d.EndedAt = &c.now
	case Creating, Pending, Paid, Suspended, Failed:
	}
}

// post moves money on behalf of the deposit; nothing where there is none to move.
func (c *change) post(kind string, debit, credit ledger.Account, amount int64) {
	if amount > 0 {
		c.entries = append(c.entries, ledger.Entry{Subject: subject, SubjectID: c.d.ID, Kind: kind, Debit: debit, Credit: credit, Amount: amount, Notes: notes})
	}
}

// change locks a deposit, lets decide say what happens, and writes all of it or
// nothing. What decide returns as an error undoes everything.
func (k *Keeper) change(ctx context.Context, id int64, decide func(context.Context, pgx.Tx, *change) error) (*Deposit, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	before, err := k.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	var c *change
	var events []int64
	for c == nil {
		b, err := k.open(ctx, before.Mode, before.Gateway)
		if err != nil {
			return nil, err
		}
		err = pg.InTx(ctx, k.Pool, func(tx pgx.Tx) error {
			d, err := lock(ctx, tx, id)
			if err != nil {
				return err
			}
			if d.Gateway != before.Gateway { // another was asked meanwhile: its accounts are needed
				before = d
				return nil
			}
			c = &change{d: d, from: d.State, status: d.Status(), books: b, now: k.now()}
			if err := decide(ctx, tx, c); err != nil {
				return err
			}
			events, err = k.write(ctx, tx, c)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	k.Metrics.changed(c)
	if k.Told != nil && len(events) > 0 {
		k.Told(events)
	}
	return c.d, nil
}

// lock reads a deposit for a change.
func lock(ctx context.Context, tx pgx.Tx, id int64) (*Deposit, error) {
	d, err := scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM deposits d WHERE d.id = $1 FOR NO KEY UPDATE`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	return d, err
}

const updateSQL = `UPDATE deposits SET fee = $2, total = $3, received = $4, asked = $5, gateway = $6, upstream_ref = $7, qr = $8, state = $9, version = $10,
	attempt = $11, sent = $12, cancel_requested = $13, credited = $14, suspense = $15, flag = $16, lease_until = $17, next_run_at = $18, polls = $19,
	looked_at = $20, expires_at = $21, paid_at = $22, ended_at = $23, updated_at = $24 WHERE id = $1`

const eventSQL = `INSERT INTO deposit_events (deposit_id, version, from_state, to_state, cause, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// write puts a change down: the row, its history, the money, the webhook.
func (k *Keeper) write(ctx context.Context, tx pgx.Tx, c *change) ([]int64, error) {
	d := c.d
	if !c.quiet {
		d.Version++
		d.UpdatedAt = c.now
	}
	var b pgx.Batch
	b.Queue(updateSQL, d.ID, d.Fee, d.Total, d.Received, d.Asked, d.Gateway, d.UpstreamRef, d.QR, d.State, d.Version,
		d.Attempt, d.Sent, d.CancelRequested, d.Credited, d.Suspense, d.Flag, d.LeaseUntil, d.NextRunAt, d.Polls,
		d.LookedAt, d.ExpiresAt, d.PaidAt, d.EndedAt, d.UpdatedAt)
	if !c.quiet {
		b.Queue(eventSQL, d.ID, d.Version, c.from, d.State, c.cause, c.detail, c.now)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("deposit: write: %w", err)
	}
	if len(c.entries) > 0 {
		book, err := ledger.Lock(ctx, tx, d.WalletID)
		if err != nil {
			return nil, err
		}
		for _, e := range c.entries {
			if err := book.Post(e); err != nil {
				return nil, err
			}
		}
		if err := book.Write(ctx, tx, c.now); err != nil {
			return nil, err
		}
	}
	if c.audit != nil {
		if err := audit.Write(ctx, tx, *c.audit); err != nil {
			return nil, err
		}
	}
	if d.Status() == c.status || d.State == Failed {
		return nil, nil
	}
	return webhook.Insert(ctx, tx, []webhook.Event{{
		WalletID: d.WalletID, Mode: d.Mode, Type: webhook.DepositUpdated, Subject: subject + ":" + strconv.FormatInt(d.ID, 10), Version: d.Version,
		Data: map[string]any{"deposit": k.Links.View(d)}, At: c.now, TraceParent: d.TraceParent,
	}})
}
