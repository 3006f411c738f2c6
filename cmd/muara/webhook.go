package main

import (
	"fmt"
	"io"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/webhook"
)

type webhookCmd struct {
	List   webhookListCmd   `cmd:"" help:"List deliveries, newest first."`
	Replay webhookReplayCmd `cmd:"" help:"Send an event again, under the same webhook-id."`

	Endpoints webhookEndpointsCmd `cmd:"" help:"List where merchants' events go, and which endpoints fail or are suspended."`
}

type webhookListCmd struct {
	Merchant string `placeholder:"ID" help:"Of this merchant only."`
	Mode     string `enum:",live,test" default:"" help:"Of this mode only."`
	Status   string `enum:",pending,failed,delivered,parked" default:"" help:"pending, failed (will be tried again), delivered or parked (given up)."`
	Type     string `placeholder:"TYPE" help:"Of this type only, as order.updated."`
	Subject  string `placeholder:"SUBJECT" help:"About this only."`
	EventID  string `placeholder:"EVT" help:"With this webhook-id only."`
	Before   int64  `placeholder:"ID" help:"Older than this delivery: the next page."`
	Limit    int    `default:"50" help:"How many."`
}

func (c *webhookListCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	out, err := backoffice.ListDeliveries(e.ctx, db.Pool, webhook.Filter{
		MerchantID: c.Merchant, Mode: c.Mode, Status: c.Status, Type: c.Type, Subject: c.Subject, EventID: c.EventID,
		Before: c.Before, Limit: c.Limit,
	})
	if err != nil {
		return asked(err)
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tCREATED\tMERCHANT\tMODE\tTYPE\tSUBJECT\tSTATUS\tATTEMPTS\tCODE\tFAILURE\tNEXT\tURL")
		for i := range out.Deliveries {
			r := &out.Deliveries[i]
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.ID, r.CreatedAt.Format(time.RFC3339), r.MerchantID, r.Mode, r.Type,
				r.Subject, r.Status, r.Attempts, orDash(r.ResponseCode), dash(r.Failure), timeOrDash(r.NextAttemptAt), r.URL)
		}
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func orDash(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func timeOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}

type webhookReplayCmd struct {
	ID int64 `arg:"" help:"The delivery's id, as webhook list shows it."`
}

// Run makes the delivery due; the scheduler hands it to a worker.
func (c *webhookReplayCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	d, err := backoffice.ReplayDelivery(e.ctx, db.Pool, c.ID, by, e.now())
	if err != nil {
		return err
	}
	return e.Print(d, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "delivery %d (%s) is due now\n", d.ID, d.EventID)
	})
}

type webhookEndpointsCmd struct {
	Suspended bool `help:"Only those that we have switched off."`
}

func (c *webhookEndpointsCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	out, err := backoffice.ListEndpoints(e.ctx, db.Pool, c.Suspended)
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "MERCHANT\tNAME\tENABLED\tSUSPENDED\tFAILING SINCE\tFAILED\tPARKED\tURL")
		for i := range out.Endpoints {
			r := &out.Endpoints[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%t\t%s\t%s\t%d\t%d\t%s\n", r.MerchantID, r.Merchant, r.Enabled, dash(r.SuspendedReason), timeOrDash(r.FailingSince),
				r.FailingAttempts, r.Parked, r.URL)
		}
	})
}
