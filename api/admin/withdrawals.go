package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/withdraw"
)

const (
	tagWithdrawals    = "Withdrawals"
	cursorWithdrawals = rest.CursorKind('W')
)

// number is a page's end as operators write ids; empty for the first page.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

type withdrawalsInput struct {
	rest.PageParams
	Flagged  bool     `query:"flagged" doc:"Only those that wait for a person's look; those that wait for approval are pending."`
	State    []string `query:"state" enum:"pending,approved,sending,sent,unknown,success,rejected" doc:"Only in these states." example:"[\"pending\"]"`
	Merchant string   `query:"merchant" doc:"Only this merchant's."`
	Mode     string   `query:"mode" enum:"live,test" doc:"Only of this mode."`
	Gateway  string   `query:"gateway" doc:"Only those of this gateway."`
}

// withdrawalsPage is a page of withdrawals.
type withdrawalsPage struct {
	backoffice.WithdrawalList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

type approveInput struct {
	NameInput
	Body struct {
		Why     string `json:"why,omitempty" maxLength:"500" doc:"For the audit log."`
		Despite bool   `json:"despite,omitempty" doc:"Also where the check found no such account, or has not looked yet."`
	}
}

type resolveWithdrawalInput struct {
	NameInput
	Body struct {
		As     string `json:"as" enum:"success,rejected" doc:"success: it was paid out. rejected: it was not, and is given back."`
		Charge int64  `json:"charge,omitempty" minimum:"0" doc:"What paying it out took beside the amount, in rupiah."`
		Why    string `json:"why" minLength:"1" maxLength:"500" doc:"Your evidence, for the audit log." example:"the bank's statement of today has it"`
	}
}

// withdrawalRoutes are money that goes out.
func (s *server) withdrawalRoutes() {
	till := s.deps.Till
	read(s, rest.Operation{
		ID: "listWithdrawals", Path: "/withdrawals", Tag: tagWithdrawals, Summary: "Withdrawals", Refusals: []fault.Kind{fault.Invalid}, Text: "Of every merchant, newest first.",
	}, s.withdrawals)
	read(s, rest.Operation{
		ID: "showWithdrawal", Path: "/withdrawals/{id}", Tag: tagWithdrawals, Summary: "A withdrawal with all that is known of it",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound}, Text: "Who approved it, its changes, its entries and what operators did.",
	}, func(ctx context.Context, in *NameInput) (*backoffice.WithdrawalPage, error) {
		p, err := till.ShowWithdrawal(ctx, in.ID)
		if err == nil && masked(ctx) {
			p.Mask()
		}
		return p, err
	})
	decided := []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict}
	op := func(id, verb, summary, text string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodPost, Path: "/withdrawals/{id}/" + verb, Tag: tagWithdrawals, Summary: summary, Text: text, Refusals: decided}
	}
	register(s, token.Finance, op("approveWithdrawal", "approve", "Say yes to a withdrawal",
		"Once as many different tokens (and people at the command line) have said it as the configuration asks for, it is on its way. One that its gateway refused is sent again."),
		func(ctx context.Context, in *approveInput) (*backoffice.WithdrawalDecided, error) {
			out, err := till.ApproveWithdrawal(ctx, in.ID, withdraw.Decision{Why: in.Body.Why, Despite: in.Body.Despite, Actor: actor(ctx)})
			return out, s.withdrawalStands(ctx, in.ID, err)
		})
	register(s, token.Finance, op("rejectWithdrawal", "reject", "Give the money back", "Of a withdrawal that has not been sent."),
		func(ctx context.Context, in *whyInput) (*backoffice.WithdrawalDecided, error) {
			out, err := till.RejectWithdrawal(ctx, in.ID, withdraw.Decision{Why: in.Body.Why, Actor: actor(ctx)})
			return out, s.withdrawalStands(ctx, in.ID, err)
		})
	register(s, token.Finance, op("resolveWithdrawal", "resolve", "Settle a withdrawal on your own evidence",
		"What the machine cannot decide: nobody knows whether it was sent, its gateway does not say, or a person has paid it by hand."),
		func(ctx context.Context, in *resolveWithdrawalInput) (*backoffice.WithdrawalDecided, error) {
			d := withdraw.Decision{As: withdraw.State(in.Body.As), Charge: in.Body.Charge, Why: in.Body.Why, Actor: actor(ctx)}
			out, err := till.ResolveWithdrawal(ctx, in.ID, d)
			return out, s.withdrawalStands(ctx, in.ID, err)
		})
	register(s, token.Operator, op("seeWithdrawal", "seen", "Take a withdrawal's flag away", "A person has looked, and nobody else needs to."),
		func(ctx context.Context, in *whyInput) (*backoffice.WithdrawalDecided, error) {
			out, err := till.SeenWithdrawal(ctx, in.ID, withdraw.Decision{Why: in.Body.Why, Actor: actor(ctx)})
			return out, s.withdrawalStands(ctx, in.ID, err)
		})
}

// withdrawalStands adds to a conflict how the withdrawal stands now.
func (s *server) withdrawalStands(ctx context.Context, id string, err error) error {
	if err == nil {
		return nil
	}
	return standing(err, func() (string, error) {
		p, err := s.deps.Till.ShowWithdrawal(ctx, id)
		if err != nil {
			return "", err
		}
		return string(p.State), nil
	})
}

func (s *server) withdrawals(ctx context.Context, in *withdrawalsInput) (*withdrawalsPage, error) {
	limit, before, err := in.Parse(cursorWithdrawals)
	if err != nil {
		return nil, err
	}
	f := backoffice.WithdrawalFilter{Flagged: in.Flagged, Merchant: in.Merchant, Mode: in.Mode, Gateway: in.Gateway, Before: number(before), Limit: limit + 1}
	for _, state := range in.State {
		f.States = append(f.States, withdraw.State(state))
	}
	list, err := s.deps.Till.ListWithdrawals(ctx, &f)
	if err != nil {
		return nil, err
	}
	out := &withdrawalsPage{WithdrawalList: *list}
	out.Withdrawals, out.NextCursor = page(cursorWithdrawals, list.Withdrawals, limit, func(r *backoffice.WithdrawRow) int64 { return r.ID })
	out.Count = len(out.Withdrawals)
	if masked(ctx) {
		out.Mask()
	}
	return out, nil
}
