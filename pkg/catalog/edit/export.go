package edit

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/sheet"
)

// The columns that change something, or must be right.
const (
	colSKU         = "sku"
	colNewSKU      = "new_sku"
	colName        = "name"
	colBrand       = "brand"
	colGroup       = "group"
	colDescription = "description"
	colPrice       = "price"
	colClosed      = "closed"
	colOffer       = "offer_id"
	colUpstream    = "upstream"
	colCode        = "code"
	colOfferClosed = "offer_closed"
	colPriority    = "priority"
	colWeight      = "weight"
)

// columns are those of an export, in their order.
var columns = []string{
	colSKU, colNewSKU, "mode", "category", "type", colName, colBrand, colGroup, colDescription, colPrice, colClosed,
	colOffer, colUpstream, colCode, "said_name", "cost", "pending_cost", colOfferClosed, colPriority, colWeight,
}

// Filter selects what is exported. Empty fields select all.
type Filter struct{ Mode, Category, Upstream string }

const exportSQL = `SELECT p.sku, p.mode, p.category, p.type, p.name, p.brand, p.grp, p.description, p.fixed_price, p.closed,
		o.id, coalesce(o.upstream, ''), coalesce(o.code, ''), coalesce(o.said_name, ''), o.cost, o.pending_cost, coalesce(o.closed, false), o.priority, o.weight
	FROM products p LEFT JOIN offers o ON o.product_id = p.id AND o.vanished_at IS NULL AND $3 IN ('', o.upstream)
	WHERE $1 IN ('', p.mode) AND $2 IN ('', p.category) AND ($3 = '' OR o.id IS NOT NULL) ORDER BY p.sku, o.id`

// Export writes the table, a row at a time. Offers that their sources no longer list are
// left out.
func Export(ctx context.Context, pool *pgxpool.Pool, f Filter, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	rows, err := pool.Query(ctx, exportSQL, f.Mode, f.Category, f.Upstream)
	if err != nil {
		return fmt.Errorf("catalog: export: %w", err)
	}
	var sku, mode, category, kind, name, brand, group, description, upstream, code, said string
	var price, offer, cost, pending *int64
	var priority, weight *int64
	var closed, offerClosed bool
	_, err = pgx.ForEachRow(rows, []any{
		&sku, &mode, &category, &kind, &name, &brand, &group, &description, &price, &closed,
		&offer, &upstream, &code, &said, &cost, &pending, &offerClosed, &priority, &weight,
	}, func() error {
		shut := ""
		if offer != nil {
			shut = yes(offerClosed)
		}
		return out.Write([]string{
			sku, "", mode, category, kind, sheet.Text(name), sheet.Text(brand), sheet.Text(group), sheet.Text(description), number(price), yes(closed),
			number(offer), sheet.Text(upstream), sheet.Text(code), sheet.Text(said), number(cost), number(pending), shut, number(priority), number(weight),
		})
	})
	if err != nil {
		return fmt.Errorf("catalog: export: %w", err)
	}
	out.Flush()
	return out.Error()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
