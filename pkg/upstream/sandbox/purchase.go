package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
)

// Submit buys: what becomes of it is chosen by the digits. The same Ref again gives
// the purchase as it stands.
func (d *Driver) Submit(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	o := d.sells[p.Code]
	if o == nil || o.Type == postpaid || o.Category != p.Category {
		return nil, upstream.Reject(upstream.ReasonProduct, "unknown", "no such offer")
	}
	cost, ok := cost(o, p)
	if !ok {
		return nil, upstream.Reject(upstream.ReasonCustomer, "quantity", "costs more than there is money")
	}
	return d.buy(ctx, p, o, cost)
}

// buy enters a purchase and tells its state, unless its plan loses the answer.
func (d *Driver) buy(ctx context.Context, p *upstream.Purchase, o *upstream.Offer, cost int64) (*upstream.Result, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	operator, ok := operatorOf(p)
	switch {
	case !ok:
		return nil, upstream.Reject(upstream.ReasonProduct, "operator", "no such operator")
	case !o.Available:
		return nil, upstream.Reject(upstream.ReasonProduct, o.Reason, "not available")
	case smm.Kind(o.Kind).TakesQuantity() && (p.Quantity < o.Min || p.Quantity > o.Max):
		return nil, upstream.Reject(upstream.ReasonCustomer, "quantity", "outside of min and max")
	case p.MaxCost > 0 && cost > p.MaxCost:
		return nil, upstream.Reject(upstream.ReasonPrice, "price", "costs more than the most that it may")
	}
	if err := d.reaches(ctx, cost); err != nil {
		return nil, err
	}
	now := d.now()
	r, fresh, err := d.books.keep(ctx, planned(record{
		Kind: kindPurchase, Ref: p.Ref, Category: p.Category, Code: p.Code, Target: p.Target, Operator: operator,
		Plan: choose(p, o), Quantity: counted(o, p), Debit: cost, At: now,
	}))
	if err != nil {
		return nil, err
	}
	if r.Code != p.Code || r.Target != p.Target {
		return nil, upstream.Reject(upstream.ReasonDuplicate, "duplicate", "the reference belongs to another purchase")
	}
	if c := courseOf(r.Plan); fresh && c.lost {
		if c.hangs {
			<-ctx.Done()
		}
		return nil, &upstream.Error{Class: upstream.Unknown, Staged: true, Code: "plan " + r.Plan, Err: errLost}
	}
	return result(r, now), nil
}

// reaches refuses what the float does not reach for. The default one reaches for
// everything.
func (d *Driver) reaches(ctx context.Context, cost int64) error {
	if !d.bounded {
		return nil
	}
	left, err := d.Balance(ctx)
	if err == nil && left < cost {
		return upstream.Reject(upstream.ReasonOurBalance, "float", "the day's float is used up")
	}
	return err
}

// errLost is why an answer that is lost on purpose is.
var errLost = errors.New("the answer is lost on purpose")

// planned completes a record with what its plan does to the money.
func planned(r record) record {
	for _, s := range courseOf(r.Plan).steps {
		at := r.At.Add(s.after)
		switch back := givenBack(&r, s.state); {
		case back > 0:
			r.Credit, r.CreditAt = back, &at
		case r.CreditAt != nil:
			r.AgainAt = &at
		}
	}
	return r
}

// givenBack is what a state leaves of a purchase's price with the buyer, in rupiah.
func givenBack(r *record, s upstream.State) int64 {
	switch s {
	case upstream.Failed, upstream.Canceled, upstream.Expired:
		return r.Debit
	case upstream.Partial:
		return r.Debit * half(r.Quantity) / r.Quantity
	case upstream.Pending, upstream.Succeeded, upstream.NotFound:
	}
	return 0
}

// half is what remains of an order that is delivered in part.
func half(quantity int64) int64 { return quantity / 2 }

// counted is what remains of an order of which nothing is delivered; zero where it
// counts nothing.
func counted(o *upstream.Offer, p *upstream.Purchase) int64 {
	if o.Category != "smm" {
		return 1
	}
	return smm.Total(smm.Kind(o.Kind), p.Quantity, p.Inputs)
}

// cost is what a purchase takes, in rupiah; ok is false when that is beyond any sum.
func cost(o *upstream.Offer, p *upstream.Purchase) (rupiah int64, ok bool) {
	if o.Category != "smm" {
		return o.Cost, true
	}
	return smm.Price(o.Cost, smm.Units(smm.Kind(o.Kind), p.Quantity, p.Inputs))
}

// operatorOf is the operator that was chosen for a number, by name; ok is false for
// one that there is not.
func operatorOf(p *upstream.Purchase) (name string, ok bool) {
	switch p.Inputs["operator_id"] {
	case "":
		return "", true
	case "telkomsel":
		return "Telkomsel", true
	case "indosat":
		return "Indosat", true
	}
	return "", p.Category != "otp"
}

// Status tells where a purchase stands, by our reference.
func (d *Driver) Status(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	r, err := d.books.find(ctx, kindPurchase, p.Ref)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return &upstream.Result{State: upstream.NotFound, Code: "none"}, nil
	}
	return result(r, d.now()), nil
}

// Lookup is Status: our reference is all that the sandbox needs.
func (d *Driver) Lookup(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	return d.Status(ctx, p)
}

// BulkLimit is how many purchases are read at once.
func (d *Driver) BulkLimit() int { return 500 }

// BulkStatus tells where purchases stand, those left out that it does not know.
func (d *Driver) BulkStatus(ctx context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	refs := make([]string, len(ps))
	for i, p := range ps {
		refs[i] = p.Ref
	}
	all, err := d.books.read(ctx, `kind = 'purchase' AND ref = ANY ($2)`, refs)
	if err != nil {
		return nil, err
	}
	byRef := make(map[string]*record, len(all))
	for i := range all {
		byRef[all[i].Ref] = &all[i]
	}
	now := d.now()
	out := make(map[int64]*upstream.Result, len(all))
	for _, p := range ps {
		if r := byRef[p.Ref]; r != nil {
			out[p.OrderID] = result(r, now)
		}
	}
	return out, nil
}

// result is where a purchase stands at a moment. It follows from the record and the
// clock alone.
func result(r *record, now time.Time) *upstream.Result {
	res := &upstream.Result{State: upstream.Pending, UpstreamRef: refOf(r), Code: "plan " + r.Plan, Cost: &r.Debit}
	s := courseOf(r.Plan).at(now.Sub(r.At))
	if r.CanceledAt != nil {
		s = &step{state: upstream.Canceled}
	}
	if s != nil {
		res.State, res.Reason = s.state, s.reason
	}
	switch r.Category {
	case "otp":
		rented(r, res, s, now)
	case "smm":
		delivered(r, res)
	default:
		if res.State == upstream.Succeeded && !s.bare {
			res.SN = serial(r)
		}
	}
	return res
}

// rented adds the facts of a number: what came to it, and the wait for a further code.
func rented(r *record, res *upstream.Result, s *step, now time.Time) {
	res.Phone, res.ExpiresAt, res.Operator = fmt.Sprintf("+62812%08d", digits(r.Ref, "phone", 100_000_000)), r.At.Add(life), r.Operator
	if res.State != upstream.Succeeded {
		return
	}
	came := []time.Time{r.At.Add(s.after)}
	for _, at := range r.ResentAt {
		if now.Before(at.Add(soon)) {
			res.State = upstream.Pending
			continue
		}
		came = append(came, at.Add(soon))
	}
	for i, at := range came {
		code := fmt.Sprintf("%06d", digits(r.Ref, fmt.Sprint("code ", i), 1_000_000))
		res.Messages = append(res.Messages, upstream.Message{Code: code, Text: "Your verification code is " + code, ReceivedAt: at})
	}
}

// delivered adds how far an smm order has come, as far as there is something to count.
func delivered(r *record, res *upstream.Result) {
	start, remains := int64(100), r.Quantity
	switch res.State {
	case upstream.Succeeded:
		remains = 0
	case upstream.Partial:
		remains = half(r.Quantity)
	case upstream.Canceled:
		res.Whole = true
	case upstream.Pending:
	case upstream.Failed, upstream.Expired, upstream.NotFound:
		return
	}
	if r.Quantity > 0 {
		res.StartCount, res.Remains = &start, &remains
	}
}

// serial makes the serial number that customers of such a product get, the same on
// every question.
func serial(r *record) string {
	n := func(salt string, size int) string {
		return fmt.Sprintf("%0*d", size, digits(r.Ref, salt, pow10(size)))
	}
	switch {
	case strings.HasPrefix(r.Code, "pln"):
		return fmt.Sprintf("%s-%s-%s-%s-%s/TEST CUSTOMER/R1/900VA/33.7", n("1", 4), n("2", 4), n("3", 4), n("4", 4), n("5", 4))
	case strings.HasPrefix(r.Code, "dana"):
		return "TEST CUSTOMER/" + n("1", 10) + n("2", 10)
	}
	return n("1", 10) + n("2", 10)
}

func pow10(n int) uint64 {
	out := uint64(1)
	for range n {
		out *= 10
	}
	return out
}

// digits draws a number below bound from a reference, always the same.
func digits(ref, salt string, bound uint64) uint64 {
	sum := sha256.Sum256([]byte(ref + "\x00" + salt))
	return binary.BigEndian.Uint64(sum[:8]) % bound
}
