package sandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
)

const (
	// invoiceLife is how long an invoice may be paid. It is by itself after 5 s; one of
	// an amount that ends in 11 is not, and expires.
	invoiceLife = 30 * time.Minute
	// planUnpaid is that one's.
	planUnpaid = "11"
)

// CreateInvoice makes an invoice that is paid by itself. The same Ref again gives
// the invoice as it stands.
func (d *Driver) CreateInvoice(ctx context.Context, r *upstream.InvoiceRequest) (*upstream.Invoice, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if r.Amount <= 0 {
		return nil, upstream.Reject("", "amount", "nothing to pay")
	}
	now := d.now()
	ref := r.Ref
	if ref == "" {
		ref = now.Format(time.RFC3339Nano)
	}
	in := record{Kind: kindInvoice, Ref: ref, Plan: planSuccess, Quantity: 1, Credit: r.Amount, At: now}
	if r.Amount%100 == 11 {
		in.Plan = planUnpaid
	} else {
		paid := now.Add(soon)
		in.CreditAt = &paid
	}
	kept, _, err := d.books.keep(ctx, in)
	if err != nil {
		return nil, err
	}
	if kept.Credit != r.Amount && kept.CanceledAt == nil {
		return nil, upstream.Reject(upstream.ReasonDuplicate, "duplicate", "the reference belongs to another invoice")
	}
	return invoice(kept, now), nil
}

// InvoiceStatus tells where an invoice stands.
func (d *Driver) InvoiceStatus(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	r, err := d.books.byID(ctx, kindInvoice, numberOf(upstreamRef))
	if err != nil {
		return nil, err
	}
	if r == nil {
		return &upstream.Invoice{UpstreamRef: upstreamRef, State: upstream.InvoiceNotFound, Code: "none"}, nil
	}
	return invoice(r, d.now()), nil
}

// CancelInvoice closes an invoice that is not paid.
func (d *Driver) CancelInvoice(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	inv, err := d.InvoiceStatus(ctx, upstreamRef)
	if err != nil || inv.State == upstream.InvoiceNotFound || inv.State == upstream.InvoiceCanceled {
		return inv, err
	}
	if inv.State != upstream.InvoicePending {
		return nil, upstream.Reject("", "late", "cannot be canceled any more")
	}
	if err := d.books.cancelInvoice(ctx, numberOf(upstreamRef), d.now()); err != nil {
		return nil, err
	}
	return d.InvoiceStatus(ctx, upstreamRef)
}

func invoice(r *record, now time.Time) *upstream.Invoice {
	inv := &upstream.Invoice{
		UpstreamRef: refOf(r), State: upstream.InvoicePending, Amount: r.Credit, Total: r.Credit, QR: qris(r.Credit, refOf(r)),
		ExpiresAt: r.At.Add(invoiceLife), Code: "plan " + r.Plan,
	}
	switch {
	case r.CanceledAt != nil:
		inv.State = upstream.InvoiceCanceled
	case r.CreditAt != nil && !now.Before(*r.CreditAt):
		inv.State, inv.PaidAt, inv.Paid = upstream.InvoicePaid, *r.CreditAt, &r.Credit
	case !now.Before(inv.ExpiresAt):
		inv.State = upstream.InvoiceExpired
	}
	return inv
}

// qris writes a QRIS of a fixed amount that no bank would pay: the shop does not exist.
func qris(amount int64, ref string) string {
	field := func(tag, value string) string { return fmt.Sprintf("%s%02d%s", tag, len(value), value) }
	text := field("00", "01") + field("01", "12") +
		field("26", field("00", "ID.CO.TEST.WWW")+field("01", "936000000000000000")+field("02", "000000000000000")+field("03", "UMI")) +
		field("51", field("00", "ID.CO.QRIS.WWW")+field("02", "ID0000000000000")+field("03", "UMI")) +
		field("52", "4812") + field("53", "360") + field("54", fmt.Sprint(amount)) + field("58", "ID") + field("59", "TEST PAYMENT") +
		field("60", "JAKARTA") + field("61", "10110") + field("62", field("05", ref)) + "6304"
	return text + fmt.Sprintf("%04X", crc16(text))
}

// crc16 is CRC-16/CCITT-FALSE, the checksum of EMV codes.
func crc16(text string) uint16 {
	crc := uint16(0xFFFF)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// payoutFee is what a payout costs beside its amount, in rupiah.
const payoutFee = 1_000

// CreatePayout sends money to nobody. The last two digits of the account choose: 03,
// 04 and 12 reject it after 5 s, 05 and 06 decide after a minute, 07 and 08 lose the
// answer, and all others succeed after 5 s. The same Ref again gives the payout as
// it stands.
func (d *Driver) CreatePayout(ctx context.Context, r *upstream.PayoutRequest) (*upstream.Payout, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if r.Ref == "" || r.Amount <= 0 {
		return nil, upstream.Reject("", "amount", "a reference and an amount are needed")
	}
	if err := d.reaches(ctx, r.Amount+payoutFee); err != nil {
		return nil, err
	}
	now := d.now()
	in := record{
		Kind: kindPayout, Ref: r.Ref, Category: r.Method, Code: r.AccountName, Target: r.AccountNumber, Plan: lastDigits(r.AccountNumber),
		Quantity: 1, Debit: r.Amount + payoutFee, At: now,
	}
	if after, ok := payoutCourse(in.Plan); !ok {
		back := now.Add(after)
		in.Credit, in.CreditAt = in.Debit, &back
	}
	kept, fresh, err := d.books.keep(ctx, in)
	if err != nil {
		return nil, err
	}
	switch {
	case kept.Debit != in.Debit || kept.Target != in.Target:
		return nil, upstream.Reject(upstream.ReasonDuplicate, "duplicate", "the reference belongs to another payout")
	case fresh && (in.Plan == "07" || in.Plan == "08"):
		return nil, &upstream.Error{Class: upstream.Unknown, Staged: true, Code: "plan " + in.Plan, Err: errLost}
	}
	return payout(kept, now), nil
}

// payoutCourse is when a payout is decided, and whether it succeeds.
func payoutCourse(plan string) (after time.Duration, ok bool) {
	switch plan {
	case "03", "04", "08", "12":
		return soon, false
	case "05":
		return later, true
	case "06":
		return later, false
	}
	return soon, true
}

// PayoutStatus tells where a payout stands.
func (d *Driver) PayoutStatus(ctx context.Context, upstreamRef string) (*upstream.Payout, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	r, err := d.books.byID(ctx, kindPayout, numberOf(upstreamRef))
	if err != nil {
		return nil, err
	}
	if r == nil {
		return &upstream.Payout{UpstreamRef: upstreamRef, State: upstream.NotFound, Code: "none"}, nil
	}
	return payout(r, d.now()), nil
}

// PayoutHistory gives a page of payouts, newest first.
func (d *Driver) PayoutHistory(ctx context.Context, page int) ([]upstream.Payout, int, error) {
	all, err := d.books.read(ctx, `kind = 'payout' ORDER BY id DESC LIMIT $2 OFFSET $3`, pageSize+1, (page-1)*pageSize)
	if err != nil {
		return nil, 0, err
	}
	next := 0
	if len(all) > pageSize {
		all, next = all[:pageSize], page+1
	}
	now := d.now()
	rows := make([]upstream.Payout, len(all))
	for i := range all {
		rows[i] = *payout(&all[i], now)
	}
	return rows, next, nil
}

func payout(r *record, now time.Time) *upstream.Payout {
	out := &upstream.Payout{
		UpstreamRef: refOf(r), State: upstream.Pending, Amount: r.Debit - payoutFee, Fee: payoutFee, Method: r.Category,
		AccountNumber: r.Target, AccountName: r.Code, CreatedAt: r.At, Code: "plan " + r.Plan,
	}
	after, ok := payoutCourse(r.Plan)
	if decided := r.At.Add(after); !now.Before(decided) {
		out.State, out.ProcessedAt = upstream.Failed, decided
		if ok {
			out.State = upstream.Succeeded
		}
	}
	return out
}

// CheckTargets lists whose accounts can be checked.
func (d *Driver) CheckTargets(_ context.Context, kind string) ([]upstream.CheckTarget, error) {
	switch kind {
	case upstream.CheckBank:
		return []upstream.CheckTarget{{Code: "bca", Name: "BCA", Type: "bank"}, {Code: "bri", Name: "BRI", Type: "bank"}, {Code: "dana", Name: "DANA", Type: "ewallet"}}, nil
	case upstream.CheckGame:
		return []upstream.CheckTarget{{Code: "mobilelegend", Name: "Mobile Legends", Type: "game"}, {Code: "freefire", Name: "Free Fire", Type: "game"}}, nil
	}
	return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such kind of account")
}

// CheckAccount finds an account of every number, except that those ending in 04 are
// not valid, and that 03 finds the check disturbed.
func (d *Driver) CheckAccount(ctx context.Context, kind, code, number string) (*upstream.Account, error) {
	targets, err := d.CheckTargets(ctx, kind)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.Code != code {
			continue
		}
		switch lastDigits(number) {
		case "03":
			return nil, upstream.Reject(upstream.ReasonProduct, "03", "disturbed")
		case "04":
			return &upstream.Account{Number: number}, nil
		}
		return &upstream.Account{Valid: true, Number: number, Name: "TEST CUSTOMER"}, nil
	}
	return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such bank or game")
}
