package deposit

import "github.com/muarahq/muara/pkg/ledger"

// entriesOf sums a deposit's entries by kind.
const entriesOf = `SELECT coalesce(sum(amount) FILTER (WHERE kind = 'deposit'), 0) AS paid, count(*) FILTER (WHERE kind = 'deposit') AS times,
		coalesce(sum(amount) FILTER (WHERE kind = 'deposit_fee'), 0) AS fee, coalesce(sum(amount) FILTER (WHERE kind = 'deposit_charge'), 0) AS charge,
		coalesce(sum(amount) FILTER (WHERE kind = 'suspense'), 0) AS held, coalesce(sum(amount) FILTER (WHERE kind = 'suspense_return'), 0) AS back,
		count(*) AS entries
	FROM ledger_entries WHERE subject = 'deposit' AND subject_id = d.id`

// Checks are what the ledger must say about deposits, for [ledger.Verify].
func Checks() []ledger.Check {
	return []ledger.Check{
		{Name: "a paid deposit has exactly its entries", SQL: `
			SELECT 'deposit ' || d.id, format('credited %s received %s suspense %s: paid %s in %s, fee %s, charge %s, held %s, back %s',
				d.credited, d.received, d.suspense, e.paid, e.times, e.fee, e.charge, e.held, e.back)
			FROM deposits d CROSS JOIN LATERAL (` + entriesOf + `) e
			WHERE d.state = 'paid' AND (e.times <> 1 OR e.paid <> d.credited OR e.back <> 0 OR e.held <> d.suspense
				OR (d.suspense = 0 AND e.paid + e.fee - e.charge <> d.received) OR (d.suspense > 0 AND (e.paid + e.fee <> d.suspense OR e.charge <> 0)))`},
		{Name: "a deposit that is not paid has credited nothing", SQL: `
			SELECT 'deposit ' || d.id, format('%s: %s entries, held %s, back %s of %s', d.state, e.entries, e.held, e.back, d.suspense)
			FROM deposits d CROSS JOIN LATERAL (` + entriesOf + `) e
			WHERE d.state <> 'paid' AND (e.times + e.fee + e.charge <> 0 OR e.held <> d.suspense
				OR e.back <> CASE WHEN d.state = 'suspense' THEN 0 ELSE d.suspense END)`},
		{Name: "an entry belongs to a deposit", SQL: `
			SELECT 'entry ' || e.id, 'no ' || e.subject || ' ' || e.subject_id FROM ledger_entries e
			LEFT JOIN deposits d ON e.subject = 'deposit' AND d.id = e.subject_id LEFT JOIN deposit_lines l ON e.subject = 'deposit_line' AND l.id = e.subject_id
			WHERE e.subject IN ('deposit', 'deposit_line') AND d.id IS NULL AND l.id IS NULL`},
		{Name: "an entry of a deposit is in its wallet", SQL: `
			SELECT 'entry ' || e.id, format('deposit %s of wallet %s', d.id, d.wallet_id) FROM ledger_entries e
			JOIN deposits d ON e.subject = 'deposit' AND d.id = e.subject_id WHERE e.kind = 'deposit' AND e.wallet_id IS DISTINCT FROM d.wallet_id`},
		{Name: "money in suspense is that of deposits and lines", SQL: `
			SELECT a.mode, format('suspense %s, deposits %s, lines %s', s.sum, coalesce(d.sum, 0), coalesce(l.sum, 0)) FROM ledger_accounts a
			CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN credit = a.id THEN amount ELSE -amount END), 0) AS sum FROM ledger_entries WHERE a.id IN (debit, credit)) s
			LEFT JOIN (SELECT mode, sum(suspense) AS sum FROM deposits WHERE state = 'suspense' GROUP BY mode) d ON d.mode = a.mode
			LEFT JOIN (SELECT sum(amount) AS sum FROM deposit_lines WHERE outcome = 'ambiguous') l ON a.mode = 'live'
			WHERE a.code = 'suspense' AND s.sum <> coalesce(d.sum, 0) + coalesce(l.sum, 0)`},
	}
}
