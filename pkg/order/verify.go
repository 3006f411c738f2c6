package order

import "github.com/muarahq/muara/pkg/ledger"

// Checks are what the ledger must say about orders, for [ledger.Verify].
func Checks() []ledger.Check {
	return []ledger.Check{
		{Name: "every order was paid once", SQL: `
			SELECT 'order ' || o.id, format('price %s, entries %s', o.price, coalesce(e.sum, 0)) FROM orders o
			LEFT JOIN (SELECT subject_id, sum(amount) AS sum FROM ledger_entries WHERE subject = 'order' AND kind = 'order' GROUP BY subject_id) e ON e.subject_id = o.id
			WHERE o.price IS DISTINCT FROM e.sum`},
		{Name: "a final order has exactly its entries", SQL: `
			SELECT 'order ' || o.id, format('%s price %s refunded %s: settled %s refund %s taken back %s charged %s', o.state, o.price, o.refunded, e.settled, e.refund, e.back, e.charged)
			FROM orders o CROSS JOIN LATERAL (
				SELECT coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0) AS settled,
					coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND n = 0), 0) AS refund,
					coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND n > 0), 0) AS back,
					coalesce(sum(amount) FILTER (WHERE kind = 'late_charge'), 0) AS charged
				FROM ledger_entries WHERE subject = 'order' AND subject_id = o.id) e
			WHERE o.state NOT IN ('queued', 'sending', 'processing', 'unknown')
				AND (e.settled + e.refund <> o.price OR e.refund + e.back - e.charged <> o.refunded
				OR (o.state IN ('failed', 'expired') AND e.refund <> o.price)
				OR (e.back > 0 AND (o.state <> 'completed' OR o.category <> 'smm' OR e.back > e.settled + e.charged)))`},
		{Name: "an open order has no more than its debit", SQL: `
			SELECT 'order ' || o.id, o.state || ' has ' || e.kind FROM orders o
			JOIN ledger_entries e ON e.subject = 'order' AND e.subject_id = o.id
			WHERE o.state IN ('queued', 'sending', 'processing', 'unknown') AND e.kind NOT IN ('order', 'late_cost')`},
		{Name: "an entry belongs to an order", SQL: `
			SELECT 'entry ' || e.id, 'no order ' || e.subject_id FROM ledger_entries e
			LEFT JOIN orders o ON o.id = e.subject_id WHERE e.subject = 'order' AND o.id IS NULL`},
		{Name: "money in flight is the open orders' prices", SQL: `
			SELECT a.mode, format('in flight %s, open %s', f.sum, coalesce(o.sum, 0)) FROM ledger_accounts a
			CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN credit = a.id THEN amount ELSE -amount END), 0) AS sum FROM ledger_entries WHERE a.id IN (debit, credit)) f
			LEFT JOIN (SELECT mode, sum(price) AS sum FROM orders WHERE state IN ('queued', 'sending', 'processing', 'unknown') GROUP BY mode) o ON o.mode = a.mode
			WHERE a.code = 'in_flight' AND f.sum <> coalesce(o.sum, 0)`},
	}
}
