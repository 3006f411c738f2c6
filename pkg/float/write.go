package float

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Watch says how a purchase on a watched account may end by itself.
type Watch struct {
	// Ripe is how long after the claim its request may still be on its way.
	Ripe time.Duration
	// Keeps is how long the provider keeps a purchase that nobody uses before it
	// gives the money back; zero where it never does.
	Keeps time.Duration
}

// Lock takes the accounts' row locks, in the order of their names: alone when a
// doubt is to be made, else shared with other claims. Accounts that are new are
// made. It gives those on which a purchase must wait, as of the locks: until a
// moment, or while a purchase's outcome is open.
func Lock(ctx context.Context, tx pgx.Tx, upstreams []string, alone bool, now time.Time) (held map[string]bool, err error) {
	slices.Sort(upstreams)
	upstreams = slices.Compact(upstreams)
	sql := `SELECT upstream FROM floats WHERE upstream = ANY ($1) ORDER BY upstream FOR SHARE`
	if alone {
		sql = `SELECT upstream FROM floats WHERE upstream = ANY ($1) ORDER BY upstream FOR NO KEY UPDATE`
	}
	known, err := names(ctx, tx, sql, upstreams)
	if err != nil {
		return nil, err
	}
	if len(known) < len(upstreams) {
		_, err := tx.Exec(ctx, `INSERT INTO floats (upstream, created_at) SELECT u, $2 FROM unnest($1::text[]) u ORDER BY u ON CONFLICT DO NOTHING`, upstreams, now)
		if err != nil {
			return nil, err
		}
		if _, err := names(ctx, tx, sql, upstreams); err != nil {
			return nil, err
		}
	}
	waits, err := names(ctx, tx, `SELECT upstream FROM floats WHERE upstream = ANY ($1) AND hold_until > $2
		UNION SELECT upstream FROM float_moves WHERE upstream = ANY ($1) AND `+openSQL, upstreams, now)
	if err != nil {
		return nil, err
	}
	held = map[string]bool{}
	for _, name := range waits {
		held[name] = true
	}
	return held, nil
}

// openSQL selects the moves that keep purchases back as of $2: those whose outcome is
// open, and those that nobody can be sending any more, which nobody has called so yet.
const openSQL = `(stand = 'unknown' OR stand = 'sending' AND ripe_at <= $2)`

func names(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// QueueClaim queues the row of a purchase that is about to be sent.
func QueueClaim(b *pgx.Batch, k Key, upstream string, cost int64, w Watch, now time.Time) {
	var ends *time.Time
	if w.Keeps > 0 {
		at := now.Add(w.Keeps)
		ends = &at
	}
	b.Queue(`INSERT INTO float_moves (subject, subject_id, n, upstream, cost, stand, claim_tick, tick, claimed_at, ripe_at, ends_at)
		SELECT $1, $2, $3, $4, $5, 'sending', t, t, $6, $7, $8 FROM (SELECT nextval('float_ticks') AS t) t`,
		k.Subject, k.ID, k.N, upstream, cost, now, now.Add(w.Ripe), ends)
}

// Learned is news about a move. Empty fields were not learned.
type Learned struct {
	Key
	Stand Stand
	Cost  *int64
	// Held is the tick after which a question found it not given back.
	Held int64
	// Found: it was given up, and was bought after all.
	Found bool
	// RipeAt moves up from when on it can no longer be on its way; nil keeps it.
	RipeAt *time.Time
}

// QueueLearned queues news of moves; those the account does not know are left out.
// Ticks are drawn as the stand asks for: what is bought was bought before this
// commit, what is back came back before it. A purchase that was over and is
// delivered after all has been given back and taken again at moments that nobody
// knows.
func QueueLearned(b *pgx.Batch, l Learned, now time.Time) {
	if l.Found || l.Stand == Bought || l.Stand == Kept {
		b.Queue(swappedSQL, l.Subject, l.ID, l.N)
	}
	b.Queue(`UPDATE float_moves SET stand = coalesce(nullif($4, ''), stand), cost = coalesce($5, cost), held_tick = greatest(held_tick, nullif($6::bigint, 0)),
			bought_tick = CASE WHEN $4 IN ('bought', 'kept') AND stand IN ('back', 'void', 'owed', 'odd') THEN nextval('float_ticks')
				WHEN $4 IN ('bought', 'kept', 'odd', 'orphan') THEN coalesce(bought_tick, nextval('float_ticks')) ELSE bought_tick END,
			back_tick = CASE WHEN $4 IN ('back', 'odd') OR $4 IN ('bought', 'kept') AND stand IN ('back', 'void', 'owed', 'odd') THEN nextval('float_ticks') ELSE back_tick END,
			back_at = CASE WHEN $4 IN ('back', 'odd') THEN $7::timestamptz ELSE back_at END,
			doubt_at = CASE WHEN $4 = 'unknown' THEN $7::timestamptz ELSE doubt_at END,
			orphaned = CASE WHEN $4 = 'orphan' THEN true WHEN $4 = 'bought' THEN false ELSE orphaned END,
			ripe_at = greatest(ripe_at, $8::timestamptz), tick = nextval('float_ticks')
		WHERE subject = $1 AND subject_id = $2 AND n = $3`, l.Subject, l.ID, l.N, string(l.Stand), l.Cost, l.Held, now, l.RipeAt)
}

// swappedSQL takes back what was made of the purchases like one that was in doubt, or
// had been given up, and was bought after all: one of them may count as bought in its
// stead.
const swappedSQL = `UPDATE float_moves o SET stand = 'spoilt', bought_tick = NULL, orphaned = false, tick = nextval('float_ticks') FROM float_moves m
	WHERE m.subject = $1 AND m.subject_id = $2 AND m.n = $3 AND m.stand NOT IN ('sending', 'bought', 'kept')
	AND o.upstream = m.upstream AND o.cost = m.cost AND o.stand = 'orphan' AND (o.subject, o.subject_id, o.n) <> (m.subject, m.subject_id, m.n)`
