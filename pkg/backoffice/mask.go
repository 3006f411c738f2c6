package backoffice

import (
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/mask"
)

// Mask takes from a view what belongs to customers and what operators told each other:
// what is left is for whoever may look and nothing else.

// Mask hides who paid.
func (l *LineList) Mask() { maskLines(l.Lines) }

// Mask hides who paid and how, and what is told in words.
func (p *DepositPage) Mask() {
	p.QR = ""
	for i := range p.Attempts {
		p.Attempts[i].SaidDetail = ""
	}
	maskEvents(p.Events)
	maskLines(p.Lines)
	maskAudit(p.Audit)
}

// maskLines hides what a statement says of a payer.
func maskLines(lines []deposit.Line) {
	for i := range lines {
		lines[i].Note, lines[i].Key = "", ""
	}
}

func maskEvents(events []ChangeRow) {
	for i := range events {
		events[i].Detail = ""
	}
}

func maskAudit(rows []AuditRow) {
	for i := range rows {
		rows[i].Detail = nil
	}
}

// Mask hides whose account it is.
func (r *WithdrawRow) Mask() {
	r.AccountNumber, r.AccountName, r.CheckName = mask.Number(r.AccountNumber), mask.Name(r.AccountName), mask.Name(r.CheckName)
}

// Mask hides whose accounts they are.
func (l *WithdrawalList) Mask() {
	for i := range l.Withdrawals {
		l.Withdrawals[i].Mask()
	}
}

// Mask hides whose account it is, and what is told in words.
func (p *WithdrawalPage) Mask() {
	p.WithdrawRow.Mask()
	maskEvents(p.Events)
	maskAudit(p.Audit)
}

// Mask hides what a merchant's server answered.
func (l *WebhookList) Mask() {
	for i := range l.Deliveries {
		l.Deliveries[i].ResponseBody = nil
	}
}

// Mask hides whom purchases were for.
func (f *Findings) Mask() {
	for i := range f.Findings {
		r := &f.Findings[i]
		r.Target, r.Note = mask.Number(r.Target), ""
	}
}
