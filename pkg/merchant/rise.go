package merchant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
)

// actorRise is who rises merchants.
const actorRise = "system:tiers"

// TierView is what a merchant is told of its new tier.
type TierView struct {
	Tier         int       `json:"tier"`
	Name         string    `json:"name"`
	PreviousTier int       `json:"previous_tier"`
	PreviousName string    `json:"previous_name"`
	ChangedAt    time.Time `json:"changed_at"`
}

// Rise moves the merchant of a live wallet up to the highest tier that its completed
// orders and volume (rupiah) reach, and tells it by an event. It moves nobody down, and
// nobody whose tier an operator holds. It gives the ids of the events to deliver; none
// when the merchant stays.
func Rise(ctx context.Context, db pg.Beginner, walletID, completed, volume int64, now time.Time) (events []int64, err error) {
	err = pg.InTx(ctx, db, func(tx pgx.Tx) error {
		var merchantID string
		v := TierView{ChangedAt: now.UTC().Truncate(time.Microsecond)}
		err := tx.QueryRow(ctx, `SELECT m.id, m.tier, was.name, t.tier, t.name FROM wallets w JOIN merchants m ON m.id = w.merchant_id JOIN tiers was ON was.tier = m.tier
				CROSS JOIN LATERAL (SELECT tier, name FROM tiers WHERE min_orders <= $2 AND min_volume <= $3 ORDER BY tier DESC LIMIT 1) t
			WHERE w.id = $1 AND w.mode = 'live' AND NOT m.tier_held AND t.tier > m.tier FOR UPDATE OF m`, walletID, completed, volume).
			Scan(&merchantID, &v.PreviousTier, &v.PreviousName, &v.Tier, &v.Name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE merchants SET tier = $2, updated_at = $3 WHERE id = $1`, merchantID, v.Tier, v.ChangedAt); err != nil {
			return err
		}
		err = audit.Write(ctx, tx, audit.Entry{
			Actor: actorRise, Action: "merchant.tier", Subject: merchantID, At: v.ChangedAt,
			Detail: map[string]any{"tier": v.Tier, "from": v.PreviousTier, "completed": completed, "volume": volume},
		})
		if err != nil {
			return err
		}
		events, err = webhook.Insert(ctx, tx, []webhook.Event{{
			WalletID: walletID, Mode: string(Live), Type: webhook.TierChanged, Subject: "tier:" + merchantID, Version: int64(v.Tier),
			Data: map[string]any{"tier": v}, At: v.ChangedAt,
		}})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("merchant: rise: %w", err)
	}
	return events, nil
}
