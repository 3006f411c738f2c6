package report

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
)

// Below is an order that cost more than it brought in, by all its entries until now.
type Below struct {
	OrderID  string      `db:"-" json:"order_id" example:"PPOB-0G3ZK4T8M1Q2R"`
	ID       int64       `db:"id" json:"id,string" doc:"The number that logs and rows know it by."`
	Merchant string      `db:"merchant_id" json:"merchant_id"`
	Category string      `db:"category" json:"category"`
	SKU      string      `db:"sku" json:"sku"`
	Upstream string      `db:"upstream" json:"upstream"`
	State    order.State `db:"state" json:"state"`
	Price    int64       `db:"price" json:"price"`
	Refunded int64       `db:"refunded" json:"refunded"`
	Revenue  int64       `db:"revenue" json:"revenue"`
	Cost     int64       `db:"cost" json:"cost"`
	Losses   int64       `db:"loss" json:"losses" doc:"Paid to upstreams after it had been given back."`
	Margin   int64       `db:"margin" json:"margin" doc:"Below zero: revenue − cost − losses."`
	// At is the time of its last entry.
	At time.Time `db:"at" json:"at" doc:"The last of its entries."`
}

// BelowTotal is what all orders of a range that cost more than they brought in come to.
type BelowTotal struct {
	Count  int64 `json:"count"`
	Margin int64 `json:"margin" doc:"Rupiah, below zero."`
}

// belowFrom are the orders of a range: those of closed hours, unless they were touched
// since, and those touched since.
const belowFrom = `WITH now AS MATERIALIZED (` + belowSQL + `),
	found AS (SELECT order_id, revenue, cost, loss, at FROM report_below_cost b WHERE NOT EXISTS (SELECT FROM now n WHERE n.order_id = b.order_id)
		UNION ALL SELECT order_id, revenue, cost, loss, at FROM now WHERE revenue < cost + loss),
	below AS (SELECT f.*, f.revenue - f.cost - f.loss AS margin FROM found f JOIN orders o ON o.id = f.order_id WHERE f.at >= $3 AND f.at < $4 AND o.mode = $5) `

// BelowCost gives the total of the orders that cost more than they brought in and
// whose last entry is of the range, and a page of them, the newest order first; before
// is the id that the page ends before, zero begins with the newest, and no limit (zero)
// gives all.
func BelowCost(ctx context.Context, pool *pgxpool.Pool, r Range, mode string, before int64, limit int) (total BelowTotal, page []Below, err error) {
	err = look(ctx, pool, r, func(v *view) error {
		args := []any{v.live, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), r.From, r.To, mode}
		err := v.tx.QueryRow(ctx, belowFrom+`SELECT count(*), coalesce(sum(margin), 0)::bigint FROM below`, args...).Scan(&total.Count, &total.Margin)
		if err != nil {
			return err
		}
		var most *int
		if limit > 0 {
			most = &limit
		}
		rows, err := v.tx.Query(ctx, belowFrom+`SELECT o.id, w.merchant_id, o.category, o.sku, o.upstream, o.state, o.price, o.refunded, b.revenue, b.cost, b.loss, b.margin, b.at
			FROM below b JOIN orders o ON o.id = b.order_id JOIN wallets w ON w.id = o.wallet_id
			WHERE $6::bigint = 0 OR o.id < $6 ORDER BY o.id DESC LIMIT $7`, append(args, before, most)...)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, pgx.RowToStructByName[Below])
		return err
	})
	if err != nil {
		return total, nil, fmt.Errorf("report: below cost: %w", err)
	}
	for i := range page {
		page[i].OrderID, page[i].At = order.PublicID(order.Category(page[i].Category), page[i].ID), page[i].At.UTC()
	}
	return total, page, nil
}
