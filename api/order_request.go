package api

import (
	"strings"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/smm"
)

const (
	maxRef      = 64
	maxSKU      = 64
	maxCustomer = 64
	maxTarget   = 1000
	maxURL      = 2000
	maxOperator = 64
	maxQuantity = smm.MaxQuantity
	// maxItems bounds the premium items of one order.
	maxItems = 1000
)

// orderBody documents the body of POST /order. What is read of it is decided by
// the category, see [parseOrder].
type orderBody struct {
	Category       order.Category `json:"category" enum:"ppob,smm,otp,product" doc:"What kind of thing is ordered."`
	Ref            string         `json:"ref" pattern:"^[A-Za-z0-9._:-]{1,64}$" doc:"Your own reference and the idempotency key: the same ref with the same content is the same order, charged once." example:"trx-0001"`
	SKU            string         `json:"sku" doc:"What is ordered, as the catalogue names it." example:"MLID10"`
	CustomerNo     *string        `json:"customer_no,omitempty" doc:"ppob: the customer's number or id. Required there." example:"081234567890"`
	ZoneID         *string        `json:"zone_id,omitempty" doc:"ppob: the second part of a game id, for products whose inputs name it." example:"2685"`
	Target         *string        `json:"target,omitempty" doc:"smm: a link or user name. Required there." example:"https://example.com/p/1"`
	Quantity       *int64         `json:"quantity,omitempty" minimum:"1" doc:"smm: how many, unless the service's type derives it. product: how many items, 1 when left out." example:"1"`
	OperatorID     *string        `json:"operator_id,omitempty" doc:"otp: an operator of GET /otp/operators; any when left out." example:"any"`
	MaxPrice       *int64         `json:"max_price,omitempty" minimum:"1" doc:"Rupiah. Refuses with price_changed when our price is above. Not part of the content." example:"3000"`
	CallbackURL    *string        `json:"callback_url,omitempty" doc:"This order's events go here and not to your endpoint. Not part of the content." example:"https://merchant.example/hooks/order"`
	AllowDuplicate *bool          `json:"allow_duplicate,omitempty" doc:"Passes the duplicate guard of your settings. Not part of the content." example:"false"`

	Comments     *[]string `json:"comments,omitempty" doc:"smm, as the service's type needs; lists may also be text with newlines."`
	Usernames    *[]string `json:"usernames,omitempty" doc:"smm, as the service's type needs."`
	Hashtags     *[]string `json:"hashtags,omitempty" doc:"smm, as the service's type needs."`
	Hashtag      *string   `json:"hashtag,omitempty" doc:"smm, as the service's type needs."`
	Username     *string   `json:"username,omitempty" doc:"smm, as the service's type needs."`
	Media        *string   `json:"media,omitempty" doc:"smm, as the service's type needs."`
	AnswerNumber *int64    `json:"answer_number,omitempty" doc:"smm, as the service's type needs."`
	Groups       *[]string `json:"groups,omitempty" doc:"smm, as the service's type needs."`
	Runs         *int64    `json:"runs,omitempty" doc:"smm, as the service's type needs."`
	Interval     *int64    `json:"interval,omitempty" doc:"smm, minutes, as the service's type needs."`
	Country      *string   `json:"country,omitempty" doc:"smm, as the service's type needs."`
	Device       *int64    `json:"device,omitempty" doc:"smm, as the service's type needs."`

	TypeOfTraffic *int64    `json:"type_of_traffic,omitempty" doc:"smm, as the service's type needs."`
	GoogleKeyword *string   `json:"google_keyword,omitempty" doc:"smm, as the service's type needs."`
	ReferringURL  *string   `json:"referring_url,omitempty" doc:"smm, as the service's type needs."`
	Keywords      *[]string `json:"keywords,omitempty" doc:"smm, as the service's type needs."`
	Min           *int64    `json:"min,omitempty" doc:"smm subscriptions: the least of each post."`
	Max           *int64    `json:"max,omitempty" doc:"smm subscriptions: the most of each post."`
	Posts         *int64    `json:"posts,omitempty" doc:"smm subscriptions: how many new posts."`
	OldPosts      *int64    `json:"old_posts,omitempty" doc:"smm subscriptions: how many posts that exist already; they count as posts."`
	Delay         *int64    `json:"delay,omitempty" doc:"smm subscriptions, minutes."`
	Expiry        *string   `json:"expiry,omitempty" doc:"smm subscriptions: a day as dd/mm/yyyy."`
}

// placement is a body of POST /order that is in shape: everything that can be
// said without the catalogue has been.
type placement struct {
	order.Request
	maxPrice int64
	// given are quantity and inputs of an order of a social media service as the body has them.
	given struct {
		quantity *int64
		inputs   map[string]string
	}
}

// parseOrder decodes a body. Fields of other categories are foreign here, and
// ignored as all unknown ones.
func parseOrder(body []byte) (*placement, error) {
	f, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	p := &placement{}
	p.Category = order.Category(f.required("category", maxSKU))
	p.Ref = f.required("ref", maxRef)
	if p.Ref != "" && !validRef(p.Ref) {
		f.wrong("ref", "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	p.SKU = f.required("sku", maxSKU)
	p.CallbackURL = f.text("callback_url", maxURL)
	p.maxPrice, _ = f.integer("max_price", 1)
	p.AllowDuplicate = f.flag("allow_duplicate")
	p.Quantity = 1
	switch p.Category {
	case order.PPOB:
		p.CustomerNo = pointer(f.required("customer_no", maxCustomer))
		p.ZoneID = pointer(f.text("zone_id", maxCustomer))
	case order.SMM:
		p.parseSMM(f)
	case order.OTP:
		if op := f.text("operator_id", maxOperator); op != "" && op != anyOperator {
			p.Inputs = map[string]string{"operator_id": op}
		}
	case order.Product:
		p.parseQuantity(f, maxItems)
	case "":
	default:
		f.wrong("category", "must be ppob, smm, otp or product")
	}
	return p, f.err()
}

// anyOperator is the default of operator_id.
const anyOperator = "any"

func (p *placement) parseSMM(f *fields) {
	p.Target = pointer(f.required("target", maxTarget))
	p.parseQuantity(f, maxQuantity)
	for _, name := range smm.Names() {
		if text := f.lines(name); text != "" {
			if p.Inputs == nil {
				p.Inputs = map[string]string{}
			}
			p.Inputs[name] = text
		}
	}
	p.given.inputs = p.Inputs
}

// readings are the forms that the request may have been accepted in: what an order of a
// social media service holds is read by its service, which may be another by now, or gone.
func (p *placement) readings() []*order.Request {
	if p.Category != order.SMM {
		return nil
	}
	var all []*order.Request
	for _, o := range smm.Readings(p.given.quantity, p.given.inputs) {
		r := p.Request
		r.Quantity, r.Inputs = o.Quantity, o.Inputs
		all = append(all, &r)
	}
	return all
}

func (p *placement) parseQuantity(f *fields, most int64) {
	n, given := f.integer("quantity", 1)
	if !given {
		return
	}
	if n > most {
		f.wrong("quantity", "is too large")
	}
	p.Quantity, p.given.quantity = n, &n
}

func validRef(ref string) bool {
	return !strings.ContainsFunc(ref, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:-", r)
	})
}

// pointer is nil for what is absent.
func pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// readSMM reads what an order of a social media service holds: its quantity and
// fields in their one spelling, and what follows from them. The refusal names every
// field that is wrong, missing or of another type.
func (p *placement) readSMM(product *catalog.Product) error {
	o, problems := product.SMM.Read(p.given.quantity, p.given.inputs)
	p.Quantity, p.Inputs, p.Link = o.Quantity, o.Inputs, smm.Link(*p.Target)
	p.Terms = &order.Terms{Units: o.Units, Total: o.Total, Cancel: product.Cancel, Refill: product.Refill}
	f := &fields{}
	for _, problem := range problems {
		f.wrong(problem.Field, problem.Message)
	}
	return f.err()
}

// wrongField refuses for what only the catalogue could tell.
func wrongField(field, message string) error { return fault.Field(field, message) }
