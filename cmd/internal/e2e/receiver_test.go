package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// delivery is one webhook as it came in.
type delivery struct {
	ID     string
	Path   string
	Type   string
	Order  orderView
	Header http.Header
	Body   []byte
}

// receiver is the merchants' end of the webhooks: it checks each signature by itself
// and remembers everything in the order of arrival.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	secrets  []string
	all      []delivery
	byOrder  map[string][]int // order_id -> deliveries
	refused  map[string]bool  // events that were refused once
	refuse   func(d *delivery) bool
	mistakes []string
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{byOrder: map[string][]int{}, refused: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

// trust accepts what this secret signed.
func (r *receiver) trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, secret)
}

// refuseOnce has the first delivery of each event that pick chooses answered with 500.
func (r *receiver) refuseOnce(pick func(d *delivery) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = pick
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d := delivery{ID: req.Header.Get("webhook-id"), Path: req.URL.Path, Header: req.Header, Body: body}
	var in struct {
		Type string `json:"type"`
		Data struct {
			Order orderView `json:"order"`
		} `json:"data"`
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := json.Unmarshal(body, &in); err != nil {
		r.mistakes = append(r.mistakes, fmt.Sprintf("%s: not JSON: %v", d.ID, err))
	}
	if why := r.check(&d); why != "" {
		r.mistakes = append(r.mistakes, d.ID+": "+why)
	}
	d.Type, d.Order = in.Type, in.Data.Order
	if r.refuse != nil && !r.refused[d.ID] && r.refuse(&d) {
		r.refused[d.ID] = true
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.byOrder[d.Order.OrderID] = append(r.byOrder[d.Order.OrderID], len(r.all))
	r.all = append(r.all, d)
}

// check says what is wrong with a delivery's signature, by the published rules and
// not by our code.
func (r *receiver) check(d *delivery) string {
	at, err := strconv.ParseInt(d.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		return "no timestamp"
	}
	if age := time.Since(time.Unix(at, 0)); age < -time.Minute || age > 5*time.Minute {
		return "timestamp is off by " + age.String()
	}
	for _, secret := range r.secrets {
		if d.signedBy(secret) {
			return ""
		}
	}
	return "signature does not verify"
}

// signedBy tells whether one of a delivery's signatures is this secret's.
func (d *delivery) signedBy(secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", d.ID, d.Header.Get("webhook-timestamp"), d.Body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for given := range strings.FieldsSeq(d.Header.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}

// of gives the deliveries about an order as they came.
func (r *receiver) of(orderID string) []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []delivery
	for _, i := range r.byOrder[orderID] {
		out = append(out, r.all[i])
	}
	return out
}

// everything gives all deliveries as they came.
func (r *receiver) everything() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.all...)
}

// wrong gives what did not verify.
func (r *receiver) wrong() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.mistakes...)
}
