package order

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/id"
)

// Bill is what an order pays: what was inquired before, and what is needed to pay just
// that, through whom it was inquired. Money is whole rupiah.
type Bill struct {
	// InquiryID is our id of the inquiry, by which its source knows inquiry and payment.
	InquiryID    int64  `json:"inquiry"`
	CustomerName string `json:"customer_name,omitempty"`
	Period       string `json:"period,omitempty"`
	// Amount is what is owed, Admin the biller's fee, and Total both: what the customer pays.
	Amount int64 `json:"amount"`
	Admin  int64 `json:"admin"`
	Total  int64 `json:"total"`
	// Cost is what paying it takes from our balance at the source.
	Cost int64 `json:"cost"`
	// Lines are further facts by name: what the source's driver lets be shown.
	Lines map[string]string `json:"lines,omitempty"`
	// UpstreamRef is the source's id of the inquiry; may be empty.
	UpstreamRef string `json:"upstream_ref,omitempty"`
	// PayBy is until when it may be paid at the source: not beyond its own rule, nor the
	// day (WIB) of the inquiry.
	PayBy time.Time `json:"pay_by"`
	// ZoneID and Inputs are what was asked with besides the customer's number.
	ZoneID *string           `json:"zone_id,omitempty"`
	Inputs map[string]string `json:"inputs,omitempty"`
}

// BillView is a bill as its merchant sees it.
type BillView struct {
	CustomerName *string           `json:"customer_name" doc:"Whose bill it is." example:"ANTO"`
	Period       *string           `json:"period" doc:"What it is for." example:"APR26"`
	Amount       int64             `json:"amount" doc:"Rupiah owed." example:"300000"`
	Admin        int64             `json:"admin" doc:"Rupiah of the biller's fee." example:"2750"`
	Total        int64             `json:"total" doc:"Rupiah of both: what the customer pays." example:"302750"`
	Lines        map[string]string `json:"lines" nullable:"false" doc:"Further facts of this kind of bill, by name."`
}

// View gives the bill as its merchant sees it.
func (b *Bill) View() *BillView {
	if b == nil {
		return nil
	}
	lines := b.Lines
	if lines == nil {
		lines = map[string]string{}
	}
	return &BillView{CustomerName: text(b.CustomerName), Period: text(b.Period), Amount: b.Amount, Admin: b.Admin, Total: b.Total, Lines: lines}
}

// OurRef is our reference for an attempt of the order. All attempts at a bill bear its
// inquiry's, so that its source takes them for one.
func (o *Order) OurRef(attempt int) string {
	if b := o.Facts.Bill; b != nil {
		return InquiryRef(b.InquiryID)
	}
	return OurRef(o.ID, attempt)
}

// ParseInquiryRef reads a reference that [InquiryRef] wrote; ok is false for any other text.
func ParseInquiryRef(ref string) (inquiryID int64, ok bool) {
	text, found := strings.CutPrefix(ref, "I")
	if !found {
		return 0, false
	}
	return id.Parse(text)
}

// PaidBy gives the order that pays an inquiry, and the attempt that bears its reference
// now. [ErrNotFound] when none has.
func PaidBy(ctx context.Context, pool *pgxpool.Pool, inquiryID int64) (orderID int64, attempt int, err error) {
	err = pool.QueryRow(ctx, `SELECT o.id, o.attempt FROM inquiries i JOIN orders o ON o.id = i.order_id WHERE i.id = $1`, inquiryID).Scan(&orderID, &attempt)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, ErrNotFound
	}
	if err != nil {
		return 0, 0, fmt.Errorf("order: paid by: %w", err)
	}
	return orderID, attempt, nil
}

// Overdue tells whether the order is for a bill that can no longer be paid.
func (o *Order) Overdue(now time.Time) bool {
	b := o.Facts.Bill
	return b != nil && !now.Before(b.PayBy)
}

// inquired is an inquiry as it stands while a ref of its is placed.
type inquired struct {
	id        int64
	paid      bool
	price     int64
	expiresAt time.Time
}

// inquiredSQL locks the inquiries that bear a ref. Whoever asks a bill anew locks the
// one that it replaces, so that what is paid is what the merchant was told last.
const inquiredSQL = `SELECT i.wallet_id, i.ref, i.id, i.state = 'paid', i.price, i.expires_at FROM unnest($1::bigint[], $2::text[]) AS u(wallet, ref)
	JOIN inquiries i ON i.wallet_id = u.wallet AND i.ref = u.ref WHERE i.state IN ('open', 'paid') ORDER BY i.id FOR NO KEY UPDATE OF i`

func (s *sitting) queueInquired(b *pgx.Batch, wallets []int64, refs []string) {
	s.inquired = map[refKey]inquired{}
	b.Queue(inquiredSQL, wallets, refs).Query(func(rows pgx.Rows) error {
		var k refKey
		var q inquired
		_, err := pgx.ForEachRow(rows, []any{&k.wallet, &k.ref, &q.id, &q.paid, &q.price, &q.expiresAt}, func() error {
			s.inquired[k] = q
			return nil
		})
		return err
	})
}

// payable refuses an order that does not pay exactly what was inquired under its ref.
func (s *sitting) payable(r *Request) error {
	q, known := s.inquired[r.key()]
	switch {
	case !known && r.Bill == nil:
		return nil
	case r.Bill == nil:
		return ErrConflict // the ref stands for a bill
	case !known, q.id != r.Bill.InquiryID, q.paid, q.price != r.Price:
		return ErrInquiredAnew
	case !s.now.Before(q.expiresAt):
		return ErrInquiryExpired
	}
	return nil
}

const paidSQL = `UPDATE inquiries i SET state = 'paid', order_id = u.order_id, updated_at = $3
	FROM unnest($1::bigint[], $2::bigint[]) AS u(id, order_id) WHERE i.id = u.id AND i.state = 'open'`

// queuePaid marks the inquiries that the fresh orders pay.
func (s *sitting) queuePaid(b *pgx.Batch) {
	var inquiries, orders []int64
	for _, o := range s.fresh {
		if o.Facts.Bill != nil {
			inquiries, orders = append(inquiries, o.Facts.Bill.InquiryID), append(orders, o.ID)
		}
	}
	if len(inquiries) == 0 {
		return
	}
	b.Queue(paidSQL, inquiries, orders, s.now).Exec(func(tag pgconn.CommandTag) error {
		if n := tag.RowsAffected(); n != int64(len(inquiries)) {
			return fmt.Errorf("order: %d of %d inquiries could be paid", n, len(inquiries)) // they are locked: this cannot be
		}
		return nil
	})
}
