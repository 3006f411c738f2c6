package worker

import (
	"context"
	"errors"

	"github.com/muarahq/muara/pkg/budget"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
)

// askInquiry asks for a bill, and says how it went; the row has the facts.
func (w *Worker) askInquiry(ctx context.Context, t queue.Task) error {
	verdict, err := w.inquire(ctx, t.InquiryID)
	if err != nil {
		w.Log.WarnContext(ctx, "ask", "kind", t.Kind, "upstream", w.Client.Name, "inquiry", t.InquiryID, "error", err)
		verdict = inquiry.VerdictRefused
	}
	return w.Enqueuer.ReplyVerdict(context.WithoutCancel(ctx), t.Reply, verdict)
}

// inquire asks once, while somebody waits for it. What it finds is kept even when nobody
// does any more.
func (w *Worker) inquire(ctx context.Context, inquiryID int64) (verdict string, err error) {
	q, err := w.Inquiries.ByID(ctx, inquiryID)
	if errors.Is(err, inquiry.ErrNotFound) {
		return inquiry.VerdictStale, nil
	}
	if err != nil {
		return "", err
	}
	left := q.WaitUntil.Sub(w.Now())
	if q.State != inquiry.Asking || q.Route.Upstream != w.Client.Name || q.Mode != w.Mode || left <= 0 {
		return inquiry.VerdictStale, nil
	}
	if w.paused(ctx) {
		return w.nothing(ctx, q, &upstream.Error{Class: upstream.NotSent, Err: errors.New("paused by an operator")})
	}
	waiting, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	b, err := w.Client.Inquire(waiting, &upstream.Purchase{
		OrderID: q.ID, Attempt: 1, Ref: order.InquiryRef(q.ID), MerchantRef: q.Ref, Category: string(order.PPOB), Code: q.Route.Code, Extra: q.Route.Extra,
		Target: q.CustomerNo, Zone: deref(q.ZoneID), Inputs: q.Inputs, Quantity: 1, SentAt: w.Now(), Sends: 1,
	})
	if err != nil {
		return w.nothing(ctx, q, upstream.AsError(err))
	}
	err = w.steadily(ctx, func(ctx context.Context) error {
		return w.Inquiries.Found(ctx, q, order.Bill{
			CustomerName: b.CustomerName, Period: b.Period, Amount: b.Amount, Admin: b.Admin, Total: b.Total, Cost: b.Cost, Lines: b.Lines, UpstreamRef: b.UpstreamRef,
		}, b.ExpiresAt, b.Code, upstream.Clip(b.Detail))
	}, inquiry.ErrUnsound, inquiry.ErrStale)
	switch {
	case errors.Is(err, inquiry.ErrStale):
		return inquiry.VerdictStale, nil
	case errors.Is(err, inquiry.ErrUnsound):
		w.Log.ErrorContext(ctx, "unsound bill", "upstream", w.Client.Name, "inquiry", q.ID, "total", b.Total, "cost", b.Cost)
		return w.nothing(ctx, q, &upstream.Error{Code: b.Code, Err: err})
	case err != nil:
		return "", err
	}
	return inquiry.VerdictFound, nil
}

// nothing keeps why there is no bill. That the customer owes nothing is final; anything
// else may be better elsewhere.
func (w *Worker) nothing(ctx context.Context, q *inquiry.Inquiry, e *upstream.Error) (verdict string, err error) {
	verdict, outcome := inquiry.VerdictRefused, e.Class.String()
	if e.Reason != "" {
		outcome += " " + string(e.Reason)
	}
	if e.Class == upstream.Rejected {
		switch e.Reason {
		case upstream.ReasonNoBill, upstream.ReasonCustomer:
			verdict = inquiry.VerdictNoBill
		case upstream.ReasonProduct, upstream.ReasonGone:
			verdict = inquiry.VerdictDisturbed
		default:
		}
	}
	err = w.steadily(ctx, func(ctx context.Context) error { return w.Inquiries.Fail(ctx, q.ID, outcome, e.Code, said(e)) }, inquiry.ErrStale)
	if errors.Is(err, inquiry.ErrStale) {
		return inquiry.VerdictStale, nil
	}
	return verdict, err
}

// send buys, or pays where the purchase is of a bill.
func (w *Worker) send(ctx context.Context, slot *budget.Slot, p *upstream.Purchase) (res *upstream.Result, err error) {
	sent := w.Now()
	if p.Bill != nil {
		res, err = w.Client.Pay(ctx, slot, p)
	} else {
		res, err = w.Client.Submit(ctx, slot, p)
	}
	w.notes.took(w.Now().Sub(sent), err)
	return res, err
}

// tooLate ends an order for a bill whose time is over and for which nothing is under way:
// it stands in the queue, so that whatever was sent was proved to have bought nothing.
func (w *Worker) tooLate(ctx context.Context, o *order.Order) error {
	return w.quietly(ctx, o, order.Step{From: order.Queued, Version: o.Version, To: order.Failed, Message: sayLate})
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
