package wire

// Paths below the base URL, which ends in /v1. All are asked with POST.
const (
	PathBalance     = "/cek-saldo"
	PathPrices      = "/price-list"
	PathDeposit     = "/deposit"
	PathTransaction = "/transaction"
	PathPLN         = "/inquiry-pln"
)

// Kinds of price lists, and the word that asks for the balance.
const (
	ListPrepaid  = "prepaid"
	ListPostpaid = "pasca"
	CmdBalance   = "deposit"
)

// Commands about bills.
const (
	CommandInquiry = "inq-pasca"
	CommandPay     = "pay-pasca"
	CommandStatus  = "status-pasca"
)

// BalanceRequest asks for our balance.
type BalanceRequest struct {
	Cmd      string `json:"cmd"`
	Username string `json:"username"`
	Sign     string `json:"sign"`
}

// PricesRequest asks for a price list, or with Code for one product of it. Lists that
// are narrowed by category, brand or type are up to a quarter of an hour old.
type PricesRequest struct {
	Cmd      string `json:"cmd"`
	Username string `json:"username"`
	Code     string `json:"code,omitempty"`
	Category string `json:"category,omitempty"`
	Brand    string `json:"brand,omitempty"`
	Type     string `json:"type,omitempty"`
	Sign     string `json:"sign"`
}

// DepositRequest asks for a ticket to top our balance up by bank transfer.
type DepositRequest struct {
	Username  string `json:"username"`
	Amount    int64  `json:"amount"`
	Bank      string `json:"bank"`
	OwnerName string `json:"owner_name"`
	Sign      string `json:"sign"`
}

// TransactionRequest buys, or with Commands asks for a bill, pays it or asks about
// it. RefID is our reference. Without Commands, the same body again is the question
// about a purchase.
type TransactionRequest struct {
	Commands   string `json:"commands,omitempty"`
	Username   string `json:"username"`
	SKU        string `json:"buyer_sku_code"`
	CustomerNo string `json:"customer_no"`
	RefID      string `json:"ref_id"`
	Sign       string `json:"sign"`
	Testing    bool   `json:"testing,omitempty"`
	// MaxPrice is the most that a purchase may cost, in rupiah.
	MaxPrice int64 `json:"max_price,omitempty"`
	// CallbackURL is where this purchase's webhook goes.
	CallbackURL string `json:"cb_url,omitempty"`
	// AllowDot lets points stand in CustomerNo.
	AllowDot bool `json:"allow_dot,omitempty"`
	// Amount is what is to be put on an e-money card, in rupiah; Year is a tax's.
	Amount int64  `json:"amount,omitempty"`
	Year   string `json:"year,omitempty"`
}

// PLNRequest asks who a meter belongs to.
type PLNRequest struct {
	Username   string `json:"username"`
	CustomerNo string `json:"customer_no"`
	Sign       string `json:"sign"`
}
