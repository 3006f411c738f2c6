package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// merchant is a customer of the gateway with a client of its own.
type merchant struct {
	w      *world
	http   *http.Client
	ID     string `json:"merchant_id"`
	Key    string `json:"key"`
	Secret string `json:"webhook_secret"`
	// Start is the balance it was given.
	Start int64 `json:"-"`
}

// merchant creates one by command, with a balance in rupiah.
func (w *world) merchant(name string, balance int64) *merchant {
	w.t.Helper()
	m := &merchant{w: w, http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	w.cli(m, "merchant", "create", "--name", name)
	require.NotEmpty(w.t, m.Key)
	w.credit(m, balance)
	w.receiver.trust(m.Secret)
	return m
}

// tester is a merchant with its test key: another wallet, other orders.
func (w *world) tester(m *merchant) *merchant {
	w.t.Helper()
	t := *m
	w.cli(&t, "key", "create", m.ID, "--name", "test", "--mode", "test")
	require.NotEqual(w.t, m.Key, t.Key)
	t.Start = t.profile(w.t).Balance
	return &t
}

func (w *world) credit(m *merchant, amount int64) {
	w.t.Helper()
	if amount > 0 {
		w.cli(nil, "merchant", "credit", m.ID, strconv.FormatInt(amount, 10), "--note", "opening")
		m.Start += amount
	}
}

// orderView is an order as its merchant sees it.
type orderView struct {
	Ref        string    `json:"ref"`
	OrderID    string    `json:"order_id"`
	Category   string    `json:"category"`
	SKU        string    `json:"sku"`
	Status     string    `json:"status"`
	Price      int64     `json:"price"`
	Refunded   int64     `json:"refunded"`
	Quantity   int64     `json:"quantity"`
	Target     string    `json:"target"`
	CustomerNo string    `json:"customer_no"`
	UpdatedAt  time.Time `json:"updated_at"`
	Data       struct {
		SN       string   `json:"sn"`
		Remains  int64    `json:"remains"`
		Refill   string   `json:"refill_status"`
		OTPCode  string   `json:"otp_code"`
		Phone    string   `json:"phone_number"`
		Items    []string `json:"items"`
		Messages []struct {
			Code string `json:"code"`
		} `json:"messages"`
	} `json:"data"`
}

// final tells whether a status never changes again.
func final(status string) bool { return status != "pending" && status != "processing" }

// reply is an answer of the API, whatever it is.
type reply struct {
	Status int
	Header http.Header
	Raw    []byte
	OK     bool            `json:"ok"`
	Code   string          `json:"code"`
	Error  string          `json:"error"`
	Data   json.RawMessage `json:"data"`
}

// send makes one request to one API; the error is the connection's.
func (m *merchant) send(ctx context.Context, base, method, path string, body any) (*reply, error) {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		raw = b
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+m.Key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out := &reply{Status: resp.StatusCode, Header: resp.Header}
	if out.Raw, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out.Raw, out); err != nil {
		return nil, fmt.Errorf("%s %s: %d is not the envelope: %w: %s", method, path, resp.StatusCode, err, out.Raw)
	}
	return out, nil
}

// insist asks again, at either API, until one answers with less than 500.
func (m *merchant) insist(ctx context.Context, method, path string, body any) (*reply, int, error) {
	var last error
	for tries := 1; ; tries++ {
		r, err := m.send(ctx, m.w.url(), method, path, body)
		if err == nil && r.Status < http.StatusInternalServerError {
			return r, tries, nil
		}
		if last = err; err == nil {
			last = fmt.Errorf("%d %s %s", r.Status, r.Code, r.Error)
		}
		select {
		case <-ctx.Done():
			return nil, tries, errors.Join(ctx.Err(), last)
		case <-time.After(min(time.Duration(tries)*50*time.Millisecond, time.Second)):
		}
	}
}

// get reads something that must be there.
func (m *merchant) get(t testing.TB, path string, out any) {
	t.Helper()
	r, _, err := m.insist(t.Context(), http.MethodGet, "/api/v1"+path, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s: %s", path, r.Raw)
	require.NoError(t, json.Unmarshal(r.Data, out))
}

// orders reads every order of the merchant.
func (m *merchant) orders(t testing.TB) map[string]orderView {
	t.Helper()
	out := map[string]orderView{}
	cursor := ""
	for {
		var page struct {
			Orders []orderView `json:"orders"`
			Next   *string     `json:"next_cursor"`
		}
		m.get(t, "/orders?limit=500"+cursor, &page)
		for _, o := range page.Orders {
			require.NotContains(t, out, o.Ref, "one ref is one order")
			out[o.Ref] = o
		}
		if page.Next == nil {
			return out
		}
		cursor = "&cursor=" + *page.Next
	}
}

type profile struct {
	Balance int64 `json:"balance"`
	Held    int64 `json:"held"`
}

func (m *merchant) profile(t testing.TB) (p profile) {
	t.Helper()
	m.get(t, "/profile", &p)
	return p
}

// placed is what an accepted order answers.
type placed struct {
	Order   orderView `json:"order"`
	Balance int64     `json:"balance"`
}

// place places an order that must be accepted.
func (m *merchant) place(t testing.TB, body any) placed {
	t.Helper()
	r, _, err := m.insist(t.Context(), http.MethodPost, "/api/v1/order", body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)
	var p placed
	require.NoError(t, json.Unmarshal(r.Data, &p))
	return p
}

func (m *merchant) order(t testing.TB, ref string) orderView {
	t.Helper()
	var out struct {
		Order orderView `json:"order"`
	}
	m.get(t, "/order/"+ref, &out)
	return out.Order
}

// decode reads the data of an answer.
func decode[T any](t testing.TB, r *reply) (out T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.Data, &out), "%s", r.Raw)
	return out
}

// mutation is a line of the wallet's statement.
type mutation struct {
	ID      int64  `json:"id"`
	Debit   int64  `json:"debit"`
	Credit  int64  `json:"credit"`
	Balance int64  `json:"balance"`
	Kind    string `json:"kind"`
	Ref     string `json:"ref"`
}

// mutations reads the whole statement, newest first, and requires that it has no gap
// and that its running balance is exact.
func (m *merchant) mutations(t testing.TB) (all []mutation) {
	t.Helper()
	cursor := ""
	for {
		var page struct {
			Mutations []mutation `json:"mutations"`
			Next      *string    `json:"next_cursor"`
		}
		m.get(t, "/mutations?limit=500"+cursor, &page)
		all = append(all, page.Mutations...)
		if page.Next == nil {
			break
		}
		cursor = "&cursor=" + *page.Next
	}
	balance := int64(0)
	for i := len(all) - 1; i >= 0; i-- {
		x := all[i]
		balance += x.Credit - x.Debit
		require.Equal(t, int64(len(all)-i), x.ID, "no gap")
		require.Equal(t, balance, x.Balance, "mutation %d", x.ID)
	}
	return all
}
