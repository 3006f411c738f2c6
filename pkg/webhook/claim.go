package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Statuses of an event, as merchants see them in their deliveries.
const (
	// Pending: not tried since it was written or replayed.
	Pending = "pending"
	// Failed: will be tried again.
	Failed    = "failed"
	Delivered = "delivered"
	// Parked: given up, until somebody replays it.
	Parked = "parked"
)

// claim is the right to make one attempt at an event, and what is needed for it.
type claim struct {
	id           int64
	eventID      string
	merchantID   string
	mode         string
	kind         string
	subject      string
	body         string
	traceParent  string
	status       string
	attempts     int // including this one; the fence
	step         int
	fixed        bool
	url          string // empty: there is nowhere to go
	enabled      bool
	secret       []byte   // sealed; nil when the merchant has no endpoint yet
	previous     [][]byte // sealed; those that were replaced and still sign, the latest first
	createdAt    time.Time
	claimedAfter time.Duration // from when it was due
}

// store is the SQL of deliveries. Every batch is one implicit transaction: the
// merchant's lock is taken first and freed with the commit. Commits do not wait for
// the disk: what a crash of the database takes back is delivered again.
type store struct {
	pool  *pgxpool.Pool
	lease time.Duration
	lanes int
	// An endpoint of which nothing but failures came for patience, tries of them at least, is suspended.
	patience time.Duration
	tries    int
}

const (
	asyncSQL = `SELECT set_config('synchronous_commit', 'off', true)`
	// lockSalt keeps these advisory locks apart from others on the same text.
	lockSalt      = `7237130`
	lockSQL       = `SELECT pg_advisory_xact_lock(hashtextextended($1, ` + lockSalt + `))`
	openCondition = `status IN ('` + Pending + `', '` + Failed + `')`
	// Most tasks come when a lane has already done their work: those take no lock.
	lockByIDSQL = `SELECT merchant_id, pg_advisory_xact_lock(hashtextextended(merchant_id, ` + lockSalt + `))::text FROM webhook_events
		WHERE id = $1 AND ` + openCondition + ` AND next_run_at <= $2`

	// A merchant whose attempts have failed this often in a row gets one lane, and that only now and then.
	sickAfter = `20`
	// sickPause is how long, in seconds, from 15 doubling to 300.
	sickPause = `LEAST(300, 15 * power(2, LEAST(failures + 1 - ` + sickAfter + `, 10)))`

	// first tells whether an event is the earliest open one of its subject.
	first = ` NOT EXISTS (SELECT 1 FROM webhook_events b WHERE b.merchant_id = c.merchant_id AND b.subject = c.subject
		AND b.id < c.id AND b.` + openCondition + `)`
	// room tells whether the merchant may have one more attempt under way; $2 is now,
	// $4 the lanes. It comes in two pieces around the merchant, and is asked once for a
	// statement, not for a row, where that is a parameter: with no room nothing is scanned.
	roomFor = ` (SELECT count(*) FROM webhook_events l WHERE l.merchant_id = `
	roomOf  = ` AND l.leased AND l.next_run_at > $2)
		< COALESCE((SELECT CASE WHEN q.failures >= ` + sickAfter + ` THEN (q.probe_at <= $2)::int ELSE $4::int END
			FROM webhook_endpoints q WHERE q.merchant_id = `
	roomEnd = `), $4::int)`

	// replaced are the secrets before the one that is an endpoint's now, and until when each signs.
	replaced = `unnest(array_append(p.older_secrets, p.previous_secret), array_append(p.older_until, p.previous_until)) AS r (secret, until)`

	claimHead = `WITH k AS (SELECT c.id, c.next_run_at AS due, p.url, p.enabled, p.secret,
			(SELECT array_agg(r.secret ORDER BY r.until DESC) FROM ` + replaced + ` WHERE r.until > $2) AS previous
		FROM webhook_events c LEFT JOIN webhook_endpoints p ON p.merchant_id = c.merchant_id
		WHERE c.` + openCondition + ` AND c.next_run_at <= $2 AND`
	claimTail = `)
		UPDATE webhook_events e SET attempts = e.attempts + 1, leased = true, blocked = false, next_run_at = $3, last_attempt_at = $2,
			url = CASE WHEN e.fixed THEN e.url ELSE COALESCE(NULLIF(k.url, ''), e.url) END
		FROM k WHERE e.id = k.id
		RETURNING e.id, e.event_id, e.merchant_id, e.mode, e.type, e.subject, e.body, e.trace_parent, e.status, e.attempts, e.step, e.fixed,
			CASE WHEN e.fixed THEN e.url ELSE COALESCE(k.url, '') END, e.fixed OR COALESCE(k.enabled, false), k.secret, k.previous,
			e.created_at, $2 - k.due`

	claimByIDSQL = claimHead + ` c.id = $1 AND` + first + ` AND` + roomFor + `c.merchant_id` + roomOf + `c.merchant_id` + roomEnd + claimTail
	claimNextSQL = claimHead + ` c.merchant_id = $1 AND` + first + ` AND` + roomFor + `$1` + roomOf + `$1` + roomEnd +
		` ORDER BY c.next_run_at, c.id LIMIT 1` + claimTail

	// An event that waits for an earlier one is looked at again when that one is.
	blockSQL = `UPDATE webhook_events c SET blocked = true, next_run_at = h.next_run_at
		FROM webhook_events h
		WHERE c.id = $1 AND c.` + openCondition + ` AND NOT (c.leased AND c.next_run_at > $2)
		AND h.id = (SELECT min(b.id) FROM webhook_events b WHERE b.merchant_id = c.merchant_id AND b.subject = c.subject
			AND b.` + openCondition + `) AND h.id < c.id`

	finishSQL = `UPDATE webhook_events SET status = $3, attempts = $4, step = $5, next_run_at = $6, leased = false,
		response_code = $7, response_body = $8, failure = $9 WHERE id = $1 AND attempts = $2 AND leased`
	// After an attempt those behind it wait with it, or are free.
	followSQL = `UPDATE webhook_events f SET blocked = h.open, next_run_at = CASE WHEN h.open THEN h.next_run_at ELSE $2 END
		FROM (SELECT merchant_id, subject, next_run_at, ` + openCondition + ` AS open FROM webhook_events WHERE id = $1) h
		WHERE f.merchant_id = h.merchant_id AND f.subject = h.subject AND f.id > $1 AND f.` + openCondition + `
		AND NOT (f.leased AND f.next_run_at > $2) AND (h.open OR f.blocked)`

	wellSQL = `UPDATE webhook_endpoints SET failures = 0, probe_at = NULL WHERE merchant_id = $1 AND failures > 0`
	sickSQL = `UPDATE webhook_endpoints SET failures = failures + 1,
		probe_at = CASE WHEN failures + 1 >= ` + sickAfter + ` THEN $2::timestamptz + make_interval(secs => ` + sickPause + `) END
		WHERE merchant_id = $1`
	// What came of an endpoint counts for the URL that it was. A while without any attempt tells nothing of it, so that
	// what failed before is not held against it.
	recoveredSQL = `UPDATE webhook_endpoints SET failing_since = NULL, failing_at = NULL, failing_attempts = 0 WHERE merchant_id = $1 AND url = $2 AND failing_since IS NOT NULL`
	failingSQL   = `UPDATE webhook_endpoints SET failing_at = $3,
		failing_since = CASE WHEN failing_at >= $3::timestamptz - $4::interval / 2 THEN failing_since ELSE $3 END,
		failing_attempts = CASE WHEN failing_at >= $3::timestamptz - $4::interval / 2 THEN failing_attempts + 1 ELSE 1 END
		WHERE merchant_id = $1 AND url = $2`
	suspendSQL = `UPDATE webhook_endpoints SET enabled = false, suspended_reason = $5, updated_at = $3
		WHERE merchant_id = $1 AND url = $2 AND enabled AND failing_since <= $3::timestamptz - $4::interval AND failing_attempts >= $6`
	// What was on its way to an endpoint that we have suspended is kept for a replay.
	parkSQL = `UPDATE webhook_events SET status = '` + Parked + `', next_run_at = NULL, leased = false, blocked = false,
			failure = CASE WHEN attempts = 0 THEN '` + failDisabled + `' ELSE failure END
		WHERE merchant_id = $1 AND NOT fixed AND ` + openCondition + ` AND NOT (leased AND next_run_at > $2)
			AND EXISTS (SELECT FROM webhook_endpoints WHERE merchant_id = $1 AND NOT enabled AND suspended_reason <> '')`
	// Only where the merchant has not named another URL meanwhile.
	goneSQL = `UPDATE webhook_endpoints SET enabled = false, suspended_reason = $3, updated_at = $4
		WHERE merchant_id = $1 AND url = $2 AND enabled`
)

// claim takes the event if it may be sent now. merchantID is
// empty when there is nothing to do about it.
func (s *store) claim(ctx context.Context, id int64, now time.Time) (merchantID string, c *claim, err error) {
	var b pgx.Batch
	b.Queue(asyncSQL)
	b.Queue(lockByIDSQL, id, now).QueryRow(func(row pgx.Row) error {
		var void string
		if err := row.Scan(&merchantID, &void); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	c, err = s.send(ctx, &b, claimByIDSQL, id, now)
	return merchantID, c, err
}

// claimNext takes whatever of the merchant's is due the longest, after noting that
// the event id, if it is open, waits for another.
func (s *store) claimNext(ctx context.Context, merchantID string, id int64, now time.Time) (*claim, error) {
	var b pgx.Batch
	b.Queue(asyncSQL)
	b.Queue(lockSQL, merchantID)
	b.Queue(blockSQL, id, now)
	return s.send(ctx, &b, claimNextSQL, merchantID, now)
}

// finish writes what came of an attempt, and where more is true takes the next event of the
// same merchant in the same commit. stale: the lease had ended and another holds the event, or
// held it; then nothing was written about it. suspended: the endpoint was switched off by it.
func (s *store) finish(ctx context.Context, c *claim, r *result, v verdict, now time.Time, more bool) (next *claim, stale, suspended bool, err error) {
	var code *int
	var body *string
	if r.code != 0 {
		code, body = &r.code, &r.body
	}
	var b pgx.Batch
	b.Queue(asyncSQL)
	b.Queue(lockSQL, c.merchantID)
	b.Queue(finishSQL, c.id, c.attempts, v.status, v.attempts, v.step, v.next, code, body, r.failure).
		Exec(func(tag pgconn.CommandTag) error {
			stale = tag.RowsAffected() == 0
			return nil
		})
	b.Queue(followSQL, c.id, now)
	switch r.failure {
	case failNone:
		b.Queue(wellSQL, c.merchantID)
		if !c.fixed {
			b.Queue(recoveredSQL, c.merchantID, c.url)
		}
	case failAborted, failDisabled:
	case failGone:
		if !c.fixed {
			b.Queue(goneSQL, c.merchantID, c.url, suspendedGone, now)
			b.Queue(parkSQL, c.merchantID, now)
		}
	default:
		b.Queue(sickSQL, c.merchantID, now)
		if !c.fixed {
			s.failed(&b, c, now, &suspended)
		}
	}
	if !more {
		if err := s.pool.SendBatch(ctx, &b).Close(); err != nil {
			return nil, false, false, fmt.Errorf("webhook: result: %w", err)
		}
		return nil, stale, suspended, nil
	}
	next, err = s.send(ctx, &b, claimNextSQL, c.merchantID, now)
	return next, stale, suspended, err
}

// failed notes that an attempt at the endpoint failed, and suspends one of which nothing
// else has come for long.
func (s *store) failed(b *pgx.Batch, c *claim, now time.Time, suspended *bool) {
	b.Queue(failingSQL, c.merchantID, c.url, now, s.patience)
	b.Queue(suspendSQL, c.merchantID, c.url, now, s.patience, suspendedFailing(s.patience), s.tries).Exec(func(tag pgconn.CommandTag) error {
		*suspended = tag.RowsAffected() > 0
		return nil
	})
	b.Queue(parkSQL, c.merchantID, now)
}

// send runs b with a claiming statement at its end.
func (s *store) send(ctx context.Context, b *pgx.Batch, sql string, key any, now time.Time) (*claim, error) {
	var got *claim
	b.Queue(sql, key, now, now.Add(s.lease), s.lanes).QueryRow(func(row pgx.Row) error {
		var c claim
		err := row.Scan(&c.id, &c.eventID, &c.merchantID, &c.mode, &c.kind, &c.subject, &c.body, &c.traceParent, &c.status, &c.attempts, &c.step, &c.fixed,
			&c.url, &c.enabled, &c.secret, &c.previous, &c.createdAt, &c.claimedAfter)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		got = &c
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("webhook: claim: %w", err)
	}
	return got, nil
}
