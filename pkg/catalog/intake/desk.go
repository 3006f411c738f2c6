package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// nextTimeout bounds the search for another offer.
const nextTimeout = 10 * time.Second

// Desk is what workers need of the catalogue: other offers for orders, notes about how
// offers do, balances, and the reading of lists.
type Desk struct {
	Pool     *pgxpool.Pool
	Importer *Importer
	Router   *catalog.Router
	Flagging catalog.Flagging
	Now      func() time.Time
	Log      *slog.Logger

	mu       sync.Mutex
	balances map[string]int64
}

// NextRoute gives another offer of an order's product within its bound, none of
// those tried; nil when there is none now, or when the database does not tell.
func (d *Desk) NextRoute(o *order.Order, tried []int64) *order.Route {
	ctx, cancel := context.WithTimeout(context.Background(), nextTimeout)
	defer cancel()
	r, err := d.Route(ctx, o, tried)
	if err != nil {
		d.Log.InfoContext(ctx, "no other offer", "order", o.ID, "tried", len(tried), "why", err)
	}
	return r
}

// Route is NextRoute with the reason why there is none: [catalog.ErrNotFound], a
// [fault.Error] of kind Unavailable (no source sells it) or Upstream (those that do
// take no orders now), [order.ErrLinkBusy] (an order of the same link is in the way),
// or that the database did not tell.
func (d *Desk) Route(ctx context.Context, o *order.Order, tried []int64) (*order.Route, error) {
	if o.Facts.Bill != nil {
		return nil, fault.New(fault.Unavailable, "a bill is paid through whom it was inquired")
	}
	met := false
	for {
		r, err := d.Router.Next(ctx, o.ProductID, o.Units(), o.MaxCost, tried)
		if fault.KindOf(err) == fault.Unavailable && met {
			return nil, order.ErrLinkBusy
		}
		if err != nil {
			return nil, err
		}
		// Where another order runs on the link, this one would take from it.
		busy, err := order.LinkBusy(ctx, d.Pool, o, r.Upstream, r.Code)
		if err != nil {
			return nil, err
		}
		if !busy {
			return &r, nil
		}
		met = true
		tried = append(slices.Clone(tried), r.OfferID)
	}
}

// ProductFailed counts a refusal for the product's sake; enough in a row close the
// offer for a while.
func (d *Desk) ProductFailed(ctx context.Context, offerID int64) error {
	flagged, err := catalog.ProductFailed(ctx, d.Pool, d.Flagging, offerID, d.Now().UTC())
	if flagged {
		d.Log.WarnContext(ctx, "offer closed for a while after refusals in a row", "offer", offerID)
	}
	return err
}

// ProductGone closes an offer that its source no longer has, until it is listed again.
func (d *Desk) ProductGone(ctx context.Context, offerID int64) error {
	gone, err := catalog.ProductGone(ctx, d.Pool, offerID, d.Now().UTC())
	if gone {
		d.Log.WarnContext(ctx, "offer closed: its source no longer has it", "offer", offerID)
	}
	return err
}

// ProductWorked ends such a row.
func (d *Desk) ProductWorked(ctx context.Context, offerID int64) error {
	return catalog.ProductWorked(ctx, d.Pool, offerID, d.Now().UTC())
}

// BalanceSeen keeps our balance at an upstream.
func (d *Desk) BalanceSeen(ctx context.Context, name string, balance int64, at time.Time) error {
	d.mu.Lock()
	if d.balances == nil {
		d.balances = map[string]int64{}
	}
	d.balances[name] = balance
	d.mu.Unlock()
	return catalog.SetBalance(ctx, d.Pool, name, balance, at.UTC())
}

// BalanceKnown gives what this process saw last, or else any process; nil before that.
func (d *Desk) BalanceKnown(name string) *int64 {
	d.mu.Lock()
	balance, ok := d.balances[name]
	d.mu.Unlock()
	if ok {
		return &balance
	}
	ctx, cancel := context.WithTimeout(context.Background(), nextTimeout)
	defer cancel()
	known, err := catalog.KnownBalance(ctx, d.Pool, name)
	if err != nil {
		d.Log.WarnContext(ctx, "balance not known", "upstream", name, "error", err)
		return nil
	}
	return known
}

// CatalogTurn reads one due scope; did tells whether there was one.
func (d *Desk) CatalogTurn(ctx context.Context, client *upstream.Client) (did bool, err error) {
	return d.Importer.Turn(ctx, client, client.Name)
}

// OperatorReader lists the operators of an offer; *upstream.Client is one.
type OperatorReader interface {
	Operators(ctx context.Context, code string, extra json.RawMessage) ([]upstream.Operator, error)
}

// Operators asks an upstream for an offer's operators and keeps them.
func (d *Desk) Operators(ctx context.Context, client *upstream.Client, offerID int64) error {
	return d.AskOperators(ctx, client, offerID)
}

// AskOperators is Operators for any reader.
func (d *Desk) AskOperators(ctx context.Context, client OperatorReader, offerID int64) error {
	var code string
	var extra json.RawMessage
	err := d.Pool.QueryRow(ctx, `SELECT code, extra FROM offers WHERE id = $1`, offerID).Scan(&code, &extra)
	if errors.Is(err, pgx.ErrNoRows) {
		return catalog.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("intake: operators: %w", err)
	}
	said, err := client.Operators(ctx, code, extra)
	if err != nil {
		return err
	}
	operators := make([]catalog.Operator, 0, len(said))
	for _, o := range said {
		name := d.Importer.forbidden.name(o.Name)
		if name == "" {
			continue
		}
		operators = append(operators, catalog.Operator{Name: name, Code: o.ID})
	}
	return catalog.SaveOperators(ctx, d.Pool, offerID, operators, d.Now().UTC())
}
