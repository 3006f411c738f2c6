package report

// What is summed from ledger entries and changes of state between two times ($1 and
// before $2), by the day of a time zone ($3).

// orderKinds are the kinds of entries on orders that revenue, cost and losses are made of.
const orderKinds = `('settle', 'refund', 'late_charge', 'cost', 'cost_back', 'late_cost')`

// The three sides of an order's result, of entries e.
const (
	revenueOf = `(CASE WHEN e.kind IN ('settle', 'late_charge') THEN e.amount WHEN e.kind = 'refund' AND e.n > 0 THEN -e.amount ELSE 0 END)`
	costOf    = `(CASE e.kind WHEN 'cost' THEN e.amount WHEN 'cost_back' THEN -e.amount ELSE 0 END)`
	lossOf    = `(CASE e.kind WHEN 'late_cost' THEN e.amount ELSE 0 END)`
)

// ordersSQL sums what happened to orders. A premium product is delivered in the commit
// that takes the money, which is no change of its state: its debit completes it.
const ordersSQL = `SELECT (x.at AT TIME ZONE $3)::date AS day, o.mode, w.merchant_id, m.tier::bigint AS tier, o.category, o.sku, coalesce(x.upstream, o.upstream) AS upstream,
		sum(x.placed)::bigint AS placed, sum(x.completed + CASE o.category WHEN 'product' THEN x.placed ELSE 0 END)::bigint AS completed,
		sum(x.partial)::bigint AS partial, sum(x.failed)::bigint AS failed, sum(x.canceled)::bigint AS canceled, sum(x.expired)::bigint AS expired,
		sum(x.volume)::bigint AS volume, sum(x.refunds)::bigint AS refunds, sum(x.revenue)::bigint AS revenue, sum(x.cost)::bigint AS cost, sum(x.loss)::bigint AS loss
	FROM (
		SELECT e.subject_id AS order_id, e.created_at AS at, substr(a.code, strpos(a.code, ':') + 1) AS upstream,
			(e.kind = 'order')::int AS placed, 0 AS completed, 0 AS partial, 0 AS failed, 0 AS canceled, 0 AS expired,
			CASE e.kind WHEN 'order' THEN e.amount ELSE 0 END AS volume,
			CASE e.kind WHEN 'refund' THEN e.amount WHEN 'late_charge' THEN -e.amount ELSE 0 END AS refunds,
			` + revenueOf + ` AS revenue, ` + costOf + ` AS cost, ` + lossOf + ` AS loss
		FROM ledger_entries e
		LEFT JOIN ledger_accounts a ON a.id = CASE WHEN e.kind IN ('cost', 'late_cost') THEN e.debit WHEN e.kind = 'cost_back' THEN e.credit END
		WHERE e.subject = 'order' AND e.created_at >= $1 AND e.created_at < $2
		UNION ALL
		SELECT v.order_id, v.created_at, NULL, 0,
			(v.to_state = 'completed')::int - (v.from_state = 'completed')::int, (v.to_state = 'partial')::int - (v.from_state = 'partial')::int,
			(v.to_state = 'failed')::int - (v.from_state = 'failed')::int, (v.to_state = 'canceled')::int - (v.from_state = 'canceled')::int,
			(v.to_state = 'expired')::int - (v.from_state = 'expired')::int, 0, 0, 0, 0, 0
		FROM order_events v
		WHERE v.created_at >= $1 AND v.created_at < $2 AND v.from_state <> v.to_state
			AND (v.to_state IN ('completed', 'partial', 'failed', 'canceled', 'expired') OR v.from_state IN ('completed', 'partial', 'failed', 'canceled', 'expired'))
	) x JOIN orders o ON o.id = x.order_id JOIN wallets w ON w.id = o.wallet_id JOIN merchants m ON m.id = w.merchant_id
	GROUP BY 1, 2, 3, 4, 5, 6, 7`

// flowsSQL sums deposits, withdrawals and adjustments; the latter by their direction.
const flowsSQL = `SELECT (e.created_at AT TIME ZONE $3)::date AS day, a.mode,
		CASE WHEN e.subject <> 'adjustment' THEN e.kind WHEN e.wallet_id = e.credit THEN 'adjustment_credit' ELSE 'adjustment_debit' END AS kind,
		coalesce(d.gateway, l.gateway, t.gateway, '') AS gateway, count(*) AS n, sum(e.amount)::bigint AS amount
	FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.debit
	LEFT JOIN deposits d ON e.subject = 'deposit' AND d.id = e.subject_id
	LEFT JOIN deposit_lines l ON e.subject = 'deposit_line' AND l.id = e.subject_id
	LEFT JOIN withdrawals t ON e.subject = 'withdraw' AND t.id = e.subject_id
	WHERE e.subject IN ('deposit', 'deposit_line', 'withdraw', 'adjustment') AND e.created_at >= $1 AND e.created_at < $2
	GROUP BY 1, 2, 3, 4`

// belowSQL finds orders touched between the two times that may cost more than they
// bring in, or did, with all their entries summed.
const belowSQL = `SELECT t.order_id, sum(` + revenueOf + `)::bigint AS revenue, sum(` + costOf + `)::bigint AS cost, sum(` + lossOf + `)::bigint AS loss, max(e.created_at) AS at
	FROM (SELECT e.subject_id AS order_id FROM ledger_entries e
		WHERE e.subject = 'order' AND e.kind IN ` + orderKinds + ` AND e.created_at >= $1 AND e.created_at < $2
		GROUP BY 1 HAVING sum(` + revenueOf + ` - ` + costOf + ` - ` + lossOf + `) < 0
			OR EXISTS (SELECT FROM report_below_cost b WHERE b.order_id = e.subject_id)) t
	JOIN ledger_entries e ON e.subject_id = t.order_id AND e.subject = 'order' AND e.kind IN ` + orderKinds + `
	GROUP BY t.order_id`
