package order

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Request is one placement. The caller has checked it against the catalogue.
type Request struct {
	WalletID  int64
	Ref       string
	Category  Category
	SKU       string
	Name      string
	ProductID int64
	Quantity  int64
	// Price is the total to take, in rupiah.
	Price int64
	// CustomerNo, ZoneID and Target are set as the category has them.
	CustomerNo *string
	ZoneID     *string
	Target     *string
	// Inputs are further fields by name, in one normal form: lists as text.
	Inputs map[string]string
	// Link is the target as it is compared with others, and Terms what a social media
	// order is taken by. They follow from the content and are no part of it.
	Link  string
	Terms *Terms
	// Bill is what an order of a postpaid product pays: what was inquired under the same
	// ref. It is no part of the content, which is whose bill it is.
	Bill *Bill
	// AllowDuplicate lets the order pass the wallet's duplicate guard. It is not part of the
	// content.
	AllowDuplicate bool
	// CallbackURL gets this order's webhooks. It is not part of the content.
	CallbackURL string
	// Service and Country are what an otp order rents a number for, in our words.
	Service string
	Country string
	// Route is the chosen offer; zero for premium products.
	Route Route
	// MaxCost is the most that any offer may cost, in rupiah; zero is no bound.
	MaxCost int64
	// TraceParent joins the order's spans (W3C trace context); may be empty.
	TraceParent string
}

// Hash is the content that must match when a ref is used again: what is bought
// for whom, not what it costs.
func (r *Request) Hash() []byte {
	content := struct {
		Category   Category
		SKU        string
		Quantity   int64
		CustomerNo *string
		ZoneID     *string
		Target     *string
		Inputs     map[string]string
	}{r.Category, r.SKU, r.Quantity, r.CustomerNo, r.ZoneID, r.Target, nil}
	if len(r.Inputs) > 0 {
		content.Inputs = r.Inputs
	}
	// Marshal sorts the keys of maps, so the text is canonical; strings and
	// integers cannot fail.
	text, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("order: hash: %v", err))
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
