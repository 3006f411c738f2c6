package muara

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/muara/wire"
)

// Inquire asks for a bill under the attempt's reference; asking again finds it anew.
func (d *Driver) Inquire(ctx context.Context, p *upstream.Purchase) (*upstream.Bill, error) {
	resp, err := d.post(ctx, wire.PathInquiry, wire.InquiryRequest{Ref: p.Ref, SKU: p.Code, CustomerNo: p.Target})
	if err != nil {
		return nil, err
	}
	q, err := wire.DecodeInquiry(resp.Status, resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if string(q.Ref) != p.Ref || string(q.SKU) != p.Code {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another bill"))
	}
	b := &upstream.Bill{
		UpstreamRef: string(q.Ref), CustomerName: string(q.Bill.CustomerName), Period: string(q.Bill.Period), Amount: int64(*q.Bill.Amount),
		Total: int64(*q.Bill.Total), Cost: int64(*q.Price), ExpiresAt: q.ExpiresAt.Or(), Code: "ok",
	}
	if q.Bill.Admin != nil {
		b.Admin = int64(*q.Bill.Admin)
	}
	if b.CustomerName == "" {
		b.CustomerName = string(q.CustomerName)
	}
	for name, raw := range q.Bill.Lines {
		var text lenient.Text
		if json.Unmarshal(raw, &text) == nil && text != "" {
			if b.Lines == nil {
				b.Lines = map[string]string{}
			}
			b.Lines[name] = string(text)
		}
	}
	return b, nil
}

// Pay pays what was inquired, and nothing once its time is over.
func (d *Driver) Pay(ctx context.Context, p *upstream.Purchase) (*upstream.Result, error) {
	if p.Bill == nil || !p.Bill.ExpiresAt.IsZero() && !d.cfg.Now().Before(p.Bill.ExpiresAt) {
		return nil, upstream.Reject(upstream.ReasonExpired, "", "nothing inquired, or too long ago")
	}
	body := d.request(p)
	body.MaxPrice = p.Bill.Cost
	return d.place(ctx, p, body)
}

// CreateInvoice makes a deposit; the same Ref again gives the same one.
func (d *Driver) CreateInvoice(ctx context.Context, r *upstream.InvoiceRequest) (*upstream.Invoice, error) {
	if r.Amount <= 0 {
		return nil, upstream.Reject("", "amount", "nothing to pay")
	}
	resp, err := d.post(ctx, wire.PathDeposit, wire.DepositRequest{Amount: r.Amount, Ref: r.Ref})
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodeDeposit(resp.Status, resp.Body)
	if err != nil {
		e := d.explain(resp, err)
		if e.Reason == upstream.ReasonProduct { // its gateways take nothing now
			e.Reason = upstream.ReasonFull
		}
		return nil, e
	}
	if int64(*out.Amount) != r.Amount {
		return nil, upstream.Malformed(resp.Code(), errors.New("a deposit of another amount"))
	}
	return invoice(resp, out)
}

// InvoiceStatus asks about a deposit.
func (d *Driver) InvoiceStatus(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	if upstreamRef == "" {
		return &upstream.Invoice{State: upstream.InvoiceNotFound}, nil
	}
	out, resp, err := ask(ctx, d, wire.Under(wire.PathDeposit, upstreamRef, ""), nil, wire.DecodeDeposit)
	return d.oneInvoice(upstreamRef, resp, out, err)
}

// CancelInvoice closes a deposit that nobody has paid.
func (d *Driver) CancelInvoice(ctx context.Context, upstreamRef string) (*upstream.Invoice, error) {
	if upstreamRef == "" {
		return &upstream.Invoice{State: upstream.InvoiceNotFound}, nil
	}
	resp, err := d.post(ctx, wire.Under(wire.PathDeposit, upstreamRef, wire.ActionCancel), nil)
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodeDeposit(resp.Status, resp.Body)
	return d.oneInvoice(upstreamRef, resp, out, err)
}

func (d *Driver) oneInvoice(upstreamRef string, resp *upstream.Response, out *wire.Deposit, err error) (*upstream.Invoice, error) {
	switch {
	case resp != nil && absent(err):
		return &upstream.Invoice{UpstreamRef: upstreamRef, State: upstream.InvoiceNotFound, Code: wire.CodeNotFound}, nil
	case err != nil:
		return nil, d.wrong(resp, err)
	case string(out.DepositID) != upstreamRef:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another deposit"))
	}
	return invoice(resp, out)
}

func invoice(resp *upstream.Response, s *wire.Deposit) (*upstream.Invoice, error) {
	inv := &upstream.Invoice{
		UpstreamRef: string(s.DepositID), Amount: int64(*s.Amount), QR: wire.String(s.QRString), PaidAt: s.PaidAt.Or(), ExpiresAt: s.ExpiresAt.Or(), Code: string(s.Status),
	}
	if s.Fee != nil {
		inv.Fee = int64(*s.Fee)
	}
	inv.Total = inv.Amount + inv.Fee
	if s.TotalPayment != nil {
		inv.Total = int64(*s.TotalPayment)
		inv.Fee = inv.Total - inv.Amount
	}
	switch s.Status {
	case wire.Pending:
		inv.State = upstream.InvoicePending
	case wire.Paid:
		inv.State, inv.Paid = upstream.InvoicePaid, &inv.Total
	case wire.Expired:
		inv.State = upstream.InvoiceExpired
	case wire.Canceled:
		inv.State = upstream.InvoiceCanceled
	default:
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	}
	return inv, nil
}

// CreatePayout asks for a withdrawal; the same Ref again gives the same one.
func (d *Driver) CreatePayout(ctx context.Context, r *upstream.PayoutRequest) (*upstream.Payout, error) {
	resp, err := d.post(ctx, wire.PathWithdraw, wire.WithdrawRequest{
		Ref: r.Ref, Amount: r.Amount, Method: r.Method, AccountNumber: r.AccountNumber, AccountName: r.AccountName,
	})
	if err != nil {
		return nil, err
	}
	w, err := wire.DecodeWithdraw(resp.Status, resp.Body)
	if err != nil {
		return nil, d.refused(resp, err, 1)
	}
	if string(w.Ref) != r.Ref || int64(*w.Amount) != r.Amount || string(w.AccountNumber) != r.AccountNumber {
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another withdrawal"))
	}
	return payout(resp, w)
}

// PayoutStatus asks about a withdrawal.
func (d *Driver) PayoutStatus(ctx context.Context, upstreamRef string) (*upstream.Payout, error) {
	if upstreamRef == "" {
		return &upstream.Payout{State: upstream.NotFound}, nil
	}
	w, resp, err := ask(ctx, d, wire.Under(wire.PathWithdraw, upstreamRef, ""), nil, wire.DecodeWithdraw)
	switch {
	case resp != nil && absent(err):
		return &upstream.Payout{UpstreamRef: upstreamRef, State: upstream.NotFound, Code: wire.CodeNotFound}, nil
	case err != nil:
		return nil, d.wrong(resp, err)
	case string(w.WithdrawID) != upstreamRef:
		return nil, upstream.Malformed(resp.Code(), errors.New("answer is about another withdrawal"))
	}
	return payout(resp, w)
}

func payout(resp *upstream.Response, w *wire.Withdraw) (*upstream.Payout, error) {
	p := &upstream.Payout{
		UpstreamRef: string(w.WithdrawID), Amount: int64(*w.Amount), Method: string(w.Method), AccountNumber: string(w.AccountNumber),
		AccountName: string(w.AccountName), CreatedAt: w.CreatedAt.Or(), ProcessedAt: w.ProcessedAt.Or(), Code: string(w.Status),
	}
	if w.Fee != nil {
		p.Fee = int64(*w.Fee)
	}
	if w.Balance != nil {
		left := int64(*w.Balance)
		p.Balance = &left
	}
	switch w.Status {
	case wire.Pending, wire.Processing:
		p.State = upstream.Pending
	case wire.WithdrawSuccess:
		p.State = upstream.Succeeded
	case wire.WithdrawRejected:
		p.State = upstream.Failed
	default:
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	}
	return p, nil
}

const (
	listWithdrawals = "withdrawals/"
	listOrders      = "orders/"
)

// PayoutHistory gives a page of withdrawals, newest first.
func (d *Driver) PayoutHistory(ctx context.Context, n int) ([]upstream.Payout, int, error) {
	cursor, ok := d.where(listWithdrawals, n)
	if !ok {
		return nil, 0, errPage()
	}
	list, resp, err := ask(ctx, d, wire.PathWithdrawals, page(cursor, nil), wire.DecodeWithdrawals)
	if err != nil {
		return nil, 0, d.wrong(resp, err)
	}
	rows := make([]upstream.Payout, 0, len(list.Withdrawals))
	for i := range list.Withdrawals {
		p, err := payout(resp, &list.Withdrawals[i])
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, *p)
	}
	return rows, d.noted(listWithdrawals, n, wire.String(list.NextCursor)), nil
}

// CheckTargets lists whose accounts can be checked.
func (d *Driver) CheckTargets(ctx context.Context, kind string) ([]upstream.CheckTarget, error) {
	path, ok := map[string]string{upstream.CheckBank: wire.PathBanks, upstream.CheckGame: wire.PathGames}[kind]
	if !ok {
		return nil, upstream.Reject(upstream.ReasonProduct, "", "no such kind of account")
	}
	list, resp, err := ask(ctx, d, path, nil, wire.DecodeTargets)
	if err != nil {
		return nil, d.wrong(resp, err)
	}
	out := []upstream.CheckTarget{}
	for _, b := range list.Banks {
		kind := "bank"
		if strings.Contains(strings.ToLower(string(b.Type)), "wallet") {
			kind = "ewallet"
		}
		out = append(out, upstream.CheckTarget{Code: string(b.BankCode), Name: string(b.BankName), Type: kind})
	}
	for _, g := range list.Games {
		out = append(out, upstream.CheckTarget{Code: string(g.AccountCode), Name: string(g.AccountName), Type: "game"})
	}
	return out, nil
}

// CheckAccount looks an account up.
func (d *Driver) CheckAccount(ctx context.Context, kind, code, number string) (*upstream.Account, error) {
	path, name := wire.PathCheckBank, "bank_code"
	switch kind {
	case upstream.CheckBank:
	case upstream.CheckGame:
		path, name = wire.PathCheckGame, "account_code"
	default:
		return nil, upstream.Reject(upstream.ReasonProduct, "", "no such kind of account")
	}
	a, resp, err := ask(ctx, d, path, url.Values{name: {code}, "account_number": {number}}, wire.DecodeAccount)
	if err != nil {
		return nil, d.wrong(resp, err)
	}
	out := &upstream.Account{Valid: a.Status == wire.Valid, Number: string(a.AccountNumber)}
	if out.Valid {
		out.Name = wire.String(a.AccountName)
	}
	return out, nil
}

// StatementPage reads our orders there, newest first.
func (d *Driver) StatementPage(ctx context.Context, from, to time.Time, n int) ([]upstream.StatementLine, int, error) {
	query := span(from, to)
	list := listOrders + query.Encode() + "/"
	cursor, ok := d.where(list, n)
	if !ok {
		return nil, 0, errPage()
	}
	out, resp, err := ask(ctx, d, wire.PathOrders, page(cursor, query), wire.DecodeOrders)
	if err != nil {
		return nil, 0, d.wrong(resp, err)
	}
	lines := make([]upstream.StatementLine, len(out.Orders))
	for i := range out.Orders {
		o := &out.Orders[i]
		res := d.result(o)
		lines[i] = upstream.StatementLine{
			Ref: string(o.Ref), UpstreamRef: string(o.OrderID), Code: string(o.SKU), Target: wire.String(o.CustomerNo) + wire.String(o.Target), State: res.State,
			Cost: int64(*o.Price), At: o.CreatedAt.Or(),
		}
		if res.Alert != "" {
			lines[i].State = ""
		}
		if res.State == upstream.Partial && res.Cost != nil {
			lines[i].Cost = *res.Cost
		}
	}
	return lines, d.noted(list, n, wire.String(out.NextCursor)), nil
}

// Movements reads the changes of our balance, oldest first: the whole statement comes
// in one answer, as CSV.
func (d *Driver) Movements(ctx context.Context, from, to time.Time) ([]upstream.Movement, error) {
	query := span(from, to)
	query.Set("format", "csv")
	resp, err := d.get(ctx, wire.PathMutations, query)
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusOK {
		_, err := wire.Decode(resp.Status, resp.Body, func(*struct{}) error { return nil })
		if err == nil {
			err = lenient.Odd("status")
		}
		return nil, d.explain(resp, err)
	}
	rows, err := wire.DecodeMutations(resp.Body)
	if err != nil {
		return nil, upstream.Malformed(resp.Code(), err)
	}
	slices.SortFunc(rows, func(a, b wire.Mutation) int { return cmp.Compare(a.ID, b.ID) })
	out := make([]upstream.Movement, len(rows))
	for i, m := range rows {
		out[i] = upstream.Movement{UpstreamRef: m.OrderID, Debit: m.Debit, Credit: m.Credit, Balance: m.Balance, Notes: strings.TrimSpace(m.Kind + " " + m.Notes), At: m.CreatedAt}
	}
	return out, nil
}
