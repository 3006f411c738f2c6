package order

import "errors"

// errSealed: an item of premium stock cannot be opened with this key.
var errSealed = errors.New("order: stock cannot be opened")

// What Place and the merchant's actions refuse with. Nothing is kept of a
// refused order, so its ref may be sent again.
var (
	// ErrConflict: the ref was used with other content.
	ErrConflict = errors.New("order: ref was used with other content")
	// ErrInsufficient: the wallet does not hold the price.
	ErrInsufficient = errors.New("order: balance is not sufficient")
	// ErrOutOfStock: fewer premium items are left than were ordered.
	ErrOutOfStock = errors.New("order: not enough items in stock")
	// ErrLinkBusy: an order for the same link is open at the same service.
	ErrLinkBusy = errors.New("order: an order for this link is open")
	// ErrInquiredAnew: what was inquired under the ref is no longer what the request would pay.
	ErrInquiredAnew = errors.New("order: the bill was inquired anew")
	// ErrInquiryExpired: what was inquired can no longer be paid.
	ErrInquiryExpired = errors.New("order: the inquiry has expired")
	// ErrNotFound: the wallet has no such order.
	ErrNotFound = errors.New("order: not found")
	// ErrNotCancelable: the order can no longer be canceled, or never could.
	ErrNotCancelable = errors.New("order: not cancelable")
	// ErrNotAvailable: the action does not apply to this order now.
	ErrNotAvailable = errors.New("order: action not available now")
	// ErrHeld: purchases on the account are kept back while the outcome of one is open.
	ErrHeld = errors.New("order: purchases on the account are kept back")
	// ErrStale: the row has moved on since it was read.
	ErrStale = errors.New("order: moved on meanwhile")
)
