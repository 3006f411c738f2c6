package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/ledger"
)

// item is one piece of premium stock, sealed.
type item struct {
	id      int64
	content []byte
	order   int64
}

// stockSQL takes the oldest free items of a product. It waits for a placement that
// holds some: should that be refused, they are there for this one.
const stockSQL = `SELECT id, content FROM stock_items WHERE product_id = $1 AND order_id IS NULL ORDER BY id LIMIT $2 FOR UPDATE`

func (s *sitting) queueStock(b *pgx.Batch, wanted map[int64]int64) {
	s.stock = make(map[int64][]item, len(wanted))
	// In the order of the products, as every placement does: no deadlock.
	for _, product := range slices.Sorted(maps.Keys(wanted)) {
		n := wanted[product]
		b.Queue(stockSQL, product, n).Query(func(rows pgx.Rows) error {
			var it item
			_, err := pgx.ForEachRow(rows, []any{&it.id, &it.content}, func() error {
				it.content = append([]byte(nil), it.content...)
				s.stock[product] = append(s.stock[product], it)
				return nil
			})
			return err
		})
	}
}

// deliver allots items to a premium order, which is final in the same commit that
// takes the money.
func (s *sitting) deliver(o *Order, opener Opener) error {
	if opener == nil {
		return errors.New("order: premium products need the encryption key")
	}
	items := s.stock[o.ProductID][:o.Quantity]
	s.stock[o.ProductID] = s.stock[o.ProductID][o.Quantity:]
	for i := range items {
		plain, err := opener.Open(items[i].content, StockContext)
		if err != nil {
			return fmt.Errorf("%w: item %d: %w", errSealed, items[i].id, err)
		}
		o.Facts.Items = append(o.Facts.Items, string(plain))
		items[i].order = o.ID
		s.allotted = append(s.allotted, items[i])
	}
	now := s.now
	o.State, o.CompletedAt, o.NextRunAt = Completed, &now, nil
	return s.book.Post(ledger.Entry{
		Subject: subject, SubjectID: o.ID, Kind: ledger.KindSettle,
		Debit: s.inFlight[o.Mode], Credit: s.revenue[o.Mode], Amount: o.Price, Notes: o.Name,
	})
}

const allotSQL = `UPDATE stock_items s SET order_id = u.order_id, allotted_at = $3
	FROM unnest($1::bigint[], $2::bigint[]) AS u(id, order_id) WHERE s.id = u.id AND s.order_id IS NULL`

func (s *sitting) queueAllot(b *pgx.Batch) {
	if len(s.allotted) == 0 {
		return
	}
	ids, orders := make([]int64, len(s.allotted)), make([]int64, len(s.allotted))
	for i, it := range s.allotted {
		ids[i], orders[i] = it.id, it.order
	}
	b.Queue(allotSQL, ids, orders, s.now)
}

// LoadItems opens the content of premium orders; other orders are left alone.
func LoadItems(ctx context.Context, db bun.IDB, opener Opener, orders ...*Order) error {
	byID := map[int64]*Order{}
	ids := []int64{}
	for _, o := range orders {
		if o.Category == Product && o.Facts.Items == nil {
			byID[o.ID] = o
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []struct {
		ID      int64  `bun:"id"`
		OrderID int64  `bun:"order_id"`
		Content []byte `bun:"content"`
	}
	err := db.NewSelect().Table("stock_items").Column("id", "order_id", "content").
		Where("order_id IN ?", bun.Tuple(ids)).Order("id").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("order: stock items: %w", err)
	}
	for _, r := range rows {
		plain, err := opener.Open(r.Content, StockContext)
		if err != nil {
			return fmt.Errorf("order: stock item %d: %w", r.ID, err)
		}
		o := byID[r.OrderID]
		o.Facts.Items = append(o.Facts.Items, string(plain))
	}
	return nil
}
