package backoffice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
)

// ProductAdded is a premium product that was put on sale.
type ProductAdded struct {
	SKU   string `json:"sku"`
	Name  string `json:"name"`
	Price int64  `json:"price" doc:"Rupiah, the same for every tier."`
	Mode  string `json:"mode" enum:"live,test"`
}

// AddProduct puts a premium product on sale; it has no stock yet. Conflict where the SKU
// is taken.
func AddProduct(ctx context.Context, pool *pgxpool.Pool, p catalog.Premium, actor string, now time.Time) (*ProductAdded, error) {
	if p.Price <= 0 {
		return nil, fault.Field("price", "must be above zero")
	}
	p.SKU = strings.ToUpper(strings.TrimSpace(p.SKU))
	if p.Mode == "" {
		p.Mode = catalog.Live
	}
	err := catalog.AddProduct(ctx, pool, p, actor, now)
	if errors.Is(err, catalog.ErrExists) {
		return nil, fmt.Errorf("there is a product %s already: %w", p.SKU, err)
	}
	if err != nil {
		return nil, err
	}
	return &ProductAdded{SKU: p.SKU, Name: p.Name, Price: p.Price, Mode: p.Mode}, nil
}

// StockAdded is how many items came into a product's stock. What they are is told to
// nobody but who buys them.
type StockAdded struct {
	SKU   string `json:"sku"`
	Added int    `json:"added"`
	Known int    `json:"known" doc:"Items that the product had already, sold or not."`
}

// AddStock puts items, one a line, into a premium product's stock, sealed.
func AddStock(ctx context.Context, pool *pgxpool.Pool, sealer catalog.Sealer, sku string, text io.Reader, actor string, now time.Time) (*StockAdded, error) {
	items, err := catalog.ParseStock(text)
	if err != nil {
		return nil, fault.Field("items", err.Error())
	}
	if len(items) == 0 {
		return nil, fault.Field("items", "there are none")
	}
	sku = strings.ToUpper(strings.TrimSpace(sku))
	added, err := catalog.AddStock(ctx, pool, sealer, sku, items, actor, now)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no premium product "+sku)
	}
	if err != nil {
		return nil, err
	}
	return &StockAdded{SKU: sku, Added: added.Added, Known: added.Known}, nil
}
