package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
	"github.com/muarahq/muara/pkg/upstream"
)

func TestAnErrorIsLoggedWithoutACustomersNumber(t *testing.T) {
	t.Parallel()
	_, parse := strconv.ParseInt("081234567890x", 10, 64)
	for want, err := range map[string]error{
		`strconv.ParseInt: parsing "081******890x": invalid syntax`: parse,
		`order: place: ERROR: duplicate key value violates unique constraint "orders_ref" (SQLSTATE 23505)`: fmt.Errorf("order: place: %w", &pgconn.PgError{
			Severity: "ERROR", Code: "23505", Message: `duplicate key value violates unique constraint "orders_ref"`, Detail: "Key (wallet_id, ref)=(7, budi) already exists.",
		}),
		`ERROR: a value was not taken (SQLSTATE 22P02)`: &pgconn.PgError{Severity: "ERROR", Code: "22P02", Message: `invalid input syntax for type inet: "budi"`},
		`ask: upstream: rejected (customer) code rc 14`: fmt.Errorf("ask: %w", upstream.Reject(upstream.ReasonCustomer, "rc 14", "Nomor 081234567890 a.n. Budi tidak terdaftar")),
		`3 of 500000 rows at 10.0.0.1:5432`:             errors.New("3 of 500000 rows at 10.0.0.1:5432"),
	} {
		var out bytes.Buffer
		logging.New(&out, config.Log{Level: "info", Format: "text"}).Error("x", "error", err)
		require.Contains(t, out.String(), "error="+strconv.Quote(want))
		out.Reset()
		logging.New(&out, config.Log{Level: "info", Format: "text"}).Error("x", slog.Group("g", "error", numbersOf(err)))
		require.NotContains(t, out.String(), "081234567890")
	}
}

func numbersOf(err error) string { return err.Error() }
