package main

import (
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muarahq/muara/pkg/webhook"
)

const (
	// keptEvents is how many events the receiver's page shows.
	keptEvents = 50
	maxEvent   = 1 << 20
	// tolerance is how old a delivery's timestamp may be.
	tolerance = 5 * time.Minute
)

// receiver is the demo merchant's end of the webhooks: what a merchant's own would
// do, which is to verify first.
type receiver struct {
	out *screen

	mu     sync.Mutex
	secret string
	events []received
}

// received is a delivery, newest first on the page.
type received struct {
	At       time.Time       `json:"at"`
	ID       string          `json:"webhook_id"`
	Verified bool            `json:"verified"`
	Body     json.RawMessage `json:"body"`
}

func newReceiver(out *screen) *receiver { return &receiver{out: out} }

// expect sets the secret that deliveries must be signed with.
func (rc *receiver) expect(secret string) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.secret = secret
}

// ServeHTTP takes deliveries by POST and shows the latest by GET.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		rc.page(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "cannot be read", http.StatusBadRequest)
		return
	}
	e := received{At: time.Now().UTC(), ID: r.Header.Get(webhook.HeaderID), Verified: rc.verify(r.Header, body), Body: body}
	if !json.Valid(body) {
		e.Body = json.RawMessage(`null`)
	}
	rc.take(e)
	if !e.Verified {
		http.Error(w, "the signature does not verify", http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (rc *receiver) take(e received) {
	rc.mu.Lock()
	rc.events = slices.Insert(rc.events, 0, e)
	rc.events = rc.events[:min(len(rc.events), keptEvents)]
	rc.mu.Unlock()
	rc.out.say("%s", line(e))
}

// verify checks a delivery as Standard Webhooks 1.0.0 asks: the id, the time and
// the exact bytes are signed; any of the signatures may be ours.
func (rc *receiver) verify(h http.Header, body []byte) bool {
	rc.mu.Lock()
	secret := rc.secret
	rc.mu.Unlock()
	seconds, err := strconv.ParseInt(h.Get(webhook.HeaderTimestamp), 10, 64)
	at := time.Unix(seconds, 0)
	if err != nil || secret == "" || time.Since(at).Abs() > tolerance {
		return false
	}
	want, err := webhook.Sign(h.Get(webhook.HeaderID), at, body, secret)
	if err != nil {
		return false
	}
	for _, got := range strings.Fields(h.Get(webhook.HeaderSignature)) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

// line is a delivery in one line for a person.
func line(e received) string {
	var event struct {
		Type string `json:"type"`
		Data struct {
			Order struct {
				Ref    string `json:"ref"`
				Status string `json:"status"`
				Data   struct {
					SN    *string `json:"sn"`
					Phone *string `json:"phone_number"`
					Code  *string `json:"otp_code"`
				} `json:"data"`
			} `json:"order"`
			Deposit struct {
				ID     string `json:"deposit_id"`
				Status string `json:"status"`
			} `json:"deposit"`
			Withdraw struct {
				Ref    string `json:"ref"`
				Status string `json:"status"`
			} `json:"withdraw"`
		} `json:"data"`
	}
	_ = json.Unmarshal(e.Body, &event) // what is not there stays empty
	words := []string{"webhook ", event.Type}
	o := event.Data.Order
	words = append(words, o.Ref, o.Status, event.Data.Deposit.ID, event.Data.Deposit.Status, event.Data.Withdraw.Ref, event.Data.Withdraw.Status)
	for _, f := range []struct {
		name  string
		value *string
	}{{"sn", o.Data.SN}, {"number", o.Data.Phone}, {"code", o.Data.Code}} {
		if f.value != nil {
			words = append(words, f.name+" "+*f.value)
		}
	}
	verdict := "(signature verified)"
	if !e.Verified {
		verdict = "(SIGNATURE DOES NOT VERIFY)"
	}
	return strings.Join(append(slices.DeleteFunc(words, func(w string) bool { return w == "" }), verdict), " ")
}

func (rc *receiver) page(w http.ResponseWriter) {
	rc.mu.Lock()
	events := slices.Clone(rc.events)
	rc.mu.Unlock()
	if events == nil {
		events = []received{}
	}
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Count  int        `json:"count"`
		Events []received `json:"events"`
	}{len(events), events})
	if err != nil {
		rc.out.say("webhook receiver: %v", err)
	}
}
