package catalog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
)

// ErrExists: the SKU is taken.
var ErrExists = errors.New("catalog: the SKU is taken")

// Premium is a product of our own, delivered from stock.
type Premium struct {
	Mode string // Live when empty
	SKU  string // letters, digits, '.', '_', '-'; stored in upper case
	Name string
	// Product is the group whose variant it is. When empty it is what stands before
	// " - " in the name, or else the whole name.
	Product     string
	Description string
	Price       int64 // rupiah, the same for every tier
}

var skuForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{0,39}$`)

const uniqueViolation = "23505"

// AddProduct puts a premium product on sale; it has no stock yet. ErrExists when the
// SKU is taken, and ErrInvalid with the field where something is no SKU, no name or no price, or
// where the SKU is the code of an upstream, which merchants must not see.
func AddProduct(ctx context.Context, pool *pgxpool.Pool, p Premium, actor string, now time.Time) error {
	p.SKU = strings.ToUpper(strings.TrimSpace(p.SKU))
	p.Name = strings.Join(strings.Fields(p.Name), " ")
	switch {
	case !skuForm.MatchString(p.SKU):
		return fault.Field("sku", fmt.Sprintf("%q is no SKU: 1 to 40 letters, digits, dots, underscores and hyphens", p.SKU)).Because(ErrInvalid)
	case p.Name == "":
		return fault.Field("name", "a product needs one").Because(ErrInvalid)
	case p.Price <= 0 || p.Price > MaxCost:
		return fault.Field("price", fmt.Sprintf("1 to %d rupiah", MaxCost)).Because(ErrInvalid)
	}
	if p.Mode == "" {
		p.Mode = Live
	}
	if p.Product == "" {
		p.Product, _, _ = strings.Cut(p.Name, " - ")
	}
	e := entry(actor, "product.add", p.SKU, p, now)
	return operated(ctx, pool, e, func(tx pgx.Tx) ([]int64, error) {
		if err := LockNames(ctx, tx); err != nil {
			return nil, err
		}
		var id int64
		var theirs bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM offers WHERE upper(code) = $1)`, p.SKU).Scan(&theirs); err != nil {
			return nil, fmt.Errorf("catalog: add product: %w", err)
		}
		if theirs {
			return nil, fault.Field("sku", "is the code of an upstream").Because(ErrInvalid)
		}
		err := tx.QueryRow(ctx, `INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, fixed_price,
				policy, closed, edited, version, created_at, updated_at)
			VALUES ($1, $2, 'product', $3, '', '', '', $4, '[]', $5, $6, 'price', false, '{}', 0, $7, $7) RETURNING id`,
			p.Mode, p.SKU, p.Name, p.Description, p.Product, p.Price, now).Scan(&id)
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == uniqueViolation {
			return nil, ErrExists
		}
		if err != nil {
			return nil, fmt.Errorf("catalog: add product: %w", err)
		}
		return []int64{id}, nil
	})
}

// Sealer encrypts stock; *seal.Sealer is one.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) ([]byte, error)
}

// Stocked is what became of a delivery of items.
type Stocked struct {
	Added int `json:"added"`
	// Known are items that this product had already, sold or not: the same account
	// must not be sold twice, and a file may be read again.
	Known int `json:"known"`
}

// AddStock seals items and puts them on sale, in their order. ErrNotFound when
// there is no such premium product.
func AddStock(ctx context.Context, pool *pgxpool.Pool, sealer Sealer, sku string, items []string, actor string, now time.Time) (Stocked, error) {
	var out Stocked
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var id int64
		// The lock makes two commands with one file add it once.
		err := tx.QueryRow(ctx, `SELECT id FROM products WHERE sku = $1 AND category = 'product' FOR UPDATE`, sku).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("catalog: stock: %w", err)
		}
		known, err := knownItems(ctx, tx, sealer, id)
		if err != nil {
			return err
		}
		out = Stocked{}
		var sealed [][]byte
		for _, item := range items {
			if known[item] {
				out.Known++
				continue
			}
			known[item] = true
			sealed = append(sealed, sealer.Seal([]byte(item), order.StockContext))
		}
		out.Added = len(sealed)
		if out.Added == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `INSERT INTO stock_items (product_id, content, created_at)
			SELECT $1, content, $3 FROM unnest($2::bytea[]) WITH ORDINALITY AS u (content, n) ORDER BY n`, id, sealed, now); err != nil {
			return fmt.Errorf("catalog: stock: %w", err)
		}
		return audit.Write(ctx, tx, entry(actor, "product.stock", sku, out, now))
	})
	return out, err
}

func knownItems(ctx context.Context, tx pgx.Tx, sealer Sealer, product int64) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT id, content FROM stock_items WHERE product_id = $1`, product)
	if err != nil {
		return nil, fmt.Errorf("catalog: stock: %w", err)
	}
	known := map[string]bool{}
	var id int64
	var content []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &content}, func() error {
		plain, err := sealer.Open(content, order.StockContext)
		if err != nil {
			return fmt.Errorf("item %d: %w", id, err)
		}
		known[string(plain)] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: stock: %w", err)
	}
	return known, nil
}

const (
	maxItem  = 8 << 10
	maxItems = 100_000
)

// ParseStock reads items, one a line. Empty lines, and spaces and byte order marks
// around an item, are left out. An item is at most 8 KiB of UTF-8 without control
// characters; a file has at most 100,000.
func ParseStock(r io.Reader) ([]string, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 4<<10), maxItem+2)
	var items []string
	for line := 1; scanner.Scan(); line++ {
		item := strings.TrimFunc(scanner.Text(), func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		switch {
		case item == "":
			continue
		case !utf8.ValidString(item) || strings.ContainsFunc(item, func(r rune) bool { return r < ' ' && r != '\t' }):
			return nil, fmt.Errorf("line %d is not text", line)
		case len(items) == maxItems:
			return nil, fmt.Errorf("line %d: more than %d items", line, maxItems)
		}
		items = append(items, item)
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("an item is longer than %d bytes", maxItem)
	}
	return items, scanner.Err()
}
