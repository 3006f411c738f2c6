package role

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
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

func TestTheConfigurationsGatewaysAreThePolicys(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`
upstreams:
  - {name: one, driver: rumahotp, base_url: "https://one.test"}
deposits:
  patience: 9s
  gateways: [{name: qris, fee_bp: 70, fee_by: us}, {name: one, fee_fixed: 750}]
  static_qris: {name: qris, codes: 50, life: 10m, payload: "00020101021126570011ID.DANA.WWW011893600915000000000002090000000000303UMI51440014ID.CO.QRIS.WWW0215ID10200000000000303UMI5204481253033605802ID5911TOKO CONTOH6007JAKARTA61051234563041D84"}
`), config.Source{Env: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	p, err := depositPolicy(c)
	require.NoError(t, err)
	require.Len(t, p.Live, 2)
	require.Equal(t, deposit.Fee{PercentBP: 70, Absorbed: true}, p.Live[0].Fee)
	require.EqualValues(t, 50, p.Live[0].Own.Codes)
	require.Equal(t, 10*time.Minute, p.Live[0].Own.Life)
	require.Equal(t, deposit.Gateway{Name: "one", Fee: deposit.Fee{Fixed: 750}}, p.Live[1])
	require.Equal(t, []deposit.Gateway{{Name: config.BuiltInSandbox}}, p.Test)
	require.Equal(t, 9*time.Second, p.Patience)
	require.Less(t, p.Share, p.Patience)
}
