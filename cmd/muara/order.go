package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/order"
)

type orderCmd struct {
	List    orderListCmd    `cmd:"" help:"List orders of every merchant, newest first."`
	Show    orderShowCmd    `cmd:"" help:"Show an order with all that is known of it."`
	Resolve orderResolveCmd `cmd:"" help:"Settle an order on your own evidence."`
	Seen    orderSeenCmd    `cmd:"" help:"Take an order's flag away: a person has looked."`
}

type orderListCmd struct {
	Flagged  bool     `help:"Only those that wait for a person."`
	State    []string `placeholder:"STATE,…" enum:"queued,sending,processing,unknown,completed,failed,partial,canceled,expired" help:"Only in these states."`
	Merchant string   `placeholder:"ID" help:"Only this merchant's."`
	Mode     string   `enum:",live,test" default:"" help:"Only of this mode."`
	Upstream string   `placeholder:"NAME" help:"Only those at this upstream."`
	Ref      string   `placeholder:"REF" help:"Only those that their merchant calls so; give --merchant, too."`
	Before   string   `placeholder:"ID" help:"Older than this order: the next page."`
	Limit    int      `default:"50" help:"How many."`
}

func (c *orderListCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	f := order.OperatorFilter{
		Flagged: c.Flagged, States: states[order.State](c.State), MerchantID: c.Merchant, Mode: c.Mode, Source: c.Upstream, Ref: c.Ref, Limit: c.Limit,
	}
	list, err := o.ListOrders(e.ctx, f, c.Before)
	if err != nil {
		return asked(err)
	}
	now := e.now()
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ORDER\tAGE\tMERCHANT\tREF\tSKU\tSTATE\tTRY\tUPSTREAM\tPRICE\tREFUNDED\tFLAG")
		for i := range list.Orders {
			r := &list.Orders[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%s\n", r.OrderID, age(now, r.CreatedAt), r.MerchantID, r.Ref, r.SKU,
				r.State, r.Attempt, dash(r.Upstream), r.Price, r.Refunded, dash(r.Flag))
		}
	})
}

// age is a length of time for people: 12s, 3m10s, 2h5m, 4d3h.
func age(now, since time.Time) string {
	d := now.Sub(since).Truncate(time.Second)
	switch {
	case d < time.Hour:
		return d.String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

type orderResolveCmd struct {
	ID  string `arg:"" help:"Its order_id, or its number."`
	As  string `required:"" enum:"completed,failed,partial" help:"completed: it was delivered, and is paid. failed: it was not, and is refunded. partial: a social media order of which --remains is refunded."`
	SN  string `placeholder:"SN" help:"The serial number of what was delivered; for a rented number, the code that came."`
	Why string `required:"" help:"Your evidence, for the audit log."`

	Remains int64 `placeholder:"N" help:"How many of what was ordered were not delivered."`
}

// Run settles an order that the machine cannot: its outcome is unknown, it has been
// processing for ever, or it failed and was delivered after all.
func (c *orderResolveCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	row, err := o.ResolveOrder(e.ctx, c.ID, order.Resolution{As: order.State(c.As), SN: c.SN, Remains: &c.Remains, Why: c.Why, Actor: by})
	return printOrder(e, row, err)
}

type orderSeenCmd struct {
	ID  string `arg:"" help:"Its order_id, or its number."`
	Why string `required:"" help:"What you found, for the audit log."`
}

func (c *orderSeenCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	row, err := o.SeenOrder(e.ctx, c.ID, c.Why, by)
	return printOrder(e, row, err)
}

// printOrder prints how an order stands that was changed.
func printOrder(e *env, row *backoffice.OrderRow, err error) error {
	if err != nil {
		return asked(err)
	}
	return e.Print(row, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "order\t%s\nstate\t%s\nprice\t%d\nrefunded\t%d\nflag\t%s\n", row.OrderID, row.State, row.Price, row.Refunded, dash(row.Flag))
	})
}
