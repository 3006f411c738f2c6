package deposit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Fee is what a gateway takes for a payment, and who bears it.
type Fee struct {
	// PercentBP is in hundredths of a percent, Fixed in rupiah.
	PercentBP, Fixed int64
	// Absorbed: we bear it. Else it is added to what the merchant pays.
	Absorbed bool
}

// of is the fee for an amount, rounded up.
func (f Fee) of(amount int64) int64 { return (amount*f.PercentBP+9_999)/10_000 + f.Fixed }

// ask is what a gateway is asked for, so that amount can be credited.
func (f Fee) ask(amount int64) int64 {
	if f.Absorbed {
		return amount
	}
	return amount + f.of(amount)
}

// Gateway is a way for money to come in: an upstream that makes invoices, or our
// own code.
type Gateway struct {
	// Name is the upstream's, or what our own code is called inside.
	Name string
	Fee  Fee
	// Own is set for our own code.
	Own *OwnCode
}

// Policy is which gateways there are, in the order in which they are asked, and
// how long a merchant is kept waiting.
type Policy struct {
	Live, Test []Gateway
	// Patience bounds the whole search for an invoice, Share the wait for one gateway
	// while another may follow.
	Patience, Share time.Duration
}

// Asker asks a worker something about a deposit and waits for the answer until ctx
// ends; queue.Enqueuer is one.
type Asker interface {
	AskDeposit(ctx context.Context, gateway, kind string, depositID int64, attempt int) (verdict string, err error)
}

// What workers are asked.
const (
	AskInvoice = "invoice"
	AskCancel  = "invoice_cancel"
)

// What they answer. The row has the facts.
const (
	// Done: the deposit has its invoice, or its cancel has been heard.
	Done = "done"
	// Refused: the gateway gave no invoice; the attempt's row says why.
	Refused = "refused"
	// Stale: somebody else was faster, or nobody waits any more.
	Stale = "stale"
)

// Opener finds an invoice for a deposit.
type Opener struct {
	Keeper *Keeper
	Policy Policy
	Ask    Asker
	Log    *slog.Logger
}

const (
	// leaseMargin is how much longer a deposit counts as driven than its driver may
	// wait: a late answer is kept for as long.
	leaseMargin = 10 * time.Second
	// joinEvery is how often whoever waits for another's invoice looks.
	joinEvery = 100 * time.Millisecond
)

// Open gives the deposit that a request is for, with an invoice. The same ref and
// amount give the same deposit, however many ask at once and wherever. Errors are
// [ErrConflict], [ErrNoGateway] and the database's own.
func (o *Opener) Open(ctx context.Context, r *Request) (*Deposit, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Policy.Patience)
	defer cancel()
	lease := o.Policy.Patience + leaseMargin
	d, fresh, err := o.Keeper.begin(ctx, r, lease)
	for {
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ErrNoGateway
		case err != nil:
			return nil, err
		case d.State == Failed:
			return nil, ErrNoGateway
		case d.State != Creating:
			return d, nil
		case fresh:
			return o.drive(ctx, d, r.Ref != "")
		}
		// Another request of this ref is at it.
		if d, err = o.Keeper.takeOver(ctx, d.ID, lease); err == nil {
			return o.drive(ctx, d, true)
		}
		if !errors.Is(err, ErrStale) {
			continue
		}
		pause(ctx, joinEvery)
		d, err = o.Keeper.one(ctx, `d.wallet_id = $1 AND d.ref = $2 ORDER BY d.id DESC LIMIT 1`, r.WalletID, r.Ref)
	}
}

// pause waits for a while or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// drive asks one gateway after the other until one gives an invoice.
func (o *Opener) drive(ctx context.Context, d *Deposit, hasRef bool) (*Deposit, error) {
	gateways, err := o.Keeper.standing(ctx, o.gateways(d.Mode))
	if err != nil {
		return nil, err
	}
	open := false // the last one asked may still answer
	for i, g := range gateways {
		if ctx.Err() != nil && g.Own == nil { // our own code takes no time
			continue
		}
		now, left := time.Now(), o.Policy.Patience
		if at, ok := ctx.Deadline(); ok {
			left = at.Sub(now)
		}
		if i+1 < len(gateways) {
			left = min(left, o.Policy.Share)
		}
		asked, err := o.try(ctx, d, g, left)
		switch {
		case err == nil && asked.State == Pending:
			return asked, nil
		case errors.Is(err, ErrStale):
			return o.overtaken(ctx, d)
		}
		open = errors.Is(err, errSilent)
		if err != nil && !open {
			o.Log.WarnContext(ctx, "gateway gave no invoice", "deposit", d.ID, "gateway", g.Name, "error", err)
		}
		if asked != nil {
			d = asked
		}
	}
	if open && hasRef {
		return nil, ErrNoGateway // what still comes is kept for whoever asks with this ref again
	}
	d, err = o.Keeper.fail(context.WithoutCancel(ctx), d.ID, d.Attempt, "no gateway gave an invoice")
	switch {
	case err != nil:
		return nil, err
	case d.State == Failed || d.State == Creating:
		return nil, ErrNoGateway
	}
	return d, nil
}

func (o *Opener) gateways(mode string) []Gateway {
	if mode == "test" {
		return o.Policy.Test
	}
	return o.Policy.Live
}

// overtaken gives a deposit that somebody else has gone on with.
func (o *Opener) overtaken(ctx context.Context, d *Deposit) (*Deposit, error) {
	d, err := o.Keeper.ByID(context.WithoutCancel(ctx), d.ID)
	switch {
	case err != nil:
		return nil, err
	case d.State == Creating || d.State == Failed:
		return nil, ErrNoGateway
	}
	return d, nil
}

// errSilent: the gateway has not answered in time, and may yet.
var errSilent = errors.New("deposit: no answer in time")

// try asks one gateway. It gives the deposit as it stands then.
func (o *Opener) try(ctx context.Context, d *Deposit, g Gateway, wait time.Duration) (*Deposit, error) {
	if g.Own != nil {
		return o.Keeper.openOwn(ctx, d, g)
	}
	d, err := o.Keeper.aim(ctx, d, g)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, wait)
	verdict, err := o.Ask.AskDeposit(asking, g.Name, AskInvoice, d.ID, d.Attempt)
	cancel()
	if err == nil && verdict != Done {
		return d, nil // refused, and the worker has said so
	}
	// Whether an answer came or not: the row knows.
	after, rerr := o.Keeper.ByID(context.WithoutCancel(ctx), d.ID)
	switch {
	case rerr != nil:
		return d, rerr
	case after.State != Creating || after.Attempt != d.Attempt:
		if after.State == Pending {
			return after, nil
		}
		return nil, ErrStale
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errSilent, err)
		return after, errors.Join(err, o.Keeper.skip(context.WithoutCancel(ctx), g.Name, false))
	}
	return after, nil
}

const standingSQL = `SELECT n.name, coalesce(u.paused OR u.breaker_until > $2, false), coalesce(g.skip_until > $2, false)
	FROM unnest($1::text[]) n (name) LEFT JOIN upstreams u ON u.name = n.name LEFT JOIN deposit_gateways g ON g.name = n.name`

// standing puts gateways that gave no invoice lately behind the others, and leaves
// out those that are paused or give no usable answers at all.
func (k *Keeper) standing(ctx context.Context, all []Gateway) ([]Gateway, error) {
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.Name
	}
	rows, err := k.Pool.Query(ctx, standingSQL, names, k.now())
	if err != nil {
		return nil, fmt.Errorf("deposit: gateways: %w", err)
	}
	closed, last := map[string]bool{}, map[string]bool{}
	var name string
	var isClosed, isLast bool
	for rows.Next() {
		if err := rows.Scan(&name, &isClosed, &isLast); err != nil {
			return nil, fmt.Errorf("deposit: gateways: %w", err)
		}
		closed[name], last[name] = isClosed, isLast
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("deposit: gateways: %w", err)
	}
	var first, second []Gateway
	for _, g := range all {
		switch {
		case closed[g.Name] && g.Own == nil:
		case last[g.Name]:
			second = append(second, g)
		default:
			first = append(first, g)
		}
	}
	return slices.Concat(first, second), nil
}

// skip lets a gateway be asked last for a while: shortly when it is full, longer
// with every failure in a row otherwise (15 s, 30 s … 5 min).
func (k *Keeper) skip(ctx context.Context, gateway string, full bool) error {
	_, err := k.Pool.Exec(ctx, `INSERT INTO deposit_gateways AS g (name, skip_until, failures) VALUES ($1, $2::timestamptz + interval '15 seconds', 1)
		ON CONFLICT (name) DO UPDATE SET failures = CASE WHEN $3 THEN g.failures ELSE least(g.failures + 1, 10) END,
			skip_until = $2::timestamptz + CASE WHEN $3 THEN interval '15 seconds' ELSE least(interval '15 seconds' * 2 ^ least(g.failures, 6), interval '5 minutes') END`,
		gateway, k.now(), full)
	if err != nil {
		return fmt.Errorf("deposit: skip gateway: %w", err)
	}
	return nil
}

// Worked ends a gateway's row of failures.
func (k *Keeper) Worked(ctx context.Context, gateway string) error {
	_, err := k.Pool.Exec(ctx, `DELETE FROM deposit_gateways WHERE name = $1`, gateway)
	if err != nil {
		return fmt.Errorf("deposit: gateway: %w", err)
	}
	return nil
}
