package report

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Dimension is what orders are divided by.
type Dimension string

// The dimensions, in the order in which they stand in a row.
const (
	Day      Dimension = "day"
	Merchant Dimension = "merchant"
	Tier     Dimension = "tier"
	Category Dimension = "category"
	SKU      Dimension = "sku"
	Upstream Dimension = "upstream"
)

// Dimensions are all of them.
func Dimensions() []Dimension { return []Dimension{Day, Merchant, Tier, Category, SKU, Upstream} }

func (d Dimension) column() string {
	if d == Merchant {
		return "merchant_id"
	}
	return string(d)
}

// Query asks for a report on orders. Empty fields select all.
type Query struct {
	Range Range
	// Mode is live or test.
	Mode     string
	By       []Dimension
	Merchant string
	Tier     int
	Category string
	SKU      string
	Upstream string
}

// Figures are what orders came to. Money is whole rupiah, by the day of its entry.
type Figures struct {
	Placed    int64 `json:"placed" doc:"Orders that were taken."`
	Completed int64 `json:"completed" doc:"Orders that were completed, less those that ceased to be."`
	Partial   int64 `json:"partial" doc:"Orders that ended in part."`
	Failed    int64 `json:"failed" doc:"Orders that failed, less those that turned out to be delivered."`
	Canceled  int64 `json:"canceled" doc:"Orders that were canceled."`
	Expired   int64 `json:"expired" doc:"Orders that expired."`
	// SuccessRate is of all that ended those that were delivered, in part or whole.
	SuccessRate *float64 `json:"success_rate" doc:"Completed and partial ones of all that ended, 0 to 1; null where none ended." example:"0.9731"`
	Volume      int64    `json:"volume" doc:"Rupiah that were taken for orders."`
	Refunds     int64    `json:"refunds" doc:"Rupiah that were given back, less what was charged again."`
	Revenue     int64    `json:"revenue" doc:"Rupiah that orders brought in."`
	Cost        int64    `json:"cost" doc:"Rupiah that purchases cost, less what upstreams gave back."`
	Losses      int64    `json:"losses" doc:"Rupiah paid to upstreams for orders that had been given back."`
	Margin      int64    `json:"margin" doc:"revenue − cost − losses."`
}

// Row is one line of a report; a dimension that it is not divided by is nil.
type Row struct {
	Day      *string `json:"day,omitempty" doc:"In the brand's time zone." example:"2026-11-21"`
	Merchant *string `json:"merchant_id,omitempty" example:"MRA-M-7K2Q9"`
	Tier     *int64  `json:"tier,omitempty" doc:"The merchant's at that time."`
	Category *string `json:"category,omitempty" example:"ppob"`
	SKU      *string `json:"sku,omitempty" example:"TSEL10"`
	Upstream *string `json:"upstream,omitempty" doc:"Empty for premium products."`
	Figures
}

// figures are the columns of [Figures] that are summed.
var figures = []string{"placed", "completed", "partial", "failed", "canceled", "expired", "volume", "refunds", "revenue", "cost", "loss"}

// sql gives the statement: the total first, then the rows in the order of their
// dimensions.
func (q *Query) sql(v *view) (text string, args []any) {
	args = []any{v.live, q.Range.To, q.Range.zone(), q.Range.first(), q.Range.end(), q.Mode, v.closed}
	where := "s.mode = $6"
	for _, f := range []struct {
		d     Dimension
		value string
	}{{Merchant, q.Merchant}, {Category, q.Category}, {SKU, q.SKU}, {Upstream, q.Upstream}} {
		if f.value != "" {
			args = append(args, f.value)
			where += fmt.Sprintf(" AND s.%s = $%d", f.d.column(), len(args))
		}
	}
	if q.Tier != 0 {
		args = append(args, q.Tier)
		where += fmt.Sprintf(" AND s.tier = $%d", len(args))
	}
	var shown, by []string
	for _, d := range Dimensions() {
		column := "''"
		if slices.Contains(q.By, d) {
			by = append(by, "s."+d.column())
			column = "coalesce(s." + d.column() + "::text, '')"
		}
		shown = append(shown, column)
	}
	for _, f := range figures {
		shown = append(shown, "coalesce(sum(s."+f+"), 0)::bigint")
	}
	all := "day, mode, merchant_id, tier, category, sku, upstream, " + strings.Join(figures, ", ")
	text = "SELECT " + strings.Join(shown, ", ") + " FROM (SELECT " + all +
		" FROM report_orders WHERE $7 AND day >= $4::date AND day < $5::date UNION ALL SELECT " + all + " FROM (" + ordersSQL + ") live) s WHERE " + where
	if len(by) > 0 {
		columns := strings.Join(by, ", ")
		text += " GROUP BY GROUPING SETS ((" + columns + "), ()) ORDER BY GROUPING(" + columns + ") DESC, " + columns
	}
	return text, args
}

// Orders sums orders: it gives the total, and then row gets the lines one at a time,
// so that a long report needs no memory. Without dimensions there are none. An error of
// row ends the report and is given back.
func Orders(ctx context.Context, pool *pgxpool.Pool, q *Query, total func(Figures) error, row func(*Row) error) error {
	err := look(ctx, pool, q.Range, func(v *view) error {
		text, args := q.sql(v)
		rows, err := v.tx.Query(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for first := true; rows.Next(); first = false {
			var at [6]string
			var r Row
			f := &r.Figures
			err := rows.Scan(&at[0], &at[1], &at[2], &at[3], &at[4], &at[5], &f.Placed, &f.Completed, &f.Partial, &f.Failed, &f.Canceled, &f.Expired,
				&f.Volume, &f.Refunds, &f.Revenue, &f.Cost, &f.Losses)
			if err != nil {
				return err
			}
			f.derive()
			if first {
				if err := total(*f); err != nil {
					return err
				}
				continue
			}
			if err := q.place(&r, at); err != nil {
				return err
			}
			if err := row(&r); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("report: orders: %w", err)
	}
	return nil
}

// derive sets what follows from the sums.
func (f *Figures) derive() {
	f.Margin = f.Revenue - f.Cost - f.Losses
	good := f.Completed + f.Partial
	if ended := good + f.Failed + f.Canceled + f.Expired; ended > 0 {
		rate := math.Round(float64(good)/float64(ended)*10_000) / 10_000
		f.SuccessRate = &rate
	}
}

// place puts the row's dimensions where they belong.
func (q *Query) place(r *Row, at [6]string) error {
	for i, d := range Dimensions() {
		if !slices.Contains(q.By, d) {
			continue
		}
		switch value := at[i]; d {
		case Day:
			r.Day = &value
		case Merchant:
			r.Merchant = &value
		case Tier:
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return err
			}
			r.Tier = &n
		case Category:
			r.Category = &value
		case SKU:
			r.SKU = &value
		case Upstream:
			r.Upstream = &value
		}
	}
	return nil
}

// OrdersReport is a report on orders as one object.
type OrdersReport struct {
	From  string      `json:"from" doc:"Its first day." example:"2026-11-01"`
	To    string      `json:"to" doc:"The first day that is no longer in it." example:"2026-12-01"`
	Mode  string      `json:"mode"`
	By    []Dimension `json:"by"`
	Total Figures     `json:"total" doc:"Of all rows, whether they are shown or not."`
	Count int         `json:"count" doc:"How many rows are shown."`
	More  bool        `json:"more" doc:"There are more rows than the limit: ask for CSV, or divide by less."`
	Rows  []Row       `json:"rows"`
}

// errEnough ends a report whose limit is reached.
var errEnough = errors.New("enough")

// ReadOrders gives a report on orders with at most limit rows.
func ReadOrders(ctx context.Context, pool *pgxpool.Pool, q *Query, limit int) (*OrdersReport, error) {
	out := &OrdersReport{From: q.Range.first(), To: q.Range.end(), Mode: q.Mode, By: slices.Concat([]Dimension{}, q.By), Rows: []Row{}}
	err := Orders(ctx, pool, q, func(f Figures) error { out.Total = f; return nil }, func(r *Row) error {
		if len(out.Rows) == limit {
			out.More = true
			return errEnough
		}
		out.Rows = append(out.Rows, *r)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	out.Count = len(out.Rows)
	return out, nil
}
