package deposit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// firstLook is how long after its invoice a gateway is first asked about it.
	firstLook = 3 * time.Second
	// lastQuestion is how long after expires_at "not paid" is the last word: clocks
	// differ, and a payment at the last moment takes its time.
	lastQuestion = 30 * time.Second
	// watched is for how long a merchant's look counts as watching.
	watched = 30 * time.Second
)

func (c *change) in(d time.Duration) *time.Time {
	at := c.now.Add(d)
	return &at
}

// nextLook is when a pending deposit is worth asking about again: soon while it is
// young or its merchant watches, then slower with age, and at its end.
func (c *change) nextLook(s *Sighting) *time.Time {
	d := c.d
	age := c.now.Sub(d.CreatedAt)
	wait := min(max(age/6, 3*time.Second), time.Minute)
	if d.WatchedAt != nil && c.now.Sub(*d.WatchedAt) < watched {
		wait = min(max(age/20, 2*time.Second), 10*time.Second)
	}
	if end := d.ExpiresAt.Add(lastQuestion); c.now.Before(end) {
		wait = min(wait, end.Sub(c.now))
	} else { // it was not answered since
		wait = min(max(c.now.Sub(end)/4, 10*time.Second), 10*time.Minute)
	}
	return c.in(max(wait, s.After))
}

// lateLook is when a deposit that has ended is looked at again: a payment may still
// come. Nil when its grace is over.
func (c *change) lateLook() *time.Time {
	since := c.now.Sub(*c.d.EndedAt)
	for _, look := range []time.Duration{
		time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, Grace - time.Minute,
	} {
		if look > since {
			return c.in(look - since)
		}
	}
	return nil
}

// Touch notes that a merchant is watching a deposit, at most every 5 s, so that its
// gateway is asked sooner.
func (k *Keeper) Touch(ctx context.Context, n int64) error {
	_, err := k.Pool.Exec(ctx, `UPDATE deposits SET watched_at = $2, next_run_at = least(next_run_at, greatest($2, looked_at + interval '2 seconds'))
		WHERE id = $1 AND state = 'pending' AND upstream_ref <> '' AND next_run_at IS NOT NULL
			AND (watched_at IS NULL OR watched_at < $2::timestamptz - interval '5 seconds')`, n, k.now())
	if err != nil {
		return fmt.Errorf("deposit: touch: %w", err)
	}
	return nil
}

// takeDueSQL leases the deposit most worth asking about: one whose cancel is
// wanted, then one that is watched, then one at its end, then what is due longest.
const takeDueSQL = `UPDATE deposits d SET next_run_at = $2::timestamptz + $3::interval FROM (
		SELECT id FROM deposits WHERE gateway = $1 AND next_run_at <= $2 AND upstream_ref <> ''
		ORDER BY cancel_requested AND state = 'pending' DESC, (state = 'pending' AND watched_at > $2::timestamptz - interval '30 seconds') DESC NULLS LAST,
			(state = 'pending' AND expires_at <= $2) DESC, state = 'pending' DESC, next_run_at
		LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) t
	WHERE d.id = t.id RETURNING ` + columns

// TakeDue leases the deposit of a gateway that is most worth asking about, for
// lease: whoever asks writes the next look with what it learned. Nil when none is
// due.
func (k *Keeper) TakeDue(ctx context.Context, gateway string, lease time.Duration) (*Deposit, error) {
	d, err := scan(k.Pool.QueryRow(ctx, takeDueSQL, gateway, k.now(), lease))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing due is no error
	}
	if err != nil {
		return nil, fmt.Errorf("deposit: take due: %w", err)
	}
	return d, nil
}

// Unwanted is an invoice that came when nobody waited for it any more.
type Unwanted struct {
	DepositID   int64
	Attempt     int
	UpstreamRef string
	Since       time.Time
}

// TakeUnwanted leases an invoice of a gateway that is to be canceled. Nil when
// there is none.
func (k *Keeper) TakeUnwanted(ctx context.Context, gateway string, lease time.Duration) (*Unwanted, error) {
	u := new(Unwanted)
	err := k.Pool.QueryRow(ctx, `UPDATE deposit_attempts a SET next_run_at = $2::timestamptz + $3::interval FROM (
			SELECT deposit_id, n FROM deposit_attempts WHERE gateway = $1 AND next_run_at <= $2 ORDER BY next_run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) t
		WHERE (a.deposit_id, a.n) = (t.deposit_id, t.n) RETURNING a.deposit_id, a.n, a.upstream_ref, a.started_at`, gateway, k.now(), lease).
		Scan(&u.DepositID, &u.Attempt, &u.UpstreamRef, &u.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is no error
	}
	if err != nil {
		return nil, fmt.Errorf("deposit: take unwanted: %w", err)
	}
	return u, nil
}

// unwantedFor is how long an unwanted invoice is tried to be canceled: it has
// expired by itself then.
const unwantedFor = 6 * time.Hour

// Rid writes down whether an unwanted invoice is off our hands; one that is not is
// tried again, slower with age.
func (k *Keeper) Rid(ctx context.Context, u *Unwanted, done bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	now := k.now()
	var next *time.Time
	if age := now.Sub(u.Since); !done && age < unwantedFor {
		at := now.Add(max(age/2, 10*time.Second))
		next = &at
	}
	_, err := k.Pool.Exec(ctx, `UPDATE deposit_attempts SET next_run_at = $3 WHERE (deposit_id, n) = ($1, $2)`, u.DepositID, u.Attempt, next)
	if err != nil {
		return fmt.Errorf("deposit: unwanted: %w", err)
	}
	return nil
}

// DueGateways gives the gateways that have something to be asked.
func (k *Keeper) DueGateways(ctx context.Context) ([]string, error) {
	rows, err := k.Pool.Query(ctx, `SELECT DISTINCT gateway FROM deposits WHERE next_run_at <= $1 AND upstream_ref <> ''
		UNION SELECT DISTINCT gateway FROM deposit_attempts WHERE next_run_at <= $1`, k.now())
	if err != nil {
		return nil, fmt.Errorf("deposit: due: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("deposit: due: %w", err)
	}
	return names, nil
}

// abandonedFor is how long after its lease a deposit without an invoice is given
// up: a call that was claimed within the lease is over by then.
const abandonedFor = 2 * time.Minute

// Sweep ends what nobody will say anything about: deposits whose driver has gone
// without an invoice, and codes of our own that have expired. It gives how many.
func (k *Keeper) Sweep(ctx context.Context, limit int) (int, error) {
	now := k.now()
	left, err := k.ids(ctx, `SELECT id FROM deposits WHERE state = 'creating' AND lease_until < $1 ORDER BY lease_until LIMIT $2`, now.Add(-abandonedFor), limit)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range left {
		if _, err := k.fail(ctx, id, -1, "its request did not come back"); err != nil {
			return n, err
		}
		n++
	}
	over, err := k.ids(ctx, `SELECT id FROM deposits WHERE upstream_ref = '' AND next_run_at <= $1 ORDER BY next_run_at LIMIT $2`, now, limit)
	if err != nil {
		return n, err
	}
	for _, id := range over {
		_, err := k.change(ctx, id, func(_ context.Context, _ pgx.Tx, c *change) error {
			if c.d.State != Pending || c.d.UpstreamRef != "" || c.now.Before(*c.d.ExpiresAt) {
				return ErrStale
			}
			c.cause = "sweep"
			c.enter(Expired, nil)
			return nil
		})
		if err != nil && !errors.Is(err, ErrStale) {
			return n, err
		}
		n++
	}
	return n, nil
}

func (k *Keeper) ids(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, err := k.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("deposit: sweep: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("deposit: sweep: %w", err)
	}
	return ids, nil
}
