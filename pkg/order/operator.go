package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/operator"
)

// What a merchant reads of an order that an operator lets fail, or end in part.
const (
	sayOperator     = "The product could not be delivered. You have been refunded."
	sayOperatorPart = "Delivered in part. The rest has been refunded."
)

// ErrNotResolvable: the order stands where an operator's word changes nothing.
var ErrNotResolvable = errors.New("order: not to be resolved")

// causeOperator marks changes by a person's word.
const causeOperator = "operator"

// Listed is an order with whose it is, for operators.
type Listed struct {
	Order      `bun:",extend"`
	MerchantID string `bun:"merchant_id,scanonly"`
}

// OperatorFilter selects orders of every merchant; the source is an upstream.
type OperatorFilter = operator.Filter[State]

// ListAll gives orders of every merchant, newest first.
func ListAll(ctx context.Context, db bun.IDB, f OperatorFilter) ([]Listed, error) {
	var out []Listed
	if err := f.Apply(db.NewSelect().Model(&out), "o", "upstream").Scan(ctx); err != nil {
		return nil, fmt.Errorf("order: list all: %w", err)
	}
	return out, nil
}

// ParseID reads what an operator calls an order: its order_id, or the number
// that logs, tasks and rows know it by.
func ParseID(s string) (int64, bool) {
	return operator.ParseID(strings.ToUpper(s), func(s string) (int64, bool) {
		_, n, ok := ParsePublicID(s)
		return n, ok
	})
}

// Event is one change of an order, and who or what caused it.
type Event struct {
	bun.BaseModel `bun:"table:order_events,alias:e"`

	OrderID   int64     `bun:"order_id,pk"`
	Version   int64     `bun:"version,pk"`
	Attempt   int       `bun:"attempt"`
	FromState State     `bun:"from_state"`
	ToState   State     `bun:"to_state"`
	Cause     string    `bun:"cause"`
	Detail    string    `bun:"detail"`
	CreatedAt time.Time `bun:"created_at"`
}

// Evidence is what the rows of this package know of an order: enough to decide
// what became of it.
type Evidence struct {
	Order      *Order
	MerchantID string
	// Attempts and Events are in the order in which they happened.
	Attempts []Attempt
	Events   []Event
	// Concluded is what was concluded from balances, in that order too.
	Concluded []Concluded
}

// ReadEvidence reads an order with its history, whoever's it is; ErrNotFound when
// there is none.
func ReadEvidence(ctx context.Context, db bun.IDB, id int64) (*Evidence, error) {
	row := new(Listed)
	err := db.NewSelect().Model(row).ColumnExpr("?TableColumns").ColumnExpr("w.merchant_id").
		Join("JOIN wallets AS w ON w.id = o.wallet_id").Where("o.id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("order: evidence: %w", err)
	}
	e := &Evidence{Order: &row.Order, MerchantID: row.MerchantID}
	if err := db.NewSelect().Model(&e.Attempts).Where("a.order_id = ?", id).Order("a.n").Scan(ctx); err != nil {
		return nil, fmt.Errorf("order: evidence: %w", err)
	}
	if err := db.NewSelect().Model(&e.Events).Where("e.order_id = ?", id).Order("e.version").Scan(ctx); err != nil {
		return nil, fmt.Errorf("order: evidence: %w", err)
	}
	if err := db.NewSelect().Model(&e.Concluded).Where("v.order_id = ?", id).Order("v.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("order: evidence: %w", err)
	}
	return e, nil
}

// Resolution is an operator's word on what became of an order.
type Resolution struct {
	// As is Completed or Failed, or Partial with what remains of a social media order.
	As      State
	Remains *int64
	// SN is the receipt of what was delivered; for a rented number, the code that came.
	SN  string
	Why string
	// Actor is who says so.
	Actor string
	// Recharge takes the price of a late success again, if the balance allows.
	Recharge bool
}

// Resolve settles an order on an operator's word, with an audit row in the same
// commit. Only what may have been bought can be called completed, and a failed
// order may yet turn out to be; every other final state stays: ErrNotResolvable.
// ErrStale when the order moved on in this moment, ErrNotFound when there is none.
func (w *Writer) Resolve(ctx context.Context, db bun.IDB, id int64, r Resolution) (*Order, error) {
	o, err := ByID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	why := o.resolvable(r.As)
	if why == "" && r.As == Partial {
		why = o.divisible(r.Remains)
	}
	if why != "" {
		return nil, fmt.Errorf("%w: %s", ErrNotResolvable, why)
	}
	s := Step{
		OrderID: o.ID, Attempt: o.Attempt, From: o.State, To: r.As, Cause: causeOperator, Flag: "-", Recharge: r.Recharge, Note: r.Why,
		Audit: w.audited(o, r.Actor, "order.resolve", map[string]any{"from": o.State, "as": r.As, "sn": r.SN, "why": r.Why}),
	}
	switch {
	case r.As == Failed:
		s.Outcome, s.Message = "failed", sayOperator
	case r.As == Partial:
		s.Outcome, s.Message, s.Remains = "partial", sayOperatorPart, r.Remains
		if o.State == Unknown { // its source has told no charge: what was expected is for all of it
			cost := o.Cost - mulDiv(o.Cost, *r.Remains, o.Total())
			s.Cost = &cost
		}
	case o.Category == OTP && r.SN != "":
		s.Outcome, s.Messages = "succeeded", []Message{{Code: r.SN, ReceivedAt: w.now().UTC().Truncate(time.Microsecond)}}
	default:
		s.Outcome, s.SN = "succeeded", r.SN
	}
	return w.Do(ctx, s)
}

// resolvable is empty when an operator may call the order that.
func (o *Order) resolvable(as State) string {
	switch {
	case as != Completed && as != Failed && as != Partial:
		return "an order is resolved as completed, failed or partial"
	case as == Partial && o.State != Processing && o.State != Unknown:
		return "it is " + string(o.State) + ": only what may have been bought is delivered in part"
	case o.State == Processing || o.State == Unknown, o.State == Failed && as == Completed, o.State == Queued && (as == Failed || o.Attempt > 0):
		return ""
	case o.State == Queued:
		return "it is queued: nothing has been bought yet"
	case o.State == Sending:
		return "it is being sent at this moment"
	}
	return "it is " + string(o.State) + ", which is final"
}

// divisible is empty when an operator may say that so much of the order remains.
func (o *Order) divisible(remains *int64) string {
	switch total := o.Total(); {
	case o.Category != SMM || total == 0:
		return "no count says how much of it was delivered; resolve it as completed or failed, and adjust the balance"
	case remains == nil || *remains <= 0 || *remains >= total:
		return fmt.Sprintf("what remains must be between 0 and %d; nothing or all is completed or failed", total)
	}
	return ""
}

// Seen takes an order's flag away, with an audit row: a person has looked and
// needs nobody else to. It changes nothing else. ErrNotResolvable without a flag.
func (w *Writer) Seen(ctx context.Context, db bun.IDB, id int64, why, actor string) (*Order, error) {
	o, err := ByID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	if o.Flag == "" {
		return nil, fmt.Errorf("%w: it has no flag", ErrNotResolvable)
	}
	if !o.State.Final() && o.NextRunAt == nil {
		return nil, fmt.Errorf("%w: nothing but a person's decision ends it, so it stays in the list until it is resolved", ErrNotResolvable)
	}
	return w.Do(ctx, Step{
		OrderID: o.ID, Attempt: o.Attempt, From: o.State, Cause: causeOperator, Flag: "-", Note: why, NextRunAt: o.NextRunAt,
		Audit: w.audited(o, actor, "order.seen", map[string]any{"flag": o.Flag, "why": why}),
	})
}

func (w *Writer) audited(o *Order, actor, action string, detail any) *audit.Entry {
	return &audit.Entry{Actor: actor, Action: action, Subject: o.PublicID(), Detail: detail, At: w.now()}
}

// CountOpen counts an upstream's orders that are not final, by state, and those
// that are flagged, final or not.
func CountOpen(ctx context.Context, db bun.IDB, upstream string) (open map[State]int64, flagged int64, err error) {
	var rows []struct {
		State State `bun:"state"`
		N     int64 `bun:"n"`
	}
	err = db.NewSelect().Table("orders").Column("state").ColumnExpr("count(*) AS n").
		Where("upstream = ? AND state IN ('queued', 'sending', 'processing', 'unknown')", upstream).Group("state").Scan(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("order: count open: %w", err)
	}
	open = map[State]int64{Queued: 0, Sending: 0, Processing: 0, Unknown: 0}
	for _, r := range rows {
		open[r.State] = r.N
	}
	err = db.NewSelect().Table("orders").ColumnExpr("count(*)").Where("upstream = ? AND flag <> ''", upstream).Scan(ctx, &flagged)
	if err != nil {
		return nil, 0, fmt.Errorf("order: count open: %w", err)
	}
	return open, flagged, nil
}
