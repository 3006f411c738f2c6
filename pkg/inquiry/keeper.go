package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
)

// Keeper keeps inquiries.
type Keeper struct {
	Pool *pgxpool.Pool
	Now  func() time.Time
}

func (k *Keeper) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }

const columns = `i.id, i.wallet_id, i.mode, i.ref, i.sku, i.name, i.product_id, i.customer_no, i.zone_id, i.inputs, i.upstream, i.offer_id, i.code, i.extra,
	i.state, i.wait_until, i.outcome, i.said_code, i.said_detail, i.bill, coalesce(i.price, 0), i.expires_at, i.order_id, i.created_at`

func scan(row pgx.Row) (*Inquiry, error) {
	q := new(Inquiry)
	var expires *time.Time
	err := row.Scan(&q.ID, &q.WalletID, &q.Mode, &q.Ref, &q.SKU, &q.Name, &q.ProductID, &q.CustomerNo, &q.ZoneID, &q.Inputs,
		&q.Route.Upstream, &q.Route.OfferID, &q.Route.Code, &q.Route.Extra, &q.State, &q.WaitUntil, &q.Outcome, &q.SaidCode, &q.SaidDetail,
		&q.Bill, &q.Price, &expires, &q.OrderID, &q.CreatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("inquiry: read: %w", err)
	}
	if expires != nil {
		q.ExpiresAt = *expires
	}
	if q.Bill != nil {
		q.Route.Cost = q.Bill.Cost
	}
	return q, nil
}

// ByID gives an inquiry, whoever's it is. [ErrNotFound] when there is none.
func (k *Keeper) ByID(ctx context.Context, inquiryID int64) (*Inquiry, error) {
	return scan(k.Pool.QueryRow(ctx, `SELECT `+columns+` FROM inquiries i WHERE i.id = $1`, inquiryID))
}

// Current gives what a ref of a wallet stands for: the inquiry that may be paid, or that
// was. [ErrNotFound] when there is none.
func (k *Keeper) Current(ctx context.Context, walletID int64, ref string) (*Inquiry, error) {
	return scan(k.Pool.QueryRow(ctx, `SELECT `+columns+` FROM inquiries i WHERE i.wallet_id = $1 AND i.ref = $2 AND i.state IN ('open', 'paid')`, walletID, ref))
}

// Of gives all that was asked under a ref of a wallet, the newest last, limit at most: for
// operators.
func (k *Keeper) Of(ctx context.Context, walletID int64, ref string, limit int) ([]*Inquiry, error) {
	rows, err := k.Pool.Query(ctx, `SELECT `+columns+` FROM (SELECT * FROM inquiries WHERE wallet_id = $1 AND ref = $2 ORDER BY id DESC LIMIT $3) i ORDER BY i.id`,
		walletID, ref, limit)
	if err != nil {
		return nil, fmt.Errorf("inquiry: list: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Inquiry, error) { return scan(row) })
}

// Known gives what a request's ref stands for already, nil when that is nothing, or
// [ErrConflict] when it is something else: another bill, or an order that pays none.
func (k *Keeper) Known(ctx context.Context, r *Request) (*Inquiry, error) {
	q, err := k.Current(ctx, r.WalletID, r.Ref)
	switch {
	case err == nil && !q.Same(r):
		return nil, ErrConflict
	case err == nil:
		return q, nil
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	var used bool
	err = k.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orders WHERE wallet_id = $1 AND ref = $2)`, r.WalletID, r.Ref).Scan(&used)
	switch {
	case err != nil:
		return nil, fmt.Errorf("inquiry: ref: %w", err)
	case used:
		return nil, ErrConflict
	}
	return nil, nil //nolint:nilnil // a fresh ref is the usual answer here, not an error
}

const beginSQL = `INSERT INTO inquiries (id, wallet_id, mode, ref, sku, name, product_id, customer_no, zone_id, inputs, upstream, offer_id, code, extra,
	state, wait_until, outcome, said_code, said_detail, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13, $14::jsonb, 'asking', $15, '', '', '', $16, $16)`

// oldSQL lets go of what nobody paid. A payment that is just being placed keeps its row.
const oldSQL = `DELETE FROM inquiries WHERE id IN (SELECT id FROM inquiries WHERE order_id IS NULL AND created_at < $1 ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)`

// Begin keeps a question before it is asked, and lets go of what is too old to be kept.
func (k *Keeper) Begin(ctx context.Context, r *Request) (*Inquiry, error) {
	inputs, err := document(r.Inputs)
	if err != nil {
		return nil, fmt.Errorf("inquiry: inputs: %w", err)
	}
	extra := string(r.Route.Extra)
	if extra == "" {
		extra = "{}"
	}
	const tries = 3 // an id drawn twice meets the primary key
	for range tries {
		now := k.now()
		q := &Inquiry{
			ID: id.New(now), WalletID: r.WalletID, Mode: r.Mode, Ref: r.Ref, SKU: r.SKU, Name: r.Name, ProductID: r.ProductID, CustomerNo: r.CustomerNo,
			ZoneID: r.ZoneID, Inputs: r.Inputs, Route: r.Route, State: Asking, WaitUntil: r.WaitUntil, CreatedAt: now,
		}
		var b pgx.Batch
		b.Queue(oldSQL, now.Add(-Kept))
		b.Queue(beginSQL, q.ID, q.WalletID, q.Mode, q.Ref, q.SKU, q.Name, q.ProductID, q.CustomerNo, q.ZoneID, inputs,
			q.Route.Upstream, q.Route.OfferID, q.Route.Code, extra, q.WaitUntil, now)
		if err = k.Pool.SendBatch(ctx, &b).Close(); err == nil {
			return q, nil
		}
		if !pg.IsUnique(err, "inquiries_pkey") {
			break
		}
	}
	return nil, fmt.Errorf("inquiry: begin: %w", err)
}

// Found keeps what a source found for an inquiry that still asks, whether or not anybody
// waits. theirs is until when the source lets it be paid; zero where it has no rule.
// [ErrUnsound] for a bill that nobody could pay, [ErrStale] when the question has ended.
func (k *Keeper) Found(ctx context.Context, q *Inquiry, b order.Bill, theirs time.Time, code, detail string) error {
	if err := sound(&b); err != nil {
		return err
	}
	b.InquiryID, b.PayBy, b.ZoneID, b.Inputs = q.ID, PayBy(q.CreatedAt, theirs), q.ZoneID, q.Inputs
	raw, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("inquiry: bill: %w", err)
	}
	return k.ended(ctx, `UPDATE inquiries SET state = 'found', outcome = 'found', bill = $2::jsonb, said_code = $3, said_detail = $4, updated_at = $5
		WHERE id = $1 AND state = 'asking'`, q.ID, string(raw), code, detail, k.now())
}

// Fail keeps why a source found nothing.
func (k *Keeper) Fail(ctx context.Context, inquiryID int64, outcome, code, detail string) error {
	return k.ended(ctx, `UPDATE inquiries SET state = 'failed', outcome = $2, said_code = $3, said_detail = $4, updated_at = $5
		WHERE id = $1 AND state = 'asking'`, inquiryID, outcome, code, detail, k.now())
}

func (k *Keeper) ended(ctx context.Context, sql string, args ...any) error {
	tag, err := k.Pool.Exec(ctx, sql, args...)
	switch {
	case err != nil:
		return fmt.Errorf("inquiry: record: %w", err)
	case tag.RowsAffected() == 0:
		return ErrStale
	}
	return nil
}

// Open makes what was found payable, at a price in rupiah, in place of what its ref stood
// for before. [ErrConflict] when that has become something else meanwhile: another bill,
// or one that is paid.
func (k *Keeper) Open(ctx context.Context, q *Inquiry, price int64) (*Inquiry, error) {
	const tries = 3 // another request of the same ref was between look and write
	for range tries {
		out, err := k.open(ctx, q, price)
		if !pg.IsUnique(err, "inquiries_current") {
			return out, err
		}
	}
	return nil, ErrStale
}

func (k *Keeper) open(ctx context.Context, q *Inquiry, price int64) (out *Inquiry, err error) {
	err = pg.InTx(ctx, k.Pool, func(tx pgx.Tx) error {
		before, err := scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM inquiries i WHERE i.wallet_id = $1 AND i.ref = $2 AND i.state IN ('open', 'paid')
			FOR NO KEY UPDATE`, q.WalletID, q.Ref))
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return err
		case before.State == Paid, !before.For(q.SKU, q.CustomerNo, q.ZoneID) || !maps.Equal(before.Inputs, q.Inputs):
			return ErrConflict
		default:
			if _, err := tx.Exec(ctx, `UPDATE inquiries SET state = 'replaced', updated_at = $2 WHERE id = $1`, before.ID, k.now()); err != nil {
				return err
			}
		}
		out, err = scan(tx.QueryRow(ctx, `UPDATE inquiries i SET state = 'open', price = $2, expires_at = $3, updated_at = $4
			WHERE i.id = $1 AND i.state = 'found' RETURNING `+columns, q.ID, price, Ends(q.CreatedAt, q.Bill), k.now()))
		if errors.Is(err, ErrNotFound) {
			return ErrStale
		}
		return err
	})
	if err != nil {
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrStale) || pg.IsUnique(err, "inquiries_current") {
			return nil, err
		}
		return nil, fmt.Errorf("inquiry: open: %w", err)
	}
	return out, nil
}
