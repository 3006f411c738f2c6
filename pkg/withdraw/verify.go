package withdraw

import "github.com/muarahq/muara/pkg/ledger"

// Checks are what the ledger must say about withdrawals, for [ledger.Verify].
func Checks() []ledger.Check {
	return []ledger.Check{
		{Name: "every withdrawal was taken once", SQL: `
			SELECT 'withdrawal ' || w.id, format('amount %s fee %s, taken %s of wallet %s', w.amount, w.fee, coalesce(e.sum, 0), e.wallet)
			FROM withdrawals w LEFT JOIN (SELECT subject_id, sum(amount) AS sum, min(wallet_id) AS wallet FROM ledger_entries
				WHERE subject = 'withdraw' AND kind = 'withdraw' GROUP BY subject_id) e ON e.subject_id = w.id
			WHERE w.amount + w.fee IS DISTINCT FROM e.sum OR w.wallet_id IS DISTINCT FROM e.wallet`},
		{Name: "a withdrawal has exactly its entries", SQL: `
			SELECT 'withdrawal ' || w.id, format('%s amount %s fee %s charge %s: paid %s fee %s charge %s back %s late %s', w.state, w.amount, w.fee, w.charge,
				e.paid, e.fee, e.charge, e.back, e.late)
			FROM withdrawals w CROSS JOIN LATERAL (
				SELECT coalesce(sum(amount) FILTER (WHERE kind = 'payout'), 0) AS paid, coalesce(sum(amount) FILTER (WHERE kind = 'withdraw_fee'), 0) AS fee,
					coalesce(sum(amount) FILTER (WHERE kind = 'payout_charge'), 0) AS charge, coalesce(sum(amount) FILTER (WHERE kind = 'withdraw_refund'), 0) AS back,
					coalesce(sum(amount) FILTER (WHERE kind = 'late_payout'), 0) AS late
				FROM ledger_entries WHERE subject = 'withdraw' AND subject_id = w.id) e
			WHERE CASE w.state
				WHEN 'success' THEN (e.paid, e.fee, e.charge, e.back, e.late) <> (w.amount, w.fee, w.charge, 0, 0)
				WHEN 'rejected' THEN (e.paid, e.fee, e.charge, e.back) <> (0, 0, 0, w.amount + w.fee) OR e.late NOT IN (0, w.amount + w.charge)
				ELSE e.paid + e.fee + e.charge + e.back + e.late <> 0 END`},
		{Name: "money on its way out is the open withdrawals'", SQL: `
			SELECT a.mode, format('held %s, open %s', s.sum, coalesce(w.sum, 0)) FROM ledger_accounts a
			CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN credit = a.id THEN amount ELSE -amount END), 0) AS sum FROM ledger_entries WHERE a.id IN (debit, credit)) s
			LEFT JOIN (SELECT mode, sum(amount + fee) AS sum FROM withdrawals WHERE state NOT IN ('success', 'rejected') GROUP BY mode) w ON w.mode = a.mode
			WHERE a.code = 'payouts_clearing' AND s.sum <> coalesce(w.sum, 0)`},
		{Name: "an entry belongs to a withdrawal", SQL: `
			SELECT 'entry ' || e.id, 'no withdrawal ' || e.subject_id FROM ledger_entries e
			LEFT JOIN withdrawals w ON w.id = e.subject_id WHERE e.subject = 'withdraw' AND w.id IS NULL`},
	}
}
