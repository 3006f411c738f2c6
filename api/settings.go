package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/rule"
)

type settingsData struct {
	LowBalance            int64          `json:"low_balance" doc:"Rupiah: an event of type balance.low tells when the balance has fallen below it. 0 for never." example:"50000"`
	DuplicateGuardMinutes int            `json:"duplicate_guard_minutes" doc:"For how many minutes a second order of a SKU for the same customer or target is refused (duplicate_order). 0 for never." example:"10"`
	Limits                settingsLimits `json:"limits" doc:"What you may spend, as agreed with us. They are not changed here."`
}

// settingsLimits are what operators have set; used and withdrawn are counted only where there is a limit.
type settingsLimits struct {
	PerOrder       int64  `json:"per_order" doc:"Rupiah that an order may cost. 0 for no limit." example:"1000000"`
	PerDay         int64  `json:"per_day" doc:"Rupiah that the orders of a day may cost, less what was given back of them. 0 for no limit." example:"5000000"`
	UsedToday      *int64 `json:"used_today" doc:"Rupiah of it that are used. Null without a limit." example:"4987500"`
	WithdrawPerDay int64  `json:"withdraw_per_day" doc:"Rupiah that may be paid out in a day; what was rejected does not count. 0 for no limit." example:"0"`
	WithdrawnToday *int64 `json:"withdrawn_today" doc:"Rupiah of it that are used. Null without a limit."`
}

type settingsBody struct {
	LowBalance            *int64 `json:"low_balance,omitempty" minimum:"0" doc:"Left out, it stays; 0 for never." example:"50000"`
	DuplicateGuardMinutes *int   `json:"duplicate_guard_minutes,omitempty" minimum:"0" maximum:"1440" doc:"Left out, it stays; 0 for never." example:"10"`
}

func exampleSettings() settingsData {
	return settingsData{LowBalance: 50_000, DuplicateGuardMinutes: 10, Limits: settingsLimits{PerOrder: 1_000_000, PerDay: 5_000_000, UsedToday: ptr(int64(4_987_500))}}
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
	rules, err := rule.Read(ctx, s.deps.DB.Pool, wallet)
	if err != nil {
		return nil, err
	}
	limits := settingsLimits{PerOrder: rules.PerOrder, PerDay: rules.PerDay, WithdrawPerDay: rules.WithdrawPerDay}
	if limits.UsedToday, err = order.UsedToday(ctx, s.deps.DB.Pool, wallet, s.deps.Now(), s.loc); err != nil {
		return nil, err
	}
	if limits.WithdrawnToday, err = s.deps.Withdrawals.UsedToday(ctx, wallet); err != nil {
		return nil, err
	}
	return &settingsData{LowBalance: threshold, DuplicateGuardMinutes: rules.DuplicateMinutes, Limits: limits}, nil
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
	if minutes > rule.MaxDuplicateMinutes {
		f.wrong("duplicate_guard_minutes", "must be at most "+strconv.Itoa(rule.MaxDuplicateMinutes))
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
		if err := rule.SetDuplicateGuard(ctx, s.deps.DB.Pool, caller(ctx).WalletID, int(minutes), s.deps.Now()); err != nil {
			return nil, err
		}
	}
	return s.getSettings(ctx, nil)
}
