package reconcile

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// readPage compares one page of the source's statement.
func (r *Reconciler) readPage(ctx context.Context, b Books, run *Run) error {
	from, to := run.From, run.To
	switch run.phase { //nolint:exhaustive // the statement's own phases
	case phaseBefore:
		from, to = run.From.Add(-skew), run.From
	case phaseAfter:
		from, to = run.To, run.To.Add(skew)
	}
	lines, follows, err := b.StatementPage(ctx, from, to, run.page)
	if err != nil {
		return err
	}
	if follows != 0 && follows <= run.page {
		return fmt.Errorf("reconcile: page %d is followed by page %d", run.page, follows)
	}
	return r.write(ctx, run, func(ctx context.Context, tx pgx.Tx, next *Run) error {
		if err := compareLines(ctx, tx, run, lines); err != nil {
			return err
		}
		if follows != 0 {
			next.page = follows
			return nil
		}
		return next.afterPages(ctx, tx)
	})
}

// afterPages goes on behind the last page: beyond midnight, where something of ours
// near it is still missing.
func (r *Run) afterPages(ctx context.Context, tx pgx.Tx) error {
	missing := func(from, to time.Time) (some bool, err error) {
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM order_attempts a WHERE a.upstream = $2 AND a.started_at >= $3 AND a.started_at < $4 AND a.outcome NOT IN `+givenSQL+`
			AND NOT EXISTS (SELECT FROM reconciliation_lines l WHERE l.reconciliation_id = $1 AND l.key = 'o:' || a.order_id || ':' || a.n))`,
			r.ID, r.Upstream, from, to).Scan(&some)
		return some, err
	}
	if r.phase == phaseStatement {
		some, err := missing(r.From, r.From.Add(skew))
		if err != nil || some {
			r.goTo(phaseBefore)
			return err
		}
	}
	if r.phase != phaseAfter {
		some, err := missing(r.To.Add(-skew), r.To)
		if err != nil || some {
			r.goTo(phaseAfter)
			return err
		}
	}
	r.goTo(phaseOurs)
	return nil
}

// compareLines writes what lines of the source come to. Read again, a line comes to the
// same row.
func compareLines(ctx context.Context, tx pgx.Tx, run *Run, lines []upstream.StatementLine) error {
	mine, err := attemptsOf(ctx, tx, run, lines)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(mine))
	for _, a := range mine {
		if a != nil {
			keys = append(keys, a.key())
		}
	}
	seen, err := identities(ctx, tx, run.ID, keys)
	if err != nil {
		return err
	}
	var b pgx.Batch
	for i := range lines {
		l, a := &lines[i], mine[i]
		if run.phase != phaseStatement && (a == nil || a.startedAt.Before(run.From) || !a.startedAt.Before(run.To)) {
			continue // it is of the neighbouring day
		}
		note := ""
		if a != nil {
			id := identity{l.UpstreamRef, l.At.UnixMicro()}
			if other, twice := seen[a.key()]; twice && other != id {
				a, note = nil, "the source has our reference more than once"
			} else {
				seen[a.key()] = id
			}
		}
		queueLine(&b, run.ID, l, a, note)
	}
	return tx.SendBatch(ctx, &b).Close()
}

// attemptsOf finds the attempt of each line, by our reference or else by the source's
// id; nil where there is none.
func attemptsOf(ctx context.Context, tx pgx.Tx, run *Run, lines []upstream.StatementLine) ([]*attempt, error) {
	var ids, bills []int64
	var ns []int32
	var theirs []string
	for i := range lines {
		if id, n, ok := order.ParseOurRef(lines[i].Ref); ok {
			ids, ns = append(ids, id), append(ns, int32(n))
		} else if id, ok := order.ParseInquiryRef(lines[i].Ref); ok {
			bills = append(bills, id)
		} else if lines[i].Ref == "" && lines[i].UpstreamRef != "" {
			theirs = append(theirs, lines[i].UpstreamRef)
		}
	}
	const of = `SELECT a.order_id, a.n, a.our_ref, a.upstream_ref, a.code, a.target, a.cost, a.outcome, a.started_at FROM order_attempts a `
	byRef, err := collect(ctx, tx, func(a *attempt) string { return a.ourRef },
		of+`JOIN unnest($1::bigint[], $2::int[]) AS u (id, n) ON a.order_id = u.id AND a.n = u.n WHERE a.upstream = $3`, ids, ns, run.Upstream)
	if err != nil {
		return nil, err
	}
	// All attempts at a bill bear its inquiry's reference: the last is the one that stands.
	byBill, err := collect(ctx, tx, func(a *attempt) string { return a.ourRef },
		of+`JOIN inquiries i ON i.order_id = a.order_id WHERE i.id = ANY($1) AND a.upstream = $2 ORDER BY a.order_id, a.n`, bills, run.Upstream)
	if err != nil {
		return nil, err
	}
	maps.Copy(byRef, byBill)
	const day = 24 * time.Hour
	byID, err := collect(ctx, tx, func(a *attempt) string { return a.upstreamRef },
		of+`WHERE a.upstream = $1 AND a.upstream_ref = ANY($2) AND a.started_at >= $3 AND a.started_at < $4`, run.Upstream, theirs, run.From.Add(-day), run.To.Add(day))
	if err != nil {
		return nil, err
	}
	out := make([]*attempt, len(lines))
	for i := range lines {
		if l := &lines[i]; l.Ref != "" {
			out[i] = byRef[l.Ref]
		} else if l.UpstreamRef != "" {
			out[i] = byID[l.UpstreamRef]
		}
	}
	return out, nil
}

func collect(ctx context.Context, tx pgx.Tx, key func(*attempt) string, sql string, args ...any) (map[string]*attempt, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	out := map[string]*attempt{}
	var a attempt
	_, err = pgx.ForEachRow(rows, []any{&a.orderID, &a.n, &a.ourRef, &a.upstreamRef, &a.code, &a.target, &a.cost, &a.outcome, &a.startedAt}, func() error {
		found := a
		out[key(&found)] = &found
		return nil
	})
	return out, err
}

// identity tells two lines of the source about one purchase from one that is read twice.
type identity struct {
	upstreamRef string
	micros      int64 // when, since 1970
}

// identities are those of the rows that there are for these keys already.
func identities(ctx context.Context, tx pgx.Tx, id int64, keys []string) (map[string]identity, error) {
	rows, err := tx.Query(ctx, `SELECT key, upstream_ref, coalesce(at, '0001-01-01 00:00:00+00') FROM reconciliation_lines
		WHERE reconciliation_id = $1 AND key = ANY($2)`, id, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]identity{}
	var key, ref string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&key, &ref, &at}, func() error {
		out[key] = identity{ref, at.UnixMicro()}
		return nil
	})
	return out, err
}

const lineSQL = `INSERT INTO reconciliation_lines (reconciliation_id, key, kind, order_id, attempt, our_ref, upstream_ref, code, target, ours, theirs, ours_cost, theirs_cost, at, note)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
	ON CONFLICT (reconciliation_id, key) DO UPDATE SET kind = excluded.kind, ours = excluded.ours, theirs = excluded.theirs, ours_cost = excluded.ours_cost,
		theirs_cost = excluded.theirs_cost`

// queueLine writes one line, of ours where a is not nil.
func queueLine(b *pgx.Batch, id int64, l *upstream.StatementLine, a *attempt, note string) {
	var cost *int64
	if l.Cost != 0 {
		cost = &l.Cost
	}
	var at *time.Time
	if !l.At.IsZero() {
		at = &l.At
	}
	if a == nil {
		b.Queue(lineSQL, id, keyOf(l), OnlyTheirs, nil, nil, l.Ref, l.UpstreamRef, l.Code, l.Target, "", string(l.State), nil, cost, at, note)
		return
	}
	b.Queue(lineSQL, id, a.key(), compare(a, l.State, l.Cost), a.orderID, a.n, a.ourRef, l.UpstreamRef, a.code, a.target, a.outcome, string(l.State), a.cost, cost, at, note)
}
