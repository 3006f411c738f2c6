package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
)

const (
	// inquiryPatience bounds the search for a bill while a merchant waits, and
	// inquiryShare the wait for one source while another may follow.
	inquiryPatience = 17 * time.Second
	inquiryShare    = 10 * time.Second
	// inquiryLeast is what has to be left of the patience for another source to be asked.
	inquiryLeast = 2 * time.Second
	// inquiryTries bounds how many sources are asked.
	inquiryTries = 3
	// The inputs that some bills have besides the customer's number.
	inputAmount, inputYear = "amount", "year"
	maxBillAmount          = 1_000_000_000
)

// inquiryBody documents the body of POST /inquiry.
type inquiryBody struct {
	Ref        string  `json:"ref" pattern:"^[A-Za-z0-9._:-]{1,64}$" doc:"Your own reference, which the order that pays the bill bears too." example:"bill-0001"`
	SKU        string  `json:"sku" doc:"A postpaid product of GET /ppob/products." example:"PLNIDPASCA"`
	CustomerNo string  `json:"customer_no" doc:"The customer's number at the biller." example:"546302215889"`
	ZoneID     *string `json:"zone_id,omitempty" doc:"For products whose inputs name it."`
	Amount     *int64  `json:"amount,omitempty" minimum:"1" doc:"Rupiah, for products whose inputs name it."`
	Year       *string `json:"year,omitempty" doc:"For products whose inputs name it." example:"2025"`
}

type inquiryData struct {
	Inquiry inquiry.Quote `json:"inquiry"`
}

const textInquiry = "What a customer owes at a biller, and what paying it costs you: `price` is the bill's total and our fee. " +
	"`POST /order` with the same `ref`, `sku` and `customer_no` pays exactly that, once, until `expires_at`: 15 minutes at most, and never past midnight WIB.\n\n" +
	"The same inquiry again before it is paid fetches the bill anew, and the newest is the one that is paid; once it is paid, the answer is what was paid. " +
	"Other content under its `ref` is `ref_conflict`. An inquiry costs nothing. After a 422 or 503 the same `ref` may be sent again with any content."

func (s *server) inquiryRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "inquire", Method: http.MethodPost, Path: "/inquiry", Tag: tagOrders,
		Summary: "Ask for a bill", Text: textInquiry, Body: inquiryBody{},
		Sends: map[string]any{"ref": "bill-0001", "sku": "PLNIDPASCA", "customer_no": "546302215889"}, Gives: exampleInquiry(),
		Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody, fault.RefConflict, fault.NotFound, fault.Unavailable, fault.BillNotFound},
	}, s.inquire)
}

// inquire asks for a bill through one source after the other until one knows.
func (s *server) inquire(ctx context.Context, _ *noInput) (*inquiryData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	r, err := parseInquiry(body)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	r.WalletID, r.Mode = who.WalletID, string(who.Mode)
	known, err := s.deps.Inquiries.Known(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case known != nil && known.State == inquiry.Paid:
		return &inquiryData{known.View()}, nil
	}
	snapshot := s.deps.Catalog.Snapshot()
	product, ok := snapshot.ProductFor(r.Mode, r.SKU)
	if !ok {
		return nil, noSKU()
	}
	if err := fitInquiry(r, product); err != nil {
		return nil, err
	}
	q, err := s.search(ctx, r, snapshot, product)
	if err != nil {
		return nil, err
	}
	return s.openInquiry(ctx, r, q, inquiry.Price(q.Bill, snapshot.Price(product, who.Tier), snapshot.Floor()))
}

func parseInquiry(body []byte) (*inquiry.Request, error) {
	f, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	r := &inquiry.Request{Ref: f.required("ref", maxRef)}
	if r.Ref != "" && !validRef(r.Ref) {
		f.wrong("ref", "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	r.SKU = f.required("sku", maxSKU)
	r.CustomerNo = f.required("customer_no", maxCustomer)
	r.ZoneID = pointer(f.text("zone_id", maxCustomer))
	for _, name := range []string{inputAmount, inputYear} {
		if text := f.lines(name); text != "" {
			if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < 1 || n > maxBillAmount {
				f.wrong(name, "must be a whole number")
				continue
			}
			if r.Inputs == nil {
				r.Inputs = map[string]string{}
			}
			r.Inputs[name] = text
		}
	}
	return r, f.err()
}

// fitInquiry refuses what is no bill and what the product needs and the request has not;
// what the product does not know is foreign, and left out.
func fitInquiry(r *inquiry.Request, product *catalog.Product) error {
	if product.Type != catalog.Postpaid {
		return wrongField("sku", "is not a postpaid product")
	}
	r.Name, r.ProductID = product.Name, product.ID
	knows := map[string]bool{}
	f := &fields{}
	for _, in := range product.Inputs {
		knows[in.Name] = true
		missing := in.Name == "zone_id" && r.ZoneID == nil || (in.Name == inputAmount || in.Name == inputYear) && r.Inputs[in.Name] == ""
		if in.Required && missing {
			f.wrong(in.Name, "is required for this sku")
		}
	}
	for _, name := range []string{inputAmount, inputYear} {
		if !knows[name] {
			delete(r.Inputs, name)
		}
	}
	if !knows["zone_id"] {
		r.ZoneID = nil
	}
	return f.err()
}

// search gives the row of a bill that was found. That a customer owes nothing is one
// source's word for all; what ails a source lets another be asked.
func (s *server) search(ctx context.Context, r *inquiry.Request, snapshot *catalog.Snapshot, product *catalog.Product) (*inquiry.Inquiry, error) {
	ctx, cancel := context.WithTimeout(ctx, inquiryPatience)
	defer cancel()
	var tried []int64
	var disturbed bool
	for len(tried) < inquiryTries {
		route, err := snapshot.Route(product, 0, tried...)
		if err != nil {
			if len(tried) > 0 {
				break
			}
			return nil, err
		}
		tried = append(tried, route.OfferID)
		r.Route = route
		wait := s.inquiryWait(ctx, snapshot, product, tried)
		if wait < inquiryLeast && len(tried) > 1 {
			break
		}
		q, verdict, err := s.askInquiry(ctx, r, wait)
		switch {
		case err == nil && verdict == inquiry.VerdictFound:
			return q, nil
		case err == nil && verdict == inquiry.VerdictNoBill:
			return nil, fault.New(fault.BillNotFound, "nothing is owed, or the number is not known")
		case errors.Is(err, queue.ErrNoAnswer) || err == nil:
			disturbed = verdict == inquiry.VerdictDisturbed
			s.deps.Log.WarnContext(ctx, "a source found no bill", "upstream", route.Upstream, "verdict", verdict, "error", err)
		default:
			return nil, err
		}
	}
	if disturbed {
		return nil, unavailable(catalog.Trouble, nil)
	}
	return nil, fault.Disturbed("no answer in time, try again later")
}

// inquiryWait is how long one source may take.
func (s *server) inquiryWait(ctx context.Context, snapshot *catalog.Snapshot, product *catalog.Product, tried []int64) time.Duration {
	wait := inquiryPatience
	if at, ok := ctx.Deadline(); ok {
		wait = time.Until(at)
	}
	if _, err := snapshot.Route(product, 0, tried...); err == nil && len(tried) < inquiryTries {
		wait = min(wait, inquiryShare)
	}
	return wait
}

// askInquiry puts one question to one source. Whether an answer came or not, the row knows.
func (s *server) askInquiry(ctx context.Context, r *inquiry.Request, wait time.Duration) (q *inquiry.Inquiry, verdict string, err error) {
	r.WaitUntil = s.deps.Now().Add(wait)
	q, err = s.deps.Inquiries.Begin(ctx, r)
	if err != nil {
		return nil, "", err
	}
	asked, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if verdict, err = s.deps.Queue.AskInquiry(asked, r.Route.Upstream, q.ID); err != nil && !errors.Is(err, queue.ErrNoAnswer) {
		err = errors.Join(queue.ErrNoAnswer, err) // Redis is away: nobody can be asked
	}
	if verdict != inquiry.VerdictFound {
		return nil, verdict, err
	}
	q, err = s.deps.Inquiries.ByID(ctx, q.ID)
	return q, verdict, err
}

// openInquiry makes what was found payable, and tells it.
func (s *server) openInquiry(ctx context.Context, r *inquiry.Request, q *inquiry.Inquiry, price int64) (*inquiryData, error) {
	if ends := inquiry.Ends(q.CreatedAt, q.Bill); !s.deps.Now().Before(ends) {
		return nil, unavailable(catalog.CutOff, nil) // its day is over before anybody could pay
	}
	opened, err := s.deps.Inquiries.Open(ctx, q, price)
	switch {
	case errors.Is(err, inquiry.ErrConflict):
		// Another request of this ref was faster. If it was paid meanwhile, that is what it stands for.
		known, kerr := s.deps.Inquiries.Known(ctx, r)
		if kerr != nil || known == nil || known.State != inquiry.Paid {
			return nil, errors.Join(err, kerr)
		}
		return &inquiryData{known.View()}, nil
	case err != nil:
		return nil, err
	}
	return &inquiryData{opened.View()}, nil
}

// decideBill completes an order for a bill from what was inquired under its ref.
func (s *server) decideBill(ctx context.Context, p *placement, snapshot *catalog.Snapshot, product *catalog.Product) error {
	q, err := s.deps.Inquiries.Current(ctx, p.WalletID, p.Ref)
	switch {
	case errors.Is(err, inquiry.ErrNotFound):
		return fault.New(fault.InquiryRequired, "a bill needs an inquiry with this ref first")
	case err != nil:
		return err
	case !q.For(p.SKU, *p.CustomerNo, p.ZoneID):
		return inquiry.ErrConflict
	}
	p.Bill, p.Price, p.MaxCost = q.Bill, q.Price, q.Bill.Cost
	p.Route = q.Route
	if q.State == inquiry.Paid {
		return nil // its order answers
	}
	if !s.deps.Now().Before(q.ExpiresAt) {
		return order.ErrInquiryExpired
	}
	if err := snapshot.RouteBill(product, q.Route.OfferID, q.Bill.Cost); err != nil {
		return err
	}
	if p.maxPrice > 0 && p.Price > p.maxPrice {
		return fault.New(fault.PriceChanged, "our price is above max_price")
	}
	return nil
}

// inquiredOr is the refusal of an order, unless its ref stands for another bill: that comes
// before what happened to the SKU.
func (s *server) inquiredOr(ctx context.Context, p *placement, refusal error) error {
	if fault.KindOf(refusal) == fault.Invalid {
		return refusal
	}
	q, err := s.deps.Inquiries.Current(ctx, p.WalletID, p.Ref)
	switch {
	case errors.Is(err, inquiry.ErrNotFound):
		return refusal
	case err != nil:
		return err
	case p.CustomerNo == nil || !q.For(p.SKU, *p.CustomerNo, p.ZoneID):
		return inquiry.ErrConflict
	}
	return refusal
}

func exampleInquiry() inquiryData {
	b := &order.Bill{
		CustomerName: "ANTO", Period: "NOV26", Amount: 300_000, Admin: 2_750, Total: 302_750, Lines: map[string]string{"tariff": "R1", "power": "1300"},
	}
	q := inquiry.Inquiry{
		Ref: "bill-0001", SKU: "PLNIDPASCA", CustomerNo: "546302215889", Bill: b, Price: 302_850, ExpiresAt: exampleTime().Add(inquiry.Life),
	}
	return inquiryData{q.View()}
}
