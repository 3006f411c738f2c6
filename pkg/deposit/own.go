package deposit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/qris"
)

// OwnCode is the operator's own static QRIS, turned into a code for each deposit.
// Its acquirer tells the amount and the time of a payment and nothing else, so a
// total is made unique by some rupiah and reserved for as long as it may be paid.
type OwnCode struct {
	QRIS *qris.Static
	// Codes is how many rupiah a total may be above what it would be: 1 to Codes.
	Codes int64
	// Life is how long a code may be paid.
	Life time.Duration
}

// errFull: every total near this amount is taken.
var errFull = errors.New("deposit: no total is free")

const reserveSQL = `INSERT INTO deposit_codes AS t (gateway, total, deposit_id, until)
	SELECT $1, f.total, $2, $3 FROM (SELECT $4::bigint + n AS total FROM generate_series(1, $5::bigint) n
		WHERE NOT EXISTS (SELECT FROM deposit_codes x WHERE x.gateway = $1 AND x.total = $4::bigint + n AND x.until > $6)
		ORDER BY random() LIMIT 1) f
	ON CONFLICT (gateway, total) DO UPDATE SET deposit_id = excluded.deposit_id, until = excluded.until WHERE t.until <= $6
	RETURNING total`

// reserve finds a total that no other deposit can be paid by.
func reserve(ctx context.Context, tx pgx.Tx, gateway string, n, base, codes int64, now, until time.Time) (total int64, err error) {
	const tries = 20 // another deposit may take the total that was found
	for range tries {
		err = tx.QueryRow(ctx, reserveSQL, gateway, n, until, base, codes, now).Scan(&total)
		if !errors.Is(err, pgx.ErrNoRows) {
			return total, err
		}
	}
	return 0, errFull
}

// openOwn makes a code of our own for a deposit: it is pending at once.
func (k *Keeper) openOwn(ctx context.Context, d *Deposit, g Gateway) (*Deposit, error) {
	out, err := k.change(ctx, d.ID, func(ctx context.Context, tx pgx.Tx, c *change) error {
		if c.d.State != Creating || c.d.Attempt != d.Attempt {
			return ErrStale
		}
		if err := c.aim(ctx, tx, g); err != nil {
			return err
		}
		until := c.now.Add(g.Own.Life)
		total, err := reserve(ctx, tx, g.Name, c.d.ID, c.d.Asked, g.Own.Codes, c.now, until.Add(Grace))
		if err != nil {
			return err
		}
		text, err := g.Own.QRIS.Dynamic(total)
		if err != nil {
			return err
		}
		c.d.Received += total - c.d.Asked
		c.d.QR, c.d.Total, c.d.Fee, c.d.ExpiresAt, c.d.Sent = text, total, total-c.d.Amount, &until, true
		c.cause, c.detail = "gateway", fmt.Sprintf("%s total %d", g.Name, total)
		c.enter(Pending, &until)
		_, err = tx.Exec(ctx, finishedSQL, c.d.ID, c.d.Attempt, "opened", "", "", "", c.now, nil)
		return err
	})
	if err == nil {
		k.Metrics.asked(g.Name, "opened")
		return out, nil
	}
	k.Metrics.asked(g.Name, OutcomeFull)
	if errors.Is(err, errFull) {
		return nil, errors.Join(err, k.skip(context.WithoutCancel(ctx), g.Name, true))
	}
	return nil, err
}

// OwnCode tells whether totals were ever reserved for a code of that name.
func (k *Keeper) OwnCode(ctx context.Context, gateway string) (known bool, err error) {
	if err := k.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM deposit_codes WHERE gateway = $1)`, gateway).Scan(&known); err != nil {
		return false, fmt.Errorf("deposit: own code: %w", err)
	}
	return known, nil
}
