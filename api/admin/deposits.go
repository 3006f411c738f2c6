package admin

import (
	"bytes"
	"context"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

const (
	tagDeposits    = "Deposits"
	cursorDeposits = rest.CursorKind('D')
	cursorLines    = rest.CursorKind('l')
)

// NameInput names a thing by its public id, or by its number.
type NameInput struct {
	ID string `path:"id" doc:"Its public id, or its number." example:"MRA-DP-0G3ZK4T8M1Q2R"`
}

// whyInput decides about a thing, for a reason.
type whyInput struct {
	NameInput
	Body struct {
		Why string `json:"why" minLength:"1" maxLength:"500" doc:"Your evidence, for the audit log." example:"paid by hand, receipt 4711"`
	}
}

type depositsInput struct {
	rest.PageParams
	Flagged  bool     `query:"flagged" doc:"Only those that wait for a person."`
	State    []string `query:"state" enum:"creating,pending,paid,expired,canceled,suspense,failed" doc:"Only in these states." example:"[\"suspense\"]"`
	Merchant string   `query:"merchant" doc:"Only this merchant's."`
	Mode     string   `query:"mode" enum:"live,test" doc:"Only of this mode."`
	Gateway  string   `query:"gateway" doc:"Only those of this gateway."`
}

// depositsPage is a page of deposits.
type depositsPage struct {
	backoffice.DepositList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

type linesInput struct {
	rest.PageParams
	Unmatched bool `query:"unmatched" doc:"Also those that fit no deposit."`
}

// linesPage is a page of lines.
type linesPage struct {
	backoffice.LineList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

type creditDepositInput struct {
	NameInput
	Body struct {
		Amount int64  `json:"amount,omitempty" minimum:"0" doc:"What to credit of a payment in suspense; left out, all of it but the fee." example:"49000"`
		Line   int64  `json:"line,omitempty" minimum:"0" doc:"The line of a statement that is its payment." example:"7"`
		Why    string `json:"why" minLength:"1" maxLength:"500" doc:"Your evidence, for the audit log." example:"the gateway's statement has it"`
	}
}

type statementInput struct {
	Gateway string `query:"gateway" doc:"Whose statement it is, where our own code was renamed; left out, that of the configuration."`
	RawBody []byte `contentType:"text/csv" doc:"A header that names time and amount, and may name id and note."`
}

// depositRoutes are money that comes in.
func (s *server) depositRoutes() {
	read(s, rest.Operation{
		ID: "listDeposits", Path: "/deposits", Tag: tagDeposits, Summary: "Deposits", Refusals: []fault.Kind{fault.Invalid}, Text: "Of every merchant, newest first.",
	}, s.deposits)
	read(s, rest.Operation{
		ID: "listStatementLines", Path: "/statements/lines", Tag: tagDeposits, Summary: "Payments to your own code that wait", Refusals: []fault.Kind{fault.Invalid},
		Text: "Newest first: lines of statements that are in suspense, since several deposits fit, and with `unmatched` also those that are nobody's. `POST /deposits/{id}/credit` gives one to a deposit.",
	}, s.lines)
	read(s, rest.Operation{
		ID: "showDeposit", Path: "/deposits/{id}", Tag: tagDeposits, Summary: "A deposit with all that is known of it", Refusals: []fault.Kind{fault.Invalid, fault.NotFound},
		Text: "Its attempts at gateways, its changes, its entries and what operators did.",
	}, func(ctx context.Context, in *NameInput) (*backoffice.DepositPage, error) {
		p, err := s.deps.Till.ShowDeposit(ctx, in.ID)
		if err == nil && masked(ctx) {
			p.Mask()
		}
		return p, err
	})
	decided := []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict}
	register(s, token.Finance, rest.Operation{
		ID: "creditDeposit", Method: http.MethodPost, Path: "/deposits/{id}/credit", Tag: tagDeposits, Summary: "Pay a deposit on your own evidence", Refusals: decided,
		Text: "Of a payment in suspense as much as you say; of one that nobody saw, exactly what was asked for.",
	}, func(ctx context.Context, in *creditDepositInput) (*backoffice.DepositRow, error) {
		d := deposit.Decision{Amount: in.Body.Amount, Line: in.Body.Line, Why: in.Body.Why, Actor: actor(ctx)}
		row, err := s.deps.Till.CreditDeposit(ctx, in.ID, d)
		return row, s.depositStands(ctx, in.ID, err)
	})
	decide := func(id, path, summary, text string, do func(context.Context, string, deposit.Decision) (*backoffice.DepositRow, error)) {
		register(s, token.Finance, rest.Operation{
			ID: id, Method: http.MethodPost, Path: path, Tag: tagDeposits, Summary: summary, Text: text, Refusals: decided,
		}, func(ctx context.Context, in *whyInput) (*backoffice.DepositRow, error) {
			row, err := do(ctx, in.ID, deposit.Decision{Why: in.Body.Why, Actor: actor(ctx)})
			return row, s.depositStands(ctx, in.ID, err)
		})
	}
	decide("returnDeposit", "/deposits/{id}/return", "Take a payment out of suspense", "It was given back to its payer; the deposit is canceled.",
		func(ctx context.Context, id string, d deposit.Decision) (*backoffice.DepositRow, error) {
			return s.deps.Till.ReturnDeposit(ctx, id, d)
		})
	decide("expireDeposit", "/deposits/{id}/expire", "End a deposit", "Its gateway does not say that nothing was paid. A payment that is seen all the same is still credited.",
		func(ctx context.Context, id string, d deposit.Decision) (*backoffice.DepositRow, error) {
			return s.deps.Till.ExpireDeposit(ctx, id, d)
		})
	register(s, token.Finance, rest.Operation{
		ID: "readStatement", Method: http.MethodPost, Path: "/statements", Tag: tagDeposits, Summary: "Read a statement of your own code", Refusals: []fault.Kind{fault.Invalid},
		Text: "What fits exactly one deposit pays it. The whole table is read before the first line counts; reading it again changes nothing. At most 1 MiB. " +
			"Where the time for an answer ends first, the refusal says how far it came, and the same table sent again goes on from there.",
	}, func(ctx context.Context, in *statementInput) (*backoffice.StatementRead, error) {
		gateway, err := s.deps.Till.OwnCode(ctx, in.Gateway, s.office.Config.Deposits.StaticQRIS.Name)
		if err != nil {
			return nil, err
		}
		return s.deps.Till.ReadStatement(ctx, bytes.NewReader(in.RawBody), gateway, "", actor(ctx))
	})
}

// depositStands adds to a conflict how the deposit stands now.
func (s *server) depositStands(ctx context.Context, id string, err error) error {
	if err == nil {
		return nil
	}
	return standing(err, func() (string, error) {
		p, err := s.deps.Till.ShowDeposit(ctx, id)
		if err != nil {
			return "", err
		}
		return string(p.State), nil
	})
}

func (s *server) deposits(ctx context.Context, in *depositsInput) (*depositsPage, error) {
	limit, before, err := in.Parse(cursorDeposits)
	if err != nil {
		return nil, err
	}
	f := backoffice.DepositFilter{
		Flagged: in.Flagged, Merchant: in.Merchant, Mode: in.Mode, Gateway: in.Gateway, Before: number(before), Limit: limit + 1,
	}
	for _, state := range in.State {
		f.States = append(f.States, deposit.State(state))
	}
	list, err := s.deps.Till.ListDeposits(ctx, &f)
	if err != nil {
		return nil, err
	}
	out := &depositsPage{DepositList: *list}
	out.Deposits, out.NextCursor = page(cursorDeposits, list.Deposits, limit, func(r *backoffice.DepositRow) int64 { return r.ID })
	out.Count = len(out.Deposits)
	return out, nil
}

func (s *server) lines(ctx context.Context, in *linesInput) (*linesPage, error) {
	limit, before, err := in.Parse(cursorLines)
	if err != nil {
		return nil, err
	}
	list, err := s.deps.Till.ListLines(ctx, in.Unmatched, before, limit+1)
	if err != nil {
		return nil, err
	}
	out := &linesPage{}
	out.Lines, out.NextCursor = page(cursorLines, list.Lines, limit, func(l *deposit.Line) int64 { return l.ID })
	out.Count = len(out.Lines)
	if masked(ctx) {
		out.Mask()
	}
	return out, nil
}
