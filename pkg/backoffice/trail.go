// Package backoffice is what operators see and do, the same for the commands of muara
// and for the admin API.
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
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Detail any       `json:"detail"`
}

// NewAuditRows shows changes oldest first, as everything on a page, of a log that begins with the newest.
func NewAuditRows(log []audit.Entry) []AuditRow {
	out := make([]AuditRow, 0, len(log))
	for i := len(log) - 1; i >= 0; i-- {
		out = append(out, AuditRow{At: log[i].At.UTC(), Actor: log[i].Actor, Action: log[i].Action, Detail: log[i].Detail})
	}
	return out
}
