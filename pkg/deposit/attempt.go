package deposit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/qris"
)

// Request asks for a deposit. The caller has checked the amount against the bounds.
type Request struct {
	WalletID int64
	Mode     string
	// Ref is the merchant's own reference; may be empty.
	Ref    string
	Amount int64
	// TraceParent joins the deposit's spans (W3C trace context); may be empty.
	TraceParent string
}

const beginSQL = `INSERT INTO deposits AS d (id, wallet_id, mode, ref, amount, fee, total, received, asked, gateway, upstream_ref, qr, token, state, version,
		attempt, sent, cancel_requested, credited, suspense, flag, trace_parent, lease_until, polls, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, '', '', '', $6, 'creating', 1, 0, false, false, 0, 0, '', $7, $8, 0, $9, $9)
	ON CONFLICT (wallet_id, ref) WHERE ref <> '' AND state <> 'failed' DO NOTHING RETURNING ` + columns

// begin keeps the row that an invoice is to be found for, leased to the caller; or
// gives the one that the ref names already. [ErrConflict] when that is for another
// amount.
func (k *Keeper) begin(ctx context.Context, r *Request, lease time.Duration) (d *Deposit, fresh bool, err error) {
	const tries = 5 // an id drawn twice, or a deposit with this ref that comes and goes
	for range tries {
		now := k.now()
		err = pg.InTx(ctx, k.Pool, func(tx pgx.Tx) (err error) {
			d, err = scan(tx.QueryRow(ctx, beginSQL, id.New(now), r.WalletID, r.Mode, r.Ref, r.Amount, rand.Text(), r.TraceParent, now.Add(lease), now))
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, eventSQL, d.ID, d.Version, "", d.State, "merchant", "", now)
			return err
		})
		switch {
		case err == nil:
			return d, true, nil
		case pg.IsUnique(err, "deposits_pkey"):
			continue
		case !errors.Is(err, pgx.ErrNoRows):
			return nil, false, fmt.Errorf("deposit: begin: %w", err)
		}
		d, err = k.one(ctx, `d.wallet_id = $1 AND d.ref = $2 AND d.state <> 'failed'`, r.WalletID, r.Ref)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err == nil && d.Amount != r.Amount:
			return nil, false, ErrConflict
		}
		return d, false, err
	}
	return nil, false, ErrStale
}

// takeOver leases a deposit that whoever drove it has left. [ErrStale] when it is
// driven, or has its invoice.
func (k *Keeper) takeOver(ctx context.Context, n int64, lease time.Duration) (*Deposit, error) {
	now := k.now()
	d, err := scan(k.Pool.QueryRow(ctx, `UPDATE deposits d SET lease_until = $3 WHERE d.id = $1 AND d.state = 'creating' AND d.lease_until <= $2
		RETURNING `+columns, n, now, now.Add(lease)))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrStale
	}
	return d, err
}

// aim points a deposit at its next gateway. What an earlier one still answers comes
// too late from here on.
func (k *Keeper) aim(ctx context.Context, d *Deposit, g Gateway) (*Deposit, error) {
	return k.change(ctx, d.ID, func(ctx context.Context, tx pgx.Tx, c *change) error {
		if c.d.State != Creating || c.d.Attempt != d.Attempt {
			return ErrStale
		}
		if err := c.aim(ctx, tx, g); err != nil {
			return err
		}
		c.quiet = true // the attempt's own row tells of it
		return nil
	})
}

const aimSQL = `INSERT INTO deposit_attempts (deposit_id, n, gateway, asked, upstream_ref, outcome, said_code, said_detail, started_at)
	VALUES ($1, $2, $3, $4, '', 'asked', '', '', $5)`

func (c *change) aim(ctx context.Context, tx pgx.Tx, g Gateway) error {
	d := c.d
	d.Attempt++
	d.Sent = false
	d.Gateway = g.Name
	d.Asked = g.Fee.ask(d.Amount)
	d.Received = d.Asked - g.Fee.of(d.Amount)
	_, err := tx.Exec(ctx, aimSQL, d.ID, d.Attempt, d.Gateway, d.Asked, c.now)
	return err
}

const claimSQL = `WITH taken AS (UPDATE deposits d SET sent = true WHERE d.id = $1 AND d.state = 'creating' AND d.attempt = $2 AND d.gateway = $3
		AND NOT d.sent AND d.lease_until > $4 RETURNING ` + columns + `),
	noted AS (UPDATE deposit_attempts SET outcome = 'sent', started_at = $4 WHERE (deposit_id, n) = ($1, $2) AND EXISTS (SELECT FROM taken))
	SELECT * FROM taken`

// Claim is a worker's right to ask for the invoice of an attempt, once. [ErrStale]
// when nobody waits for it any more.
func (k *Keeper) Claim(ctx context.Context, n int64, attempt int, gateway string) (*Deposit, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	d, err := scan(k.Pool.QueryRow(ctx, claimSQL, n, attempt, gateway, k.now()))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrStale
	}
	if err != nil {
		return nil, fmt.Errorf("deposit: claim: %w", err)
	}
	return d, nil
}

// Invoice is what a gateway answered. Money is whole rupiah.
type Invoice struct {
	UpstreamRef string
	QR          string
	// Total is what is paid, Received what the gateway owes us then; zero when it does not say.
	Total, Received int64
	ExpiresAt       time.Time
}

var (
	// ErrUnsound: the invoice is not one that a merchant can be shown. It wraps why.
	ErrUnsound = errors.New("deposit: unsound invoice")
	// ErrTaken: the gateway gave an invoice that another deposit has.
	ErrTaken = errors.New("deposit: the invoice is another deposit's")
)

const (
	// defaultLife is how long an invoice lives whose gateway does not say, maxLife the
	// most that is believed.
	defaultLife = 20 * time.Minute
	maxLife     = 48 * time.Hour
)

// accept takes an invoice over, or says why it is unsound.
func (d *Deposit) accept(inv *Invoice, now time.Time) error {
	code, err := qris.Read(inv.QR)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsound, err)
	}
	total := inv.Total
	if total == 0 {
		total = code.Amount
	}
	switch {
	case inv.UpstreamRef == "":
		return fmt.Errorf("%w: it has no id", ErrUnsound)
	case code.Amount != 0 && code.Amount != total:
		return fmt.Errorf("%w: it is over %d and its code over %d", ErrUnsound, total, code.Amount)
	case total < d.Amount:
		return fmt.Errorf("%w: it is over %d, less than what is to be credited", ErrUnsound, total)
	}
	d.UpstreamRef, d.QR, d.Total, d.Fee = inv.UpstreamRef, strings.TrimSpace(inv.QR), total, total-d.Amount
	if inv.Received > 0 {
		d.Received = inv.Received
	}
	d.Received = min(max(d.Received, 0), total)
	until := inv.ExpiresAt.UTC().Truncate(time.Microsecond)
	if !until.After(now) { // not said, or in a zone that was not said
		until = now.Add(defaultLife)
	}
	if until.After(now.Add(maxLife)) {
		until = now.Add(maxLife)
	}
	d.ExpiresAt = &until
	return nil
}

// finishedSQL ends an attempt.
const finishedSQL = `UPDATE deposit_attempts SET outcome = $3, upstream_ref = coalesce(nullif($4, ''), upstream_ref), said_code = $5, said_detail = $6,
	finished_at = $7, next_run_at = $8 WHERE (deposit_id, n) = ($1, $2)`

// Opened takes an attempt's invoice over: the deposit is pending. [ErrStale] when
// nobody waits for it any more, [ErrUnsound] and [ErrTaken] when it cannot be used.
func (k *Keeper) Opened(ctx context.Context, n int64, attempt int, inv *Invoice) (*Deposit, error) {
	d, err := k.change(ctx, n, func(ctx context.Context, tx pgx.Tx, c *change) error {
		if c.d.State != Creating || c.d.Attempt != attempt || !c.d.Sent {
			return ErrStale
		}
		if err := c.d.accept(inv, c.now); err != nil {
			return err
		}
		c.cause, c.detail = "gateway", c.d.Gateway+" "+inv.UpstreamRef
		first := c.now.Add(firstLook)
		c.enter(Pending, &first)
		_, err := tx.Exec(ctx, finishedSQL, n, attempt, "opened", inv.UpstreamRef, "", "", c.now, nil)
		return err
	})
	if pg.IsUnique(err, "deposits_invoice") {
		return nil, ErrTaken
	}
	if err == nil {
		k.Metrics.asked(d.Gateway, "opened")
	}
	return d, err
}

// Ended is how an attempt ended without an invoice that is used.
type Ended struct {
	// Outcome is full, refused, not_sent, unknown or late.
	Outcome      string
	Code, Detail string
	// UpstreamRef is an invoice that was made all the same and is to be canceled.
	UpstreamRef string
}

// End writes down how an attempt ended, and until when its gateway is asked last.
func (k *Keeper) End(ctx context.Context, d *Deposit, attempt int, e Ended) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	now := k.now()
	var due *time.Time
	if e.UpstreamRef != "" {
		due = &now
	}
	_, err := k.Pool.Exec(ctx, finishedSQL, d.ID, attempt, e.Outcome, e.UpstreamRef, e.Code, e.Detail, now, due)
	if err != nil {
		return fmt.Errorf("deposit: attempt: %w", err)
	}
	k.Metrics.asked(d.Gateway, e.Outcome)
	if e.Outcome == OutcomeLate {
		return nil
	}
	return k.skip(ctx, d.Gateway, e.Outcome == OutcomeFull)
}

// Outcomes of attempts.
const (
	OutcomeFull    = "full"
	OutcomeRefused = "refused"
	OutcomeNotSent = "not_sent"
	OutcomeUnknown = "unknown"
	OutcomeLate    = "late"
)

// fail ends a deposit for which nobody gave an invoice; its ref is free again. One
// that got its invoice in this moment is given as it stands.
func (k *Keeper) fail(ctx context.Context, n int64, attempt int, why string) (*Deposit, error) {
	d, err := k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error {
		if c.d.State != Creating || attempt >= 0 && c.d.Attempt != attempt {
			return ErrStale
		}
		c.cause, c.detail = "gateway", why
		c.enter(Failed, nil)
		return nil
	})
	if errors.Is(err, ErrStale) {
		return k.ByID(ctx, n)
	}
	return d, err
}
