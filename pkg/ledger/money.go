package ledger

// System accounts of money that comes in and goes out.
const (
	// Fees is what merchants paid for deposits and withdrawals.
	Fees = "fees"
	// Suspense is money that came and of which nobody may guess whose it is.
	Suspense = "suspense"
)

// Clearing is what a gateway has received for us and owes us.
func Clearing(gateway string) string { return "deposits_clearing:" + gateway }

// Charges is what a gateway takes from us for its service.
func Charges(gateway string) string { return "charges:" + gateway }

// The kinds of entries on a deposit. KindDeposit is what its mutation shows.
const (
	KindDeposit        = "deposit"         // clearing (or suspense) to wallet
	KindDepositFee     = "deposit_fee"     // clearing (or suspense) to fees: what we received beyond it
	KindDepositCharge  = "deposit_charge"  // charges to clearing: what we received less
	KindSuspense       = "suspense"        // clearing to suspense
	KindSuspenseReturn = "suspense_return" // suspense to clearing: given back, or booked anew
)

// Payouts holds what merchants are having paid out until it has been.
const Payouts = "payouts_clearing"

// The kinds of entries on a withdrawal. The first two are what its mutations show.
const (
	KindWithdraw       = "withdraw"        // wallet to payouts: amount and fee
	KindWithdrawRefund = "withdraw_refund" // payouts to wallet
	KindPayout         = "payout"          // payouts to float: the amount
	KindWithdrawFee    = "withdraw_fee"    // payouts to fees
	KindPayoutCharge   = "payout_charge"   // charges to float: what the gateway took beside
	KindLatePayout     = "late_payout"     // loss to float: paid out after it had been given back
)
