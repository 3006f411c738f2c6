package role

import (
	"context"

	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/worker"
)

// Webhooks delivers events to merchants until ctx ends; an attempt under way is
// finished.
func Webhooks(ctx context.Context, d Deps) error {
	sealer, err := d.Sealer()
	if err != nil {
		return err
	}
	deliverer := webhook.NewDeliverer(d.DB.Pool, sealer, d.Guard(), webhook.Options{
		Now: d.Now, UserAgent: d.Config.Brand.Name + "-Webhook/1", Log: d.Log, Registerer: d.Registerer, Tracer: d.Tracer,
		Patience: d.Config.Webhooks.SuspendAfter, Tries: d.Config.Webhooks.SuspendAttempts,
	})
	d.started(ctx, "webhooks")
	return worker.ServeWebhooks(ctx, d.Redis, d.Log, deliverer.Deliver, worker.Capacity{
		Patient: d.Config.Worker.WebhookConcurrency, Shutdown: d.Config.Worker.ShutdownTimeout,
	})
}
