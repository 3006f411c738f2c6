package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Types of events.
const (
	OrderUpdated    = "order.updated"
	DepositUpdated  = "deposit.updated"
	WithdrawUpdated = "withdraw.updated"
	BalanceLow      = "balance.low"
	TierChanged     = "tier.changed"
	TestSent        = "webhook.test"
)

// Types are all types that a merchant may choose from.
func Types() []string {
	return []string{OrderUpdated, DepositUpdated, WithdrawUpdated, BalanceLow, TierChanged, TestSent}
}

// Event is something a merchant is to be told.
type Event struct {
	// WalletID says whose it is; Mode is that wallet's.
	WalletID int64
	Mode     string
	Type     string
	// Subject is what it is about, as "order:17": events of one subject of a merchant
	// are delivered in the order in which they were inserted.
	Subject string
	// Version of the subject that Data shows.
	Version int64
	// URL is where this event goes instead of the merchant's endpoint; empty for there.
	URL string
	// Data is rendered at once, as the body's data.
	Data any
	// At is when it happened.
	At time.Time
	// TraceParent continues the trace of what caused it; it may be empty.
	TraceParent string
}

// An event without a URL of its own goes to the endpoint, if there is one that
// wants this type. Where we suspended the endpoint the event is kept, parked, so
// that the merchant can have it replayed; where the merchant switched it off,
// there is nowhere to go and no row.
const insertSQL = `INSERT INTO webhook_events (event_id, merchant_id, mode, type, subject, version, fixed, url, body, trace_parent,
		status, attempts, step, next_run_at, leased, blocked, failure, created_at)
	SELECT e.event_id, w.merchant_id, e.mode, e.type, e.subject, e.version, e.url <> '',
		CASE WHEN e.url <> '' THEN e.url ELSE p.url END, e.body, e.trace_parent,
		CASE WHEN e.url <> '' OR p.enabled THEN 'pending' ELSE 'parked' END, 0, 0,
		CASE WHEN e.url <> '' OR p.enabled THEN e.at END, false, false,
		CASE WHEN e.url <> '' OR p.enabled THEN '' ELSE '` + failDisabled + `' END, e.at
	FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::text[])
		WITH ORDINALITY e (wallet_id, event_id, mode, type, subject, version, url, body, at, trace_parent, n)
	JOIN wallets w ON w.id = e.wallet_id
	LEFT JOIN webhook_endpoints p ON p.merchant_id = w.merchant_id
	WHERE e.url <> '' OR (p.url <> '' AND (p.enabled OR p.suspended_reason <> '')
		AND (cardinality(p.events) = 0 OR e.type = '` + TestSent + `' OR e.type = ANY (p.events)))
	ORDER BY e.n
	RETURNING id, status = 'pending'`

// Insert writes events in the transaction of the change that they tell of, and
// gives the ids of those that are to be delivered, for a hint to the workers after
// the commit. An event with nowhere to go leaves no row.
func Insert(ctx context.Context, tx pgx.Tx, events []Event) ([]int64, error) {
	if len(events) == 0 {
		return nil, nil
	}
	n := len(events)
	wallets, versions, at := make([]int64, n), make([]int64, n), make([]time.Time, n)
	ids, modes, types, subjects := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	urls, bodies, parents := make([]string, n), make([]string, n), make([]string, n)
	for i := range events {
		e := &events[i]
		body, err := render(e)
		if err != nil {
			return nil, err
		}
		wallets[i], versions[i], at[i] = e.WalletID, e.Version, e.At
		ids[i], modes[i], types[i], subjects[i] = newEventID(), e.Mode, e.Type, e.Subject
		urls[i], bodies[i], parents[i] = e.URL, body, e.TraceParent
	}
	rows, err := tx.Query(ctx, insertSQL, wallets, ids, modes, types, subjects, versions, urls, bodies, at, parents)
	if err != nil {
		return nil, fmt.Errorf("webhook: insert: %w", err)
	}
	var due []int64
	var id int64
	var pending bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &pending}, func() error {
		if pending {
			due = append(due, id)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("webhook: insert: %w", err)
	}
	return due, nil
}

// render writes the body that is sent from now on.
func render(e *Event) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Mode      string    `json:"mode"`
		Data      any       `json:"data"`
	}{e.Type, e.At.UTC(), e.Mode, e.Data}); err != nil {
		return "", fmt.Errorf("webhook: body of %s: %w", e.Type, err)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// newEventID draws a webhook-id: 128 bits, which nobody guesses or meets twice.
func newEventID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return "evt_" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}
