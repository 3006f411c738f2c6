package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Problem is one thing that the books do not explain.
type Problem struct {
	Check   string `json:"check"`
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

// Report is what a verification found. Problems are bounded per check; Count is not.
type Report struct {
	Wallets  int64     `json:"wallets"`
	Entries  int64     `json:"entries"`
	Count    int64     `json:"problems_total"`
	Problems []Problem `json:"problems"`
}

// Clean tells whether nothing was found.
func (r *Report) Clean() bool { return r.Count == 0 }

// problemsShown bounds what a report lists of one check.
const problemsShown = 20

// Check is a query that gives one row (subject, detail) for each problem.
type Check struct {
	Name string
	SQL  string
}

var checks = []Check{ //nolint:gochecknoglobals // a table of constants
	{"postings balance to zero", `
		SELECT 'mode ' || mode, 'sum is ' || sum FROM (
			SELECT a.mode, sum(d) AS sum FROM (
				SELECT credit AS account, amount AS d FROM ledger_entries UNION ALL SELECT debit, -amount FROM ledger_entries) x
			LEFT JOIN ledger_accounts a ON a.id = x.account GROUP BY a.mode) s WHERE sum <> 0 OR mode IS NULL`},
	{"wallet equals its entries", `
		SELECT 'wallet ' || w.id, format('balance %s seq %s, entries sum %s count %s', w.balance, w.seq, coalesce(e.sum, 0), coalesce(e.count, 0))
		FROM wallets w LEFT JOIN (
			SELECT wallet_id, sum(CASE WHEN credit = wallet_id THEN amount ELSE -amount END) AS sum, count(*) AS count
			FROM ledger_entries WHERE wallet_id IS NOT NULL GROUP BY wallet_id) e ON e.wallet_id = w.id
		WHERE w.balance <> coalesce(e.sum, 0) OR w.seq <> coalesce(e.count, 0)`},
	{"sequence has no gap and the running balance is exact", `
		SELECT 'wallet ' || wallet_id || ' seq ' || wallet_seq, format('expected seq %s balance %s, found %s', n, run, wallet_balance) FROM (
			SELECT wallet_id, wallet_seq, wallet_balance, row_number() OVER w AS n,
				sum(CASE WHEN credit = wallet_id THEN amount ELSE -amount END) OVER w AS run
			FROM ledger_entries WHERE wallet_id IS NOT NULL WINDOW w AS (PARTITION BY wallet_id ORDER BY wallet_seq)) s
		WHERE wallet_seq <> n OR wallet_balance <> run`},
	{"entry on a wallet names it", `
		SELECT 'entry ' || e.id, 'touches a wallet that it does not name' FROM ledger_entries e
		JOIN wallets w ON w.id IN (e.debit, e.credit) WHERE e.wallet_id IS DISTINCT FROM w.id`},
	{"entry stays within its mode", `
		SELECT 'entry ' || e.id, format('%s to %s', d.mode, c.mode) FROM ledger_entries e
		LEFT JOIN ledger_accounts d ON d.id = e.debit LEFT JOIN ledger_accounts c ON c.id = e.credit
		WHERE d.mode IS DISTINCT FROM c.mode`},
	{"closed hours equal their entries", `
		SELECT format('account %s hour %s', account, hour), format('rolled up %s/%s, entries %s/%s', rd, rc, ed, ec) FROM (
			SELECT account, hour, coalesce(r.debit, 0) AS rd, coalesce(r.credit, 0) AS rc, coalesce(e.debit, 0) AS ed, coalesce(e.credit, 0) AS ec
			FROM ledger_hours r FULL JOIN (` + hoursSQL + `) e USING (account, hour)) s
		WHERE (rd, rc) <> (ed, ec)`},
}

// hoursSQL sums the entries of the rolled-up hours by account.
const hoursSQL = `SELECT account, hour, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM (
		SELECT debit AS account, date_trunc('hour', created_at, 'UTC') AS hour, amount AS debit, 0 AS credit FROM ledger_entries
			WHERE created_at < (SELECT through FROM ledger_rollup)
		UNION ALL
		SELECT credit, date_trunc('hour', created_at, 'UTC'), 0, amount FROM ledger_entries
			WHERE created_at < (SELECT through FROM ledger_rollup)) x
	GROUP BY account, hour`

// Verify proves the books in one consistent snapshot: postings balance, wallets
// equal their entries, sequences have no gap. Callers add the checks of their
// own subjects (the order package's, for one).
func Verify(ctx context.Context, pool *pgxpool.Pool, more ...Check) (r *Report, err error) {
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, pool, opts, func(tx pgx.Tx) error {
		r, err = VerifyIn(ctx, tx, more...)
		return err
	})
	return r, err
}

// VerifyIn is [Verify] inside the caller's transaction.
func VerifyIn(ctx context.Context, tx pgx.Tx, more ...Check) (*Report, error) {
	r := &Report{Problems: []Problem{}}
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM wallets), (SELECT count(*) FROM ledger_entries)`).Scan(&r.Wallets, &r.Entries)
	if err != nil {
		return nil, fmt.Errorf("ledger: verify: %w", err)
	}
	for _, c := range append(append([]Check{}, checks...), more...) {
		if err := r.run(ctx, tx, c); err != nil {
			return nil, fmt.Errorf("ledger: verify: %s: %w", c.Name, err)
		}
	}
	return r, nil
}

func (r *Report) run(ctx context.Context, tx pgx.Tx, c Check) error {
	rows, err := tx.Query(ctx, c.SQL)
	if err != nil {
		return err
	}
	shown := 0
	p := Problem{Check: c.Name}
	_, err = pgx.ForEachRow(rows, []any{&p.Subject, &p.Detail}, func() error {
		r.Count++
		if shown < problemsShown {
			shown++
			r.Problems = append(r.Problems, p)
		}
		return nil
	})
	return err
}
