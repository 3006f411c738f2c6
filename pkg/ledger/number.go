package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// numberSQL halves a wallet's numbers until it stands between one that is older than $2 and one that is not: some thirty looks
// into an index, whatever the wallet has behind it. A number that is not there any more is older.
const numberSQL = `WITH RECURSIVE s (lo, hi) AS (
		SELECT 0::bigint, seq + 1 FROM wallets WHERE id = $1
	UNION ALL
		SELECT CASE WHEN older THEN mid ELSE lo END, CASE WHEN older THEN hi ELSE mid END FROM (
			SELECT lo, hi, mid, coalesce((SELECT e.created_at FROM ledger_entries e WHERE e.wallet_id = $1 AND e.wallet_seq = mid), '-infinity') < $2 AS older
			FROM (SELECT lo, hi, (lo + hi) / 2 AS mid FROM s WHERE hi - lo > 1) AS halves) AS looked)
	SELECT coalesce(min(hi), 1) FROM s WHERE hi - lo = 1`

// numberAt gives about where in a wallet's mutations a time is: a number that bears it or a later one, while the one before it
// bears an earlier one. Times follow numbers but for the moments that transactions take, which is less than settleTime: what is
// numbered lower is older than at + settleTime, what is numbered as that or higher is not older than at - settleTime.
func numberAt(ctx context.Context, pool *pgxpool.Pool, walletID int64, at time.Time) (number int64, err error) {
	if err := pool.QueryRow(ctx, numberSQL, walletID, at).Scan(&number); err != nil {
		return 0, fmt.Errorf("ledger: number at: %w", err)
	}
	return number, nil
}
