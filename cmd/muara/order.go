package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
)

// subjectOrder is what the ledger knows orders as.
const subjectOrder = "order"

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
	Before   string   `placeholder:"ID" help:"Older than this order: the next page."`
	Limit    int      `default:"50" help:"How many."`
}

// orderRow is an order as operators see it; money is whole rupiah.
type orderRow struct {
	OrderID     string         `json:"order_id"`
	ID          int64          `json:"id,string"`
	MerchantID  string         `json:"merchant_id"`
	Mode        string         `json:"mode"`
	Ref         string         `json:"ref"`
	Category    order.Category `json:"category"`
	SKU         string         `json:"sku"`
	State       order.State    `json:"state"`
	Status      string         `json:"status"`
	Flag        string         `json:"flag"`
	Attempt     int            `json:"attempt"`
	Upstream    string         `json:"upstream"`
	UpstreamRef string         `json:"upstream_ref"`
	Price       int64          `json:"price"`
	Cost        int64          `json:"cost"`
	Refunded    int64          `json:"refunded"`
	AgeSeconds  int64          `json:"age_seconds"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	NextRunAt   *time.Time     `json:"next_run_at"`
}

func toOrderRow(o *order.Order, merchantID string, now time.Time) orderRow {
	return orderRow{
		OrderID: o.PublicID(), ID: o.ID, MerchantID: merchantID, Mode: o.Mode, Ref: o.Ref, Category: o.Category, SKU: o.SKU,
		State: o.State, Status: o.Status(), Flag: o.Flag, Attempt: o.Attempt, Upstream: o.Upstream, UpstreamRef: o.UpstreamRef,
		Price: o.Price, Cost: o.Cost, Refunded: o.Refunded, AgeSeconds: int64(now.Sub(o.CreatedAt) / time.Second),
		CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(), NextRunAt: o.NextRunAt,
	}
}

func (c *orderListCmd) Run(e *env) error {
	if c.Limit <= 0 || c.Limit > 10_000 {
		return wrongUsage("--limit: 1 to 10000")
	}
	f := order.OperatorFilter{Flagged: c.Flagged, MerchantID: c.Merchant, Mode: c.Mode, Source: c.Upstream, Limit: c.Limit}
	for _, s := range c.State {
		f.States = append(f.States, order.State(s))
	}
	if c.Before != "" {
		id, ok := order.ParseID(c.Before)
		if !ok {
			return wrongUsage("--before: %q is no order's id", c.Before)
		}
		f.Before = id
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	list, err := order.ListAll(e.ctx, db.Bun, f)
	if err != nil {
		return err
	}
	now := e.now()
	rows := make([]orderRow, len(list))
	for i := range list {
		rows[i] = toOrderRow(&list[i].Order, list[i].MerchantID, now)
	}
	return e.Print(map[string]any{"count": len(rows), "orders": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ORDER\tAGE\tMERCHANT\tREF\tSKU\tSTATE\tTRY\tUPSTREAM\tPRICE\tREFUNDED\tFLAG")
		for i := range rows {
			r := &rows[i]
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

// orderID reads the argument that names an order.
func orderID(text string) (int64, error) {
	id, ok := order.ParseID(text)
	if !ok {
		return 0, wrongUsage("%q is no order's id: give its order_id or its number", text)
	}
	return id, nil
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
	if c.SN != "" && c.As != string(order.Completed) {
		return wrongUsage("--sn goes with --as completed")
	}
	if (c.Remains != 0) != (c.As == string(order.Partial)) {
		return wrongUsage("--remains goes with --as partial")
	}
	return changeOrder(e, c.ID, c.Why, func(w *order.Writer, id int64) (*order.Order, error) {
		return w.Resolve(e.ctx, e.db.Bun, id, order.Resolution{
			As: order.State(c.As), SN: c.SN, Remains: &c.Remains, Why: c.Why, Actor: e.Actor(), Recharge: e.cfg.Orders.LateSuccess == config.LateRecharge,
		})
	})
}

type orderSeenCmd struct {
	ID  string `arg:"" help:"Its order_id, or its number."`
	Why string `required:"" help:"What you found, for the audit log."`
}

func (c *orderSeenCmd) Run(e *env) error {
	return changeOrder(e, c.ID, c.Why, func(w *order.Writer, id int64) (*order.Order, error) {
		return w.Seen(e.ctx, e.db.Bun, id, c.Why, e.Actor())
	})
}

// changeOrder changes an order by an operator's hand and prints how it stands then.
// Its webhook is found by the scheduler.
func changeOrder(e *env, idText, why string, change func(w *order.Writer, id int64) (*order.Order, error)) error {
	if strings.TrimSpace(why) == "" {
		return wrongUsage("--why says something")
	}
	id, err := orderID(idText)
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	writer := order.NewWriter(db.Pool, ledger.NewAccounts(db.Pool), e.now, slog.New(slog.DiscardHandler), nil, nil)
	defer writer.Close()
	o, err := change(writer, id)
	if err != nil {
		return err
	}
	ev, err := order.ReadEvidence(e.ctx, db.Bun, o.ID)
	if err != nil {
		return err
	}
	row := toOrderRow(ev.Order, ev.MerchantID, e.now())
	return e.Print(row, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "order\t%s\nstate\t%s\nprice\t%d\nrefunded\t%d\nflag\t%s\n", row.OrderID, row.State, row.Price, row.Refunded, dash(row.Flag))
	})
}
