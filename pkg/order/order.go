package order

import (
	"encoding/json"
	"time"

	"github.com/uptrace/bun"
)

// Category is what kind of thing an order buys; it decides the prefix of its
// public id and the shape of its data.
type Category string

// The categories of the merchant API.
const (
	PPOB    Category = "ppob"
	SMM     Category = "smm"
	OTP     Category = "otp"
	Product Category = "product"
)

// State is where an order stands inside; [Order.Status] is what a merchant sees.
type State string

// The states. Queued orders wait for a worker; Sending ones have been claimed by
// one, and a byte may have left; Unknown ones left and nothing is known since.
const (
	Queued     State = "queued"
	Sending    State = "sending"
	Processing State = "processing"
	Unknown    State = "unknown"
	Completed  State = "completed"
	Failed     State = "failed"
	Partial    State = "partial"
	Canceled   State = "canceled"
	Expired    State = "expired"
)

// Final tells whether the order's money has been settled.
func (s State) Final() bool {
	switch s {
	case Completed, Failed, Partial, Canceled, Expired:
		return true
	case Queued, Sending, Processing, Unknown:
	}
	return false
}

// Message is one text that came to a rented number.
type Message struct {
	Code       string    `json:"code"`
	Text       string    `json:"text"`
	ReceivedAt time.Time `json:"received_at"`
}

// Facts are what became known of an order on its way: what its data shows.
type Facts struct {
	SN         string    `json:"sn,omitempty"`
	Phone      string    `json:"phone,omitempty"`
	Messages   []Message `json:"messages,omitempty"`
	Country    string    `json:"country,omitempty"`
	Service    string    `json:"service,omitempty"`
	Operator   string    `json:"operator,omitempty"`
	StartCount *int64    `json:"start_count,omitempty"`
	Remains    *int64    `json:"remains,omitempty"`
	Note       string    `json:"note,omitempty"`
	// Bill is what an order of a postpaid product pays.
	Bill *Bill `json:"bill,omitempty"`
	// SMM is what a social media order was taken by, and Refill its last refill.
	SMM    *Terms  `json:"smm,omitempty"`
	Refill *Refill `json:"refill,omitempty"`
	// TakenBack: the source took back, all or in part, what it had completed.
	TakenBack bool `json:"taken_back,omitempty"`
	// CancelTold: a source that is told once has heard of the wish to cancel.
	CancelTold bool `json:"cancel_told,omitempty"`
	// Alert is the last thing of which the source made a person look.
	Alert string `json:"alert,omitempty"`
	// WishSent: the source has been told of the wish to resend; FinishTold: of the
	// wish to finish. ToldAt is when it was last told of any wish.
	WishSent   bool       `json:"wish_sent,omitempty"`
	FinishTold bool       `json:"finish_told,omitempty"`
	ToldAt     *time.Time `json:"told_at,omitempty"`
	// Telling is set while a worker tells the source of a wish. WishLost: nobody knows
	// whether the source has heard of the wish to resend, as an answer of its was lost.
	Telling  *Telling `json:"telling,omitempty"`
	WishLost bool     `json:"wish_lost,omitempty"`
	// Items is a premium product's content. It is never stored with the order: it
	// is decrypted from stock when a merchant reads the order.
	Items []string `json:"-"`
}

// Route is where an attempt goes: an offer of an upstream.
type Route struct {
	Upstream string
	OfferID  int64
	Code     string
	Extra    json.RawMessage
	// Cost is the offer's price in rupiah.
	Cost int64
}

// Order is one order of a merchant. Money is whole rupiah.
type Order struct {
	bun.BaseModel `bun:"table:orders,alias:o"`

	ID              int64           `bun:"id,pk"`
	WalletID        int64           `bun:"wallet_id"`
	Mode            string          `bun:"mode"`
	Ref             string          `bun:"ref"`
	ContentHash     []byte          `bun:"content_hash"`
	Category        Category        `bun:"category"`
	SKU             string          `bun:"sku"`
	Name            string          `bun:"name"`
	ProductID       int64           `bun:"product_id"`
	Quantity        int64           `bun:"quantity"`
	Price           int64           `bun:"price"`
	Refunded        int64           `bun:"refunded"`
	CustomerNo      *string         `bun:"customer_no"`
	ZoneID          *string         `bun:"zone_id"`
	Target          *string         `bun:"target"`
	Link            *string         `bun:"link"`
	Inputs          json.RawMessage `bun:"inputs,type:jsonb"`
	CallbackURL     string          `bun:"callback_url"`
	MaxCost         int64           `bun:"max_cost"`
	State           State           `bun:"state"`
	Version         int64           `bun:"version"`
	Attempt         int             `bun:"attempt"`
	Sends           int             `bun:"sends"`
	Upstream        string          `bun:"upstream"`
	OfferID         int64           `bun:"offer_id"`
	Code            string          `bun:"code"`
	Extra           json.RawMessage `bun:"extra,type:jsonb"`
	Cost            int64           `bun:"cost"`
	UpstreamRef     string          `bun:"upstream_ref"`
	Message         string          `bun:"message"`
	Facts           Facts           `bun:"facts,type:jsonb"`
	CancelRequested bool            `bun:"cancel_requested"`
	FinishRequested bool            `bun:"finish_requested"`
	ResendRequested bool            `bun:"resend_requested"`
	Flag            string          `bun:"flag"`
	TraceParent     string          `bun:"trace_parent"`
	NextRunAt       *time.Time      `bun:"next_run_at"`
	Polls           int             `bun:"polls"`
	WatchedAt       *time.Time      `bun:"watched_at"`
	ExpiresAt       *time.Time      `bun:"expires_at"`
	SentAt          *time.Time      `bun:"sent_at"`
	CreatedAt       time.Time       `bun:"created_at"`
	UpdatedAt       time.Time       `bun:"updated_at"`
	CompletedAt     *time.Time      `bun:"completed_at"`
	// Serial: the current attempt is on an account that is watched by its balance.
	Serial bool `bun:"serial"`

	// twin is what a duplicate of it would be found by, while it is being placed.
	twin *int64
}

// Attempt is one try to buy at one upstream, with its evidence.
type Attempt struct {
	bun.BaseModel `bun:"table:order_attempts,alias:a"`

	OrderID     int64  `bun:"order_id,pk"`
	N           int    `bun:"n,pk"`
	Upstream    string `bun:"upstream"`
	OfferID     int64  `bun:"offer_id"`
	OurRef      string `bun:"our_ref"`
	UpstreamRef string `bun:"upstream_ref"`
	Code        string `bun:"code"`
	Target      string `bun:"target"`
	Cost        int64  `bun:"cost"`
	Outcome     string `bun:"outcome"`
	Reason      string `bun:"reason"`
	SaidCode    string `bun:"said_code"`
	SaidDetail  string `bun:"said_detail"`
	// The balances that its outcome was concluded from, else as last seen, in rupiah.
	BalanceBefore *int64     `bun:"balance_before"`
	BalanceAfter  *int64     `bun:"balance_after"`
	StartedAt     time.Time  `bun:"started_at"`
	FinishedAt    *time.Time `bun:"finished_at"`
}

// Status is the state as merchants see it. An order that goes back to the queue
// for another try stays "processing": a status never goes backwards.
func (o *Order) Status() string {
	switch o.State {
	case Queued:
		if o.Attempt == 0 {
			return "pending"
		}
		return "processing"
	case Sending, Processing, Unknown:
		return "processing"
	case Completed, Failed, Partial, Canceled, Expired:
	}
	return string(o.State)
}
