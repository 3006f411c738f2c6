// Package check keeps what sources say of accounts: whose they are (banks, e-wallets,
// games, meters), before money goes to them.
//
// Decisions that bind this package:
//
//   - A question is a row before it is asked; the worker of a source answers it, and the
//     API reads the row. Lists of what can be looked up are kept by source.
//   - What was told of an account is true for a while ([Fresh]): the same question within
//     it is answered from the row. Questions are kept for a day ([Kept]), since they hold names.
//   - A code is ours as well as a source's where it is a plain word of it ([plain]); what
//     is none is left out. The first source that has a code tells its name.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/id"
)

// The kinds of accounts.
const (
	Bank = "bank"
	Game = "game"
)

const (
	// Fresh is how long what was told of an account is taken for true.
	Fresh = 10 * time.Minute
	// FreshInvalid is that of an account that is nobody's: it may be opened.
	FreshInvalid = time.Minute
	// Kept is how long questions are kept.
	Kept = 24 * time.Hour
	// ListFresh is how long a list is taken for current.
	ListFresh = 24 * time.Hour
)

// What a worker answers whoever asked it.
const (
	VerdictDone    = "done"
	VerdictRefused = "refused"
	VerdictStale   = "stale"
)

// Errors.
var (
	// ErrNotFound: there is no such question.
	ErrNotFound = errors.New("check: not found")
	// ErrStale: it has been answered, or nobody waits any more.
	ErrStale = errors.New("check: moved on meanwhile")
)

// Target is a bank, e-wallet, game or meter whose accounts can be looked up.
type Target struct {
	// Code is ours, Theirs the source's.
	Code   string `json:"code"`
	Theirs string `json:"theirs"`
	Name   string `json:"name"`
	// Type is bank, ewallet, game or meter.
	Type string `json:"type"`
}

// Answer is what is known of an account.
type Answer struct {
	Valid  bool
	Number string
	// Name is whose it is; empty when it is nobody's.
	Name string
}

// Question is a row: one account that one source is asked about.
type Question struct {
	ID        int64
	Upstream  string
	Mode      string
	Kind      string
	Code      string
	Number    string
	State     string
	WaitUntil time.Time
}

// Keeper keeps questions and lists.
type Keeper struct {
	Pool *pgxpool.Pool
	Now  func() time.Time
}

func (k *Keeper) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }

// plainCode is what a code may look like.
var plainCode = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`) //nolint:gochecknoglobals // a constant that Go cannot write as one

// plain gives a source's code as ours; ok is false for what no merchant should read.
func plain(code string) (ours string, ok bool) {
	ours = strings.ToLower(strings.Join(strings.Fields(code), "-"))
	return ours, plainCode.MatchString(ours)
}

// tidy gives a text on one line of at most 200 characters.
func tidy(s string) string {
	const most = 200
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most])
	}
	return s
}

// SaveList keeps what a source just told that it looks up. Rows without a plain code or a
// name are left out, as are repeated ones.
func (k *Keeper) SaveList(ctx context.Context, upstream, kind string, targets []Target) error {
	kept, seen := []Target{}, map[string]bool{}
	for _, t := range targets {
		code, ok := plain(t.Theirs)
		if t.Name = tidy(t.Name); !ok || t.Name == "" || seen[code] {
			continue
		}
		t.Code, seen[code] = code, true
		kept = append(kept, t)
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("check: list: %w", err)
	}
	_, err = k.Pool.Exec(ctx, `INSERT INTO check_lists (upstream, kind, targets, fetched_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (upstream, kind) DO UPDATE SET targets = excluded.targets, fetched_at = excluded.fetched_at`, upstream, kind, json.RawMessage(raw), k.now())
	if err != nil {
		return fmt.Errorf("check: list: %w", err)
	}
	return nil
}

// Lists are what sources look up, by source.
type Lists struct {
	targets map[string][]Target
	at      map[string]time.Time
}

// Lists reads what these sources last told that they look up.
func (k *Keeper) Lists(ctx context.Context, kind string, upstreams []string) (*Lists, error) {
	rows, err := k.Pool.Query(ctx, `SELECT upstream, targets, fetched_at FROM check_lists WHERE kind = $1 AND upstream = ANY ($2)`, kind, upstreams)
	if err != nil {
		return nil, fmt.Errorf("check: lists: %w", err)
	}
	out := &Lists{targets: map[string][]Target{}, at: map[string]time.Time{}}
	var name string
	var raw json.RawMessage
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&name, &raw, &at}, func() error {
		var targets []Target
		if err := json.Unmarshal(raw, &targets); err != nil {
			return err
		}
		out.targets[name], out.at[name] = targets, at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check: lists: %w", err)
	}
	return out, nil
}

// Old gives those of the sources whose lists are not known or no longer current.
func (l *Lists) Old(upstreams []string, now time.Time) (old []string) {
	for _, u := range upstreams {
		if at, known := l.at[u]; !known || now.Sub(at) >= ListFresh {
			old = append(old, u)
		}
	}
	return old
}

// Known tells whether any source has told its list.
func (l *Lists) Known() bool { return len(l.at) > 0 }

// Targets gives what can be looked up through any of the sources, by name.
func (l *Lists) Targets(upstreams []string) []Target {
	out, seen := []Target{}, map[string]bool{}
	for _, u := range upstreams {
		for _, t := range l.targets[u] {
			if !seen[t.Code] {
				seen[t.Code] = true
				out = append(out, t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Target) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out
}

// Way is a source through which an account of a code can be looked up.
type Way struct {
	Upstream string
	// Code is the source's.
	Code string
}

// Ways gives the sources that look up accounts of a code of ours, in their order.
func (l *Lists) Ways(upstreams []string, code string) (ways []Way) {
	for _, u := range upstreams {
		for _, t := range l.targets[u] {
			if t.Code == code {
				ways = append(ways, Way{u, t.Theirs})
			}
		}
	}
	return ways
}

// Remembered gives what was told of an account a short while ago through one of these
// ways; nil when nothing was.
func (k *Keeper) Remembered(ctx context.Context, mode, kind, number string, ways []Way) (*Answer, error) {
	upstreams, codes := make([]string, len(ways)), make([]string, len(ways))
	for i, w := range ways {
		upstreams[i], codes[i] = w.Upstream, w.Code
	}
	now := k.now()
	return answer(k.Pool.QueryRow(ctx, `SELECT c.state, c.said_number, c.name FROM unnest($4::text[], $5::text[]) AS w(upstream, code)
		JOIN account_checks c ON c.mode = $1 AND c.kind = $2 AND c.number = $3 AND c.code = w.code AND c.upstream = w.upstream
		WHERE c.state = 'valid' AND c.answered_at > $6 OR c.state = 'invalid' AND c.answered_at > $7
		ORDER BY c.answered_at DESC LIMIT 1`, mode, kind, number, upstreams, codes, now.Add(-Fresh), now.Add(-FreshInvalid)))
}

// answer reads a row of an answer; nil when there is none.
func answer(row pgx.Row) (*Answer, error) {
	var state string
	a := &Answer{}
	err := row.Scan(&state, &a.Number, &a.Name)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // nothing is known: a usual answer, not an error
	case err != nil:
		return nil, fmt.Errorf("check: answer: %w", err)
	}
	a.Valid = state == "valid"
	return a, nil
}

// Begin keeps a question before it is asked, and lets go of what is too old to be kept.
func (k *Keeper) Begin(ctx context.Context, q Question) (*Question, error) {
	now := k.now()
	q.ID, q.State = id.New(now), "asking"
	var b pgx.Batch
	b.Queue(`DELETE FROM account_checks WHERE id IN (SELECT id FROM account_checks WHERE created_at < $1 ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)`, now.Add(-Kept))
	b.Queue(`INSERT INTO account_checks (id, upstream, mode, kind, code, number, state, said_number, name, said_code, said_detail, wait_until, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'asking', '', '', '', '', $7, $8)`, q.ID, q.Upstream, q.Mode, q.Kind, q.Code, q.Number, q.WaitUntil, now)
	if err := k.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("check: begin: %w", err)
	}
	return &q, nil
}

// ByID gives a question. [ErrNotFound] when there is none.
func (k *Keeper) ByID(ctx context.Context, questionID int64) (*Question, error) {
	q := &Question{ID: questionID}
	err := k.Pool.QueryRow(ctx, `SELECT upstream, mode, kind, code, number, state, wait_until FROM account_checks WHERE id = $1`, questionID).
		Scan(&q.Upstream, &q.Mode, &q.Kind, &q.Code, &q.Number, &q.State, &q.WaitUntil)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("check: read: %w", err)
	}
	return q, nil
}

// Answer gives what a question was answered; nil while it was not.
func (k *Keeper) Answer(ctx context.Context, questionID int64) (*Answer, error) {
	return answer(k.Pool.QueryRow(ctx, `SELECT state, said_number, name FROM account_checks WHERE id = $1 AND state IN ('valid', 'invalid')`, questionID))
}

// Found keeps what a source said of an account. [ErrStale] when that is known already.
func (k *Keeper) Found(ctx context.Context, q *Question, a Answer) error {
	state, name, number := "invalid", "", tidy(a.Number)
	if a.Valid {
		state, name = "valid", tidy(a.Name)
	}
	if number == "" {
		number = q.Number
	}
	return k.ended(ctx, `UPDATE account_checks SET state = $2, said_number = $3, name = $4, answered_at = $5 WHERE id = $1 AND state = 'asking'`,
		q.ID, state, number, name, k.now())
}

// Fail keeps why a source said nothing of an account.
func (k *Keeper) Fail(ctx context.Context, questionID int64, code, detail string) error {
	return k.ended(ctx, `UPDATE account_checks SET state = 'failed', said_code = $2, said_detail = $3, answered_at = $4 WHERE id = $1 AND state = 'asking'`,
		questionID, code, detail, k.now())
}

func (k *Keeper) ended(ctx context.Context, sql string, args ...any) error {
	tag, err := k.Pool.Exec(ctx, sql, args...)
	switch {
	case err != nil:
		return fmt.Errorf("check: record: %w", err)
	case tag.RowsAffected() == 0:
		return ErrStale
	}
	return nil
}
