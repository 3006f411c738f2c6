package wire

// The statuses of a transaction.
const (
	StatusSuccess = "Sukses"
	StatusPending = "Pending"
	StatusFailed  = "Gagal"
)

// Result codes. The names follow the document's words for them.
const (
	RCSuccess          RC = "00"
	RCTimeout          RC = "01"
	RCFailed           RC = "02"
	RCPending          RC = "03"
	RCPayload          RC = "40"
	RCSignature        RC = "41"
	RCUser             RC = "42"
	RCProductOff       RC = "43"
	RCBalance          RC = "44"
	RCAddress          RC = "45"
	RCElsewhere        RC = "47"
	RCReference        RC = "49"
	RCNotFound         RC = "50"
	RCBlocked          RC = "51"
	RCPrefix           RC = "52"
	RCSellerOff        RC = "53"
	RCNumber           RC = "54"
	RCTrouble          RC = "55"
	RCOld56            RC = "56"
	RCDigits           RC = "57"
	RCCutOff           RC = "58"
	RCArea             RC = "59"
	RCNoBill           RC = "60"
	RCNeverDeposited   RC = "61"
	RCSellerTrouble    RC = "62"
	RCRepeated         RC = "63"
	RCTicket           RC = "64"
	RCOld65            RC = "65"
	RCMaintenance      RC = "66"
	RCSellerUnverified RC = "67"
	RCStock            RC = "68"
	RCPrice            RC = "69"
	RCBillerTimeout    RC = "70"
	RCUnstable         RC = "71"
	RCUnregister       RC = "72"
	RCKWh              RC = "73"
	RCRefunded         RC = "74"
	RCSellerBlocked    RC = "80"
	RCBuyerBlocked     RC = "81"
	RCUnverified       RC = "82"
	RCPriceLimit       RC = "83"
	RCNominal          RC = "84"
	RCLimit            RC = "85"
	RCPLNLimit         RC = "86"
	RCEMoney           RC = "87"
	RCAction           RC = "88"
	RCRouter           RC = "99"
)

// Code is what the document says of a result code.
type Code struct {
	RC RC
	// Status is the status that stands beside it.
	Status string
	// Made is whether a transaction was made: its money moved, or will.
	Made bool
	// Text is its meaning in short.
	Text string
}

// Codes are all documented result codes, in order.
func Codes() []Code {
	made := func(rc RC, status, text string) Code { return Code{rc, status, true, text} }
	none := func(rc RC, text string) Code { return Code{rc, StatusFailed, false, text} }
	return []Code{
		made(RCSuccess, StatusSuccess, "success"),
		made(RCTimeout, StatusFailed, "timeout"),
		made(RCFailed, StatusFailed, "failed"),
		made(RCPending, StatusPending, "pending"),
		none(RCPayload, "payload not understood"),
		none(RCSignature, "signature wrong"),
		none(RCUser, "user not known or not active"),
		none(RCProductOff, "product not found or off"),
		none(RCBalance, "balance too low"),
		none(RCAddress, "address not on the list"),
		none(RCElsewhere, "same transaction at another buyer"),
		none(RCReference, "ref_id not unique"),
		made(RCNotFound, StatusFailed, "transaction not found"),
		made(RCBlocked, StatusFailed, "number blocked"),
		made(RCPrefix, StatusFailed, "prefix of another operator"),
		made(RCSellerOff, StatusFailed, "product closed by the seller"),
		made(RCNumber, StatusFailed, "number wrong"),
		made(RCTrouble, StatusFailed, "product in trouble"),
		none(RCOld56, "no longer in use"),
		made(RCDigits, StatusFailed, "count of digits wrong"),
		made(RCCutOff, StatusFailed, "cut-off"),
		made(RCArea, StatusFailed, "out of the area"),
		made(RCNoBill, StatusFailed, "no bill yet"),
		none(RCNeverDeposited, "never deposited"),
		none(RCSellerTrouble, "seller in trouble"),
		none(RCRepeated, "same product and number only once a day"),
		none(RCTicket, "deposit ticket not made"),
		none(RCOld65, "no longer in use"),
		none(RCMaintenance, "seller's maintenance"),
		none(RCSellerUnverified, "seller not verified"),
		none(RCStock, "out of stock"),
		none(RCPrice, "price above the bound"),
		made(RCBillerTimeout, StatusFailed, "biller's timeout"),
		made(RCUnstable, StatusFailed, "product unstable"),
		made(RCUnregister, StatusFailed, "another package must end first"),
		made(RCKWh, StatusFailed, "limit of kWh reached"),
		made(RCRefunded, StatusFailed, "refunded"),
		none(RCSellerBlocked, "blocked by the seller"),
		none(RCBuyerBlocked, "seller blocked by us"),
		none(RCUnverified, "account not verified"),
		none(RCPriceLimit, "limit of price lists"),
		made(RCNominal, StatusFailed, "nominal wrong"),
		made(RCLimit, StatusFailed, "limit of transactions"),
		made(RCPLNLimit, StatusFailed, "limit of PLN checks"),
		none(RCEMoney, "not a multiple of 1000"),
		none(RCAction, "action not allowed"),
		made(RCRouter, StatusPending, "trouble on the way"),
	}
}

// byRC is the table by code.
var byRC = func() map[RC]Code {
	out := map[RC]Code{}
	for _, c := range Codes() {
		out[c.RC] = c
	}
	return out
}()

// Documented gives what the document says of a code; ok is false for one that it
// does not have.
func (c RC) Documented() (code Code, ok bool) {
	code, ok = byRC[c]
	return code, ok
}
