package wire

import (
	"net/url"
	"strconv"
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

// Methods of a deposit (payment_id).
const (
	MethodQRIS = "qris"
	MethodUSDT = "usdt-polygon"
)

// Open is whether a path is asked without the key: the document shows none there,
// and a key that is not needed is not sent.
func Open(path string) bool {
	switch path {
	case PathProducts, PathListBanks, PathCheckAccount, PathListGames, PathCheckUsername:
		return true
	}
	return false
}

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

// CheckAccount asks whose bank or e-wallet account a number is.
func CheckAccount(bank, number string) string {
	return target(PathCheckAccount, "bank_code", bank, "account_number", number)
}

// CheckUsername asks whose game account a user id is.
func CheckUsername(game, id string) string {
	return target(PathCheckUsername, "account_code", game, "account_number", id)
}

// CreateDeposit asks for a deposit of so much rupiah (v2).
func CreateDeposit(rupiah int64, method string) string {
	return target(PathDepositCreate, "amount", strconv.FormatInt(rupiah, 10), "payment_id", method)
}

// CreateDepositV1 asks for a deposit of so much rupiah (v1).
func CreateDepositV1(rupiah int64, method string) string {
	return target(PathDepositCreateV1, "amount", strconv.FormatInt(rupiah, 10), "payment_id", method)
}

// AskDeposit asks about a deposit (v2).
func AskDeposit(id string) string { return target(PathDepositStatus, "deposit_id", id) }

// AskDepositV1 asks about a deposit (v1).
func AskDepositV1(id string) string { return target(PathDepositStatusV1, "deposit_id", id) }

// CancelDeposit asks for a deposit to be canceled (there is no other version).
func CancelDeposit(id string) string { return target(PathDepositCancel, "deposit_id", id) }

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
