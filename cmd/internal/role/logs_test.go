package role_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/logging"
)

// lines is what all roles log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// personalSQL is everything of a customer that a database holds, and what was sold to one.
const personalSQL = `WITH told AS (SELECT facts FROM orders), messages AS (SELECT jsonb_array_elements(coalesce(facts -> 'messages', '[]')) AS m FROM told)
	SELECT DISTINCT text FROM (
		SELECT customer_no AS text FROM orders UNION SELECT target FROM orders UNION SELECT link FROM orders UNION SELECT facts ->> 'sn' FROM told
		UNION SELECT facts ->> 'phone' FROM told UNION SELECT m ->> 'code' FROM messages UNION SELECT m ->> 'text' FROM messages
		UNION SELECT customer_no FROM inquiries UNION SELECT bill ->> 'customer_name' FROM inquiries
		UNION SELECT number FROM account_checks UNION SELECT name FROM account_checks
		UNION SELECT account_number FROM withdrawals UNION SELECT account_name FROM withdrawals UNION SELECT check_name FROM withdrawals
		UNION SELECT qr FROM deposits UNION SELECT target FROM sandbox_records) AS of WHERE length(text) > 3`

// TestNoLogKnowsACustomer runs all categories through every role, well and badly, at the level that logs most.
func TestNoLogKnowsACustomer(t *testing.T) {
	t.Parallel()
	log := &lines{}
	g := newGatewayWithLog(t, logging.New(log, config.Log{Level: "debug", Format: "json"}))
	s := g.shop()
	s.ready("TESTPULSA5", "TESTOTPTGID", "TESTPREMIUM", "TESTHANG", "TESTFOLLOWERS", "TESTPLNPASCA")

	wanted := map[string]string{}
	for digits, status := range map[string]string{"01": "completed", "03": "failed", "04": "failed", "07": "completed", "08": "failed", "12": "canceled"} {
		s.order(`{"category":"ppob","sku":"TESTPULSA5","ref":"ppob-` + digits + `","customer_no":"0857998877` + digits + `"}`)
		s.order(`{"category":"otp","sku":"TESTOTPTGID","ref":"otp-` + digits + `"}`)
		s.order(`{"category":"smm","sku":"TESTFOLLOWERS","ref":"smm-` + digits + `","target":"https://example.com/p/budisantoso` + digits + `","quantity":101}`)
		for _, category := range []string{"ppob-", "otp-", "smm-"} {
			wanted[category+digits] = status
		}
	}
	s.order(`{"category":"ppob","sku":"TESTHANG","ref":"hang","customer_no":"085799887733"}`)
	wanted["hang"] = "completed"
	premium := s.order(`{"category":"product","sku":"TESTPREMIUM","ref":"prd-1"}`)
	var bill struct{ Inquiry struct{ Price int64 } }
	for _, customer := range []string{"530099887701", "530099887703", "530099887704"} {
		s.send(s.test, http.MethodPost, "/inquiry", `{"ref":"b-`+customer+`","sku":"TESTPLNPASCA","customer_no":"`+customer+`"}`, &bill)
	}
	s.order(`{"category":"ppob","sku":"TESTPLNPASCA","ref":"b-530099887701","customer_no":"530099887701"}`)
	wanted["b-530099887701"] = "completed"
	var deposit struct {
		QRString string `json:"qr_string"`
	}
	status, _ := s.send(s.test, http.MethodPost, "/deposit", `{"amount":50000,"ref":"top-1"}`, &deposit)
	require.Equal(t, http.StatusOK, status)
	for _, number := range []string{"085799887761", "085799887703", "085799887704"} {
		s.send(s.test, http.MethodGet, "/check/bank?bank_code=dana&account_number="+number, "", nil)
		s.send(s.test, http.MethodPost, "/withdraw", `{"ref":"wd-`+number+`","amount":50000,"method":"dana","account_number":"`+number+`","account_name":"Budi Santoso"}`, nil)
	}
	for _, refused := range []struct{ method, path, body string }{
		{http.MethodPost, "/order", `{"category":"ppob","sku":"TESTPULSA5","ref":"x","customer_no":"085799887791` + strings.Repeat("0", 500) + `"}`},
		{http.MethodPost, "/order", `{"category":"ppob","sku":"TESTPULSA5","ref":"x","customer_no":085799887791}`},
		{http.MethodPost, "/order", `{"category":"ppob","sku":"TESTPULSA5","ref":"x","customer_no":"0857\u000099887791"}`},
		{http.MethodPost, "/order", `{"category":"ppob","sku":"TESTCLOSED","ref":"x","customer_no":"085799887791"}`},
		{http.MethodPost, "/order", `{"category":"ppob","sku":"TESTPULSA5","ref":"ppob-01","customer_no":"085799887791"}`},
		{http.MethodGet, "/order/085799887791", ""}, {http.MethodGet, "/085799887791", ""}, {http.MethodGet, "/orders?search=085799887791", ""},
		{http.MethodGet, "/orders?limit=085799887791", ""}, {http.MethodGet, "/check/game?account_code=none&account_number=085799887791", ""},
	} {
		s.send(s.test, refused.method, refused.path, refused.body, nil)
	}
	s.await(time.Second, wanted)

	rows, err := g.deps.DB.Pool.Query(t.Context(), personalSQL)
	require.NoError(t, err)
	personal, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(personal), 30)
	for _, known := range []string{"085799887701", "085799887733", "530099887703", "Budi Santoso", "TEST CUSTOMER", "https://example.com/p/budisantoso01", deposit.QRString} {
		require.Contains(t, personal, known, "it would be found")
	}
	personal = append(personal, "085799887791", "budisantoso", "99887", s.test, s.live, premium.Data.Content)
	text := log.text()
	for _, said := range []string{`"msg":"request"`, `"msg":"upstream call"`, `"msg":"webhook attempt"`, `"upstream":"sandbox"`, `"msg":"request refused"`} {
		require.Contains(t, text, said, "what is looked through is there")
	}
	require.NotContains(t, text, `"msg":"job"`, "no job of the scheduler fails")
	for _, p := range personal {
		alone := regexp.MustCompile(`(^|[^0-9A-Za-z.])` + regexp.QuoteMeta(p) + `($|[^0-9A-Za-z])`)
		if at := alone.FindStringIndex(text); at != nil {
			t.Errorf("a log has %q: …%s…", p, text[max(0, at[0]-150):min(len(text), at[1]+50)])
		}
	}
	require.NotContains(t, text, "99887", "nor in the middle of something")
}
