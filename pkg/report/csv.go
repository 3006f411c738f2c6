package report

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/sheet"
)

// flushEvery is after how many rows of a CSV what is written goes out.
const flushEvery = 200

// table writes rows of a CSV.
type table struct {
	w *csv.Writer
	n int
}

func newTable(w io.Writer, head ...string) (*table, error) {
	t := &table{w: csv.NewWriter(w)}
	return t, t.w.Write(head)
}

func (t *table) row(cells ...string) error {
	if t.n++; t.n%flushEvery == 0 {
		t.w.Flush()
	}
	return t.w.Write(cells)
}

func (t *table) end() error {
	t.w.Flush()
	return t.w.Error()
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// text is a dimension, which is empty where a report is not divided by it.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return sheet.Text(*s)
}

// OrdersCSV writes a report on orders as it is read, so that a long one needs no
// memory. The columns are always the same; a dimension that was not asked for is
// empty. Without dimensions the total is the only row.
func OrdersCSV(ctx context.Context, pool *pgxpool.Pool, q *Query, w io.Writer) error {
	t, err := newTable(w, "day", "merchant_id", "tier", "category", "sku", "upstream", "placed", "completed", "partial", "failed", "canceled", "expired",
		"success_rate", "volume", "refunds", "revenue", "cost", "losses", "margin")
	if err != nil {
		return err
	}
	write := func(r *Row) error {
		tier, rate := "", ""
		if r.Tier != nil {
			tier = number(*r.Tier)
		}
		if r.SuccessRate != nil {
			rate = strconv.FormatFloat(*r.SuccessRate, 'f', 4, 64)
		}
		return t.row(text(r.Day), text(r.Merchant), tier, text(r.Category), text(r.SKU), text(r.Upstream), number(r.Placed), number(r.Completed), number(r.Partial),
			number(r.Failed), number(r.Canceled), number(r.Expired), rate, number(r.Volume), number(r.Refunds), number(r.Revenue), number(r.Cost), number(r.Losses), number(r.Margin))
	}
	total := func(f Figures) error {
		if len(q.By) > 0 {
			return nil
		}
		return write(&Row{Figures: f})
	}
	if err := Orders(ctx, pool, q, total, write); err != nil {
		return err
	}
	return t.end()
}

// belowPage is how many orders under their cost are in memory at once.
const belowPage = 1000

// BelowCSV writes the orders that cost more than they brought in, the newest first.
func BelowCSV(ctx context.Context, pool *pgxpool.Pool, r Range, mode string, w io.Writer) error {
	t, err := newTable(w, "order_id", "id", "merchant_id", "category", "sku", "upstream", "state", "price", "refunded", "revenue", "cost", "losses", "margin", "at")
	if err != nil {
		return err
	}
	for before := int64(0); ; {
		_, page, err := BelowCost(ctx, pool, r, mode, before, belowPage)
		if err != nil {
			return err
		}
		for i := range page {
			b := &page[i]
			err := t.row(b.OrderID, number(b.ID), sheet.Text(b.Merchant), b.Category, sheet.Text(b.SKU), sheet.Text(b.Upstream), string(b.State),
				number(b.Price), number(b.Refunded), number(b.Revenue), number(b.Cost), number(b.Losses), number(b.Margin), b.At.Format(time.RFC3339))
			if err != nil {
				return err
			}
			before = b.ID
		}
		if len(page) < belowPage {
			return t.end()
		}
	}
}

// WriteCSV writes deposits and then withdrawals, a line a day and gateway.
func (f *Flows) WriteCSV(w io.Writer) error {
	t, err := newTable(w, "kind", "day", "gateway", "count", "amount", "fees", "charges", "suspended", "returned", "asked", "taken", "refunds", "losses")
	if err != nil {
		return err
	}
	for i := range f.Deposits {
		d := &f.Deposits[i]
		err := t.row("deposit", d.Day, sheet.Text(d.Gateway), number(d.Count), number(d.Amount), number(d.Fees), number(d.Charges), number(d.Suspended), number(d.Returned), "", "", "", "")
		if err != nil {
			return err
		}
	}
	for i := range f.Withdrawals {
		d := &f.Withdrawals[i]
		err := t.row("withdrawal", d.Day, sheet.Text(d.Gateway), number(d.Count), number(d.Amount), number(d.Fees), number(d.Charges), "", "",
			number(d.Asked), number(d.Taken), number(d.Refunds), number(d.Losses))
		if err != nil {
			return err
		}
	}
	return t.end()
}
