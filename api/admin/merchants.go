package admin

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/token"
)

func (s *server) merchantRoutes() {
	read(s, rest.Operation{ID: "listMerchants", Path: "/merchants", Tag: tagMerchants, Summary: "Merchants", Refusals: []fault.Kind{fault.Invalid}, Text: "Newest first."}, s.listMerchants)
	read(s, rest.Operation{
		ID: "showMerchant", Path: "/merchants/{id}", Tag: tagMerchants, Summary: "A merchant", Text: "As it stands now.", Refusals: lookup(),
	}, s.showMerchant)
	s.merchantChanges()
	s.keyRoutes()
	read(s, rest.Operation{
		ID: "listTiers", Path: "/tiers", Tag: tagMerchants, Summary: "Tiers", Text: "The ladder, and what it takes to rise: completed orders and their volume.",
	}, s.listTiers)
}

// merchantChanges are an operator's, but for what makes prices or lets more money out: that is finance's. Suspending, tiers, addresses and limits say what shall be so: doing it twice is doing it once.
func (s *server) merchantChanges() {
	change := func(method, id, path, summary, text string) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: "/merchants" + path, Tag: tagMerchants, Summary: summary, Text: text, Refusals: lookup()}
	}
	register(s, token.Operator, change(http.MethodPost, "createMerchant", "", "Create a merchant",
		"With its wallets, its webhook endpoint and a first key, which is shown here and never again. Its webhook secret it makes itself, by `POST /webhook/secret` of the merchant API. "+
			"Each call makes another merchant: after a lost answer look at the list before calling again. In another tier than the first finance makes it."),
		s.createMerchant)
	register(s, token.Operator, change(http.MethodPost, "suspendMerchant", "/{id}/suspend", "Suspend a merchant", "It is answered with 403 from now on."), s.suspendMerchant)
	register(s, token.Operator, change(http.MethodPost, "resumeMerchant", "/{id}/resume", "Let a merchant go on", "The end of a suspension."), s.resumeMerchant)
	register(s, token.Finance, change(http.MethodPut, "setTier", "/{id}/tier", "Move a merchant to a tier",
		"Held there it stays, whatever it orders; otherwise it rises from there by itself."), s.setTier)
	register(s, token.Operator, change(http.MethodPut, "setAddresses", "/{id}/ip", "Replace the addresses that may call", "None means that any may. "+
		"Finance says so, and sets networks larger than /8, or /32 of IPv6."), s.setAddresses)
	read(s, change(http.MethodGet, "getLimits", "/{id}/limits", "A merchant's limits", "What it may order and withdraw; 0 is no limit."), s.getLimits)
	register(s, token.Operator, change(http.MethodPut, "setLimits", "/{id}/limits", "Bound what a merchant may order and withdraw",
		"What is left out stays; 0 is no limit. An operator lowers limits, finance raises and lifts them."), s.setLimits)
	const once = "It is done once for each `ref`: after a lost answer send the same again, and the answer is the first one's. The same `ref` with another amount or note is refused with 409."
	money := change(http.MethodPost, "creditMerchant", "/{id}/credit", "Add to a balance", "By hand. It is an entry of the ledger, and the merchant reads the note. "+once)
	money.Refusals = append(money.Refusals, fault.Conflict)
	register(s, token.Finance, money, func(ctx context.Context, in *adjustInput) (*backoffice.Adjusted, error) { return s.adjust(ctx, in, 1) })
	money = change(http.MethodPost, "debitMerchant", "/{id}/debit", "Take from a balance", "By hand, as far as the balance holds it. "+once)
	money.Refusals = append(money.Refusals, fault.Conflict, fault.InsufficientBalance)
	register(s, token.Finance, money, func(ctx context.Context, in *adjustInput) (*backoffice.Adjusted, error) { return s.adjust(ctx, in, -1) })
}

func (s *server) keyRoutes() {
	read(s, rest.Operation{
		ID: "listKeys", Path: "/merchants/{id}/keys", Tag: tagMerchants, Summary: "A merchant's keys", Text: "Oldest first, revoked ones too, by what tells them apart.", Refusals: lookup(),
	}, s.listKeys)
	register(s, token.Operator, rest.Operation{
		ID: "createKey", Method: http.MethodPost, Path: "/merchants/{id}/keys", Tag: tagMerchants, Summary: "Give a merchant a further key",
		Text: "It is shown here and never again. An operator makes test keys, finance those of live mode, which spend a balance. Each call makes another one: after a lost answer revoke the one that the list has, and call again.", Refusals: lookup(),
	}, s.createKey)
	register(s, token.Operator, rest.Operation{
		ID: "revokeKey", Method: http.MethodPost, Path: "/keys/{id}/revoke", Tag: tagMerchants, Summary: "Revoke a key", Text: "It ends for ever and at once.", Refusals: changes(),
	}, s.revokeKey)
}

// cursorMerchants marks the cursors of the list of merchants.
const cursorMerchants rest.CursorKind = 'M'

type merchantListInput struct{ rest.PageParams }

// merchantsPage is a page of merchants.
type merchantsPage struct {
	backoffice.MerchantList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

func (s *server) listMerchants(ctx context.Context, in *merchantListInput) (*merchantsPage, error) {
	limit, before, err := in.Parse(cursorMerchants)
	if err != nil {
		return nil, err
	}
	list, err := s.office.Merchants().Page(ctx, before, limit+1)
	if err != nil {
		return nil, err
	}
	out := &merchantsPage{}
	list, out.NextCursor = page(cursorMerchants, list, limit, func(m *merchant.Merchant) int64 { return m.N })
	out.MerchantList = *backoffice.NewMerchantList(list)
	return out, nil
}

// MerchantParams name a merchant.
type MerchantParams struct {
	ID string `path:"id" doc:"Its id." example:"MRA-M-0G3ZK4T8M1"`
}

func (s *server) showMerchant(ctx context.Context, in *MerchantParams) (*backoffice.MerchantRow, error) {
	return s.office.ShowMerchant(ctx, in.ID)
}

type createMerchantInput struct {
	Body struct {
		Name string        `json:"name" minLength:"1" maxLength:"100"`
		Tier int           `json:"tier,omitempty" minimum:"1" doc:"The tier it starts in; 1 where it is left out."`
		IPs  []string      `json:"ip_whitelist,omitempty" nullable:"false" doc:"Addresses and networks that may call; left out, any may." example:"[\"192.0.2.0/24\"]"`
		Mode merchant.Mode `json:"mode,omitempty" enum:"live,test" doc:"What its first key is for; live where it is left out."`
	}
}

func (s *server) createMerchant(ctx context.Context, in *createMerchantInput) (*backoffice.MerchantCreated, error) {
	ips, err := merchant.ParseIPs(strings.Join(in.Body.IPs, ","))
	if err != nil {
		return nil, err
	}
	if in.Body.Tier > 1 {
		if err := needFinance(ctx, "a tier above the first"); err != nil {
			return nil, err
		}
	}
	n := merchant.New{Name: in.Body.Name, Tier: in.Body.Tier, IPs: ips, Mode: in.Body.Mode, Actor: actor(ctx)}
	if n.Mode == "" {
		n.Mode = merchant.Live
	}
	made, err := s.office.CreateMerchant(ctx, n)
	if err != nil {
		return nil, err
	}
	made.WebhookSecret = "" // a secret of the merchant's own
	return made, nil
}

func (s *server) suspendMerchant(ctx context.Context, in *MerchantParams) (*backoffice.MerchantRow, error) {
	return s.office.SetStatus(ctx, in.ID, merchant.Suspended, actor(ctx))
}

func (s *server) resumeMerchant(ctx context.Context, in *MerchantParams) (*backoffice.MerchantRow, error) {
	return s.office.SetStatus(ctx, in.ID, merchant.Active, actor(ctx))
}

type tierInput struct {
	MerchantParams
	Body struct {
		Tier int  `json:"tier" minimum:"1"`
		Hold bool `json:"hold,omitempty" doc:"It stays there, whatever it orders."`
	}
}

func (s *server) setTier(ctx context.Context, in *tierInput) (*backoffice.MerchantRow, error) {
	return s.office.SetTier(ctx, in.ID, in.Body.Tier, in.Body.Hold, actor(ctx))
}

// opens tells whether a list lets in as good as everybody: it is empty, or has a network that is
// larger than /8, or than /32 of IPv6.
func opens(ips []netip.Prefix) bool {
	return len(ips) == 0 || slices.ContainsFunc(ips, func(p netip.Prefix) bool {
		if p.Addr().Is4() {
			return p.Bits() < 8
		}
		return p.Bits() < 32
	})
}

type addressesInput struct {
	MerchantParams
	Body struct {
		IPs []string `json:"ip_whitelist" nullable:"false" doc:"Addresses and networks; none for any." example:"[\"192.0.2.0/24\"]"`
	}
}

func (s *server) setAddresses(ctx context.Context, in *addressesInput) (*backoffice.MerchantRow, error) {
	ips, err := merchant.ParseIPs(strings.Join(in.Body.IPs, ","))
	if err != nil {
		return nil, err
	}
	if opens(ips) {
		if err := needFinance(ctx, "letting any address call"); err != nil {
			return nil, err
		}
	}
	return s.office.SetIPs(ctx, in.ID, ips, actor(ctx))
}

// ModeParams choose one of a merchant's wallets.
type ModeParams struct {
	Mode merchant.Mode `query:"mode" enum:"live,test" default:"live" doc:"Which wallet."`
}

type limitsInput struct {
	MerchantParams
	ModeParams
}

func (s *server) getLimits(ctx context.Context, in *limitsInput) (*backoffice.MerchantLimits, error) {
	return s.office.SetLimits(ctx, in.ID, in.Mode, rule.Change{}, actor(ctx))
}

type setLimitsInput struct {
	MerchantParams
	ModeParams
	Body struct {
		PerOrder       *int64 `json:"per_order,omitempty" minimum:"0" doc:"Rupiah: the most that an order may cost."`
		PerDay         *int64 `json:"per_day,omitempty" minimum:"0" doc:"Rupiah: the most that the orders of a day may cost, less what was given back of them."`
		WithdrawPerDay *int64 `json:"withdraw_per_day,omitempty" minimum:"0" doc:"Rupiah: the most that may be paid out in a day."`
	}
}

func (s *server) setLimits(ctx context.Context, in *setLimitsInput) (*backoffice.MerchantLimits, error) {
	b := &in.Body
	now, err := s.office.SetLimits(ctx, in.ID, in.Mode, rule.Change{}, actor(ctx))
	if err != nil {
		return nil, err
	}
	for _, l := range []struct {
		was int64
		to  *int64
	}{{now.Limits.PerOrder, b.PerOrder}, {now.Limits.PerDay, b.PerDay}, {now.Limits.WithdrawPerDay, b.WithdrawPerDay}} {
		if l.to != nil && l.was != 0 && (*l.to == 0 || *l.to > l.was) {
			if err := needFinance(ctx, "raising a limit"); err != nil {
				return nil, err
			}
		}
	}
	return s.office.SetLimits(ctx, in.ID, in.Mode, rule.Change{PerOrder: b.PerOrder, PerDay: b.PerDay, WithdrawPerDay: b.WithdrawPerDay}, actor(ctx))
}

type adjustInput struct {
	MerchantParams
	Body struct {
		Amount int64         `json:"amount" minimum:"1" doc:"Rupiah."`
		Ref    string        `json:"ref" minLength:"1" maxLength:"100" doc:"Your own name of it, once for each wallet." example:"gift-2026-11-21-budi"`
		Note   string        `json:"note" minLength:"1" maxLength:"500" doc:"Why; the merchant reads it."`
		Mode   merchant.Mode `json:"mode,omitempty" enum:"live,test" doc:"Which wallet; live where it is left out."`
	}
}

func (s *server) adjust(ctx context.Context, in *adjustInput, sign int64) (*backoffice.Adjusted, error) {
	mode := in.Body.Mode
	if mode == "" {
		mode = merchant.Live
	}
	b := &in.Body
	return s.office.Adjust(ctx, in.ID, mode, ledger.ByHand{Amount: sign * b.Amount, Ref: b.Ref, Note: b.Note, Actor: actor(ctx)})
}

func (s *server) listKeys(ctx context.Context, in *MerchantParams) (*backoffice.KeyList, error) {
	return s.office.ListKeys(ctx, in.ID)
}

type createKeyInput struct {
	MerchantParams
	Body struct {
		Name string        `json:"name" minLength:"1" maxLength:"100" doc:"What the key is for."`
		Mode merchant.Mode `json:"mode,omitempty" enum:"live,test" doc:"live where it is left out."`
	}
}

func (s *server) createKey(ctx context.Context, in *createKeyInput) (*backoffice.KeyCreated, error) {
	mode := in.Body.Mode
	if mode == "" {
		mode = merchant.Live
	}
	if mode == merchant.Live {
		if err := needFinance(ctx, "a live key"); err != nil {
			return nil, err
		}
	}
	return s.office.CreateKey(ctx, in.ID, mode, in.Body.Name, actor(ctx))
}

func (s *server) revokeKey(ctx context.Context, in *idInput) (*backoffice.KeyRevoked, error) {
	done, err := s.office.RevokeKey(ctx, in.ID, actor(ctx))
	if err != nil {
		return nil, standing(err, func() (string, error) { return "revoked", nil })
	}
	return done, nil
}

func (s *server) listTiers(ctx context.Context, _ *none) (*backoffice.TierList, error) {
	return backoffice.ListTiers(ctx, s.office.DB.Pool)
}
