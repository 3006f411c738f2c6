package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/trace"
	"github.com/muarahq/muara/pkg/withdraw"
)

const (
	maxAccount = 20
	maxHolder  = 100
)

// accountNumber is a phone number or an account's digits.
var accountNumber = regexp.MustCompile(`^\+?[0-9]{8,20}$`)

// withdrawBody documents the body of POST /withdraw.
type withdrawBody struct {
	Ref           string `json:"ref" pattern:"^[A-Za-z0-9._:-]{1,64}$" doc:"Your own reference and the idempotency key." example:"wd-0001"`
	Amount        int64  `json:"amount" minimum:"1" doc:"Rupiah that the receiver gets; 10 000 to 10 000 000 unless agreed otherwise." example:"100000"`
	Method        string `json:"method" enum:"dana" doc:"How it is paid out." example:"dana"`
	AccountNumber string `json:"account_number" doc:"The receiver's phone number." example:"081234567890"`
	AccountName   string `json:"account_name" doc:"The receiver's name." example:"John Doe"`
}

type withdrawData struct {
	withdraw.View
	Balance int64 `json:"balance" doc:"Rupiah in the balance now." example:"899000"`
}

type withdrawalsData struct {
	Count       int            `json:"count" example:"1"`
	Withdrawals []withdrawData `json:"withdrawals" nullable:"false"`
	NextCursor  *string        `json:"next_cursor" doc:"Null at the end."`
}

type withdrawInput struct {
	ID string `path:"withdraw_id" doc:"Our withdraw_id, or your ref." example:"MRA-WD-0G3ZK4T8M1Q2R"`
}

type withdrawalsInput struct {
	rest.PageParams
	rest.RangeParams
	Status string `query:"status" enum:"pending,processing,success,rejected"`
}

func (s *server) withdrawRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "create-withdrawal", Method: http.MethodPost, Path: "/withdraw", Tag: tagMoney,
		Summary: "Have money paid out", Text: textWithdraw, Body: withdrawBody{}, Gives: exampleWithdrawal(),
		Sends: map[string]any{"ref": "wd-0001", "amount": 100_000, "method": "dana", "account_number": "081234567890", "account_name": "John Doe"},
		Refusals: []fault.Kind{
			fault.Invalid, fault.TooLarge, fault.SlowBody, fault.RefConflict, fault.LimitExceeded, fault.InsufficientBalance,
		},
	}, moving(s.createWithdrawal))
	rest.Register(s.rest, rest.Operation{
		ID: "get-withdrawal", Method: http.MethodGet, Path: "/withdraw/{withdraw_id}", Tag: tagMoney,
		Summary: "Read a withdrawal", Text: "By our withdraw_id, or by your own ref.", Refusals: []fault.Kind{fault.NotFound}, Gives: exampleWithdrawal(),
	}, s.getWithdrawal)
	rest.Register(s.rest, rest.Operation{
		ID: "list-withdrawals", Method: http.MethodGet, Path: "/withdrawals", Tag: tagMoney,
		Summary: "List withdrawals", Text: "Newest first.", Refusals: []fault.Kind{fault.Invalid},
		Gives: withdrawalsData{Count: 1, Withdrawals: []withdrawData{exampleWithdrawal()}},
	}, s.listWithdrawals)
}

const textWithdraw = "`amount` and `fee` are taken at once. The withdrawal is `pending` until it is approved, then `processing`, and ends as `success`, or as `rejected`, in which case " +
	"everything is given back, the fee too. An event of type `withdraw.updated` tells of each.\n\n" +
	"The same `ref` with the same content is the same withdrawal, taken once; with other content it is `ref_conflict`."

func (s *server) createWithdrawal(ctx context.Context, _ *noInput) (*withdrawData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.parseWithdrawal(body)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	r.WalletID, r.Mode, r.TraceParent = who.WalletID, string(who.Mode), trace.Inject(ctx)
	w, balance, err := s.deps.Withdrawals.Place(ctx, r)
	if err != nil {
		return nil, err
	}
	return &withdrawData{View: w.View(s.deps.Brand.IDPrefix), Balance: balance}, nil
}

func (s *server) parseWithdrawal(body []byte) (*withdraw.Request, error) {
	f, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	r := &withdraw.Request{Ref: f.required("ref", maxRef)}
	if r.Ref != "" && !validRef(r.Ref) {
		f.wrong("ref", "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	least, most := s.deps.MoneyOut.Min, s.deps.MoneyOut.Max
	var given bool
	switch r.Amount, given = f.integer("amount", least); {
	case !given:
		f.wrong("amount", "is required")
	case r.Amount > most:
		f.wrong("amount", "must be at most "+strconv.FormatInt(most, 10))
	}
	r.Method = strings.ToLower(f.required("method", maxRef))
	if r.Method != "" && r.Method != withdraw.MethodDANA {
		f.wrong("method", "must be dana")
	}
	r.AccountNumber = f.required("account_number", maxAccount+1)
	if r.AccountNumber != "" && !accountNumber.MatchString(r.AccountNumber) {
		f.wrong("account_number", "must be 8 to 20 digits")
	}
	r.AccountName = f.required("account_name", maxHolder)
	return r, f.err()
}

func (s *server) getWithdrawal(ctx context.Context, in *withdrawInput) (*withdrawData, error) {
	w, err := s.deps.Withdrawals.Get(ctx, caller(ctx).WalletID, in.ID)
	if err != nil {
		return nil, err
	}
	if !w.State.Final() {
		// A hint; when it fails, the withdrawal is still asked about in its turn.
		if err := s.deps.Withdrawals.Touch(ctx, w.ID); err != nil {
			s.deps.Log.WarnContext(ctx, "withdrawal not touched", "error", err)
		}
	}
	balance, err := ledger.Balance(ctx, s.deps.DB.Bun, w.WalletID)
	if err != nil {
		return nil, err
	}
	return &withdrawData{View: w.View(s.deps.Brand.IDPrefix), Balance: balance}, nil
}

func (s *server) listWithdrawals(ctx context.Context, in *withdrawalsInput) (*withdrawalsData, error) {
	limit, before, err := in.PageParams.Parse(cursorWithdrawals)
	if err != nil {
		return nil, err
	}
	from, to, err := in.RangeParams.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	wallet := caller(ctx).WalletID
	rows, err := withdraw.List(ctx, s.deps.DB.Bun, wallet, withdraw.Filter{Status: in.Status, From: from, To: to, Before: before, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	balance, err := ledger.Balance(ctx, s.deps.DB.Bun, wallet)
	if err != nil {
		return nil, err
	}
	out := &withdrawalsData{Withdrawals: []withdrawData{}}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorWithdrawals, rows[limit-1].ID)
		out.NextCursor = &next
	}
	for _, w := range rows {
		out.Withdrawals = append(out.Withdrawals, withdrawData{View: w.View(s.deps.Brand.IDPrefix), Balance: balance})
	}
	out.Count = len(out.Withdrawals)
	return out, nil
}

func exampleWithdrawal() withdrawData {
	return withdrawData{Balance: 899_000, View: withdraw.View{
		WithdrawID: "MRA-WD-0G3ZK4T8M1Q2R", Ref: "wd-0001", Amount: 100_000, Fee: 1_000, TotalDeduct: 101_000, Method: withdraw.MethodDANA,
		AccountNumber: "081234567890", AccountName: "John Doe", Status: "pending", CreatedAt: exampleTime(), UpdatedAt: exampleTime(),
	}}
}
