// Package audit keeps what operators changed: who, what, to what, and why.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Entry is one change by an operator.
type Entry struct {
	// Actor is who it was, as "cli:root".
	Actor string
	// Action is the command, as "merchant.suspend".
	Action string
	// Subject is what was changed, by its id.
	Subject string
	// Detail is what else is worth knowing; it is stored as JSON and must hold no secret.
	Detail any
	At     time.Time
}

// Execer runs SQL: a pgx pool, or the transaction of the change itself, which is
// to be preferred, since then neither is there without the other.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Write adds an entry.
func Write(ctx context.Context, db Execer, e Entry) error {
	if e.Detail == nil {
		e.Detail = struct{}{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if _, err := db.Exec(ctx,
		`INSERT INTO audit_log (actor, action, subject, detail, created_at) VALUES ($1, $2, $3, $4, $5)`,
		e.Actor, e.Action, e.Subject, json.RawMessage(detail), e.At); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// List gives the newest entries about a subject.
func List(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, subject string, limit int) ([]Entry, error) {
	rows, err := db.Query(ctx, `SELECT actor, action, subject, detail, created_at FROM audit_log
		WHERE subject = $1 ORDER BY id DESC LIMIT $2`, subject, limit)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		var detail json.RawMessage
		err := row.Scan(&e.Actor, &e.Action, &e.Subject, &detail, &e.At)
		e.Detail = detail
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entries, nil
}
