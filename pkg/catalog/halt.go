package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// actorHalt is who pauses a source that refuses our account.
const actorHalt = "worker"

// errPaused ends a halt of a source that is paused already.
var errPaused = errors.New("catalog: paused already")

// Halt pauses a source by its own word that it takes nothing from us until a person
// has put our account right; [Resume] ends it. One that is paused already stays as it
// is, with the reason that it has: did is false.
func Halt(ctx context.Context, pool *pgxpool.Pool, name, why string, now time.Time) (did bool, err error) {
	err = operated(ctx, pool, entry(actorHalt, "upstream.halt", name, map[string]string{"why": why}, now), func(tx pgx.Tx) ([]int64, error) {
		tag, err := tx.Exec(ctx, `UPDATE upstreams SET paused = true, paused_why = $2, updated_at = $3 WHERE name = $1 AND NOT paused`, name, why, now)
		if err != nil {
			return nil, fmt.Errorf("catalog: halt: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil, errPaused
		}
		return nil, nil
	})
	if errors.Is(err, errPaused) {
		return false, nil
	}
	return err == nil, err
}
