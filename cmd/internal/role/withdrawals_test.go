package role_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/withdraw"
)

// TestAWithdrawalOfTheTestModeEndsByItsAccount goes through every role.
func TestAWithdrawalOfTheTestModeEndsByItsAccount(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	type view struct {
		WithdrawID string `json:"withdraw_id"`
		Status     string
		Balance    int64
	}
	ask := func(account string) view {
		var v view
		status, code := s.send(s.test, http.MethodPost, "/withdraw",
			`{"ref":"wd-`+account+`","amount":50000,"method":"dana","account_number":"`+account+`","account_name":"Budi"}`, &v)
		require.Equal(t, http.StatusOK, status, code)
		require.Equal(t, "pending", v.Status)
		return v
	}
	paid, back := ask("081200000001"), ask("081200000004")
	ends := func(v view, want string) (out view) {
		require.Eventually(t, func() bool {
			g.pass(2 * time.Second)
			s.send(s.test, http.MethodGet, "/withdraw/"+v.WithdrawID, "", &out)
			return out.Status == want
		}, 40*time.Second, 200*time.Millisecond)
		return out
	}
	ends(paid, "success")
	require.EqualValues(t, 9_950_000, ends(back, "rejected").Balance)
	report, err := ledger.Verify(t.Context(), g.deps.DB.Pool, withdraw.Checks()...)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}
