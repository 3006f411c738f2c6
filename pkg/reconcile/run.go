package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
)

// The errors of requests.
var (
	ErrNotFound = errors.New("reconcile: not found")
	// ErrDay: what names no day.
	ErrDay = errors.New("reconcile: no such day")
	// ErrNotOver: the day has not ended yet in the brand's time zone.
	ErrNotOver = errors.New("reconcile: the day is not over")
)

// The states of a comparison.
const (
	Running = "running"
	Done    = "done"
)

// How a day was compared.
const (
	ByStatement = "statement"
	ByStatus    = "status"
)

// Scheduler is the actor of the daily job.
const Scheduler = "scheduler"

// Counts are the lines of a comparison by kind. Unchecked are attempts that nothing
// can be learned of.
type Counts struct {
	Matched    int64 `json:"matched"`
	Amount     int64 `json:"amount_differs"`
	OnlyOurs   int64 `json:"only_ours"`
	OnlyTheirs int64 `json:"only_theirs"`
	Status     int64 `json:"status_differs"`
	Unchecked  int64 `json:"unchecked"`
}

// Findings are the lines that a person has to look at.
func (c Counts) Findings() int64 { return c.Amount + c.OnlyOurs + c.OnlyTheirs + c.Status }

// Of gives the count of a kind.
func (c Counts) Of(k Kind) int64 {
	switch k {
	case Matched:
		return c.Matched
	case Amount:
		return c.Amount
	case OnlyOurs:
		return c.OnlyOurs
	case OnlyTheirs:
		return c.OnlyTheirs
	case Status:
		return c.Status
	}
	return 0
}

// Chain is our balance at the source around the day, in rupiah. What is not known is
// nil: Unexplained is how much more left it than our books say (less than zero: more
// came, a top-up by hand), and Breaks the movements that do not lead from one balance
// to the next.
type Chain struct {
	Opening     *int64     `json:"opening"`
	OpeningAt   *time.Time `json:"opening_at"`
	Closing     *int64     `json:"closing"`
	ClosingAt   *time.Time `json:"closing_at"`
	Unexplained *int64     `json:"unexplained"`
	Breaks      *int64     `json:"breaks"`
}

// Run is one comparison of one day at one source.
type Run struct {
	ID       int64  `json:"id"`
	Upstream string `json:"upstream"`
	// Day is the day in the brand's time zone, From and To the same as moments.
	Day  string    `json:"day"`
	N    int       `json:"n"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Actor asked for it.
	Actor     string `json:"actor"`
	State     string `json:"state"`
	Means     string `json:"means"`
	Failures  int    `json:"failures"`
	LastError string `json:"last_error"`
	Counts
	// OursCost and TheirsCost are what purchases took, in rupiah, as far as each says.
	OursCost   int64 `json:"ours_cost"`
	TheirsCost int64 `json:"theirs_cost"`
	Chain      Chain `json:"balance"`
	// Note says what is odd about the whole.
	Note        string     `json:"note"`
	RequestedAt time.Time  `json:"requested_at"`
	FinishedAt  *time.Time `json:"finished_at"`

	phase       phase
	page        int
	cursorOrder int64
	cursorN     int
	version     int64
}

const columns = `id, upstream, day::text, n, from_at, to_at, actor, state, means, failures, last_error,
	matched, amount, only_ours, only_theirs, status, unchecked, ours_cost, theirs_cost,
	opening, opening_at, closing, closing_at, unexplained, breaks, note, requested_at, finished_at,
	phase, page, cursor_order, cursor_n, version`

func scan(row pgx.Row) (*Run, error) {
	r := new(Run)
	err := row.Scan(&r.ID, &r.Upstream, &r.Day, &r.N, &r.From, &r.To, &r.Actor, &r.State, &r.Means, &r.Failures, &r.LastError,
		&r.Matched, &r.Amount, &r.OnlyOurs, &r.OnlyTheirs, &r.Status, &r.Unchecked, &r.OursCost, &r.TheirsCost,
		&r.Chain.Opening, &r.Chain.OpeningAt, &r.Chain.Closing, &r.Chain.ClosingAt, &r.Chain.Unexplained, &r.Chain.Breaks, &r.Note, &r.RequestedAt, &r.FinishedAt,
		&r.phase, &r.page, &r.cursorOrder, &r.cursorN, &r.version)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// bounds are a day's moments in a time zone.
func bounds(day string, loc *time.Location) (from, to time.Time, err error) {
	from, err = time.ParseInLocation(time.DateOnly, day, loc)
	if err != nil {
		return from, to, fmt.Errorf("%w: %q is not a day as in %s", ErrDay, day, time.DateOnly)
	}
	return from, from.AddDate(0, 0, 1), nil
}

const insertSQL = `INSERT INTO reconciliations (upstream, day, n, from_at, to_at, actor, state, phase, page, cursor_order, cursor_n, version, failures, last_error, means,
		matched, amount, only_ours, only_theirs, status, unchecked, ours_cost, theirs_cost, note, requested_at, next_run_at)
	SELECT u.name, d.day::date, $2, d.begins, d.ends, $3, 'running', '', 0, 0, 0, 1, 0, '', '', 0, 0, 0, 0, 0, 0, 0, 0, '', $4, $4
	FROM upstreams u CROSS JOIN unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS d (day, begins, ends) WHERE u.name = ANY($1)`

const (
	// grace is how long after midnight a day is compared: what was under way then has
	// ended, and the source has written it down.
	grace = 30 * time.Minute
	// back is how many days the daily job makes up for, should it not have run.
	back = 7
)

// Ensure makes the first comparison of yesterday at each live source, and of the days
// before it that were missed since we know the source. Any number of schedulers may do
// so at the same time. It says how many it made.
func Ensure(ctx context.Context, pool *pgxpool.Pool, upstreams []string, loc *time.Location, now time.Time) (int, error) {
	today := now.In(loc).Add(-grace)
	var days []string
	var begins, ends []time.Time
	for ago := back; ago > 0; ago-- {
		day := today.AddDate(0, 0, -ago).Format(time.DateOnly)
		from, to, err := bounds(day, loc)
		if err != nil {
			return 0, err
		}
		days, begins, ends = append(days, day), append(begins, from), append(ends, to)
	}
	tag, err := pool.Exec(ctx, insertSQL+` AND u.mode = 'live' AND u.created_at < d.ends
		AND NOT EXISTS (SELECT FROM reconciliations r WHERE r.upstream = u.name AND r.day = d.day::date) ON CONFLICT (upstream, day, n) DO NOTHING`,
		upstreams, 1, Scheduler, now, days, begins, ends)
	if err != nil {
		return 0, fmt.Errorf("reconcile: ensure: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Request asks for a comparison of a day, with an audit row; one that is under way is
// enough. It gives the id by which [Get] shows how it goes. ErrNotFound when there is
// no such source.
func Request(ctx context.Context, pool *pgxpool.Pool, upstream, day string, loc *time.Location, actor string, now time.Time) (int64, error) {
	from, to, err := bounds(day, loc)
	if err != nil {
		return 0, err
	}
	if now.Before(to) {
		return 0, fmt.Errorf("%w: %s ends at %s", ErrNotOver, day, to.Format(time.RFC3339))
	}
	var id int64
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Two operators at the same moment ask for one comparison, not for one number.
		if err := tx.QueryRow(ctx, `SELECT 0 FROM upstreams WHERE name = $1 FOR NO KEY UPDATE`, upstream).Scan(new(int)); errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		} else if err != nil {
			return err
		}
		var last int
		var state string
		err := tx.QueryRow(ctx, `SELECT id, n, state FROM reconciliations WHERE upstream = $1 AND day = $2::date ORDER BY n DESC LIMIT 1`, upstream, day).Scan(&id, &last, &state)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if state == Running { // the operator waits: it is due at once
			_, err = tx.Exec(ctx, `UPDATE reconciliations SET next_run_at = least(next_run_at, $2), failures = 0 WHERE id = $1`, id, now)
		} else {
			err = tx.QueryRow(ctx, insertSQL+` RETURNING id`, []string{upstream}, last+1, actor, now, []string{day}, []time.Time{from}, []time.Time{to}).Scan(&id)
		}
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: "upstream.reconcile", Subject: upstream, Detail: map[string]string{"day": day}, At: now})
	})
	if errors.Is(err, ErrNotFound) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("reconcile: request: %w", err)
	}
	return id, nil
}

// Get gives a comparison; ErrNotFound when there is none.
func Get(ctx context.Context, pool *pgxpool.Pool, id int64) (*Run, error) {
	r, err := scan(pool.QueryRow(ctx, `SELECT `+columns+` FROM reconciliations WHERE id = $1`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reconcile: get: %w", err)
	}
	return r, nil
}

// Last gives the newest day that was compared at each source, as it was compared last.
func Last(ctx context.Context, pool *pgxpool.Pool) ([]*Run, error) {
	rows, err := pool.Query(ctx, `SELECT r.* FROM upstreams u CROSS JOIN LATERAL (SELECT `+columns+` FROM reconciliations
		WHERE upstream = u.name AND reconciliations.state = 'done' ORDER BY to_at DESC, id DESC LIMIT 1) r ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("reconcile: last: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Run, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("reconcile: last: %w", err)
	}
	return out, nil
}

// List gives comparisons, the last that was asked for first; before is the id that the
// page ends before, zero begins with the newest, and an empty upstream is all.
func List(ctx context.Context, pool *pgxpool.Pool, upstream string, before int64, limit int) ([]*Run, error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM reconciliations WHERE $1 IN ('', upstream) AND ($2::bigint = 0 OR id < $2) ORDER BY id DESC LIMIT $3`, upstream, before, limit)
	if err != nil {
		return nil, fmt.Errorf("reconcile: list: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Run, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("reconcile: list: %w", err)
	}
	return out, nil
}

// Due gives the sources that have a comparison to go on with.
func Due(ctx context.Context, pool *pgxpool.Pool, now time.Time) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT DISTINCT upstream FROM reconciliations WHERE next_run_at <= $1 ORDER BY upstream`, now)
	if err != nil {
		return nil, fmt.Errorf("reconcile: due: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("reconcile: due: %w", err)
	}
	return names, nil
}

// Progress is one line on how far a comparison has come.
func (r *Run) Progress() string {
	words := map[phase]string{
		phaseBegin: "waiting for its worker", phaseStatement: "reading the day's books", phaseBefore: "looking beyond midnight", phaseAfter: "looking beyond midnight",
		phaseOurs: "looking for what is missing", phaseAsk: "asking about each purchase", phaseBalance: "comparing balances", phaseRecheck: "looking again",
		phaseFlags: "showing findings",
	}
	line := words[r.phase]
	switch {
	case r.State == Done:
		return "done"
	case r.phase == phaseStatement && r.page > 1:
		line += ", page " + strconv.Itoa(r.page)
	}
	if r.Failures > 0 {
		line += fmt.Sprintf("; failed %d times and will be tried again (%s)", r.Failures, r.LastError)
	}
	return line
}
