package wire

import "net/url"

// The paths, below the base URL.
const (
	PathPing         = "/ping"
	PathProfile      = "/profile"
	PathOrder        = "/order"
	PathOrders       = "/orders"
	PathPPOB         = "/ppob/products"
	PathSMM          = "/smm/services"
	PathOTPServices  = "/otp/services"
	PathOTPCountries = "/otp/countries"
	PathOTPOperators = "/otp/operators"
	PathProducts     = "/products"
	PathPrice        = "/price"
	PathInquiry      = "/inquiry"
	PathMutations    = "/mutations"
	PathDeposit      = "/deposit"
	PathWithdraw     = "/withdraw"
	PathWithdrawals  = "/withdrawals"
	PathBanks        = "/check/banks"
	PathGames        = "/check/games"
	PathCheckBank    = "/check/bank"
	PathCheckGame    = "/check/game"
)

// The last parts of an order's or a deposit's actions.
const (
	ActionCancel = "cancel"
	ActionFinish = "finish"
	ActionResend = "resend"
	ActionRefill = "refill"
)

// MaxLimit is the most rows of one page of any list.
const MaxLimit = 500

// Under is the path of one thing below another, with an action where one is given.
func Under(path, id, action string) string {
	out := path + "/" + url.PathEscape(id)
	if action != "" {
		out += "/" + action
	}
	return out
}

// KeyHeader carries the key, after [KeyPrefix].
const (
	KeyHeader = "Authorization"
	KeyPrefix = "Bearer "
)

// The headers of a webhook (Standard Webhooks), and what it is about.
const (
	EventOrder    = "order.updated"
	EventDeposit  = "deposit.updated"
	EventWithdraw = "withdraw.updated"
)
