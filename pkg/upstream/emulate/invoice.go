package emulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Invoice is a bill by which money comes to us: the provider's own record of it. Money
// is in rupiah.
type Invoice struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	// Amount is what our balance gets, Fee what the provider keeps and Total what is
	// paid. Among the pending no total occurs twice.
	Amount    int64     `json:"amount"`
	Fee       int64     `json:"fee"`
	Total     int64     `json:"total"`
	At        time.Time `json:"at"`
	ExpiresAt time.Time `json:"expires_at"`
	// State is one of the four below; a provider has its own words for them.
	State InvoiceState `json:"state"`
	// EndedAt is when it was paid, canceled or ran out.
	EndedAt *time.Time `json:"ended_at,omitempty"`
	// paysAt is when somebody will pay it; zero for never.
	paysAt time.Time
}

// InvoiceState is where an invoice stands.
type InvoiceState string

// The states of an invoice.
const (
	InvoicePending  InvoiceState = "pending"
	InvoicePaid     InvoiceState = "paid"
	InvoiceCanceled InvoiceState = "canceled"
	InvoiceExpired  InvoiceState = "expired"
)

// Payer decides when an invoice is paid by itself; pays is false for never. It is
// called with the book locked, so it must not call back into the emulator.
type Payer func(i Invoice, rng *rand.Rand) (after time.Duration, pays bool)

// PaidAfter lets every invoice be paid after the same time; none after zero or less.
func PaidAfter(after time.Duration) Payer {
	return func(Invoice, *rand.Rand) (time.Duration, bool) { return after, after > 0 }
}

// Issue enters an invoice. Its total is amount and fee, made unique among the pending
// by as many rupiah more of fee as that takes.
func (b *Book) Issue(i Invoice) *Invoice {
	i.State = InvoicePending
	for i.Total = i.Amount + i.Fee; slices.ContainsFunc(b.pending, func(o *Invoice) bool { return o.Total == i.Total }); i.Total++ {
		i.Fee++
	}
	if after, pays := b.payer(i, b.Rand); pays {
		i.paysAt = i.At.Add(after)
	}
	out := &i
	b.invoices = append(b.invoices, out)
	b.pending = append(b.pending, out)
	b.invoiceByID[i.ID] = out
	return out
}

// InvoiceByID finds an invoice; nil when there is none.
func (b *Book) InvoiceByID(id string) *Invoice { return b.invoiceByID[id] }

// Pending are the invoices that may still be paid, oldest first.
func (b *Book) Pending() []*Invoice { return b.pending }

// Issued is how many invoices there are.
func (b *Book) Issued() int { return len(b.invoices) }

// Pay lets an invoice be paid now and credits our balance; late also one that was
// canceled or has run out, as happens when the payer's bank is slow. It says whether
// it was paid by this.
func (b *Book) Pay(i *Invoice, now time.Time, late bool) bool {
	if i.State == InvoicePaid || (i.State != InvoicePending && !late) {
		return false
	}
	b.end(i, InvoicePaid, now)
	b.Move(now, i.Amount, "deposit "+i.ID)
	return true
}

// CancelInvoice ends a pending invoice; it says whether it was pending.
func (b *Book) CancelInvoice(i *Invoice, now time.Time) bool {
	if i.State != InvoicePending {
		return false
	}
	b.end(i, InvoiceCanceled, now)
	return true
}

func (b *Book) end(i *Invoice, s InvoiceState, at time.Time) {
	i.State, i.EndedAt = s, &at
	b.pending = slices.DeleteFunc(b.pending, func(o *Invoice) bool { return o == i })
}

// ends is when a pending invoice ends by itself.
func (i *Invoice) ends() time.Time {
	if !i.paysAt.IsZero() && i.paysAt.Before(i.ExpiresAt) {
		return i.paysAt
	}
	return i.ExpiresAt
}

// endByItself lets an invoice be paid or run out, whichever comes first.
func (b *Book) endByItself(i *Invoice) {
	if at := i.ends(); at.Equal(i.ExpiresAt) {
		b.end(i, InvoiceExpired, at)
	} else {
		b.Pay(i, at, false)
	}
}

// Received is what was paid to us by invoices, in rupiah: the balance is the opening
// one and this, without what was spent.
func (b Books) Received() int64 {
	var sum int64
	for _, i := range b.Invoices {
		if i.State == InvoicePaid {
			sum += i.Amount
		}
	}
	return sum
}

// SetPayer changes when later invoices are paid by themselves.
func (c *Core) SetPayer(p Payer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.payer = p
}

// PayInvoice lets an invoice be paid now; late also one that has ended unpaid. It
// says whether it was paid by this.
func (c *Core) PayInvoice(id string, late bool) bool {
	paid := false
	c.Do(func(b *Book, now time.Time) {
		if i := b.InvoiceByID(id); i != nil {
			paid = b.Pay(i, now, late)
		}
	})
	return paid
}

// ExpireInvoice lets a pending invoice run out now; it says whether it was pending.
func (c *Core) ExpireInvoice(id string) bool {
	ended := false
	c.Do(func(b *Book, now time.Time) {
		if i := b.InvoiceByID(id); i != nil && i.State == InvoicePending {
			b.end(i, InvoiceExpired, now)
			i.ExpiresAt = now
			ended = true
		}
	})
	return ended
}

// Payer builds what the spec says of invoices.
func (s Spec) Payer() (Payer, error) {
	if s.PaidAfter < 0 {
		return nil, fmt.Errorf("script: paid_after is negative")
	}
	return PaidAfter(time.Duration(s.PaidAfter)), nil
}
