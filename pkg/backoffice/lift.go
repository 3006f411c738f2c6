package backoffice

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
)

// EndpointLifted is an endpoint that runs again.
type EndpointLifted struct {
	MerchantID string `json:"merchant_id"`
	URL        string `json:"url"`
	Enabled    bool   `json:"enabled"`
	Was        string `json:"was" doc:"Why we had switched it off."`
}

// LiftSuspension lets an endpoint that we had switched off get events again; it fails
// with a [fault.Error]: NotFound, or Conflict where it is not suspended.
func LiftSuspension(ctx context.Context, pool *pgxpool.Pool, merchantID, actor string, now time.Time) (*EndpointLifted, error) {
	var out EndpointLifted
	err := pg.InTx(ctx, pool, func(tx pgx.Tx) error {
		url, was, err := webhook.Lift(ctx, tx, merchantID, now)
		if err != nil {
			return err
		}
		out = EndpointLifted{MerchantID: merchantID, URL: url, Enabled: true, Was: was}
		return audit.Write(ctx, tx, audit.Entry{Actor: actor, Action: "webhook.lift", Subject: merchantID, Detail: map[string]string{"was": was}, At: now})
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}
