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
	// ID is given by the database; the newer, the greater.
	ID int64
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

// Querier asks the database: a pgx pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Filter selects entries. Empty fields select all.
type Filter struct {
	Actor   string
	Action  string
	Subject string
	// From and To are a span of time, without To itself.
	From, To *time.Time
	// Before is the id that the page ends before; zero starts at the newest.
	Before int64
	Limit  int
}

// List gives the newest entries about a subject.
func List(ctx context.Context, db Querier, subject string, limit int) ([]Entry, error) {
	return Search(ctx, db, Filter{Subject: subject, Limit: limit})
}

// Search gives entries, newest first.
func Search(ctx context.Context, db Querier, f Filter) ([]Entry, error) {
	sql, args := `SELECT id, actor, action, subject, detail, created_at FROM audit_log WHERE true`, []any{f.Limit}
	where := func(condition string, value any) {
		args = append(args, value)
		sql += fmt.Sprintf(" AND %s $%d", condition, len(args))
	}
	for _, c := range []struct{ condition, value string }{{"actor =", f.Actor}, {"action =", f.Action}, {"subject =", f.Subject}} {
		if c.value != "" {
			where(c.condition, c.value)
		}
	}
	if f.From != nil {
		where("created_at >=", *f.From)
	}
	if f.To != nil {
		where("created_at <", *f.To)
	}
	if f.Before != 0 {
		where("id <", f.Before)
	}
	rows, err := db.Query(ctx, sql+` ORDER BY id DESC LIMIT $1`, args...)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		var detail json.RawMessage
		err := row.Scan(&e.ID, &e.Actor, &e.Action, &e.Subject, &detail, &e.At)
		e.Detail = detail
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entries, nil
}
