package float

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lookback bounds how much older than a purchase a reading may be.
	lookback = time.Hour
	// mostBefore readings are loaded from before a purchase: the newest may lie where
	// another's doubt begins or ends. most are loaded from after it.
	mostBefore, most = 120, 12
	// keepFor is how long settled moves and readings are kept.
	keepFor = 7 * 24 * time.Hour
	// depositLife bounds how old an invoice may be whose money can still come.
	depositLife = 3 * 24 * time.Hour
)

// ErrNoMove: the account knows nothing of this purchase.
var ErrNoMove = errors.New("float: no such move")

// Tick draws the next tick.
func Tick(ctx context.Context, pool *pgxpool.Pool) (tick int64, err error) {
	if err := pool.QueryRow(ctx, `SELECT nextval('float_ticks')`).Scan(&tick); err != nil {
		return 0, fmt.Errorf("float: tick: %w", err)
	}
	return tick, nil
}

// Saw keeps a reading that was begun at a tick and drew its end after the answer.
func Saw(ctx context.Context, pool *pgxpool.Pool, upstream string, begin, balance int64, askedAt, saidAt time.Time) error {
	_, err := pool.Exec(ctx, `INSERT INTO float_readings (upstream, begin_tick, end_tick, balance, asked_at, said_at)
		VALUES ($1, $2, nextval('float_ticks'), $3, $4, $5)`, upstream, begin, balance, askedAt, saidAt)
	if err != nil {
		return fmt.Errorf("float: reading: %w", err)
	}
	return nil
}

// Held notes that questions which left after a tick found purchases not given back.
func Held(ctx context.Context, pool *pgxpool.Pool, keys []Key, tick int64) error {
	if len(keys) == 0 {
		return nil
	}
	ids, ns := make([]int64, len(keys)), make([]int32, len(keys))
	for i, k := range keys {
		ids[i], ns[i] = k.ID, int32(k.N)
	}
	_, err := pool.Exec(ctx, `UPDATE float_moves m SET held_tick = greatest(m.held_tick, $3), tick = nextval('float_ticks')
		FROM unnest($1::bigint[], $2::int[]) AS u (id, n) WHERE m.subject = 'order' AND m.subject_id = u.id AND m.n = u.n AND m.stand = 'bought'`, ids, ns, tick)
	if err != nil {
		return fmt.Errorf("float: held: %w", err)
	}
	return nil
}

// Hold keeps purchases back until a moment, so that the balance can be read while
// none is on its way; it never shortens a hold.
func Hold(ctx context.Context, pool *pgxpool.Pool, upstream string, until time.Time) error {
	_, err := pool.Exec(ctx, `UPDATE floats SET hold_until = greatest(hold_until, $2) WHERE upstream = $1`, upstream, until)
	if err != nil {
		return fmt.Errorf("float: hold: %w", err)
	}
	return nil
}

// Release ends a hold. Purchases whose outcome is open go on keeping others back.
func Release(ctx context.Context, pool *pgxpool.Pool, upstream string) error {
	_, err := pool.Exec(ctx, `UPDATE floats SET hold_until = NULL WHERE upstream = $1 AND hold_until IS NOT NULL`, upstream)
	if err != nil {
		return fmt.Errorf("float: release: %w", err)
	}
	return nil
}

// HeldBack tells whether purchases on an account are kept back at this moment. It
// is a hint that spares a claim: the claim itself asks under the account's lock.
func HeldBack(ctx context.Context, pool *pgxpool.Pool, upstream string, now time.Time) (held bool, err error) {
	err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM floats WHERE upstream = $1 AND hold_until > $2)
		OR EXISTS (SELECT FROM float_moves WHERE upstream = $1 AND `+openSQL+`)`, upstream, now).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("float: held back: %w", err)
	}
	return held, nil
}

const readingSQL = `SELECT id, begin_tick, end_tick, balance, asked_at, said_at FROM float_readings `

const moveSQL = `SELECT subject, subject_id, n, cost, stand, claim_tick, coalesce(bought_tick, 0), coalesce(held_tick, 0), coalesce(back_tick, 0),
	claimed_at, back_at, ripe_at, ends_at, doubt_at, orphaned FROM float_moves `

func scanMove(row pgx.CollectableRow) (m Move, err error) {
	var back, ends, doubt *time.Time
	err = row.Scan(&m.Subject, &m.ID, &m.N, &m.Cost, &m.Stand, &m.Claim, &m.Bought, &m.Held, &m.Back, &m.ClaimedAt, &back, &m.RipeAt, &ends, &doubt, &m.Orphaned)
	for at, from := range map[*time.Time]*time.Time{&m.BackAt: back, &m.EndsAt: ends, &m.DoubtAt: doubt} {
		if from != nil {
			*at = *from
		}
	}
	return m, err
}

// Since gives from when on readings tell of a move.
func Since(ctx context.Context, pool *pgxpool.Pool, k Key) (time.Time, error) {
	rows, err := pool.Query(ctx, moveSQL+`WHERE subject = $1 AND subject_id = $2 AND n = $3`, k.Subject, k.ID, k.N)
	if err != nil {
		return time.Time{}, fmt.Errorf("float: move: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanMove)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, ErrNoMove
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("float: move: %w", err)
	}
	return m.Due(), nil
}

// Busy tells whether a purchase is on its way on an account, and when its balance was
// last read.
func Busy(ctx context.Context, pool *pgxpool.Pool, upstream string) (under bool, last time.Time, err error) {
	var said *time.Time
	err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM float_moves WHERE upstream = $1 AND stand = 'sending'),
		(SELECT said_at FROM float_readings WHERE upstream = $1 ORDER BY end_tick DESC LIMIT 1)`, upstream).Scan(&under, &said)
	if err != nil {
		return false, last, fmt.Errorf("float: busy: %w", err)
	}
	if said != nil {
		last = *said
	}
	return under, last, nil
}

// snapshot runs fn over one moment of the database.
func snapshot(ctx context.Context, pool *pgxpool.Pool, fn func(tx pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
	if err != nil && !errors.Is(err, ErrNoMove) {
		return fmt.Errorf("float: %w", err)
	}
	return err
}

// Open gives the book of an account for weighing one purchase: the newest readings
// from before it, the newest from since on, and what may have moved between.
func Open(ctx context.Context, pool *pgxpool.Pool, upstream string, grain int64, k Key, since, now time.Time) (*Book, error) {
	b := &Book{Upstream: upstream, Grain: grain}
	err := snapshot(ctx, pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, moveSQL+`WHERE subject = $1 AND subject_id = $2 AND n = $3`, k.Subject, k.ID, k.N)
		if err != nil {
			return err
		}
		x, err := pgx.CollectExactlyOneRow(rows, scanMove)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoMove
		}
		if err != nil {
			return err
		}
		if since.Before(x.RipeAt) {
			since = x.RipeAt
		}
		rows, err = tx.Query(ctx, `SELECT * FROM ((`+readingSQL+`WHERE upstream = $1 AND end_tick < $2 AND said_at > $3 ORDER BY end_tick DESC LIMIT $6)
			UNION (`+readingSQL+`WHERE upstream = $1 AND end_tick > $2 ORDER BY end_tick LIMIT $4)
			UNION (`+readingSQL+`WHERE upstream = $1 AND end_tick > $2 AND asked_at < $5 ORDER BY end_tick DESC LIMIT $4)
			UNION (`+readingSQL+`WHERE upstream = $1 AND end_tick > $2 AND asked_at >= $5 ORDER BY end_tick DESC LIMIT $4)) r ORDER BY end_tick`,
			upstream, x.Claim, x.RipeAt.Add(-lookback), most, since, mostBefore)
		if err != nil {
			return err
		}
		if err := b.fill(ctx, tx, rows, now); err != nil {
			return err
		}
		if b.Move(k) == nil { // settled, and long ago
			b.Moves = append(b.Moves, x)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// fill reads the rest of a book whose readings are at hand.
func (b *Book) fill(ctx context.Context, tx pgx.Tx, rows pgx.Rows, now time.Time) (err error) {
	b.Readings, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Reading, err error) {
		err = row.Scan(&r.ID, &r.Begin, &r.End, &r.Balance, &r.AskedAt, &r.SaidAt)
		return r, err
	})
	if err != nil {
		return err
	}
	from, oldest := int64(1<<62), now
	for _, r := range b.Readings {
		from = min(from, r.Begin)
		if r.AskedAt.Before(oldest) {
			oldest = r.AskedAt
		}
	}
	// What was given back just before the oldest reading may have come after it.
	rows, err = tx.Query(ctx, moveSQL+`WHERE upstream = $1 AND (tick >= $2 OR stand IN ('sending', 'unknown', 'spoilt', 'orphan', 'bought', 'due')
		OR stand = 'owed' AND claimed_at > $4 OR stand IN ('back', 'odd') AND back_at > $3) ORDER BY claim_tick`,
		b.Upstream, from, oldest.Add(-2*backLongest), oldest.Add(-owedFor))
	if err != nil {
		return err
	}
	if b.Moves, err = pgx.CollectRows(rows, scanMove); err != nil {
		return err
	}
	if err := b.deposits(ctx, tx, oldest); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `SELECT amount, found_at FROM float_gaps WHERE upstream = $1 AND found_at > $2`, b.Upstream, now.Add(-quietFor))
	if err != nil {
		return err
	}
	b.Gaps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Gap])
	return err
}

// deposits reads what merchants pay in on the account: money that may come, or has.
func (b *Book) deposits(ctx context.Context, tx pgx.Tx, oldest time.Time) error {
	rows, err := tx.Query(ctx, `SELECT id, received, created_at, paid_at FROM deposits WHERE gateway = $1 AND received > 0 AND created_at > $3
		AND (state IN ('creating', 'pending') OR coalesce(paid_at, ended_at, updated_at) > $2)`, b.Upstream, oldest.Add(-2*dueMargin), oldest.Add(-depositLife))
	if err != nil {
		return err
	}
	var paid *time.Time
	m := Move{Stand: Due}
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.Cost, &m.ClaimedAt, &paid}, func() error {
		d := m
		d.Subject, d.Cost = "deposit", -m.Cost
		if paid != nil {
			d.RipeAt = paid.Add(dueMargin)
		}
		b.Moves = append(b.Moves, d)
		return nil
	})
	return err
}

// Follow accounts for the newest readings: it moves the anchor up and keeps what
// nothing of ours explains. Doing it in several processes at once is doing it once.
func Follow(ctx context.Context, pool *pgxpool.Pool, upstream string, grain int64, now time.Time) (*Gap, error) {
	b := &Book{Upstream: upstream, Grain: grain}
	err := snapshot(ctx, pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT coalesce(anchor, 0) FROM floats WHERE upstream = $1`, upstream).Scan(&b.Anchor)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoMove // nothing was ever bought there
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT * FROM ((`+readingSQL+`WHERE upstream = $1 AND id = $2)
			UNION ALL (`+readingSQL+`WHERE upstream = $1 AND id > $2 ORDER BY id DESC LIMIT $3)) r ORDER BY end_tick`, upstream, b.Anchor, most)
		if err != nil {
			return err
		}
		return b.fill(ctx, tx, rows, now)
	})
	if errors.Is(err, ErrNoMove) {
		return nil, nil //nolint:nilnil // nothing to find is not an error
	}
	if err != nil {
		return nil, err
	}
	anchor, before, gap := b.Account(now)
	if anchor == nil {
		return nil, nil //nolint:nilnil // nothing to find is not an error
	}
	moved := false
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE floats SET anchor = $2 WHERE upstream = $1 AND coalesce(anchor, 0) = $3`, upstream, anchor.ID, b.Anchor)
		moved = tag.RowsAffected() == 1
		if err != nil || !moved || gap == nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO float_gaps (upstream, amount, before, after, found_at) VALUES ($1, $2, $3, $4, $5)`,
			upstream, gap.Amount, before.ID, anchor.ID, gap.FoundAt)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("float: follow: %w", err)
	}
	if !moved {
		return nil, nil //nolint:nilnil // another process has found it
	}
	return gap, nil
}

// Prune forgets readings and settled moves of long ago; what was concluded from
// them is kept with its orders.
func Prune(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int, error) {
	n := 0
	for _, sql := range []string{
		`DELETE FROM float_readings r WHERE said_at < $1 AND NOT EXISTS (SELECT FROM floats f WHERE f.anchor = r.id)`,
		`DELETE FROM float_moves WHERE claimed_at < $1 AND stand IN ('kept', 'back', 'void', 'owed', 'odd')`,
	} {
		tag, err := pool.Exec(ctx, sql, now.Add(-keepFor))
		if err != nil {
			return n, fmt.Errorf("float: prune: %w", err)
		}
		n += int(tag.RowsAffected())
	}
	return n, nil
}

// Account is how an account stands, for metrics. Money is whole rupiah.
type Account struct {
	// Since is when purchases began to be kept back; zero while they are not.
	Since time.Time
	// Out is what those cost that were bought, are not known and not given back yet.
	Out int64
	// Strange is the sum of what moved the balance in the last day and was none of ours.
	Strange int64
}

// Standing tells how the accounts stand that are watched, by upstream.
func Standing(ctx context.Context, pool *pgxpool.Pool, now time.Time) (map[string]Account, error) {
	rows, err := pool.Query(ctx, `SELECT f.upstream, d.since, coalesce(d.out, 0), coalesce(g.sum, 0) FROM floats f
		LEFT JOIN LATERAL (SELECT min(doubt_at) FILTER (WHERE stand = 'unknown') AS since,
			(sum(cost) FILTER (WHERE stand = 'orphan'))::bigint AS out FROM float_moves WHERE upstream = f.upstream AND stand IN ('unknown', 'orphan')) d ON true
		LEFT JOIN LATERAL (SELECT sum(amount)::bigint AS sum FROM float_gaps WHERE upstream = f.upstream AND found_at > $1) g ON true`, now.Add(-24*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("float: standing: %w", err)
	}
	out := map[string]Account{}
	var name string
	var a Account
	var since *time.Time
	_, err = pgx.ForEachRow(rows, []any{&name, &since, &a.Out, &a.Strange}, func() error {
		a.Since = time.Time{}
		if since != nil {
			a.Since = *since
		}
		out[name] = a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("float: standing: %w", err)
	}
	return out, nil
}
