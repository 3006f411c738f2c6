package wire

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Refusal is an error in the panel's own form.
type Refusal struct{ Text string }

// Error gives the panel's text; it is for operators only.
func (r *Refusal) Error() string { return "refused: " + r.Text }

// MarshalJSON writes it as panels do.
func (r *Refusal) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error string `json:"error"`
	}{r.Text})
}

// AsRefusal finds a refusal in err.
func AsRefusal(err error) (*Refusal, bool) {
	r, ok := errors.AsType[*Refusal](err)
	return r, ok
}

// Meaning is what a refusal says, from a closed set.
type Meaning int

// The meanings. Other is every text that is not listed: it proves nothing.
const (
	Other Meaning = iota
	WrongKey
	NoFunds
	WrongService
	WrongLink
	WrongQuantity
	ActiveOrder
	NoOrder
	NoRefill
	TooEarly
)

// texts are the listed beginnings of refusals, as [plain] writes them.
func texts() []struct {
	text    string
	meaning Meaning
} {
	return []struct {
		text    string
		meaning Meaning
	}{
		{"incorrect api key", WrongKey}, {"invalid api key", WrongKey},
		{"not enough funds on balance", NoFunds},
		{"incorrect service id", WrongService},
		{"incorrect link", WrongLink},
		{"incorrect quantity", WrongQuantity},
		{"active order with this link exists", ActiveOrder},
		{"incorrect order id", NoOrder},
		{"refill not found", NoRefill},
	}
}

// keys are what newer panels send instead of texts.
func keys() map[string]Meaning {
	return map[string]Meaning{
		"neworder.error.not_enough_funds": NoFunds,
		"neworder.error.link":             WrongLink,
		"neworder.error.link_duplicate":   ActiveOrder,
		"neworder.error.min_quantity":     WrongQuantity,
		"neworder.error.max_quantity":     WrongQuantity,
		"error.incorrect_service_id":      WrongService,
	}
}

// Meaning reads the text. Tail is what follows the listed words in it: a tail in
// doubt takes the certainty away, which is for the caller to judge.
func (r *Refusal) Meaning() (m Meaning, tail string) {
	text := plain(r.Text)
	if m, ok := keys()[text]; ok {
		return m, ""
	}
	for _, row := range texts() {
		rest, ok := strings.CutPrefix(text, row.text)
		if ok && (rest == "" || !letter(rest[0])) {
			return row.meaning, rest
		}
	}
	if cooldown.MatchString(text) {
		return TooEarly, ""
	}
	return Other, ""
}

// plain is a text as it is compared: lower case, single blanks, no stop at its end.
func plain(s string) string {
	return strings.TrimRight(strings.Join(strings.Fields(strings.ToLower(s)), " "), " .!…")
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '_' }

var (
	cooldown = regexp.MustCompile(`\bavailable in \d`)
	span     = regexp.MustCompile(`(\d{1,4})\s*(day|hour|minute|min|second|sec)s?\b`)
)

// longestWait bounds a wait that a panel names.
const longestWait = 60 * 24 * time.Hour

// After is how long a refill has to wait, as far as the text says so in words
// ("available in 9 hours 3 minutes").
func (r *Refusal) After() time.Duration {
	_, rest, found := strings.Cut(plain(r.Text), "available in ")
	if !found {
		return 0
	}
	var d time.Duration
	for _, m := range span.FindAllStringSubmatch(rest, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0
		}
		unit := time.Second
		switch m[2] {
		case "day":
			unit = 24 * time.Hour
		case "hour":
			unit = time.Hour
		case "minute", "min":
			unit = time.Minute
		}
		d += time.Duration(n) * unit
	}
	return min(d, longestWait)
}

// State is where an order or a refill stands, from a closed set.
type State int

// The states. Odd is every word that is not listed, "fail" and "error" among them.
const (
	Odd State = iota
	Running
	Completed
	Partial
	Canceled
	Rejected
)

// StateOf reads an order's state, whatever its case and blanks.
func StateOf(status string) State {
	switch word(status) {
	case "pending", "processing", "inprogress", "creating", "active", "paused":
		return Running
	case "completed":
		return Completed
	case "partial":
		return Partial
	case "canceled", "cancelled":
		return Canceled
	}
	return Odd
}

// RefillStateOf reads a refill's state.
func RefillStateOf(status string) State {
	switch word(status) {
	case "pending", "processing", "inprogress", "creating", "awaiting":
		return Running
	case "completed":
		return Completed
	case "rejected", "canceled", "cancelled":
		return Rejected
	}
	return Odd
}

// word is a state without case, blanks, hyphens and underscores.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '\t', '\n', '\r', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(s))
}
