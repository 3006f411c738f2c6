package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/id"
)

// subject is what the ledger knows orders as.
const subject = "order"

// Get gives a wallet's order by the merchant's own ref, or by order_id when no
// order bears such a ref. [ErrNotFound] when neither does.
func Get(ctx context.Context, db bun.IDB, walletID int64, refOrID string) (*Order, error) {
	o, err := byRef(ctx, db, walletID, refOrID)
	if !errors.Is(err, ErrNotFound) {
		return o, err
	}
	category, id, ok := ParsePublicID(refOrID)
	if !ok {
		return nil, ErrNotFound
	}
	return one(ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("o.wallet_id = ? AND o.id = ? AND o.category = ?", walletID, id, category)
	})
}

// ByID gives an order to operators and workers, whoever's it is.
func ByID(ctx context.Context, db bun.IDB, id int64) (*Order, error) {
	return one(ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("o.id = ?", id) })
}

func byRef(ctx context.Context, db bun.IDB, walletID int64, ref string) (*Order, error) {
	return one(ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("o.wallet_id = ? AND o.ref = ?", walletID, ref)
	})
}

func one(ctx context.Context, db bun.IDB, where func(*bun.SelectQuery) *bun.SelectQuery) (*Order, error) {
	o := new(Order)
	err := where(db.NewSelect().Model(o)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("order: read: %w", err)
	}
	return o, nil
}

// Filter selects a wallet's orders. Empty fields select all.
type Filter struct {
	// Status is the merchants' word.
	Status   string
	Category Category
	SKU      string
	// Search finds a ref, order_id, customer_no, target or serial number, whole.
	Search   string
	From, To *time.Time
	// Before is the id that the page ends before; zero starts at the newest.
	Before int64
	Limit  int
}

// States gives the states behind a merchants' status, none for an unknown word.
func States(status string) []State {
	switch status {
	case "pending":
		return []State{Queued}
	case "processing":
		return []State{Queued, Sending, Processing, Unknown}
	case "completed", "failed", "partial", "canceled", "expired":
		return []State{State(status)}
	}
	return nil
}

// searchSQL finds orders by whatever a person has at hand. Each way has an index of its own; OR would use none of them, and
// IN would let Postgres believe that there are many.
const searchSQL = `o.id = ANY (ARRAY(SELECT ?::bigint UNION ALL SELECT s.id FROM orders s WHERE s.wallet_id = ? AND s.ref = ?
	UNION ALL SELECT s.id FROM orders s WHERE s.wallet_id = ? AND coalesce(s.customer_no, s.target) = ?
	UNION ALL SELECT s.id FROM orders s WHERE s.wallet_id = ? AND s.facts ->> 'sn' = ?))`

// List gives a page of a wallet's orders, newest first.
func List(ctx context.Context, db bun.IDB, walletID int64, f Filter) ([]*Order, error) {
	var out []*Order
	q := db.NewSelect().Model(&out).Where("o.wallet_id = ?", walletID).Order("o.id DESC").Limit(int64(f.Limit))
	if f.Status != "" {
		q = q.Where("o.state IN ?", bun.Tuple(States(f.Status)))
		switch f.Status {
		case "pending":
			q = q.Where("o.attempt = 0")
		case "processing":
			q = q.Where("(o.state <> ? OR o.attempt > 0)", Queued)
		}
	}
	if f.Category != "" {
		q = q.Where("o.category = ?", f.Category)
	}
	if f.SKU != "" {
		q = q.Where("o.sku = ?", f.SKU)
		if f.Category == "" { // which comes before the SKU in their index
			q = q.Where("o.category IN (?, ?, ?, ?)", PPOB, SMM, OTP, Product)
		}
	}
	// Ids bear the time of their orders to the millisecond, and the index goes by them.
	if f.From != nil {
		q = q.Where("o.created_at >= ? AND o.id >= ?", *f.From, id.First(*f.From))
	}
	if f.To != nil {
		q = q.Where("o.created_at < ? AND o.id < ?", *f.To, id.First(f.To.Add(time.Millisecond)))
	}
	if f.Before != 0 {
		q = q.Where("o.id < ?", f.Before)
	}
	if f.Search != "" {
		_, number, _ := ParsePublicID(f.Search)
		text := strings.ReplaceAll(f.Search, "\x00", "")
		q = q.Where(searchSQL, number, walletID, text, walletID, text, walletID, text)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("order: list: %w", err)
	}
	return out, nil
}

// Held gives the prices of a wallet's orders that are not final, in rupiah.
func Held(ctx context.Context, db bun.IDB, walletID int64) (int64, error) {
	var held int64
	err := db.NewSelect().Table("orders").ColumnExpr("coalesce(sum(price), 0)::bigint").
		Where("wallet_id = ? AND state IN ('queued', 'sending', 'processing', 'unknown')", walletID).Scan(ctx, &held)
	if err != nil {
		return 0, fmt.Errorf("order: held: %w", err)
	}
	return held, nil
}

// Names are what a mutation shows of the order behind it.
type Names struct {
	Ref     string
	OrderID string
}

// NamesOf gives refs and public ids by order id.
func NamesOf(ctx context.Context, db bun.IDB, ids []int64) (map[int64]Names, error) {
	out := make(map[int64]Names, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	var rows []struct {
		ID       int64    `bun:"id"`
		Ref      string   `bun:"ref"`
		Category Category `bun:"category"`
	}
	err := db.NewSelect().Table("orders").Column("id", "ref", "category").Where("id IN ?", bun.Tuple(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("order: names: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = Names{Ref: r.Ref, OrderID: PublicID(r.Category, r.ID)}
	}
	return out, nil
}
