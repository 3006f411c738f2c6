package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/catalog"
)

// Progress is how far an import that an operator asked for has come.
type Progress struct {
	RunID    int64  `json:"run_id"`
	Upstream string `json:"upstream"`
	// Scopes grows while reading: parts tell of further parts.
	Scopes int `json:"scopes"`
	Done   int `json:"done"`
	// Reading is how many rows the parts that are being read have brought so far.
	Reading int64 `json:"reading"`
	// Failed scopes were tried since, and will be again.
	Failed    int        `json:"failed"`
	LastError string     `json:"last_error,omitempty"`
	Offers    int        `json:"offers"` // live ones
	SeenAt    *time.Time `json:"worker_seen_at"`
	Finished  bool       `json:"finished"`
}

// RequestImport asks the workers of an upstream to read its whole catalogue: all its
// scopes become due. It returns the run whose [RunProgress] can be watched.
func RequestImport(ctx context.Context, pool *pgxpool.Pool, name, actor string, now time.Time) (int64, error) {
	var id int64
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO catalog_runs (upstream, actor, requested_at) SELECT name, $2, $3 FROM upstreams WHERE name = $1 RETURNING id`,
			name, actor, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return catalog.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE catalog_scopes SET next_run_at = least(next_run_at, $2), failures = 0 WHERE upstream = $1`, name, now); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: "catalog.import", Subject: name, At: now})
	})
	if err != nil {
		return 0, fmt.Errorf("intake: request: %w", err)
	}
	return id, nil
}

// RunProgress looks at a run. It is finished when every scope was read since it was
// asked for; a run of an upstream without scopes waits for its worker.
func RunProgress(ctx context.Context, pool *pgxpool.Pool, id int64, now time.Time) (Progress, error) {
	p := Progress{RunID: id}
	var finished *time.Time
	err := pool.QueryRow(ctx, `SELECT r.upstream, r.finished_at, u.seen_at,
			count(s.key), count(s.key) FILTER (WHERE s.last_done_at >= r.requested_at),
			count(s.key) FILTER (WHERE s.failures > 0 AND coalesce(s.last_done_at < r.requested_at, true)),
			coalesce(max(s.last_error) FILTER (WHERE s.failures > 0), ''), coalesce(sum(s.rows_read), 0)::bigint,
			(SELECT count(*) FROM offers o WHERE o.upstream = r.upstream AND o.vanished_at IS NULL)
		FROM catalog_runs r JOIN upstreams u ON u.name = r.upstream LEFT JOIN catalog_scopes s ON s.upstream = r.upstream
		WHERE r.id = $1 GROUP BY r.id, u.name`, id).
		Scan(&p.Upstream, &finished, &p.SeenAt, &p.Scopes, &p.Done, &p.Failed, &p.LastError, &p.Reading, &p.Offers)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, catalog.ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("intake: progress: %w", err)
	}
	p.Finished = finished != nil || (p.Scopes > 0 && p.Done == p.Scopes)
	if p.Finished && finished == nil {
		if _, err := pool.Exec(ctx, `UPDATE catalog_runs SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL`, id, now); err != nil {
			return p, fmt.Errorf("intake: progress: %w", err)
		}
	}
	return p, nil
}
