package order

import "github.com/jackc/pgx/v5"

// columns are an order's, in the order in which scan reads them. Named, so that
// a column added by a newer version disturbs no older one.
const columns = `o.id, o.wallet_id, o.mode, o.ref, o.content_hash, o.category, o.sku, o.name, o.product_id, o.quantity, o.price, o.refunded,
	o.customer_no, o.zone_id, o.target, o.inputs, o.callback_url, o.max_cost, o.state, o.version, o.attempt, o.sends,
	o.upstream, o.offer_id, o.code, o.extra, o.cost, o.upstream_ref, o.message, o.facts,
	o.cancel_requested, o.finish_requested, o.resend_requested, o.flag, o.trace_parent,
	o.next_run_at, o.polls, o.watched_at, o.expires_at, o.sent_at, o.created_at, o.updated_at, o.completed_at, o.link, o.serial`

func scan(row pgx.Row, more ...any) (*Order, error) {
	o := new(Order)
	err := row.Scan(append([]any{
		&o.ID, &o.WalletID, &o.Mode, &o.Ref, &o.ContentHash, &o.Category, &o.SKU, &o.Name, &o.ProductID, &o.Quantity, &o.Price, &o.Refunded,
		&o.CustomerNo, &o.ZoneID, &o.Target, &o.Inputs, &o.CallbackURL, &o.MaxCost, &o.State, &o.Version, &o.Attempt, &o.Sends,
		&o.Upstream, &o.OfferID, &o.Code, &o.Extra, &o.Cost, &o.UpstreamRef, &o.Message, &o.Facts,
		&o.CancelRequested, &o.FinishRequested, &o.ResendRequested, &o.Flag, &o.TraceParent,
		&o.NextRunAt, &o.Polls, &o.WatchedAt, &o.ExpiresAt, &o.SentAt, &o.CreatedAt, &o.UpdatedAt, &o.CompletedAt, &o.Link, &o.Serial,
	}, more...)...)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// collect reads all rows of a query for columns.
func collect(rows pgx.Rows) ([]*Order, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Order, error) { return scan(row) })
}
