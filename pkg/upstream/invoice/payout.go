package invoice

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/invoice/wire"
	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// methodDana is the one way out that the gateway has.
const methodDana = "dana"

// perPage is how many withdrawals a page is asked for.
const perPage = 100

// CreatePayout asks for a withdrawal. The gateway takes no reference of ours: a lost
// answer is Unknown, and the history is searched.
func (d *Driver) CreatePayout(ctx context.Context, r *upstream.PayoutRequest) (*upstream.Payout, error) {
	if r.Method != "" && !strings.EqualFold(r.Method, methodDana) {
		return nil, upstream.Reject(upstream.ReasonProduct, "", "the gateway sends to DANA only")
	}
	if r.Amount <= 0 || national(r.AccountNumber) == "" {
		return nil, unasked("no amount or account to send to")
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Money, http.MethodPost, optionWithdraw, url.Values{}, wire.WithdrawRequest{
		Amount: r.Amount, AccountNumber: national(r.AccountNumber), AccountName: r.AccountName,
	})
	if err != nil {
		return nil, err
	}
	w, err := understood(resp, wire.DecodeRequested)
	if err != nil {
		return nil, d.unproven(resp, err)
	}
	state, ok := payoutState(w.Status)
	if !ok {
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	}
	p := &upstream.Payout{
		UpstreamRef: string(w.WithdrawID), State: state, Amount: int64(*w.Amount), Fee: fee(w.Amount, w.Fee, w.TotalDeduct), Method: methodDana,
		AccountNumber: national(r.AccountNumber), AccountName: r.AccountName, CreatedAt: w.CreatedAt.Time,
		Code: wire.Lower(w.Status), Detail: d.cfg.Redact(string(w.Message)),
	}
	if w.NewBalance != nil {
		left := int64(*w.NewBalance)
		p.Balance = &left
	}
	return p, nil
}

// unproven is the class of a withdrawal that was refused: no refusal of one is
// documented, and the history is cheap to ask.
func (d *Driver) unproven(resp *upstream.Response, err error) *upstream.Error {
	e := d.explain(resp, err)
	if e.Class != upstream.Rejected || resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden {
		return e
	}
	return &upstream.Error{
		Class: upstream.Unknown, Answered: true, Reason: e.Reason, Code: e.Code, Detail: e.Detail, Err: errors.New("failure without proof"),
	}
}

// payoutState is what a documented state means.
func payoutState(status lenient.Text) (upstream.State, bool) {
	switch wire.Lower(status) {
	case wire.WithdrawPending:
		return upstream.Pending, true
	case wire.WithdrawSuccess:
		return upstream.Succeeded, true
	case wire.WithdrawRejected:
		return upstream.Failed, true
	}
	return "", false
}

// fee is what the gateway takes beside the amount, as it says or as follows from what
// it deducts.
func fee(amount, said, deducted *lenient.Int) int64 {
	switch {
	case deducted != nil && *deducted >= *amount:
		return int64(*deducted - *amount)
	case said != nil:
		return int64(*said)
	}
	return 0
}

// PayoutStatus asks about a withdrawal.
func (d *Driver) PayoutStatus(ctx context.Context, upstreamRef string) (*upstream.Payout, error) {
	if upstreamRef == "" {
		return nil, unasked("no id to ask by")
	}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, http.MethodGet, optionWithdrew, url.Values{"withdraw_id": {upstreamRef}}, nil)
	if err != nil {
		return nil, err
	}
	w, err := understood(resp, wire.DecodeWithdrawal)
	if refusal, ok := wire.AsRefusal(err); ok && refusal.NoWithdrawal(resp.Status) {
		return &upstream.Payout{UpstreamRef: upstreamRef, State: upstream.NotFound, Code: resp.Code(), Detail: d.cfg.Redact(refusal.Message)}, nil
	}
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if string(w.WithdrawID) != upstreamRef {
		return nil, mixedUp(resp)
	}
	return d.payout(resp, w)
}

func (d *Driver) payout(resp *upstream.Response, w *wire.Withdrawal) (*upstream.Payout, error) {
	state, ok := payoutState(w.Status)
	if !ok {
		return nil, upstream.Malformed(resp.Code(), lenient.Odd("status"))
	}
	p := &upstream.Payout{
		UpstreamRef: string(w.WithdrawID), State: state, Amount: int64(*w.Amount), Fee: fee(w.Amount, w.Fee, w.TotalDeduct), Method: wire.Lower(w.Method),
		AccountNumber: string(w.AccountNumber), AccountName: string(w.AccountName), CreatedAt: w.CreatedAt.Time, ProcessedAt: w.ProcessedAt.Time,
		Code: wire.Lower(w.Status),
	}
	if w.AdminNote != nil {
		p.Detail = d.cfg.Redact(string(*w.AdminNote))
	}
	return p, nil
}

// PayoutHistory reads a page of withdrawals in every state.
func (d *Driver) PayoutHistory(ctx context.Context, page int) (rows []upstream.Payout, next int, err error) {
	page = max(page, 1)
	query := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(perPage)}}
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, http.MethodGet, optionHistory, query, nil)
	if err != nil {
		return nil, 0, err
	}
	h, err := understood(resp, wire.DecodeHistory)
	if err != nil {
		return nil, 0, d.explain(resp, err)
	}
	if int(h.Pagination.Page) != page {
		return nil, 0, mixedUp(resp)
	}
	for i := range h.Data {
		p, err := d.payout(resp, &h.Data[i])
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, *p)
	}
	if int64(page) < int64(h.Pagination.TotalPages) {
		next = page + 1
	}
	return rows, next, nil
}

// national brings a phone number of Indonesia into the form of the document
// ("081234567890"); others are left as they are, but for marks.
func national(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if rest, ok := strings.CutPrefix(digits, "62"); ok && (strings.HasPrefix(strings.TrimSpace(number), "+") || strings.HasPrefix(rest, "8")) {
		return "0" + strings.TrimLeft(rest, "0")
	}
	return digits
}
