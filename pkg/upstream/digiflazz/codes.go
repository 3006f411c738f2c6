package digiflazz

import (
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
)

// How long a code asks us to wait.
const (
	minute      = 65 * time.Second // "once a minute", by clocks that are not ours
	listsApart  = 5*time.Minute + 10*time.Second
	afterLimit  = minute
	oldest      = 80 * 24 * time.Hour // after 90 days a question buys
	beforeNight = time.Minute         // a payment must arrive on the day of its inquiry
)

// ruling is what a code of failure means for us.
type ruling struct {
	// reason decides what happens next; see [upstream.Reason].
	reason upstream.Reason
	// halt: nothing will be taken from us until a person has put our account right.
	halt bool
	// wait: it was refused for its rate, and may be tried again after so long.
	wait time.Duration
	// refunded: our money is back.
	refunded bool
}

// rulings are by code; those of success and of pending have none. The rows stand as
// in the contract's table, "Response codes and driver class".
func rulings() map[wire.RC]ruling {
	out := map[wire.RC]ruling{}
	add := func(r ruling, codes ...wire.RC) {
		for _, c := range codes {
			out[c] = r
		}
	}
	add(ruling{reason: upstream.ReasonLate}, wire.RCTimeout, wire.RCBillerTimeout)
	add(ruling{}, wire.RCFailed, wire.RCNotFound, wire.RCOld56, wire.RCOld65)
	add(ruling{reason: upstream.ReasonCustomer}, wire.RCBlocked, wire.RCPrefix, wire.RCNumber, wire.RCDigits, wire.RCArea, wire.RCNoBill, wire.RCUnregister,
		wire.RCKWh, wire.RCNominal, wire.RCEMoney)
	add(ruling{reason: upstream.ReasonProduct}, wire.RCSellerOff, wire.RCTrouble, wire.RCCutOff, wire.RCUnstable)
	add(ruling{refunded: true}, wire.RCRefunded)
	add(ruling{wait: afterLimit}, wire.RCLimit, wire.RCPLNLimit)
	add(ruling{reason: upstream.ReasonRequest}, wire.RCPayload)
	add(ruling{reason: upstream.ReasonOurAccount, halt: true}, wire.RCSignature, wire.RCUser, wire.RCAddress, wire.RCNeverDeposited, wire.RCUnverified, wire.RCAction)
	add(ruling{reason: upstream.ReasonOurBalance}, wire.RCBalance)
	add(ruling{reason: upstream.ReasonProduct}, wire.RCProductOff, wire.RCSellerTrouble, wire.RCMaintenance, wire.RCSellerUnverified, wire.RCStock, wire.RCSellerBlocked,
		wire.RCBuyerBlocked)
	add(ruling{reason: upstream.ReasonPrice}, wire.RCPrice)
	add(ruling{reason: upstream.ReasonTwin}, wire.RCElsewhere)
	add(ruling{reason: upstream.ReasonDuplicate}, wire.RCReference)
	add(ruling{reason: upstream.ReasonRepeat}, wire.RCRepeated)
	add(ruling{}, wire.RCTicket)
	add(ruling{wait: listsApart}, wire.RCPriceLimit)
	return out
}
