package wire

import "net/url"

// Path is where panels answer, below their host.
const Path = "/api/v2"

// Actions.
const (
	ActionServices     = "services"
	ActionAdd          = "add"
	ActionStatus       = "status"
	ActionRefill       = "refill"
	ActionRefillStatus = "refill_status"
	ActionCancel       = "cancel"
	ActionBalance      = "balance"
)

// MaxBulk is how many ids one bulk action may name.
const MaxBulk = 100

// Fields that every request has.
const (
	FieldKey    = "key"
	FieldAction = "action"
)

// Fields of requests.
const (
	FieldService  = "service"
	FieldLink     = "link"
	FieldUsername = "username"
	FieldQuantity = "quantity"
	FieldOrder    = "order"
	FieldOrders   = "orders"
	FieldRefill   = "refill"
	FieldRefills  = "refills"
)

// Request is the form of an action.
func Request(key, action string, fields ...[2]string) url.Values {
	form := url.Values{FieldKey: {key}, FieldAction: {action}}
	for _, f := range fields {
		form.Set(f[0], f[1])
	}
	return form
}
