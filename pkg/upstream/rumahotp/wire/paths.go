package wire

import (
	"net/url"
	"strings"
)

// KeyHeader carries the API key.
const KeyHeader = "x-apikey"

// Paths below the base URL (which ends in /api). All are asked with GET,
// purchases included.
const (
	PathServices          = "/v2/services"
	PathCountries         = "/v2/countries"
	PathOperators         = "/v2/operators"
	PathOrders            = "/v2/orders"
	PathOrderStatus       = "/v1/orders/get_status"
	PathSetStatus         = "/v1/orders/set_status"
	PathProducts          = "/v1/h2h/product"
	PathCreateTransaction = "/v1/h2h/transaksi/create"
	PathTransactionStatus = "/v1/h2h/transaksi/status"
	PathCheckAccount      = "/v1/h2h/check/rekening"
	PathListBanks         = "/v1/h2h/list/rekening"
	PathCheckUsername     = "/v1/h2h/check/username"
	PathListGames         = "/v1/h2h/list/username"
	PathBalance           = "/v1/user/balance"
	PathDepositCreateV1   = "/v1/deposit/create"
	PathDepositStatusV1   = "/v1/deposit/get_status"
	PathDepositCancel     = "/v1/deposit/cancel"
	PathDepositCreate     = "/v2/deposit/create"
	PathDepositStatus     = "/v2/deposit/get_status"
)

// AnyOperator is the operator id that leaves the choice to the provider.
const AnyOperator = "1"

// Actions of set_status.
const (
	ActionCancel = "cancel"
	ActionDone   = "done"
	ActionResend = "resend"
)

// Countries asks for the offers of one service.
func Countries(serviceID string) string {
	return target(PathCountries, "service_id", serviceID)
}

// Operators asks for the operators of one price in one country (by name).
func Operators(country, providerID string) string {
	return target(PathOperators, "country", country, "provider_id", providerID)
}

// BuyNumber rents a number. It is a purchase.
func BuyNumber(numberID, providerID, operatorID string) string {
	return target(PathOrders, "number_id", numberID, "provider_id", providerID, "operator_id", operatorID)
}

// AskOrder asks about a rented number.
func AskOrder(orderID string) string { return target(PathOrderStatus, "order_id", orderID) }

// SetOrder cancels, ends or asks for a further code.
func SetOrder(orderID, action string) string {
	return target(PathSetStatus, "order_id", orderID, "status", action)
}

// BuyProduct buys an H2H product for a target. It is a purchase.
func BuyProduct(code, customer string) string {
	return target(PathCreateTransaction, "target", customer, "id", code)
}

// AskTransaction asks about an H2H purchase.
func AskTransaction(id string) string {
	return target(PathTransactionStatus, "transaksi_id", id)
}

// target joins a path with its query, in the order given.
func target(path string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(path)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(pairs[i])
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

// Phone brings a rented number ("+62 856 4441 4442") into international form
// without blanks ("+6285644414442"). What has no digits is empty.
func Phone(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	d := b.String()
	switch {
	case d == "":
		return ""
	case strings.HasPrefix(strings.TrimSpace(s), "+"):
		return "+" + d
	case strings.HasPrefix(d, "00"):
		return Phone("+" + d[2:])
	case d[0] == '0':
		return d // a national number of a country that we do not know here
	}
	return "+" + d
}
