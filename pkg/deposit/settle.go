package deposit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/ledger"
)

// Seen is what a gateway says of an invoice.
type Seen string

// What may be seen. SeenNothing is a question that was not answered.
const (
	SeenPaid     Seen = "paid"
	SeenPending  Seen = "pending"
	SeenExpired  Seen = "expired"
	SeenCanceled Seen = "canceled"
	SeenGone     Seen = "gone"
	SeenNothing  Seen = "nothing"
)

// Sighting is one word about a deposit's payment. Money is whole rupiah.
type Sighting struct {
	Seen Seen
	// Paid is what came, where the gateway says so; Total what its invoice is over,
	// zero when it does not say.
	Paid  *int64
	Total int64
	// PaidAt is when, zero when it does not say.
	PaidAt time.Time
	// Cause says who or what saw it: poll, cancel, statement, operator.
	Cause string
	// Code and Detail are the gateway's own, for operators.
	Code, Detail string
	// After is how long the gateway asked us to wait before the next question.
	After time.Duration
	// CancelRefused: the gateway was asked to cancel before, and would not.
	CancelRefused bool
}

// sayWrong and the others are why a person has to look.
const (
	sayWrong = "another amount was paid than was asked for"
	sayLate  = "paid more than a day after its end"
	sayGone  = "the gateway knows nothing of its own invoice"
	sayMute  = "the gateway has not said for long whether it was paid"
)

// See takes what a gateway says into account: credit, suspense, expiry, cancel, or
// just the next look. However often and from however many sides the same is seen,
// it counts once. It gives the deposit as it stands then.
func (k *Keeper) See(ctx context.Context, n int64, s Sighting) (*Deposit, error) {
	return k.change(ctx, n, func(_ context.Context, _ pgx.Tx, c *change) error { return c.see(&s) })
}

func (c *change) see(s *Sighting) error {
	d := c.d
	switch d.State {
	case Creating, Failed:
		return ErrStale
	case Paid, Suspended:
		c.quiet = true
		return nil
	case Pending, Expired, Canceled:
		if d.returned() {
			c.quiet = true
			return nil
		}
	}
	c.cause, c.detail = s.Cause, said(s)
	d.Polls++
	d.LookedAt = &c.now
	switch s.Seen {
	case SeenPaid:
		c.paid(s)
	case SeenPending, SeenGone, SeenExpired, SeenCanceled:
		c.unpaid(s)
	default:
		c.unheard(s)
	}
	return nil
}

// returned tells whether what was paid has been given back by an operator.
func (d *Deposit) returned() bool { return d.Suspense > 0 && d.State == Canceled }

func said(s *Sighting) string {
	text := string(s.Seen)
	for _, part := range []string{s.Code, s.Detail} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

// paid is the gateway's word that the payer has paid.
func (c *change) paid(s *Sighting) {
	d := c.d
	came := d.Total
	switch {
	case s.Paid != nil:
		came = *s.Paid
	case s.Total != 0:
		came = s.Total
	}
	at := s.PaidAt.UTC().Truncate(time.Microsecond)
	if s.PaidAt.IsZero() || at.After(c.now) {
		at = c.now
	}
	switch {
	case came != d.Total || s.Total != 0 && s.Total != d.Total:
		c.suspend(came, at, fmt.Sprintf("%s: %d of %d", sayWrong, came, d.Total))
	case d.EndedAt != nil && at.After(d.EndedAt.Add(Grace)):
		c.suspend(came, at, sayLate)
	default:
		c.credit(d.Amount, at)
	}
}

// credit puts amount into the wallet, and the rest of what we received where it
// belongs.
func (c *change) credit(amount int64, at time.Time) {
	d, b := c.d, c.books
	d.PaidAt, d.Credited, d.Flag = &at, amount, ""
	wallet := ledger.WalletAccount(d.WalletID)
	switch d.State {
	case Suspended:
		c.post(ledger.KindDeposit, b.suspense, wallet, amount)
		c.post(ledger.KindDepositFee, b.suspense, b.fees, d.Suspense-amount)
	default:
		c.post(ledger.KindDeposit, b.clearing, wallet, amount)
		c.post(ledger.KindDepositFee, b.clearing, b.fees, d.Received-amount)
		c.post(ledger.KindDepositCharge, b.charges, b.clearing, amount-d.Received)
	}
	c.enter(Paid, nil)
}

// suspend keeps what came apart until a person has said whose it is.
func (c *change) suspend(came int64, at time.Time, why string) {
	d, b := c.d, c.books
	if came <= 0 { // paid, and nothing came: there is nothing to keep
		d.Flag = why
		c.unheard(&Sighting{})
		return
	}
	d.PaidAt, d.Suspense, d.Flag = &at, came, why
	c.post(ledger.KindSuspense, b.clearing, b.suspense, came)
	c.enter(Suspended, nil)
}

// unpaid is the gateway's word that nothing was paid so far.
func (c *change) unpaid(s *Sighting) {
	d := c.d
	if d.State != Pending {
		c.quiet = true
		d.NextRunAt = c.lateLook()
		return
	}
	asked := d.CancelRequested // whatever became of it: the end overtook a cancel, and nothing was paid
	if s.CancelRefused {
		d.CancelRequested = false
	}
	over := !c.now.Before(d.ExpiresAt.Add(lastQuestion))
	switch {
	case s.Seen == SeenCanceled, asked && (s.Seen == SeenExpired || over):
		c.enter(Canceled, nil)
		d.NextRunAt = c.lateLook()
	case s.Seen == SeenExpired, over:
		c.enter(Expired, nil)
		d.NextRunAt = c.lateLook()
	default:
		c.quiet = !s.CancelRefused && (s.Seen != SeenGone || d.Flag != "")
		if s.Seen == SeenGone {
			d.Flag = sayGone
		}
		d.NextRunAt = c.nextLook(s)
		return
	}
	d.Flag = ""
}

// unheard is a question that was not answered: it says nothing of the deposit.
func (c *change) unheard(s *Sighting) {
	d := c.d
	c.quiet = true
	if d.State == Pending {
		if d.Flag == "" && c.now.After(d.ExpiresAt.Add(time.Hour)) {
			d.Flag, c.quiet = sayMute, false
		}
		d.NextRunAt = c.nextLook(s)
		return
	}
	if d.NextRunAt = c.lateLook(); d.NextRunAt == nil {
		// The last look must be an answered one.
		d.NextRunAt = c.in(time.Hour)
	}
	if next := c.now.Add(s.After); d.NextRunAt.Before(next) {
		d.NextRunAt = &next
	}
}
