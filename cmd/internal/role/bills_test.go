package role_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
)

// TestBillsOfTheTestMode asks for bills and pays them over HTTP, with the question
// travelling through Redis to a worker and its answer back.
func TestBillsOfTheTestMode(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	s.ready("TESTPLNPASCA", "TESTPULSA5")
	inquire := func(ref, customer string, data any) string {
		status, code := s.send(s.test, http.MethodPost, "/inquiry", `{"ref":"`+ref+`","sku":"TESTPLNPASCA","customer_no":"5300000000`+customer+`"}`, data)
		return fmt.Sprint(status, " ", code)
	}
	require.Equal(t, "422 unavailable", inquire("b-03", "03", nil))
	require.Equal(t, "422 bill_not_found", inquire("b-04", "04", nil))
	var fee struct{ Price int64 }
	s.send(s.test, http.MethodGet, "/price?sku=TESTPLNPASCA", "", &fee)
	require.Positive(t, fee.Price)

	wanted, spent := map[string]string{}, int64(0)
	for digits, ends := range map[string]string{"01": "completed", "02": "completed", "06": "failed", "07": "completed", "08": "failed", "12": "canceled"} {
		var q struct {
			Inquiry struct {
				Price        int64
				CustomerName string `json:"customer_name"`
				Bill         struct{ Amount, Admin, Total int64 }
			}
		}
		ref := "b-" + digits
		require.Equal(t, "200 ", inquire(ref, digits, &q))
		require.Equal(t, "TEST CUSTOMER", q.Inquiry.CustomerName)
		require.Equal(t, q.Inquiry.Bill.Amount+q.Inquiry.Bill.Admin, q.Inquiry.Bill.Total)
		require.Equal(t, q.Inquiry.Bill.Total+fee.Price, q.Inquiry.Price)
		o := s.order(`{"category":"ppob","sku":"TESTPLNPASCA","ref":"` + ref + `","customer_no":"5300000000` + digits + `"}`)
		require.Equal(t, q.Inquiry.Price, o.Price)
		wanted[ref] = ends
		if ends == "completed" {
			spent += o.Price
		}
	}
	all := s.await(10*time.Second, wanted)
	require.NotEmpty(t, all["b-07"].Data.SN)
	var profile struct{ Balance, Held int64 }
	s.send(s.test, http.MethodGet, "/profile", "", &profile)
	require.Equal(t, merchant.TestBalance-spent, profile.Balance)
	require.Zero(t, profile.Held)
	var refs, references int
	require.NoError(t, g.deps.DB.Pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT ref) FROM sandbox_records WHERE kind = 'purchase'`).Scan(&refs, &references))
	require.Equal(t, len(wanted), refs, "each was paid once")
	require.Equal(t, refs, references)
	report, err := ledger.Verify(t.Context(), g.deps.DB.Pool, order.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}
