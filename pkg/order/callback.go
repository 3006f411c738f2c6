package order

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/id"
)

// ParseOurRef reads a reference that [OurRef] wrote; ok is false for any other text.
func ParseOurRef(ref string) (orderID int64, attempt int, ok bool) {
	const size = len("M") + len("0000000000000")
	if len(ref) <= size || !strings.HasPrefix(ref, "M") {
		return 0, 0, false
	}
	if orderID, ok = id.Parse(ref[1:size]); !ok {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(ref[size:], 10, 31)
	if err != nil || n < 1 || OurRef(orderID, int(n)) != ref {
		return 0, 0, false
	}
	return orderID, int(n), true
}

// AttemptAt gives the upstream of an attempt; [ErrNotFound] when there was none.
func AttemptAt(ctx context.Context, pool *pgxpool.Pool, orderID int64, n int) (upstream string, err error) {
	err = pool.QueryRow(ctx, `SELECT upstream FROM order_attempts WHERE order_id = $1 AND n = $2`, orderID, n).Scan(&upstream)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("order: attempt: %w", err)
	}
	return upstream, nil
}

// LookNow brings the next look at an open order forward, and tells whether it did. One
// that is queued, being sent or final is left alone.
func LookNow(ctx context.Context, pool *pgxpool.Pool, orderID int64, now time.Time) (bool, error) {
	tag, err := pool.Exec(ctx, `UPDATE orders SET next_run_at = $2 WHERE id = $1 AND state IN ('processing', 'unknown') AND (next_run_at IS NULL OR next_run_at > $2)`, orderID, now)
	if err != nil {
		return false, fmt.Errorf("order: look now: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}
