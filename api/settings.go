package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
)

type settingsData struct {
	LowBalance            int64 `json:"low_balance" doc:"Rupiah: an event of type balance.low tells when the balance has fallen below it. 0 for never." example:"50000"`
	DuplicateGuardMinutes int   `json:"duplicate_guard_minutes" doc:"For how many minutes a second order of a SKU for the same customer or target is refused (duplicate_order). 0 for never." example:"10"`
}

type settingsBody struct {
	LowBalance            *int64 `json:"low_balance,omitempty" minimum:"0" doc:"Left out, it stays; 0 for never." example:"50000"`
	DuplicateGuardMinutes *int   `json:"duplicate_guard_minutes,omitempty" minimum:"0" maximum:"1440" doc:"Left out, it stays; 0 for never." example:"10"`
}

func exampleSettings() settingsData {
	return settingsData{LowBalance: 50_000, DuplicateGuardMinutes: 10}
}

const textSetSettings = "The event of type `balance.low` tells once, and again only after the balance has been back. A balance that is below a new threshold is told of, too.\n\n" +
	"The duplicate guard compares `sku` with `customer_no` and `zone_id` (ppob) or `target` (smm). It counts orders that were placed since it was set and have not failed, expired or been " +
	"canceled. An order with `allow_duplicate` passes it; the same `ref` again is the same order, as always."

func (s *server) settingsRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "get-settings", Method: http.MethodGet, Path: "/settings", Tag: tagAccount,
		Summary: "Read the settings", Text: "Of this mode's balance.", Gives: exampleSettings(),
	}, s.getSettings)
	rest.Register(s.rest, rest.Operation{
		ID: "set-settings", Method: http.MethodPut, Path: "/settings", Tag: tagAccount,
		Summary: "Change the settings", Text: textSetSettings,
		Body: settingsBody{}, Sends: map[string]any{"low_balance": 50_000, "duplicate_guard_minutes": 10}, Gives: exampleSettings(),
		Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody},
	}, s.setSettings)
}

func (s *server) getSettings(ctx context.Context, _ *noInput) (*settingsData, error) {
	wallet := caller(ctx).WalletID
	threshold, err := merchant.LowBalance(ctx, s.deps.DB.Pool, wallet)
	if err != nil {
		return nil, err
	}
	rules, err := merchant.ReadRules(ctx, s.deps.DB.Pool, wallet)
	if err != nil {
		return nil, err
	}
	return &settingsData{LowBalance: threshold, DuplicateGuardMinutes: rules.DuplicateMinutes}, nil
}

func (s *server) setSettings(ctx context.Context, _ *noInput) (*settingsData, error) {
	body, err := readBody(ctx)
	if err != nil {
		return nil, err
	}
	f, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	threshold, given := f.integer("low_balance", 0)
	minutes, guarded := f.integer("duplicate_guard_minutes", 0)
	if minutes > merchant.MaxDuplicateMinutes {
		f.wrong("duplicate_guard_minutes", "must be at most "+strconv.Itoa(merchant.MaxDuplicateMinutes))
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if given {
		if err := merchant.SetLowBalance(ctx, s.deps.DB.Pool, caller(ctx).WalletID, threshold, s.deps.Now()); err != nil {
			return nil, err
		}
	}
	if guarded {
		if err := merchant.SetDuplicateGuard(ctx, s.deps.DB.Pool, caller(ctx).WalletID, int(minutes), s.deps.Now()); err != nil {
			return nil, err
		}
	}
	return s.getSettings(ctx, nil)
}
