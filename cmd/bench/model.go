package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
)

// row is a row of a table, each column as an SQL literal: what is written by hand for comparison is what Muara writes.
type row struct {
	table   string
	columns []string
	values  map[string]string
}

// model places an order of the goods and gives its rows.
func (l *lab) model(ctx context.Context, db *pg.DB) (placed, entry row, err error) {
	placer := order.NewPlacer(db.Pool, ledger.NewAccounts(db.Pool), nil, time.Now, quietLog(), nil)
	defer placer.Close()
	g, number := l.goods, "081234567890"
	p, err := placer.Place(ctx, &order.Request{
		WalletID: l.merchants[0].wallet, Ref: "model", Category: order.PPOB, SKU: g.sku, Name: g.name, ProductID: g.productID, Quantity: 1,
		Price: g.price, CustomerNo: &number, MaxCost: g.maxCost,
		Route: order.Route{Upstream: source, OfferID: g.offerID, Code: g.code, Extra: []byte(g.extra), Cost: g.cost},
	})
	if err != nil {
		return row{}, row{}, err
	}
	if placed, err = readRow(ctx, db, "orders", "id", p.Order.ID); err != nil {
		return row{}, row{}, err
	}
	entry, err = readRow(ctx, db, "ledger_entries", "subject_id", p.Order.ID)
	return placed, entry, err
}

// readRow reads one row; columns that the database fills by itself are left out.
func readRow(ctx context.Context, db *pg.DB, table, key string, id int64) (row, error) {
	r := row{table: table, values: map[string]string{}}
	rows, err := db.Pool.Query(ctx, `SELECT c.column_name, quote_nullable(to_jsonb(t) ->> c.column_name) FROM `+table+` t
		JOIN information_schema.columns c ON c.table_schema = 'public' AND c.table_name = $1 AND c.is_identity = 'NO'
		WHERE t.`+key+` = $2 ORDER BY c.ordinal_position`, table, id)
	if err != nil {
		return r, err
	}
	var column, value string
	_, err = pgx.ForEachRow(rows, []any{&column, &value}, func() error {
		r.columns = append(r.columns, column)
		r.values[column] = value
		return nil
	})
	if err == nil && len(r.columns) == 0 {
		err = fmt.Errorf("no row of %s for order %d", table, id)
	}
	return r, err
}

// list gives the values in the order of the columns, with others for some.
func (r row) list(other map[string]string) (string, error) {
	out := make([]string, len(r.columns))
	for i, c := range r.columns {
		out[i] = r.values[c]
		if v, ok := other[c]; ok {
			out[i] = v
		}
	}
	for c := range other {
		if !slices.Contains(r.columns, c) {
			return "", fmt.Errorf("%s has no column %s", r.table, c)
		}
	}
	return strings.Join(out, ", "), nil
}

// insert gives INSERT INTO table (columns), without what is inserted.
func (r row) insert() string {
	return "INSERT INTO " + r.table + " (" + strings.Join(r.columns, ", ") + ")"
}
