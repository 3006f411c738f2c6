package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/pkg/withdraw"
)

const tagWebhooks = "Webhooks"

type webhookData struct {
	URL             *string  `json:"url" doc:"Where events go; null while there is nowhere." example:"https://merchant.example/hooks"`
	Events          []string `json:"events" nullable:"false" doc:"The types that are wanted; empty means all."`
	Enabled         bool     `json:"enabled" example:"true"`
	SecretHint      string   `json:"secret_hint" doc:"Tells secrets apart." example:"whsec_…Qx9="`
	SuspendedReason *string  `json:"suspended_reason" doc:"Why we switched it off; null when we did not."`
}

type webhookBody struct {
	URL     *string   `json:"url,omitempty" doc:"https, on the public internet; empty for none. Left out, it stays." example:"https://merchant.example/hooks"`
	Events  *[]string `json:"events,omitempty" doc:"Types that are wanted; empty for all. Left out, they stay."`
	Enabled *bool     `json:"enabled,omitempty" doc:"Left out, it stays."`
}

type secretData struct {
	Secret string `json:"secret" doc:"Shown once. The one before it keeps signing for 24 hours." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
}

type deliveriesInput struct {
	rest.PageParams
	Status string `query:"status" enum:"pending,delivered,failed,parked"`
}

type deliveryInput struct {
	ID string `path:"id" doc:"A delivery's id."`
}

type deliveriesData struct {
	Count      int        `json:"count" example:"1"`
	Deliveries []delivery `json:"deliveries" nullable:"false"`
	NextCursor *string    `json:"next_cursor" doc:"Null at the end."`
}

type delivery struct {
	ID            string     `json:"id" example:"1024"`
	EventID       string     `json:"event_id" doc:"The webhook-id that all its attempts carry." example:"evt_4T1ZC6Y0Q2RX"`
	Type          string     `json:"type" example:"order.updated"`
	Subject       string     `json:"subject" doc:"What it is about." example:"PPOB-0003753S1D0AJ"`
	URL           string     `json:"url" example:"https://merchant.example/hooks"`
	Status        string     `json:"status" enum:"pending,delivered,failed,parked"`
	Attempts      int        `json:"attempts" example:"1"`
	ResponseCode  *int       `json:"response_code" example:"200"`
	ResponseBody  *string    `json:"response_body" doc:"The first kilobyte of what you answered." example:"ok"`
	CreatedAt     time.Time  `json:"created_at"`
	LastAttemptAt *time.Time `json:"last_attempt_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
}

func (s *server) webhookRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "get-webhook", Method: http.MethodGet, Path: "/webhook", Tag: tagWebhooks,
		Summary: "Read the endpoint", Text: "Where events go that have no `callback_url` of their own.", Gives: exampleWebhook,
	}, s.getWebhook)
	rest.Register(s.rest, rest.Operation{
		ID: "set-webhook", Method: http.MethodPut, Path: "/webhook", Tag: tagWebhooks,
		Summary: "Change the endpoint", Text: "What is left out stays as it is.", Body: webhookBody{},
		Sends: map[string]any{"url": "https://merchant.example/hooks", "events": []string{"order.updated"}, "enabled": true}, Gives: exampleWebhook,
		Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody},
	}, s.setWebhook)
	rest.Register(s.rest, rest.Operation{
		ID: "rotate-webhook-secret", Method: http.MethodPost, Path: "/webhook/secret", Tag: tagWebhooks,
		Summary: "Get a new signing secret", Text: "Signatures follow Standard Webhooks. For 24 hours both secrets sign.", Gives: exampleSecret,
	}, s.rotateSecret)
	rest.Register(s.rest, rest.Operation{
		ID: "test-webhook", Method: http.MethodPost, Path: "/webhook/test", Tag: tagWebhooks,
		Summary: "Send a test event", Text: "An event of type `webhook.test` goes to the endpoint.", Gives: exampleDelivery,
		Refusals: []fault.Kind{fault.NotAvailable},
	}, s.testWebhook)
	rest.Register(s.rest, rest.Operation{
		ID: "list-webhook-deliveries", Method: http.MethodGet, Path: "/webhook/deliveries", Tag: tagWebhooks,
		Summary: "List deliveries", Text: "Newest first.", Gives: deliveriesData{Count: 1, Deliveries: []delivery{exampleDelivery}},
		Refusals: []fault.Kind{fault.Invalid},
	}, s.listDeliveries)
	rest.Register(s.rest, rest.Operation{
		ID: "replay-webhook-delivery", Method: http.MethodPost, Path: "/webhook/deliveries/{id}/replay", Tag: tagWebhooks,
		Summary: "Send an event again", Text: "The same bytes under the same `webhook-id`.", Gives: exampleDelivery,
		Refusals: []fault.Kind{fault.NotFound, fault.NotAvailable},
	}, s.replayDelivery)
}

func (s *server) getWebhook(ctx context.Context, _ *noInput) (*webhookData, error) {
	e, err := s.deps.Endpoints.Get(ctx, caller(ctx).MerchantID)
	if err != nil {
		return nil, err
	}
	return toWebhook(e), nil
}

func toWebhook(e *webhook.Endpoint) *webhookData {
	events := e.Events
	if events == nil {
		events = []string{}
	}
	return &webhookData{
		URL: pointer(e.URL), Events: events, Enabled: e.Enabled, SecretHint: e.SecretHint, SuspendedReason: pointer(e.SuspendedReason),
	}
}

func (s *server) setWebhook(ctx context.Context, _ *noInput) (*webhookData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	change, err := parseWebhook(body)
	if err != nil {
		return nil, err
	}
	e, err := s.deps.Endpoints.Set(ctx, caller(ctx).MerchantID, change)
	if err != nil {
		return nil, err
	}
	return toWebhook(e), nil
}

func parseWebhook(body []byte) (webhook.Change, error) {
	var c webhook.Change
	f, err := decodeObject(body)
	if err != nil {
		return c, err
	}
	if f.has("url") {
		url := f.text("url", maxURL)
		c.URL = &url
	}
	if raw := f.values["events"]; raw != nil {
		c.Events = new([]string)
		if json.Unmarshal(raw, c.Events) != nil {
			f.wrong("events", "must be a list of strings")
		}
	}
	if raw := f.values["enabled"]; raw != nil {
		c.Enabled = new(bool)
		if json.Unmarshal(raw, c.Enabled) != nil {
			f.wrong("enabled", "must be true or false")
		}
	}
	return c, f.err()
}

func (s *server) rotateSecret(ctx context.Context, _ *noInput) (*secretData, error) {
	secret, err := s.deps.Endpoints.RotateSecret(ctx, caller(ctx).MerchantID)
	if err != nil {
		return nil, err
	}
	return &secretData{Secret: secret}, nil
}

func (s *server) testWebhook(ctx context.Context, _ *noInput) (*delivery, error) {
	who := caller(ctx)
	id, err := s.deps.Endpoints.Test(ctx, who.MerchantID, who.WalletID, string(who.Mode))
	if err != nil {
		return nil, err
	}
	s.tell.webhook(id)
	d, err := webhook.Get(ctx, s.deps.DB.Pool, who.MerchantID, id)
	if err != nil {
		return nil, err
	}
	return s.oneDelivery(ctx, d)
}

func (s *server) listDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesData, error) {
	limit, before, err := in.Parse(cursorDeliveries)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	rows, err := webhook.List(ctx, s.deps.DB.Pool, webhook.Filter{
		MerchantID: who.MerchantID, Mode: string(who.Mode), Status: in.Status, Before: before, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &deliveriesData{Deliveries: []delivery{}}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorDeliveries, rows[limit-1].ID)
		out.NextCursor = &next
	}
	if out.Deliveries, err = s.deliveries(ctx, rows); err != nil {
		return nil, err
	}
	out.Count = len(out.Deliveries)
	return out, nil
}

func (s *server) replayDelivery(ctx context.Context, in *deliveryInput) (*delivery, error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil || id <= 0 {
		return nil, noDelivery()
	}
	who := caller(ctx)
	var d *webhook.Delivery
	err = pg.InTx(ctx, s.deps.DB.Pool, func(tx pgx.Tx) (err error) {
		// The other mode's is not there, before anything else is said of it.
		if d, err = webhook.Get(ctx, tx, who.MerchantID, id); err == nil && d.Mode != string(who.Mode) {
			err = noDelivery()
		}
		if err != nil {
			return err
		}
		d, err = webhook.Replay(ctx, tx, who.MerchantID, id, s.deps.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	s.tell.webhook(id)
	return s.oneDelivery(ctx, d)
}

// noDelivery says it as [webhook.Get] does.
func noDelivery() error { return fault.New(fault.NotFound, "no such delivery") }

func (s *server) oneDelivery(ctx context.Context, d *webhook.Delivery) (*delivery, error) {
	out, err := s.deliveries(ctx, []webhook.Delivery{*d})
	if err != nil {
		return nil, err
	}
	return &out[0], nil
}

// deliveries shows rows to their merchant, with the order_id for a subject that is an order.
func (s *server) deliveries(ctx context.Context, rows []webhook.Delivery) ([]delivery, error) {
	var ids []int64
	for i := range rows {
		if id, ok := orderOf(&rows[i]); ok {
			ids = append(ids, id)
		}
	}
	names, err := order.NamesOf(ctx, s.deps.DB.Bun, ids)
	if err != nil {
		return nil, err
	}
	out := make([]delivery, len(rows))
	for i := range rows {
		d := &rows[i]
		out[i] = delivery{
			ID: strconv.FormatInt(d.ID, 10), EventID: d.EventID, Type: d.Type, Subject: d.Subject, URL: d.URL, Status: d.Status, Attempts: d.Attempts,
			ResponseCode: d.ResponseCode, ResponseBody: d.ResponseBody, CreatedAt: d.CreatedAt.UTC(), LastAttemptAt: d.LastAttemptAt, NextAttemptAt: d.NextAttemptAt,
		}
		if id, ok := orderOf(d); ok {
			out[i].Subject = names[id].OrderID
		} else if id, ok := subjectID(d, "deposit:"); ok {
			out[i].Subject = deposit.PublicID(s.deps.Brand.IDPrefix, id)
		} else if id, ok := subjectID(d, "withdraw:"); ok {
			out[i].Subject = withdraw.PublicID(s.deps.Brand.IDPrefix, id)
		}
	}
	return out, nil
}

// orderOf is the order that an event is about, if it is about one.
func orderOf(d *webhook.Delivery) (int64, bool) {
	return subjectID(d, "order:")
}

// subjectID is the number of what an event is about, if it is of that kind.
func subjectID(d *webhook.Delivery, kind string) (int64, bool) {
	text, ok := strings.CutPrefix(d.Subject, kind)
	id, err := strconv.ParseInt(text, 10, 64)
	return id, ok && err == nil
}
