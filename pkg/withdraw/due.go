package withdraw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// takeDueSQL leases the withdrawal that is due longest, and before it one that its
// merchant is watching.
const takeDueSQL = `UPDATE withdrawals w SET next_run_at = $2::timestamptz + $3::interval FROM (
		SELECT id FROM withdrawals WHERE gateway = $1 AND next_run_at <= $2
		ORDER BY (watched_at > $2::timestamptz - interval '1 minute') DESC NULLS LAST, next_run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) d
	WHERE w.id = d.id RETURNING ` + columns

// TakeDue leases the withdrawal of a gateway that is most worth a step, for lease:
// whoever takes it writes the next look with what came of it. Nil when none is due.
func (k *Keeper) TakeDue(ctx context.Context, gateway string, lease time.Duration) (*Withdrawal, error) {
	w, err := scan(k.Pool.QueryRow(ctx, takeDueSQL, gateway, k.now(), lease))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // nothing due is no error
	}
	if err != nil {
		return nil, fmt.Errorf("withdraw: take due: %w", err)
	}
	return w, nil
}

// PutBack makes a leased withdrawal due again after a while: nothing was done.
func (k *Keeper) PutBack(ctx context.Context, w *Withdrawal, after time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	_, err := k.Pool.Exec(ctx, `UPDATE withdrawals SET next_run_at = $3 WHERE id = $1 AND version = $2 AND next_run_at IS NOT NULL`, w.ID, w.Version, k.now().Add(after))
	if err != nil {
		return fmt.Errorf("withdraw: put back: %w", err)
	}
	return nil
}

// TakeCheck leases a withdrawal whose account is to be looked up at a source. Nil
// when there is none.
func (k *Keeper) TakeCheck(ctx context.Context, checker string, lease time.Duration) (*Withdrawal, error) {
	w, err := scan(k.Pool.QueryRow(ctx, `UPDATE withdrawals w SET check_at = $2::timestamptz + $3::interval FROM (
			SELECT id FROM withdrawals WHERE checker = $1 AND check_at <= $2 ORDER BY check_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) d
		WHERE w.id = d.id RETURNING `+columns, checker, k.now(), lease))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is no error
	}
	if err != nil {
		return nil, fmt.Errorf("withdraw: take check: %w", err)
	}
	return w, nil
}

// DueGateways gives the upstreams that have something to do for withdrawals.
func (k *Keeper) DueGateways(ctx context.Context) ([]string, error) {
	rows, err := k.Pool.Query(ctx, `SELECT DISTINCT gateway FROM withdrawals WHERE next_run_at <= $1
		UNION SELECT DISTINCT checker FROM withdrawals WHERE check_at <= $1`, k.now())
	if err != nil {
		return nil, fmt.Errorf("withdraw: due: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("withdraw: due: %w", err)
	}
	return names, nil
}

// Touch notes that a merchant is watching an open withdrawal, at most every 5 s, so
// that its gateway is asked sooner.
func (k *Keeper) Touch(ctx context.Context, n int64) error {
	_, err := k.Pool.Exec(ctx, `UPDATE withdrawals SET watched_at = $2, next_run_at = CASE WHEN state = 'sent' THEN least(next_run_at, $2::timestamptz + interval '10 seconds') ELSE next_run_at END
		WHERE id = $1 AND state NOT IN ('success', 'rejected') AND (watched_at IS NULL OR watched_at < $2::timestamptz - interval '5 seconds')`, n, k.now())
	if err != nil {
		return fmt.Errorf("withdraw: touch: %w", err)
	}
	return nil
}

// Taken gives which of the payouts of a withdrawal's gateway belong to other
// withdrawals of ours already.
func (k *Keeper) Taken(ctx context.Context, w *Withdrawal, refs []string) (map[string]bool, error) {
	rows, err := k.Pool.Query(ctx, `SELECT upstream_ref FROM withdrawals WHERE gateway = $1 AND upstream_ref = ANY ($2)
		AND upstream_ref <> '' AND id <> $3`, w.Gateway, refs, w.ID)
	if err != nil {
		return nil, fmt.Errorf("withdraw: taken: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("withdraw: taken: %w", err)
	}
	out := make(map[string]bool, len(found))
	for _, ref := range found {
		out[ref] = true
	}
	return out, nil
}

// PaidUnnamed tells whether an operator has settled another withdrawal of the same
// amount to the same account since, without its payout being known: the gateway's
// history may show that payout, and it must not pass for this one's.
func (k *Keeper) PaidUnnamed(ctx context.Context, w *Withdrawal, since time.Time) (found bool, err error) {
	err = k.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM withdrawals WHERE gateway = $1 AND receiver = $2 AND amount = $3
		AND state = 'success' AND upstream_ref = '' AND completed_at >= $4 AND id <> $5)`,
		w.Gateway, PlainNumber(w.AccountNumber), w.Amount, since, w.ID).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("withdraw: paid unnamed: %w", err)
	}
	return found, nil
}
