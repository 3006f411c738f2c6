package budget

import "time"

// Class says how urgent a call is. Lower is more urgent.
type Class int

// The classes, most urgent first. Ask is for calls a merchant waits for: inquiry, invoice, account check. Cancel includes
// finish and resend.
const (
	Buy Class = iota
	Cancel
	Ask
	Poll
	Balance
	Catalog

	classes = int(Catalog) + 1
)

// String is the class's label in metrics and commands.
func (c Class) String() string {
	switch c {
	case Buy:
		return "buy"
	case Cancel:
		return "cancel"
	case Ask:
		return "ask"
	case Poll:
		return "poll"
	case Balance:
		return "balance"
	case Catalog:
		return "catalog"
	default:
		return "unknown"
	}
}

// Classes are all classes, most urgent first.
func Classes() []Class { return []Class{Buy, Cancel, Ask, Poll, Balance, Catalog} }

func (c Class) valid() bool { return c >= Buy && c <= Catalog }

// Limit is what an upstream allows: no more than Requests arrivals in any window of Per.
type Limit struct {
	Requests int
	Per      time.Duration
}

// cautious makes a limit that says nothing a strict one: one request a second.
func (l Limit) cautious() Limit {
	if l.Requests < 1 {
		l.Requests = 1
	}
	if l.Per <= 0 {
		l.Per = time.Second
	}
	return Limit{Requests: l.Requests, Per: max(l.Per, time.Millisecond)}
}
