package reconcile

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// mostFlags bounds how many orders one comparison shows to operators: who finds more
	// reads its lines.
	mostFlags = 200
	// believable is how many purchases of a day may be missing from a statement, at
	// least, before it is not believed; and the share of them, in percent.
	believable, believableShare = 20, 20
)

// close counts the lines, shows findings to operators and ends the comparison. Flags
// are raised before the commit that remembers them: after a crash between the two, one
// that is still up is not raised again.
func (r *Reconciler) close(ctx context.Context, b Books, run *Run) error {
	counts, ours, theirs, err := r.count(ctx, run.ID)
	if err != nil {
		return err
	}
	counts.Unchecked = run.Unchecked
	note := ""
	missing := counts.OnlyOurs > believable && counts.OnlyOurs*100 > believableShare*(counts.OnlyOurs+counts.Matched+counts.Amount+counts.Status)
	if missing {
		note = "so much of the day is missing from the source's books that they are not believed: nothing was flagged for it"
	}
	keys, err := r.raise(ctx, b, run, missing)
	if err != nil {
		return err
	}
	now := r.Now().UTC()
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err = pgx.BeginFunc(wctx, r.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(wctx, `UPDATE reconciliation_lines SET flagged_at = $3 WHERE reconciliation_id = $1 AND key = ANY($2)`, run.ID, keys, now); err != nil {
			return err
		}
		tag, err := tx.Exec(wctx, `UPDATE reconciliations SET state = 'done', finished_at = $3, next_run_at = NULL, version = version + 1, failures = 0, last_error = '',
			matched = $4, amount = $5, only_ours = $6, only_theirs = $7, status = $8, ours_cost = $9, theirs_cost = $10, note = $11 WHERE id = $1 AND version = $2`,
			run.ID, run.version, now, counts.Matched, counts.Amount, counts.OnlyOurs, counts.OnlyTheirs, counts.Status, ours, theirs, note)
		if err == nil && tag.RowsAffected() == 0 {
			err = errOvertaken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reconcile: close: %w", err)
	}
	log := r.Log.InfoContext
	if counts.Findings() > 0 {
		log = r.Log.WarnContext
	}
	log(ctx, "reconciled", "upstream", run.Upstream, "day", run.Day, "means", run.Means, "matched", counts.Matched, "amount", counts.Amount, "only_ours", counts.OnlyOurs,
		"only_theirs", counts.OnlyTheirs, "status", counts.Status, "unchecked", counts.Unchecked)
	return nil
}

// count sums the lines of a comparison.
func (r *Reconciler) count(ctx context.Context, id int64) (c Counts, ours, theirs int64, err error) {
	err = r.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE kind = 'matched'), count(*) FILTER (WHERE kind = 'amount'), count(*) FILTER (WHERE kind = 'only_ours'),
			count(*) FILTER (WHERE kind = 'only_theirs'), count(*) FILTER (WHERE kind = 'status'),
			coalesce(sum(ours_cost) FILTER (WHERE ours IN ('succeeded', 'partial')), 0)::bigint,
			coalesce(sum(theirs_cost) FILTER (WHERE theirs IN ('succeeded', 'partial')), 0)::bigint
		FROM reconciliation_lines WHERE reconciliation_id = $1`, id).Scan(&c.Matched, &c.Amount, &c.OnlyOurs, &c.OnlyTheirs, &c.Status, &ours, &theirs)
	if err != nil {
		return c, 0, 0, fmt.Errorf("reconcile: count: %w", err)
	}
	return c, ours, theirs, nil
}

// raise shows findings to operators that were not shown before, and gives their keys.
func (r *Reconciler) raise(ctx context.Context, b Books, run *Run, missing bool) ([]string, error) {
	rows, err := r.Pool.Query(ctx, `SELECT l.key, `+lineColumns+` FROM reconciliation_lines l WHERE reconciliation_id = $1 AND kind IN ('amount', 'only_ours', 'status')
			AND order_id IS NOT NULL AND flagged_at IS NULL AND NOT (kind = 'only_ours' AND $2)
			AND NOT EXISTS (SELECT FROM reconciliation_lines o WHERE o.order_id = l.order_id AND o.attempt = l.attempt AND o.kind = l.kind AND o.flagged_at IS NOT NULL)
		ORDER BY kind, key LIMIT $3`, run.ID, missing, mostFlags)
	if err != nil {
		return nil, fmt.Errorf("reconcile: findings: %w", err)
	}
	type shown struct {
		key string
		Line
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s shown, err error) {
		err = row.Scan(&s.key, &s.Kind, &s.OrderID, &s.Attempt, &s.OurRef, &s.UpstreamRef, &s.Code, &s.Target, &s.Ours, &s.Theirs, &s.OursCost, &s.TheirsCost, &s.At, &s.Note)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("reconcile: findings: %w", err)
	}
	keys := make([]string, len(all))
	for i := range all {
		if err := b.Raise(ctx, all[i].OrderID, all[i].why()); err != nil {
			return nil, err
		}
		keys[i] = all[i].key
	}
	return keys, nil
}
