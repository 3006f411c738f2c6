package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Declared is a source's pause as something outside of the database declares it that is looked at again and again,
// such as a Kubernetes resource.
type Declared struct {
	Name string
	// Mark begins the reason of each pause that is made by this declaration, and by nothing else.
	Mark   string
	Paused bool
	Why    string // without the mark
	Actor  string
}

// Reason is the reason of a pause that d makes.
func (d Declared) Reason() string { return d.Mark + d.Why }

// Made tells whether a pause with that reason was made by d.
func (d Declared) Made(why string) bool { return strings.HasPrefix(why, d.Mark) }

// errAsDeclared ends a change that there is no need for.
var errAsDeclared = errors.New("catalog: as declared")

// Declare pauses a source that runs, or ends the pause that the same declaration made;
// a pause by anybody else stays as it is, with its reason. did tells whether anything
// changed; declaring again changes nothing. [ErrNotFound]: no source has that name.
func Declare(ctx context.Context, pool *pgxpool.Pool, d Declared, now time.Time) (did bool, err error) {
	action, why := "upstream.resume", ""
	sql := `UPDATE upstreams SET paused = false, paused_why = $2, updated_at = $3 WHERE name = $1 AND paused AND starts_with(paused_why, $4)`
	if d.Paused {
		action, why = "upstream.pause", d.Reason()
		sql = `UPDATE upstreams SET paused = true, paused_why = $2, updated_at = $3
			WHERE name = $1 AND (NOT paused OR starts_with(paused_why, $4) AND paused_why <> $2)`
	}
	err = operated(ctx, pool, entry(d.Actor, action, d.Name, map[string]string{"why": why}, now), func(tx pgx.Tx) ([]int64, error) {
		tag, err := tx.Exec(ctx, sql, d.Name, why, now, d.Mark)
		if err != nil {
			return nil, fmt.Errorf("catalog: declare: %w", err)
		}
		if tag.RowsAffected() > 0 {
			return nil, nil
		}
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM upstreams WHERE name = $1)`, d.Name).Scan(&known); err != nil {
			return nil, fmt.Errorf("catalog: declare: %w", err)
		}
		if !known {
			return nil, ErrNotFound
		}
		return nil, errAsDeclared
	})
	if errors.Is(err, errAsDeclared) {
		return false, nil
	}
	return err == nil, err
}
