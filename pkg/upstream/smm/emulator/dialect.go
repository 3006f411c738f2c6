package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// Dialect is how a panel departs from the convention. The zero value follows it.
type Dialect struct {
	// Success adds "status": "success" to the answer of add.
	Success bool `json:"success"`
	// TextIDs writes ids as text, and Numbers amounts and counts as numbers.
	TextIDs bool `json:"text_ids"`
	Numbers bool `json:"numbers"`
	// Lower writes states in lower case, and canceled with two l.
	Lower bool `json:"lower"`
	// Keys refuses by keys instead of texts.
	Keys bool `json:"keys"`
	// Bits writes flags as 0 and 1.
	Bits bool `json:"bits"`
	// HTTP refuses under real statuses of HTTP.
	HTTP bool `json:"http"`
}

// refusal is a reason to refuse, in all dialects.
type refusal struct {
	text, key string
	status    int
}

//nolint:gochecknoglobals // a table of constants
var (
	badRequest  = refusal{"Incorrect request", "error.incorrect_request", http.StatusBadRequest}
	badKey      = refusal{"Incorrect API key", "Incorrect API key", http.StatusUnauthorized}
	badService  = refusal{"Incorrect service ID", "error.incorrect_service_id", http.StatusNotFound}
	badLink     = refusal{"Incorrect link", "neworder.error.link", http.StatusUnprocessableEntity}
	tooFew      = refusal{"Incorrect quantity", "neworder.error.min_quantity", http.StatusUnprocessableEntity}
	tooMany     = refusal{"Incorrect quantity", "neworder.error.max_quantity", http.StatusUnprocessableEntity}
	noFunds     = refusal{"Not enough funds on balance", "neworder.error.not_enough_funds", http.StatusPaymentRequired}
	activeOrder = refusal{"Active order with this link exists. Wait until it is completed", "neworder.error.link_duplicate", http.StatusConflict}
	noOrder     = refusal{"Incorrect order ID", "Incorrect order ID", http.StatusNotFound}
	noRefill    = refusal{"Refill not found", "Refill not found", http.StatusNotFound}
	noCancel    = refusal{"Cancel is not available for this order", "Cancel is not available for this order", http.StatusForbidden}
	notRefill   = refusal{"Refill is not available for this order", "Refill is not available for this order", http.StatusForbidden}
)

// says is the refusal as data.
func (d *door) says(r refusal) *wire.Refusal {
	if d.cfg.Dialect.Keys {
		return &wire.Refusal{Text: r.key}
	}
	return &wire.Refusal{Text: r.text}
}

func (d *door) refuse(r refusal) emulate.Answer {
	a := emulate.Answer{Status: http.StatusOK, Body: d.says(r)}
	if d.cfg.Dialect.HTTP {
		a.Status = r.status
	}
	return a
}

// accept answers in the panel's dialect.
func (d *door) accept(body any) emulate.Answer {
	if d.cfg.Dialect == (Dialect{}) {
		return emulate.Answer{Status: http.StatusOK, Body: body}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic("smm emulator: " + err.Error())
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic("smm emulator: " + err.Error())
	}
	return emulate.Answer{Status: http.StatusOK, Body: d.cfg.Dialect.bend("", v)}
}

// bend rewrites the value of a member.
func (d *Dialect) bend(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = d.bend(k, inner)
		}
		return v
	case []any:
		for i := range v {
			v[i] = d.bend(name, v[i])
		}
		return v
	case bool:
		if d.Bits {
			return map[bool]int{true: 1}[v]
		}
	case json.Number:
		if d.TextIDs && (name == "order" || name == "refill" || name == "service") {
			return v.String()
		}
	case string:
		return d.text(name, v)
	}
	return v
}

func (d *Dialect) text(name, v string) any {
	switch name {
	case "charge", "balance", "rate", "min", "max", "remains", "start_count":
		var n json.Number
		if d.Numbers && json.Unmarshal([]byte(v), &n) == nil {
			return n
		}
	case "status":
		if d.Lower && v != "success" {
			return strings.ReplaceAll(strings.ToLower(v), "canceled", "cancelled")
		}
	}
	return v
}
