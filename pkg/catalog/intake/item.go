package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

const maxCode = 200

// item is an offer as we would write it.
type item struct {
	code        string
	extra       json.RawMessage
	saidName    string
	category    string
	name        string
	brand       string
	group       string
	kind        string // prepaid, postpaid or empty
	description string
	inputs      []catalog.Input
	cost        int64
	available   bool
	reason      string
	stock       int64
	unlimited   bool
	successRate int
	cut         cutOff
	// otp
	service     string
	serviceName string
	iso         string
	server      int
	// smm; nil for others
	smm *service

	stem     string // of the SKU; otp makes its own
	numbered bool   // every SKU of the stem has a number, the first one too
	matchKey string // empty: matches nothing
	facts    []byte
	identity []byte
}

// converter makes items of offers.
type converter struct {
	clean  *cleaner
	brands brands
}

// item converts an offer; nil for one that cannot be sold: no code, no name, no
// category of ours, or a cost that is no price. An otp offer's service is ours
// already, and its country known.
func (cv *converter) item(o *upstream.Offer, service, serviceName, iso string) *item {
	it := &item{
		code: o.Code, extra: o.Extra, saidName: clip(o.Name, maxName), category: o.Category, cost: o.Cost,
		available: o.Available, reason: o.Reason, stock: max(o.Stock, 0), unlimited: o.Unlimited, successRate: min(max(o.SuccessRate, 0), 100),
	}
	if o.Code == "" || len(o.Code) > maxCode || !utf8.ValidString(o.Code) || strings.ContainsRune(o.Code, 0) {
		return nil
	}
	if len(it.extra) == 0 {
		it.extra = json.RawMessage(`{}`)
	}
	if !json.Valid(it.extra) || bytes.Contains(it.extra, []byte(`\u0000`)) {
		return nil
	}
	it.saidName = strings.ToValidUTF8(strings.ReplaceAll(it.saidName, "\x00", ""), "")
	it.availability()
	ok := false
	switch o.Category {
	case "otp":
		ok = cv.otp(it, o, service, serviceName, iso)
	case "ppob":
		ok = cv.ppob(it, o)
	case "smm":
		ok = cv.smm(it, o)
	}
	if !ok || !priced(it.cost, it.kind) {
		return nil
	}
	it.digest()
	return it
}

// priced tells whether a cost can be one of a kind of thing. Only paying a bill may cost
// nothing on top of it.
func priced(cost int64, kind string) bool {
	return cost > 0 && cost <= catalog.MaxCost || cost == 0 && kind == catalog.Postpaid
}

// availability brings the source's word into the closed set of reasons.
func (it *item) availability() {
	if it.available {
		it.reason = ""
		return
	}
	switch catalog.Reason(it.reason) {
	case catalog.OutOfStock, catalog.Trouble, catalog.CutOff:
	default:
		it.reason = string(catalog.Closed)
	}
}

func (cv *converter) otp(it *item, o *upstream.Offer, service, serviceName, iso string) bool {
	if service == "" || iso == "" {
		return false
	}
	it.service, it.serviceName, it.iso, it.server = service, serviceName, iso, o.Server
	it.brand = serviceName
	it.inputs = []catalog.Input{}
	return true
}

func (cv *converter) ppob(it *item, o *upstream.Offer) bool {
	name := cv.clean.name(o.Name)
	if name == "" {
		return false
	}
	b := cv.brands.of(cv.clean.name(o.Brand))
	it.group = group(cv.clean.name(o.Group))
	if b == nil {
		b = cv.brands.of(it.group)
	}
	it.brand = b.Name
	it.kind = catalog.Prepaid
	if o.Type == catalog.Postpaid {
		it.kind = catalog.Postpaid
	}
	rest, named := split(name).without(b)
	it.name = title(name)
	if !named {
		it.name = clip(title(b.Name)+" "+it.name, maxName)
	}
	it.description = cv.clean.description(o.Description)
	if d := catalog.Fold(it.description); d == catalog.Fold(it.name) || d == catalog.Fold(name) {
		it.description = ""
	}
	it.inputs = cv.inputs(o.Inputs)
	it.iso = country(o.CountryISO)
	it.stem = ppobStem(b, it.iso, it.kind, rest)
	if o.Stem != "" {
		it.stem = letters(o.Stem, maxStem)
	}
	if cv.clean.forbidden(it.stem) {
		it.stem = ppobStem(nil, it.iso, it.kind, nil)
	}
	if rest.first() != "" && o.Brand != "" && o.Group != "" {
		it.matchKey = strings.Join([]string{"ppob", it.kind, it.iso, catalog.Fold(b.Name), catalog.Fold(it.group), required(it.inputs), rest.telling(it.group).key()}, "|")
	}
	it.identity = sum("ppob", it.kind, it.iso, catalog.Fold(b.Name), rest.first())
	return true
}

// inputs are the fields that an order needs. One at least: the customer's number.
func (cv *converter) inputs(said []upstream.Input) []catalog.Input {
	inputs := []catalog.Input{}
	for _, in := range said {
		label := cv.clean.name(in.Label)
		if label == "" {
			label = in.Name
		}
		inputs = append(inputs, catalog.Input{Name: in.Name, Label: label, Required: in.Required, Example: cv.clean.name(in.Example)})
	}
	if !slices.ContainsFunc(inputs, func(in catalog.Input) bool { return in.Name == "customer_no" }) {
		inputs = slices.Insert(inputs, 0, catalog.Input{Name: "customer_no", Label: "Nomor tujuan", Required: true, Example: "081234567890"})
	}
	return inputs
}

func required(inputs []catalog.Input) string {
	var names []string
	for _, in := range inputs {
		if in.Required {
			names = append(names, in.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// country is an ISO code in capitals; the home country where none was said.
func country(iso string) string {
	if iso = strings.ToUpper(strings.TrimSpace(iso)); len(iso) == 2 && letters(iso, 2) == iso {
		return iso
	}
	return home
}

// digest names what describes the offer, and what it is.
func (it *item) digest() {
	if it.category == "otp" {
		it.identity = sum("otp", it.service, it.iso)
	}
	inputs, err := json.Marshal(it.inputs)
	if err != nil {
		panic("intake: inputs: " + err.Error()) // texts and flags only
	}
	facts := []string{string(it.extra), it.saidName, it.name, it.brand, it.group, it.kind, it.description, string(inputs), it.serviceName}
	if s := it.smm; s != nil {
		facts = append(facts, string(s.Kind), fmt.Sprint(s.Min, s.Max, s.refill, s.cancel, s.Dripfeed), s.average)
	}
	it.facts = sum(facts...)
}

// sum is a digest of texts, none of which can run into the next.
func sum(texts ...string) []byte {
	h := sha256.New()
	for _, t := range texts {
		var n [4]byte
		n[0], n[1], n[2], n[3] = byte(len(t)>>24), byte(len(t)>>16), byte(len(t)>>8), byte(len(t))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	return h.Sum(nil)[:16]
}
