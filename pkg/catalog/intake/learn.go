package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

// learnTimeout bounds the writing of what was learnt of one offer.
const learnTimeout = 10 * time.Second

// errNoPrice: a source named what is none.
var errNoPrice = errors.New("intake: no price")

// Learn writes what a source said of one offer's price, in one transaction and by the rules
// of an import: as if the list had been read, and only this offer had changed. Where
// nothing changed nothing of the catalogue is written. It fails with [catalog.ErrMovedOn]
// where a later question was asked, the offer is not listed any more, or its list was read
// after the question: that is newer.
func (im *Importer) Learn(ctx context.Context, name string, q *catalog.PriceQuestion, said *upstream.Price) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), learnTimeout)
	defer cancel()
	b := &batch{im: im, upstream: name, now: im.opts.Now().UTC(), touched: map[int64]bool{}}
	err := pgx.BeginFunc(ctx, im.pool, func(tx pgx.Tx) error {
		b.tx = tx
		return b.learn(ctx, q, said)
	})
	if err != nil {
		return fmt.Errorf("intake: price of offer %d: %w", q.OfferID, err)
	}
	if b.diff.writes() {
		im.opts.Log.InfoContext(ctx, "price learnt", "upstream", name, "offer", q.OfferID, "cost", said.Cost, "available", said.Available,
			"reason", said.Reason, "repriced", b.diff.Repriced, "pending", b.diff.Pending)
	}
	return nil
}

func (b *batch) learn(ctx context.Context, q *catalog.PriceQuestion, said *upstream.Price) error {
	err := b.tx.QueryRow(ctx, `SELECT scope FROM offers WHERE id = $1 AND upstream = $2`, q.OfferID, b.upstream).Scan(&b.scope)
	if errors.Is(err, pgx.ErrNoRows) {
		return catalog.ErrMovedOn
	}
	if err != nil {
		return err
	}
	if err := b.lock(ctx); err != nil {
		return err
	}
	was, it, err := b.known(ctx, q)
	if err != nil {
		return err
	}
	if err := it.told(said); err != nil {
		return err
	}
	b.compareOne(was, it)
	if err := catalog.PriceSaid(ctx, b.tx, q, b.now); err != nil || !b.diff.writes() {
		return err
	}
	moves := make([]move, len(b.updates))
	for i, u := range b.updates {
		moves[i] = move{update: u, product: was.product}
	}
	if err := b.updateOffers(ctx, moves, byCheck); err != nil {
		return err
	}
	return catalog.Bump(ctx, b.tx, []int64{was.product})
}

// known reads an offer, under the lock of its scope, as it is stored and as the item that
// would leave it as it is.
func (b *batch) known(ctx context.Context, q *catalog.PriceQuestion) (*existing, *item, error) {
	e, it := new(existing), new(item)
	err := b.tx.QueryRow(ctx, `SELECT o.id, o.product_id, o.scope, o.code, o.facts, o.identity, o.cost, o.pending_cost, o.available, o.reason, o.stock, o.unlimited,
			o.success_rate, o.cut_from, o.cut_to, o.extra, o.said_name, p.category, p.type
		FROM offers o JOIN products p ON p.id = o.product_id LEFT JOIN catalog_scopes s ON s.upstream = o.upstream AND s.key = o.scope AND NOT s.shrunk
		WHERE o.id = $1 AND o.scope = $2 AND o.code = $3 AND o.vanished_at IS NULL AND coalesce(s.last_done_at <= $4, true) FOR NO KEY UPDATE OF o`,
		q.OfferID, b.scope, q.Code, q.AskedAt).
		Scan(&e.id, &e.product, &e.scope, &e.code, &e.facts, &e.identity, &e.cost, &e.pending, &e.available, &e.reason, &e.stock, &e.unlimited,
			&e.successRate, &e.cut.from, &e.cut.to, &it.extra, &it.saidName, &it.category, &it.kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, catalog.ErrMovedOn
	}
	if err != nil {
		return nil, nil, err
	}
	it.code, it.facts, it.identity, it.cost, it.cut, it.successRate = e.code, e.facts, e.identity, e.cost, e.cut, e.successRate
	it.available, it.reason, it.stock, it.unlimited = e.available, e.reason, e.stock, e.unlimited
	if e.pending != nil {
		it.cost = *e.pending
	}
	return e, it, nil
}

// told takes over what a source said. Of what it does not sell now it need not name a
// price: the old one stays. Cut-off times that it listed say more than that it is one now,
// and end by themselves.
func (it *item) told(said *upstream.Price) error {
	if said.Cost != 0 || said.Available {
		it.cost = said.Cost
	}
	if !priced(it.cost, it.kind) {
		return errNoPrice
	}
	if it.cut.from == nil || said.Reason != string(catalog.CutOff) {
		it.available, it.reason = said.Available, said.Reason
		it.availability()
	}
	switch {
	case said.Stock != nil:
		it.stock, it.unlimited = max(said.Stock.Count, 0), said.Stock.Unlimited
	case it.available && !it.unlimited && it.category == "otp":
		it.stock = max(it.stock, 1) // as many as it says there are, at least
	}
	return nil
}
