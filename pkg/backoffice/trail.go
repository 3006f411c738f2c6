package backoffice

import (
	"time"

	"github.com/muarahq/muara/pkg/audit"
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
