package role_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestChecksOfTheTestMode looks accounts up over HTTP, with the question travelling
// through Redis to a worker and its answer back.
func TestChecksOfTheTestMode(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	s := g.shop()
	s.ready("TESTPULSA5")
	var banks struct {
		Banks []struct {
			BankCode string `json:"bank_code"`
			Type     string
		}
	}
	status, _ := s.send(s.test, http.MethodGet, "/check/banks", "", &banks)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, banks.Banks, 3)
	type found struct {
		Status        string
		AccountNumber string  `json:"account_number"`
		AccountName   *string `json:"account_name"`
	}
	look := func(path string) (string, found) {
		var out found
		status, code := s.send(s.test, http.MethodGet, path, "", &out)
		return fmt.Sprint(status, " ", code), out
	}
	said, valid := look("/check/bank?bank_code=dana&account_number=081234567890")
	require.Equal(t, "200 ", said)
	require.Equal(t, "valid", valid.Status)
	require.Equal(t, "TEST CUSTOMER", *valid.AccountName)
	said, nobody := look("/check/game?account_code=freefire&account_number=123404")
	require.Equal(t, "200 ", said)
	require.Equal(t, found{Status: "invalid", AccountNumber: "123404"}, nobody)
	said, _ = look("/check/bank?bank_code=bca&account_number=1203")
	require.Equal(t, "503 upstream_error", said)
	said, _ = look("/check/bank?bank_code=none&account_number=1")
	require.Equal(t, "404 not_found", said)
	var none struct{ Count int }
	status, _ = s.send(s.live, http.MethodGet, "/check/banks", "", &none)
	require.Equal(t, http.StatusOK, status, "nobody looks anything up for live keys here")
	require.Zero(t, none.Count)
}
