package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/pg"
)

// Lift lets an endpoint that we had switched off get events again, from the next one
// on; what was parked meanwhile waits for a replay. It gives its URL and why it was
// switched off, and fails with a [fault.Error]: NotFound, or Conflict where it is not
// suspended (any more).
func Lift(ctx context.Context, db Querier, merchantID string, now time.Time) (url, was string, err error) {
	err = db.QueryRow(ctx, `SELECT url, suspended_reason FROM webhook_endpoints WHERE merchant_id = $1 FOR UPDATE`, merchantID).Scan(&url, &was)
	switch {
	case pg.IsNoRows(err):
		return "", "", fault.New(fault.NotFound, "the merchant has no endpoint")
	case err != nil:
		return "", "", fmt.Errorf("webhook: lift: %w", err)
	case was == "":
		return "", "", fault.New(fault.Conflict, "the endpoint is not suspended")
	}
	_, err = db.Exec(ctx, `UPDATE webhook_endpoints SET enabled = true, suspended_reason = '', updated_at = $2,
		failures = 0, probe_at = NULL, failing_since = NULL, failing_at = NULL, failing_attempts = 0 WHERE merchant_id = $1`, merchantID, now)
	if err != nil {
		return "", "", fmt.Errorf("webhook: lift: %w", err)
	}
	return url, was, nil
}
