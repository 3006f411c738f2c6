package backoffice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/withdraw"
)

// Till is where money that comes in and goes out is looked after.
type Till struct {
	Pool     *pgxpool.Pool
	Bun      bun.IDB
	Deposits *deposit.Keeper
	Payouts  *withdraw.Keeper
	// Zone is the brand's time zone, in which statements tell their times.
	Zone *time.Location
	Now  func() time.Time
}

// MostRows bounds a list.
const MostRows = 10_000

// limited refuses a length of a list that is none.
func limited(n int) error {
	if n <= 0 || n > MostRows {
		return fault.Field("limit", fmt.Sprintf("1 to %d", MostRows))
	}
	return nil
}

// pageEnd reads where a page ends, which is empty for the first.
func pageEnd(s string, parse func(string) (int64, error)) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return parse(s)
}

// because refuses a change without a reason.
func because(why string) error {
	if strings.TrimSpace(why) == "" {
		return fault.Field("why", "says something")
	}
	return nil
}

// trail shows what operators did to a subject.
func (t *Till) trail(ctx context.Context, subject string) ([]AuditRow, error) {
	log, err := audit.List(ctx, t.Pool, subject, shown)
	if err != nil {
		return nil, err
	}
	return NewAuditRows(log), nil
}
