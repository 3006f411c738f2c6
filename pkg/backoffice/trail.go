package backoffice

import (
	"time"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/operator"
)

// shown bounds each kind of evidence on a page.
const shown = 500

// AuditRow is a change by an operator on the page of what was changed.
type AuditRow struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"Who: cli:NAME, token:NAME or system:NAME." example:"token:desk"`
	Action string    `json:"action" example:"order.resolve"`
	Detail any       `json:"detail" doc:"What else was written down; null for a viewer."`
}

// NewAuditRows shows changes oldest first, as everything on a page, of a log that begins with the newest.
func NewAuditRows(log []audit.Entry) []AuditRow {
	out := make([]AuditRow, 0, len(log))
	for i := len(log) - 1; i >= 0; i-- {
		out = append(out, AuditRow{At: log[i].At.UTC(), Actor: log[i].Actor, Action: log[i].Action, Detail: log[i].Detail})
	}
	return out
}

// Mask leaves out what was said and given: a receipt, a number, a reason that names somebody.
func (r *AuditRow) Mask() { r.Detail = nil }

// ChangeRow is one change of a thing, and who or what caused it.
type ChangeRow struct {
	Version int64     `json:"version"`
	From    string    `json:"from" doc:"The state before; empty at the beginning."`
	To      string    `json:"to"`
	Cause   string    `json:"cause" doc:"Who or what caused it." example:"operator"`
	Detail  string    `json:"detail"`
	At      time.Time `json:"at"`
}

// newChangeRows shows changes, oldest first.
func newChangeRows[S ~string](events []operator.Event[S]) []ChangeRow {
	out := make([]ChangeRow, 0, len(events))
	for i := range events {
		e := &events[i]
		out = append(out, ChangeRow{Version: e.Version, From: string(e.FromState), To: string(e.ToState), Cause: e.Cause, Detail: e.Detail, At: e.CreatedAt.UTC()})
	}
	return out
}
