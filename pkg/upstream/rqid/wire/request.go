package wire

import (
	"net/url"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// KeyHeader carries the API key; every body carries mmid.
const KeyHeader = "rqid"

// Paths below the base URL. All are asked with POST.
const (
	PathPrice      = "/V1/api/price"
	PathCategories = "/V1/api/product-categories"
	PathProducts   = "/V1/api/products"
	PathTopup      = "/V1/api/topup"
	PathInquiry    = "/V1/api/inquiry"
	PathPayment    = "/V1/api/payment"
	PathStatus     = "/V1/api/status"
	PathHistory    = "/V1/api/history"
	PathBalance    = "/V1/api/balance"
	PathMutations  = "/V1/api/mutations"
)

// MaxPerPage is the largest page of a history.
const MaxPerPage = 1000

// HistoryOf is the path of one transaction's history.
func HistoryOf(ref1 string) string { return PathHistory + "/" + url.PathEscape(ref1) }

// Account is the body of requests that say nothing more (/product-categories,
// /balance, /history/{ref_1}).
type Account struct {
	MMID string `json:"mmid"`
}

// PriceRequest asks for one prepaid product.
type PriceRequest struct {
	MMID        string `json:"mmid"`
	ProductCode string `json:"product_code"`
}

// ProductsRequest filters the product list. Without Page the whole list is asked for.
type ProductsRequest struct {
	MMID        string `json:"mmid"`
	Type        string `json:"type,omitempty"`
	Category    string `json:"category,omitempty"`
	CategoryIDs string `json:"category_ids,omitempty"`
	IsOpen      string `json:"is_open,omitempty"`
	Operator    string `json:"operator,omitempty"`
	Q           string `json:"q,omitempty"`
	Sort        string `json:"sort,omitempty"`
	Page        int    `json:"page,omitempty"`
	PerPage     int    `json:"per_page,omitempty"`
}

// BuyRequest is the body of /topup, /inquiry and /payment. Ref1 is our
// reference: the API's idempotency key.
type BuyRequest struct {
	MMID        string `json:"mmid"`
	ProductCode string `json:"product_code"`
	CustomerID  string `json:"customer_id"`
	Ref1        string `json:"ref_1"`
}

// StatusRequest asks about one transaction.
type StatusRequest struct {
	MMID string `json:"mmid"`
	Ref1 string `json:"ref_1"`
}

// HistoryRequest filters the history. Dates are days in WIB (2006-01-02);
// Status is one code or several with commas; without Page the answer is flat.
type HistoryRequest struct {
	MMID        string `json:"mmid"`
	Date        string `json:"date,omitempty"`
	StartDate   string `json:"start_date,omitempty"`
	EndDate     string `json:"end_date,omitempty"`
	Status      string `json:"status,omitempty"`
	ProductCode string `json:"product_code,omitempty"`
	CustomerID  string `json:"customer_id,omitempty"`
	Page        int    `json:"page,omitempty"`
	PerPage     int    `json:"per_page,omitempty"`
}

// MutationsRequest asks for the account's movements between two days.
type MutationsRequest struct {
	MMID      string `json:"mmid"`
	StartDate string `json:"start_date"`
	EndDate   string `json:"end_date"`
}

// DateLayout is how the API writes a day.
const DateLayout = "2006-01-02"

// CustomerID brings a customer's number into the form that the API expects.
func CustomerID(s string) string { return lenient.Customer(s) }
