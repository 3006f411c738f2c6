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

// WebhookRow is a delivery of an event as operators see it.
type WebhookRow struct {
	ID            int64      `json:"id"`
	EventID       string     `json:"event_id"`
	MerchantID    string     `json:"merchant_id"`
	Mode          string     `json:"mode" enum:"live,test"`
	Type          string     `json:"type" example:"order.updated"`
	Subject       string     `json:"subject" doc:"What it is about."`
	URL           string     `json:"url"`
	Status        string     `json:"status" enum:"pending,failed,delivered,parked" doc:"failed will be tried again; parked was given up."`
	Attempts      int        `json:"attempts"`
	ResponseCode  *int       `json:"response_code"`
	ResponseBody  *string    `json:"response_body" doc:"Its first 1024 bytes."`
	Failure       string     `json:"failure" doc:"What went wrong last."`
	CreatedAt     time.Time  `json:"created_at"`
	LastAttemptAt *time.Time `json:"last_attempt_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
}

// WebhookList is a page of deliveries, newest first.
type WebhookList struct {
	Count      int          `json:"count"`
	Deliveries []WebhookRow `json:"deliveries"`
}

// ListDeliveries gives a page of deliveries.
func ListDeliveries(ctx context.Context, pool *pgxpool.Pool, f webhook.Filter) (*WebhookList, error) {
	if err := limited(f.Limit); err != nil {
		return nil, err
	}
	list, err := webhook.List(ctx, pool, f)
	if err != nil {
		return nil, err
	}
	out := &WebhookList{Count: len(list), Deliveries: make([]WebhookRow, len(list))}
	for i := range list {
		out.Deliveries[i] = WebhookRow(list[i])
	}
	return out, nil
}

// ReplayDelivery has an event sent again, under the same webhook-id; the scheduler
// hands it to a worker.
func ReplayDelivery(ctx context.Context, pool *pgxpool.Pool, id int64, actor string, now time.Time) (*WebhookRow, error) {
	var out WebhookRow
	err := pg.InTx(ctx, pool, func(tx pgx.Tx) error {
		d, err := webhook.Replay(ctx, tx, "", id, now)
		if err != nil {
			return err
		}
		out = WebhookRow(*d)
		return audit.Write(ctx, tx, audit.Entry{
			Actor: actor, Action: "webhook.replay", Subject: d.MerchantID,
			Detail: map[string]any{"delivery": d.ID, "event_id": d.EventID, "subject": d.Subject}, At: now,
		})
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// EndpointRow is a merchant's endpoint as operators see it.
type EndpointRow struct {
	MerchantID      string     `json:"merchant_id"`
	Merchant        string     `json:"merchant" doc:"What the merchant is called."`
	URL             string     `json:"url"`
	Enabled         bool       `json:"enabled"`
	SuspendedReason string     `json:"suspended_reason" doc:"Why we switched it off; empty when we did not."`
	FailingSince    *time.Time `json:"failing_since" doc:"Since when nothing but failures came of it."`
	FailingAttempts int        `json:"failing_attempts" doc:"How many of them."`
	Parked          int64      `json:"parked" doc:"Events that wait for a replay."`
	UpdatedAt       time.Time  `json:"updated_at"`
}

// EndpointList is merchants' endpoints.
type EndpointList struct {
	Count     int           `json:"count"`
	Endpoints []EndpointRow `json:"endpoints"`
}

// ListEndpoints gives the endpoints that have a URL, or those that we have suspended.
func ListEndpoints(ctx context.Context, pool *pgxpool.Pool, suspended bool) (*EndpointList, error) {
	list, err := webhook.Standings(ctx, pool, suspended)
	if err != nil {
		return nil, err
	}
	out := &EndpointList{Count: len(list), Endpoints: make([]EndpointRow, len(list))}
	for i, s := range list {
		out.Endpoints[i] = EndpointRow(s)
	}
	return out, nil
}
