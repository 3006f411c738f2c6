package emulator

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// inquiry is an inquired bill.
type inquiry struct {
	sku, customer string
	bill          *wire.Bill
	price         int64
	expires       time.Time
	over          bool
}

// The last digits of customers whose bills are not simply there.
const (
	CustomerNone    = "98"
	CustomerUnknown = "97"
	CustomerTwo     = "96"
	CustomerOver    = "95"
)

// InquiryLife is how long a bill may be paid.
const InquiryLife = 15 * time.Minute

func (d *door) inquire(b *emulate.Book, r *emulate.Request, in *body) emulate.Answer {
	customer := string(in.CustomerNo)
	if in.Ref == "" || in.SKU == "" || customer == "" {
		return refuse(wire.CodeInvalid, "ref, sku and customer_no are required")
	}
	q := d.inquiries[string(in.Ref)]
	if b.ByRef(string(in.Ref)) != nil || q != nil && (q.customer != customer || q.sku != string(in.SKU)) {
		return refuse(wire.CodeRefConflict, "the ref was used with other content")
	}
	t := d.find(string(in.SKU))
	switch {
	case t == nil:
		return refuse(wire.CodeNotFound, "there is no such sku")
	case !t.postpaid:
		return refuse(wire.CodeInvalid, "sku: is not a bill", wire.Detail{Field: "sku", Message: "is not a bill"})
	case t.reason != "":
		return refuse(wire.CodeUnavailable, "the product is not available now", wire.Detail{Field: "sku", Message: "not available now", Reason: lenient.Text(t.reason)})
	case strings.HasSuffix(customer, CustomerNone), strings.HasSuffix(customer, CustomerUnknown):
		return refuse(wire.CodeBillNotFound, "nothing is owed, or nobody is known by this number")
	}
	amount, period := int64(120_000), "APR26"
	if strings.HasSuffix(customer, CustomerTwo) {
		amount, period = 250_000, "MAR26,APR26"
	}
	const admin = 2_500
	q = &inquiry{
		sku: t.sku, customer: customer, price: amount + admin + t.price, expires: r.Now.Add(InquiryLife), over: strings.HasSuffix(customer, CustomerOver),
		bill: &wire.Bill{
			CustomerName: "DEMO CUSTOMER", Period: lenient.Text(period), Amount: wire.Int(amount), Admin: wire.Int(admin), Total: wire.Int(amount + admin),
			Lines: map[string]json.RawMessage{"tariff": json.RawMessage(`"R1"`), "power": json.RawMessage(`"900"`)},
		},
	}
	d.inquiries[string(in.Ref)] = q
	return accept(wire.OneInquiry{Inquiry: &wire.Inquiry{
		Ref: in.Ref, SKU: lenient.Text(q.sku), CustomerNo: in.CustomerNo, CustomerName: q.bill.CustomerName, Bill: q.bill,
		Price: wire.Int(q.price), ExpiresAt: wire.At(q.expires),
	}})
}

const (
	leastDeposit = 10_000
	depositLife  = 30 * time.Minute
)

func (d *door) deposit(b *emulate.Book, r *emulate.Request, in *body) emulate.Answer {
	if in.Amount < leastDeposit {
		return refuse(wire.CodeInvalid, "amount: is too small", wire.Detail{Field: "amount", Message: "is too small"})
	}
	if id, ok := d.deposits[string(in.Ref)]; ok && in.Ref != "" {
		i := b.InvoiceByID(id)
		if i.Amount != int64(in.Amount) {
			return refuse(wire.CodeRefConflict, "the ref was used with other content")
		}
		return accept(deposit(b, i))
	}
	i := b.Issue(emulate.Invoice{
		ID: fmt.Sprintf("MRA-DP-%010d", b.Issued()+1), Method: "qris", Amount: int64(in.Amount), Fee: 500, At: r.Now, ExpiresAt: r.Now.Add(depositLife),
	})
	if in.Ref != "" {
		if d.deposits == nil {
			d.deposits = map[string]string{}
		}
		d.deposits[string(in.Ref)] = i.ID
	}
	return accept(deposit(b, i))
}

func deposit(b *emulate.Book, i *emulate.Invoice) wire.Deposit {
	credited := lenient.Flag(i.State == emulate.InvoicePaid)
	out := wire.Deposit{
		DepositID: lenient.Text(i.ID), Amount: wire.Int(i.Amount), Fee: wire.Int(i.Fee), TotalPayment: wire.Int(i.Total), Status: lenient.Text(i.State),
		Credited: &credited, QRString: wire.Text("00020101021226demo" + i.ID), StatusURL: wire.Text(BasePath + "/deposit/" + i.ID),
		ExpiresAt: wire.At(i.ExpiresAt), Balance: wire.Int(b.Balance()),
	}
	if i.State == emulate.InvoicePaid {
		out.PaidAt = wire.At(*i.EndedAt)
	}
	return out
}

func (d *door) showDeposit(b *emulate.Book, id string) emulate.Answer {
	i := b.InvoiceByID(id)
	if i == nil {
		return refuse(wire.CodeNotFound, "there is no such deposit")
	}
	return accept(deposit(b, i))
}

func (d *door) cancelDeposit(b *emulate.Book, r *emulate.Request, id string) emulate.Answer {
	i := b.InvoiceByID(id)
	switch {
	case i == nil:
		return refuse(wire.CodeNotFound, "there is no such deposit")
	case i.State == emulate.InvoiceCanceled:
	case !b.CancelInvoice(i, r.Now):
		return refuse(wire.CodeNotCancelable, "the deposit can no longer be canceled")
	}
	return accept(deposit(b, i))
}

// withdrawal is what is known of money on its way out besides the book, where it is a
// purchase for the account's number.
type withdrawal struct {
	in      body
	content string
}

// withdrawFee is what a withdrawal costs beside its amount, in rupiah.
const withdrawFee = 1_000

// kindWithdraw is what the book calls them.
const kindWithdraw = "withdraw"

func (d *door) withdraw(b *emulate.Book, r *emulate.Request, in *body) emulate.Answer {
	switch {
	case in.Ref == "" || in.Method != "dana" || in.AccountNumber == "" || in.AccountName == "":
		return refuse(wire.CodeInvalid, "ref, amount, method, account_number and account_name are required")
	case in.Amount < leastDeposit:
		return refuse(wire.CodeInvalid, "amount: is too small", wire.Detail{Field: "amount", Message: "is too small"})
	}
	content := fmt.Sprint(in.Amount, in.Method, in.AccountNumber, in.AccountName)
	for _, e := range withdrawals(b) {
		w := e.Facts.(*withdrawal)
		if w.in.Ref != in.Ref {
			continue
		}
		if w.content != content {
			return refuse(wire.CodeRefConflict, "the ref was used with other content")
		}
		return accept(withdrawn(e, nil))
	}
	p := emulate.Purchase{
		ID: fmt.Sprintf("MRA-WD-%010d", b.Count()+1), Kind: kindWithdraw, Target: string(in.AccountNumber), Price: int64(in.Amount) + withdrawFee, At: r.Now,
		State: wire.Pending,
	}
	o := b.Decide(p)
	var plan []emulate.Step
	switch o.Result {
	case emulate.Silent: // staff decides
	case emulate.Success:
		plan = []emulate.Step{{At: r.Now.Add(o.After), State: wire.WithdrawSuccess, Deliver: true}}
	default:
		plan = []emulate.Step{{At: r.Now.Add(o.After), State: wire.WithdrawRejected, Refund: true}}
	}
	e := b.Buy(p, &withdrawal{in: *in, content: content}, plan...)
	if e == nil {
		return refuse(wire.CodeInsufficient, "the balance does not hold the amount and the fee")
	}
	left := b.Balance()
	a := accept(withdrawn(e, &left))
	a.Lost = o.Lost
	return a
}

// withdrawals are all of them, oldest first.
func withdrawals(b *emulate.Book) []*emulate.Entry {
	var out []*emulate.Entry
	for _, e := range b.Entries() {
		if e.Kind == kindWithdraw {
			out = append(out, e)
		}
	}
	return out
}

// withdrawn is a withdrawal as its merchant reads it.
func withdrawn(e *emulate.Entry, left *int64) wire.Withdraw {
	w := e.Facts.(*withdrawal)
	out := wire.Withdraw{
		WithdrawID: lenient.Text(e.ID), Ref: w.in.Ref, Amount: wire.Int(e.Price - withdrawFee), Fee: wire.Int(withdrawFee), TotalDeduct: wire.Int(e.Price),
		Method: w.in.Method, AccountNumber: w.in.AccountNumber, AccountName: w.in.AccountName, Status: lenient.Text(e.State), CreatedAt: wire.At(e.At),
	}
	if left != nil {
		out.Balance = wire.Int(*left)
	}
	if e.State != wire.Pending {
		out.ProcessedAt = wire.At(e.Timeline[len(e.Timeline)-1].At)
	}
	return out
}

func (d *door) showWithdrawal(b *emulate.Book, id string) emulate.Answer {
	if e := b.ByID(id); e != nil && e.Kind == kindWithdraw {
		return accept(withdrawn(e, nil))
	}
	return refuse(wire.CodeNotFound, "there is no such withdrawal")
}

func (d *door) listWithdrawals(b *emulate.Book, cursor, limit string) emulate.Answer {
	most, ok := limitOf(limit)
	after, err := strconv.Atoi(or(cursor, "0"))
	if !ok || err != nil {
		return refuse(wire.CodeInvalid, "a parameter is wrong")
	}
	all := withdrawals(b)
	out := wire.Withdrawals{Withdrawals: []wire.Withdraw{}}
	for i := len(all) - 1 - after; i >= 0; i-- {
		if len(out.Withdrawals) == most {
			out.NextCursor = wire.Text(strconv.Itoa(len(all) - 1 - i))
			break
		}
		out.Withdrawals = append(out.Withdrawals, withdrawn(all[i], nil))
	}
	out.Count = lenient.Int(len(out.Withdrawals))
	return accept(out)
}

// DecideWithdraw ends a withdrawal as its staff does; it says whether it was open.
func (e *Emulator) DecideWithdraw(id string, success bool) bool {
	decided := false
	e.Do(func(b *emulate.Book, now time.Time) {
		entry := b.ByID(id)
		if entry == nil || entry.Kind != kindWithdraw || entry.State != wire.Pending {
			return
		}
		decided = true
		step := emulate.Step{At: now, State: wire.WithdrawSuccess, Deliver: true}
		if !success {
			step = emulate.Step{At: now, State: wire.WithdrawRejected, Refund: true}
		}
		b.Apply(entry, step)
	})
	return decided
}

// mutations is the statement, newest first, as CSV only: the driver reads no other form.
func (d *door) mutations(b *emulate.Book, r *emulate.Request) emulate.Answer {
	from, to, ok := span(r)
	if !ok || r.Query.Get("format") != "csv" {
		return refuse(wire.CodeInvalid, "a parameter is wrong")
	}
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	write := func(row ...string) {
		if err := out.Write(row); err != nil {
			panic("emulator: " + err.Error()) // a buffer takes everything
		}
	}
	write(wire.MutationColumns()...)
	moved := b.Movements()
	for i, m := range slices.Backward(moved) {
		if m.At.Before(from) || !to.IsZero() && !m.At.Before(to) {
			continue
		}
		debit, credit, kind, ref := int64(0), m.Amount, "refund", ""
		if m.Amount < 0 {
			debit, credit, kind = -m.Amount, 0, "order"
		}
		if e := b.ByID(m.ID); e != nil {
			ref = e.Ref
		} else {
			kind = "adjustment"
		}
		n := func(v int64) string { return strconv.FormatInt(v, 10) }
		write(n(int64(i)+1), n(debit), n(credit), n(m.Balance), kind, ref, m.ID, m.Notes, m.At.UTC().Format(time.RFC3339Nano))
	}
	out.Flush()
	return emulate.Answer{Status: http.StatusOK, Raw: text.Bytes(), Type: "text/csv; charset=utf-8"}
}
