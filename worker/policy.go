package worker

import (
	"time"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// maxRefusals bounds how many times one order may be refused before it fails;
	// attempts that never left us do not count.
	maxRefusals = 5
	// flagAfter attempts that never left us, an operator is told.
	flagAfter = 10
	// lateSerial is how long a missing serial number is asked for after success.
	lateSerial = 24 * time.Hour
	// overdue after a number's end, an operator is told that its source is silent.
	overdue = 15 * time.Minute
	// doubtful for so long, an outcome is shown to an operator, and asked about on.
	doubtful = 15 * time.Minute
)

// Words that merchants read. They say what to do and never whose words they were.
const (
	sayCustomer    = "The destination number or account was not accepted. Check it and order again."
	sayUnavailable = "The product could not be delivered at the moment. You have been refunded."
	sayCanceled    = "The order was canceled. You have been refunded."
	sayExpired     = "No code arrived before the number expired. You have been refunded."
	sayPartial     = "Delivered in part. The rest has been refunded."
	sayLate        = "The bill could not be paid in time. Ask for it anew and order again. You have been refunded."
	sayNoBill      = "Nothing is owed any more, or it has been paid otherwise. You have been refunded."
)

// facts are what the policy needs to know besides the upstream's word.
type facts struct {
	o   *order.Order
	now time.Time
	// next gives another offer of the same product that this order has not tried;
	// nil when there is none, or when enough have refused.
	next func() *order.Route
	// jitter spreads looks; it is in [0, 1).
	jitter float64
}

func (f facts) in(d time.Duration) *time.Time {
	at := f.now.Add(d + time.Duration(f.jitter*float64(d)/5))
	return &at
}

// look is when to ask about an open order next.
func (f facts) look() *time.Time {
	delay := pollDelay(f)
	at := *f.in(delay)
	if f.o.Category == order.SMM {
		at = onGrid(at, delay)
	}
	return &at
}

// afterError is the table from error class to what happens next with a purchase.
func afterError(f facts, e *upstream.Error) order.Step {
	s := order.Step{Outcome: e.Class.String(), Reason: string(e.Reason), SaidCode: e.Code, SaidDetail: said(e)}
	switch e.Class {
	case upstream.NotSent:
		// Nothing left us: the same attempt may be made again, here or elsewhere.
		s.To, s.NextRunAt = order.Queued, f.in(backoff(f.o.Attempt))
		if f.o.Attempt >= flagAfter {
			s.Flag = "the source cannot be reached"
		}
		if f.o.Attempt%3 == 0 {
			s.Route = f.next()
		}
	case upstream.Throttled:
		s.To, s.NextRunAt = order.Queued, f.in(max(e.After, backoff(f.o.Attempt)))
		if f.o.Attempt >= flagAfter {
			s.Flag = "the source keeps refusing for its rate"
		}
		if f.o.Attempt%3 == 0 {
			s.Route = f.next()
		}
	case upstream.Rejected:
		refused(f, &s, e.Reason)
	default:
		s.To, s.NextRunAt = order.Unknown, f.in(firstAsk)
		if e.Answered {
			s.Outcome = order.OutcomeRefused
		}
	}
	return s
}

// firstAsk is how long after a lost answer the upstream is first asked.
const firstAsk = 2 * time.Second

// refused is a purchase that certainly did not happen.
func refused(f facts, s *order.Step, reason upstream.Reason) {
	switch reason {
	case upstream.ReasonDuplicate:
		// The reference is known there already, and only our own attempt bears it.
		s.To, s.NextRunAt = order.Unknown, f.in(firstAsk)
		return
	case upstream.ReasonCustomer:
		s.To, s.Message = order.Failed, sayCustomer
		if f.o.Category == order.SMM {
			s.Message = sayLink
		}
		return
	case upstream.ReasonExpired:
		s.To, s.Message = order.Failed, sayLate
		return
	case upstream.ReasonNoBill:
		s.To, s.Message = order.Failed, sayNoBill
		return
	case upstream.ReasonBusy:
		s.To, s.Message = order.Failed, sayBusy // elsewhere it would take from the other one
		return
	case upstream.ReasonTwin, upstream.ReasonLate:
		// It may be delivered all the same, by somebody else or late: nowhere a second time.
		s.To, s.Message = order.Failed, sayUnavailable
		return
	case upstream.ReasonProduct, upstream.ReasonPrice, upstream.ReasonOurBalance, upstream.ReasonOurAccount, upstream.ReasonRepeat,
		upstream.ReasonGone, upstream.ReasonEarly, upstream.ReasonRequest, upstream.ReasonFull, upstream.ReasonSignature: // another offer may do better
	}
	// One that is to be canceled is not led there: its row, which may know of that by now
	// what f.o does not, sees to it.
	if s.Route = f.next(); s.Route != nil {
		now := f.now
		s.To, s.NextRunAt = order.Queued, &now
		return
	}
	s.To, s.Message = order.Failed, sayUnavailable
}

// afterResult is the table from an upstream's word to what happens next.
func afterResult(f facts, r *upstream.Result) (s order.Step) {
	s = news(f, r)
	defer func() { alert(f, &s, r) }()
	switch r.State {
	case upstream.Pending:
		s.Outcome = "accepted"
		s.NextRunAt = f.look()
		if f.o.State != order.Processing {
			s.To = order.Processing
		}
		if e := f.o.ExpiresAt; e != nil && f.now.After(e.Add(overdue)) {
			s.Flag = "the number's end has passed and the source does not say what became of it"
		}
	case upstream.Succeeded:
		s.Outcome = "succeeded"
		succeeded(f, &s)
	case upstream.Failed:
		s.Outcome = "failed"
		defer func() { watchLate(f, &s) }()
		if r.Refunded != nil && !*r.Refunded {
			s.Flag = "the source says failed but has not given our money back"
			s.To, s.Message = order.Failed, sayUnavailable
			if r.Reason == upstream.ReasonCustomer {
				s.Message = sayCustomer
			}
			break
		}
		refused(f, &s, r.Reason)
	case upstream.Partial:
		endedInPart(f, &s, r)
	case upstream.Canceled:
		if f.o.Category == order.SMM {
			canceledSMM(f, &s, r)
			break
		}
		s.Outcome, s.To, s.Message = "canceled", order.Canceled, sayCanceled
	case upstream.Expired:
		s.Outcome, s.To, s.Message = "expired", order.Expired, sayExpired
	case upstream.NotFound:
		// Unknown orders are treated before; a purchase that was accepted and is not
		// found is a matter for people.
		s.Flag, s.NextRunAt = "the source knows nothing of an accepted order", f.in(10*time.Minute)
	}
	return s
}

// afterFinal is what may still come of an order that has ended: a serial number
// or a further code, a success after a failure. Nothing else is waited for.
func afterFinal(f facts, r *upstream.Result) order.Step {
	s := news(f, r)
	switch f.o.State { //nolint:exhaustive // the others have no further looks
	case order.Completed:
		if f.o.Category == order.SMM {
			afterCompletion(f, &s, r)
			alert(f, &s, r)
			break
		}
		switch r.State {
		case upstream.Failed, upstream.Canceled, upstream.Partial, upstream.Expired:
			if f.o.Category == order.PPOB {
				s.Flag = "the source took back its success"
			}
		default: // that it does not find it, or cannot say, tells nothing new
			awaited(f, &s)
		}
	case order.Failed:
		if r.State == upstream.Succeeded {
			s.To, s.Outcome = order.Completed, "succeeded"
		} else {
			watchLate(f, &s)
		}
	}
	return s
}

// watchLate looks again after a failure by the source's word: some take it back.
func watchLate(f facts, s *order.Step) {
	if s.To != order.Failed && f.o.State != order.Failed {
		return
	}
	var since time.Duration
	if f.o.State == order.Failed && f.o.CompletedAt != nil {
		since = f.now.Sub(*f.o.CompletedAt)
	}
	for _, look := range []time.Duration{2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		if look > since {
			s.NextRunAt = f.in(look - since)
			return
		}
	}
}

// succeeded completes an order.
func succeeded(f facts, s *order.Step) {
	s.To = order.Completed
	awaited(f, s)
}

// awaited looks again while a serial number or a further code may come.
func awaited(f facts, s *order.Step) {
	switch {
	case f.o.Category == order.PPOB && s.SN == "" && f.o.Facts.SN == "" && f.now.Sub(f.o.CreatedAt) < lateSerial:
		s.NextRunAt = f.in(pollDelay(f))
	case f.o.Category == order.SMM:
		s.NextRunAt = watch(f)
	case f.o.Category == order.OTP && f.o.ResendRequested && f.o.ExpiresAt != nil && f.now.Before(*f.o.ExpiresAt):
		s.NextRunAt = f.in(pollDelay(f))
	}
}

// news carries an upstream's facts into a step.
func news(f facts, r *upstream.Result) order.Step {
	s := order.Step{
		UpstreamRef: r.UpstreamRef, Reason: string(r.Reason), SaidCode: r.Code, SaidDetail: r.Detail, Cost: r.Cost, BalanceAfter: r.Balance,
		SN: r.SN, Phone: r.Phone, Country: r.Country, Service: r.Service, Operator: r.Operator,
		StartCount: r.StartCount, Remains: r.Remains,
	}
	if !r.ExpiresAt.IsZero() {
		s.ExpiresAt = &r.ExpiresAt
	}
	for _, m := range r.Messages {
		at := m.ReceivedAt
		if at.IsZero() {
			at = f.now
		}
		s.Messages = append(s.Messages, order.Message{Code: m.Code, Text: m.Text, ReceivedAt: at.UTC().Truncate(time.Microsecond)})
	}
	return s
}

// pollDelay is when an order is worth asking about again: soon while it is young
// or about to expire, then slower with age.
func pollDelay(f facts) time.Duration {
	age := f.now.Sub(f.o.CreatedAt)
	if f.o.SentAt != nil {
		age = f.now.Sub(*f.o.SentAt)
	}
	if e := f.o.ExpiresAt; e != nil && f.now.After(e.Add(time.Minute)) {
		return min(max(f.now.Sub(*e)/4, 30*time.Second), 10*time.Minute)
	}
	if f.o.Category == order.OTP {
		return min(max(age/20, 2*time.Second), 15*time.Second)
	}
	if f.o.Category == order.SMM {
		return smmDelay(age)
	}
	return min(max(age/4, 2*time.Second), 5*time.Minute)
}

// backoff is how long an attempt that never left us waits: 1 s, 2 s, 4 s … 1 min.
func backoff(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 6), time.Minute)
}

// said is the operators' text of an error.
func said(e *upstream.Error) string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Err != nil:
		return upstream.Clip(e.Err.Error())
	}
	return ""
}
