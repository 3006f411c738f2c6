package webhook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/pg"
)

// Delivery is an event as its merchant and operators see it.
type Delivery struct {
	ID         int64
	EventID    string
	MerchantID string
	Mode       string
	Type       string
	Subject    string
	URL        string
	Status     string
	Attempts   int
	// ResponseCode and ResponseBody (its first 1024 bytes) are nil while nobody has answered.
	ResponseCode *int
	ResponseBody *string
	// Failure is what went wrong last, from a closed set; empty when nothing did.
	Failure       string
	CreatedAt     time.Time
	LastAttemptAt *time.Time
	NextAttemptAt *time.Time
}

// Filter narrows a list; a zero field does not.
type Filter struct {
	MerchantID string
	Mode       string
	Status     string
	Type       string
	Subject    string
	EventID    string
	// Before is the id of the last row of the page before.
	Before int64
	// Limit is 50 when zero.
	Limit int
}

const defaultLimit = 50

const deliverySQL = `SELECT id, event_id, merchant_id, mode, type, subject, url, status, attempts, response_code, response_body, failure,
	created_at, last_attempt_at, next_run_at FROM webhook_events`

func scanDelivery(row pgx.CollectableRow) (Delivery, error) {
	var d Delivery
	err := row.Scan(&d.ID, &d.EventID, &d.MerchantID, &d.Mode, &d.Type, &d.Subject, &d.URL, &d.Status, &d.Attempts, &d.ResponseCode, &d.ResponseBody,
		&d.Failure, &d.CreatedAt, &d.LastAttemptAt, &d.NextAttemptAt)
	return d, err
}

// where writes the conditions that are asked for and no other, so that each
// question has a plan of its own.
func (f Filter) where() (sql string, args []any) {
	add := func(condition string, arg any) {
		args = append(args, arg)
		if len(args) == 1 {
			sql = " WHERE "
		} else {
			sql += " AND "
		}
		sql += condition + "$" + strconv.Itoa(len(args))
	}
	for _, c := range []struct{ condition, value string }{
		{"merchant_id = ", f.MerchantID}, {"mode = ", f.Mode}, {"status = ", f.Status},
		{"type = ", f.Type}, {"subject = ", f.Subject}, {"event_id = ", f.EventID},
	} {
		if c.value != "" {
			add(c.condition, c.value)
		}
	}
	if f.Before > 0 {
		add("id < ", f.Before)
	}
	// The indexes of what is rare are for one value each, and a plan that is kept for all values would not know.
	switch {
	case f.Status == Parked:
		sql += " AND status = '" + Parked + "'"
	case f.Mode == "test":
		sql += " AND mode = 'test'"
	}
	return sql, args
}

// List gives deliveries, newest first.
func List(ctx context.Context, db Querier, f Filter) ([]Delivery, error) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	where, args := f.where()
	rows, err := db.Query(ctx, deliverySQL+where+" ORDER BY id DESC LIMIT "+strconv.Itoa(f.Limit), args...)
	if err != nil {
		return nil, fmt.Errorf("webhook: list: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("webhook: list: %w", err)
	}
	return list, nil
}

// Get reads one delivery; merchantID limits it to a merchant's own, and is empty for
// operators. It fails with a [fault.Error] of kind NotFound.
func Get(ctx context.Context, db Querier, merchantID string, id int64) (*Delivery, error) {
	rows, err := db.Query(ctx, deliverySQL+` WHERE id = $1 AND ($2 = '' OR merchant_id = $2)`, id, merchantID)
	if err != nil {
		return nil, fmt.Errorf("webhook: get: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, scanDelivery)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "no such delivery")
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: get: %w", err)
	}
	return &d, nil
}

// Body gives what is sent, byte for byte.
func Body(ctx context.Context, db Querier, merchantID string, id int64) ([]byte, error) {
	var body string
	err := db.QueryRow(ctx, `SELECT body FROM webhook_events WHERE id = $1 AND ($2 = '' OR merchant_id = $2)`, id, merchantID).Scan(&body)
	if pg.IsNoRows(err) {
		return nil, fault.New(fault.NotFound, "no such delivery")
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: body: %w", err)
	}
	return []byte(body), nil
}

// Replay has an event sent again, now, with the whole schedule before it: the same
// bytes under the same webhook-id. While an attempt is under way that attempt's
// result stands. merchantID limits it to a merchant's own, and is empty for operators.
// Whoever commits tells a worker by id; else the scheduler does. It fails with a
// [fault.Error]: NotFound, or NotAvailable where it has nowhere to go.
func Replay(ctx context.Context, tx pgx.Tx, merchantID string, id int64, now time.Time) (*Delivery, error) {
	d, err := Get(ctx, tx, merchantID, id)
	if err != nil {
		return nil, err
	}
	// What is decided about a merchant's events is decided under its lock.
	if _, err := tx.Exec(ctx, lockSQL, d.MerchantID); err != nil {
		return nil, fmt.Errorf("webhook: replay: %w", err)
	}
	var fixed bool
	err = tx.QueryRow(ctx, `UPDATE webhook_events SET step = 0, blocked = false,
		status = CASE WHEN leased AND next_run_at > $2 THEN status ELSE '`+Pending+`' END,
		leased = leased AND next_run_at > $2,
		next_run_at = CASE WHEN leased AND next_run_at > $2 THEN next_run_at ELSE $2 END
		WHERE id = $1 RETURNING fixed`, id, now).Scan(&fixed)
	if err != nil {
		return nil, fmt.Errorf("webhook: replay: %w", err)
	}
	if !fixed {
		e, err := readEndpoint(ctx, tx, d.MerchantID, "")
		if err != nil {
			return nil, err
		}
		if err := e.reachable(); err != nil {
			return nil, err // and the caller rolls back
		}
	}
	return Get(ctx, tx, merchantID, id)
}
