package role_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
)

// TestADepositOfTheTestModeIsPaidByItself goes through every role: the API asks the
// sandbox's worker through Redis, the scheduler hands out turns, the worker sees the
// payment.
func TestADepositOfTheTestModeIsPaidByItself(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	type view struct {
		DepositID string `json:"deposit_id"`
		Status    string
		Credited  bool
		Amount    int64
		Balance   int64
		QRString  string `json:"qr_string"`
	}
	var made view
	status, code := s.send(s.test, http.MethodPost, "/deposit", `{"amount":50000,"ref":"top-1"}`, &made)
	require.Equal(t, http.StatusOK, status, code)
	require.Equal(t, "pending", made.Status)
	require.NotEmpty(t, made.QRString)
	g.pass(6 * time.Second)
	var got view
	require.Eventually(t, func() bool {
		s.send(s.test, http.MethodGet, "/deposit/"+made.DepositID, "", &got)
		return got.Credited
	}, 30*time.Second, 100*time.Millisecond)
	require.Equal(t, "paid", got.Status)
	require.EqualValues(t, 10_050_000, got.Balance)

	var never view
	status, _ = s.send(s.test, http.MethodPost, "/deposit", `{"amount":50011}`, &never)
	require.Equal(t, http.StatusOK, status)
	status, _ = s.send(s.test, http.MethodPost, "/deposit/"+never.DepositID+"/cancel", "", &never)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "canceled", never.Status)

	status, code = s.send(s.live, http.MethodPost, "/deposit", `{"amount":50000}`, nil)
	require.Equal(t, http.StatusServiceUnavailable, status, "no live gateway is configured")
	require.Equal(t, "upstream_error", code)
	report, err := ledger.Verify(t.Context(), g.deps.DB.Pool, deposit.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}
