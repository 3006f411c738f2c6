package backoffice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
)

// DepositRow is a deposit as operators see it; money is whole rupiah.
type DepositRow struct {
	DepositID   string        `json:"deposit_id" example:"MRA-DP-0G3ZK4T8M1Q2R"`
	ID          int64         `json:"id,string" doc:"The number that logs and rows know it by."`
	MerchantID  string        `json:"merchant_id"`
	Mode        string        `json:"mode" enum:"live,test"`
	Ref         string        `json:"ref" doc:"The merchant's own; empty for none."`
	State       deposit.State `json:"state" enum:"creating,pending,paid,expired,canceled,suspense,failed"`
	Status      string        `json:"status" doc:"What the merchant sees."`
	Flag        string        `json:"flag" doc:"Why a person has to look; empty when nobody has to."`
	Amount      int64         `json:"amount" doc:"Rupiah that were asked for."`
	Fee         int64         `json:"fee" doc:"On top of it."`
	Total       int64         `json:"total" doc:"What is paid: amount and fee."`
	Received    int64         `json:"received" doc:"Of the total, what the gateway owes us."`
	Credited    int64         `json:"credited" doc:"Rupiah that reached the wallet."`
	Suspense    int64         `json:"suspense" doc:"Rupiah that came and that nobody may credit by guess."`
	Gateway     string        `json:"gateway"`
	UpstreamRef string        `json:"upstream_ref" doc:"The gateway's own id of its invoice."`
	CreatedAt   time.Time     `json:"created_at"`
	ExpiresAt   *time.Time    `json:"expires_at"`
	PaidAt      *time.Time    `json:"paid_at"`
	NextRunAt   *time.Time    `json:"next_run_at" doc:"When the gateway is asked again; null when nothing more is to come."`
}

func (t *Till) deposit(d *deposit.Deposit, merchantID string) DepositRow {
	return DepositRow{
		DepositID: deposit.PublicID(t.Deposits.Links.IDPrefix, d.ID), ID: d.ID, MerchantID: merchantID, Mode: d.Mode, Ref: d.Ref, State: d.State, Status: d.Status(),
		Flag: d.Flag, Amount: d.Amount, Fee: d.Fee, Total: d.Total, Received: d.Received, Credited: d.Credited, Suspense: d.Suspense,
		Gateway: d.Gateway, UpstreamRef: d.UpstreamRef, CreatedAt: d.CreatedAt.UTC(), ExpiresAt: d.ExpiresAt, PaidAt: d.PaidAt, NextRunAt: d.NextRunAt,
	}
}

// DepositFilter selects deposits. Empty fields select all.
type DepositFilter struct {
	// Flagged: only those that wait for a person.
	Flagged  bool
	States   []deposit.State
	Merchant string
	Mode     string
	Gateway  string
	// Before is what operators call the deposit that the page ends before.
	Before string
	Limit  int
}

// DepositList is a page of deposits, newest first.
type DepositList struct {
	Count    int          `json:"count"`
	Deposits []DepositRow `json:"deposits"`
}

// LineList is a page of lines of statements that wait for a person, newest first.
type LineList struct {
	Count int            `json:"count"`
	Lines []deposit.Line `json:"lines" doc:"Payments to our own code that wait for a person."`
}

// ListLines gives the lines that wait for a person, of the newest or older than the line
// before: those in suspense, and with unmatched also those that are nobody's.
func (t *Till) ListLines(ctx context.Context, unmatched bool, before int64, limit int) (*LineList, error) {
	if err := limited(limit); err != nil {
		return nil, err
	}
	lines, err := t.Deposits.OpenLines(ctx, unmatched, before, limit)
	if err != nil {
		return nil, err
	}
	return &LineList{Count: len(lines), Lines: append([]deposit.Line{}, lines...)}, nil
}

// DepositID reads what operators call a deposit.
func DepositID(text string) (int64, error) {
	n, ok := deposit.ParseOperatorID(text)
	if !ok {
		return 0, fault.Field("id", fmt.Sprintf("%q is no deposit's id: give its deposit_id or its number", text))
	}
	return n, nil
}

// ListDeposits gives a page of deposits of every merchant.
func (t *Till) ListDeposits(ctx context.Context, f *DepositFilter) (*DepositList, error) {
	if err := limited(f.Limit); err != nil {
		return nil, err
	}
	end, err := pageEnd(f.Before, DepositID)
	if err != nil {
		return nil, err
	}
	list, err := deposit.ListAll(ctx, t.Bun, deposit.OperatorFilter{
		Flagged: f.Flagged, States: f.States, MerchantID: f.Merchant, Mode: f.Mode, Source: f.Gateway, Before: end, Limit: f.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := &DepositList{Count: len(list), Deposits: make([]DepositRow, len(list))}
	for i := range list {
		out.Deposits[i] = t.deposit(&list[i].Deposit, list[i].MerchantID)
	}
	return out, nil
}

// DepositPage is everything that is known of a deposit, gateway and all: for operators
// only.
type DepositPage struct {
	DepositRow
	QR       string            `json:"qr" doc:"The text of the code."`
	Attempts []deposit.Attempt `json:"attempts"`
	Events   []ChangeRow       `json:"events"`
	Lines    []deposit.Line    `json:"lines"`
	Entries  []EntryRow        `json:"entries"`
	Audit    []AuditRow        `json:"audit"`
}

// ShowDeposit gives all that is known of a deposit; [deposit.ErrNotFound].
func (t *Till) ShowDeposit(ctx context.Context, id string) (*DepositPage, error) {
	n, err := DepositID(id)
	if err != nil {
		return nil, err
	}
	ev, err := t.Deposits.ReadEvidence(ctx, n)
	if err != nil {
		return nil, err
	}
	p := &DepositPage{
		DepositRow: t.deposit(ev.Deposit, ev.MerchantID), QR: ev.Deposit.QR, Attempts: append([]deposit.Attempt{}, ev.Attempts...),
		Events: newChangeRows(ev.Events), Lines: append([]deposit.Line{}, ev.Lines...), Entries: NewEntryRows(ev.Entries),
	}
	p.Audit, err = t.trail(ctx, p.DepositID)
	return p, err
}

// CreditDeposit pays a deposit on an operator's evidence; [deposit.ErrNotResolvable]
// where it is too late for that.
func (t *Till) CreditDeposit(ctx context.Context, id string, d deposit.Decision) (*DepositRow, error) {
	switch {
	case d.Amount < 0:
		return nil, fault.Field("amount", "above zero")
	case d.Line < 0:
		return nil, fault.Field("line", "above zero")
	}
	return t.decideDeposit(ctx, id, d, t.Deposits.Credit)
}

// ReturnDeposit takes a payment out of suspense that was given back to its payer.
func (t *Till) ReturnDeposit(ctx context.Context, id string, d deposit.Decision) (*DepositRow, error) {
	return t.decideDeposit(ctx, id, d, t.Deposits.Return)
}

// ExpireDeposit ends a deposit whose gateway does not say that nothing was paid.
func (t *Till) ExpireDeposit(ctx context.Context, id string, d deposit.Decision) (*DepositRow, error) {
	return t.decideDeposit(ctx, id, d, t.Deposits.Expire)
}

func (t *Till) decideDeposit(ctx context.Context, id string, d deposit.Decision,
	decide func(context.Context, int64, deposit.Decision) (*deposit.Deposit, error),
) (*DepositRow, error) {
	if err := because(d.Why); err != nil {
		return nil, err
	}
	n, err := DepositID(id)
	if err != nil {
		return nil, err
	}
	row, err := decide(ctx, n, d)
	if err != nil {
		return nil, err
	}
	ev, err := t.Deposits.ReadEvidence(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	out := t.deposit(row, ev.MerchantID)
	return &out, nil
}

// StatementRead is what became of the lines of a statement.
type StatementRead struct {
	Count    int                     `json:"count"`
	Outcomes map[deposit.Outcome]int `json:"outcomes" doc:"How many lines came to what."`
	Lines    []deposit.Line          `json:"lines"`
}

// ReadStatement matches the lines of a statement of our own code with deposits: what
// fits exactly one pays it. The whole text is read before the first line counts; file is
// its name, for the audit log. Reading it again changes nothing. It ends between two lines
// when ctx does: what was read counts, and the same statement goes on behind it.
func (t *Till) ReadStatement(ctx context.Context, text io.Reader, gateway, file, actor string) (*StatementRead, error) {
	lines, err := deposit.ReadStatement(text, t.Zone)
	if err != nil {
		return nil, fault.New(fault.Invalid, err.Error())
	}
	before, err := t.Deposits.ReadBefore(ctx, gateway, lines)
	if err != nil {
		return nil, err
	}
	out := &StatementRead{Outcomes: map[deposit.Outcome]int{}, Lines: make([]deposit.Line, 0, len(lines))}
	err = t.match(ctx, lines, before, gateway, actor, out)
	out.Count = len(out.Lines)
	// Each line that moved money has a row of its own; this one says whose file it was, however far it was read.
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	detail := map[string]any{"file": file, "lines": len(lines), "read": out.Count, "outcomes": out.Outcomes}
	return out, errors.Join(err, audit.Write(finish, t.Pool, audit.Entry{Actor: actor, Action: "deposit.statement", Subject: gateway, Detail: detail, At: t.Now()}))
}

// OwnCode is whose statement one is: the code of the configuration where name is empty, or else
// name, which must be that or one that deposits were made under before it was renamed. A slip
// would open accounts that nobody looks at.
func (t *Till) OwnCode(ctx context.Context, name, configured string) (string, error) {
	if name == "" || name == configured {
		return configured, nil
	}
	known, err := t.Deposits.OwnCode(ctx, name)
	if err == nil && !known {
		return "", fault.Field("gateway", fmt.Sprintf("no code of our own is called %q; that of the configuration is %s", name, configured))
	}
	return name, err
}

// statementTimeout bounds the writing of a statement's own audit row.
const statementTimeout = 10 * time.Second

// match has the lines count one after the other, until ctx ends.
func (t *Till) match(ctx context.Context, lines []deposit.Line, before map[string]deposit.Line, gateway, actor string, out *StatementRead) error {
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			said := fmt.Sprintf("%d of %d lines were read in time; what was read counts: send the same statement again, and it goes on from there", len(out.Lines), len(lines))
			return fault.New(fault.Upstream, said).After(time.Second).Because(err)
		}
		l.Gateway = gateway
		var got *deposit.Line
		var err error
		if known, ok := before[l.Key]; ok {
			got, err = l.Again(&known)
		} else {
			got, err = t.Deposits.Match(ctx, l, actor)
		}
		if err != nil {
			return fmt.Errorf("line of %s over %d: %w (what was read before it counts; the file may be read again)", l.PaidAt.Format(time.RFC3339), l.Amount, err)
		}
		out.Outcomes[got.Outcome]++
		out.Lines = append(out.Lines, *got)
	}
	return nil
}
