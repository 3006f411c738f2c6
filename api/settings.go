package api

import (
	"context"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/merchant"
)

type settingsData struct {
	LowBalance int64 `json:"low_balance" doc:"Rupiah: an event of type balance.low tells when the balance has fallen below it. 0 for never." example:"50000"`
}

type settingsBody struct {
	LowBalance *int64 `json:"low_balance,omitempty" minimum:"0" doc:"Left out, it stays; 0 for never." example:"50000"`
}

func (s *server) settingsRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "get-settings", Method: http.MethodGet, Path: "/settings", Tag: tagAccount,
		Summary: "Read the settings", Text: "Of this mode's balance.", Gives: settingsData{LowBalance: 50_000},
	}, s.getSettings)
	rest.Register(s.rest, rest.Operation{
		ID: "set-settings", Method: http.MethodPut, Path: "/settings", Tag: tagAccount,
		Summary: "Change the settings", Text: "The event tells once, and again only after the balance has been back. A balance that is below a new threshold is told of, too.",
		Body: settingsBody{}, Sends: map[string]any{"low_balance": 50_000}, Gives: settingsData{LowBalance: 50_000},
		Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody},
	}, s.setSettings)
}

func (s *server) getSettings(ctx context.Context, _ *noInput) (*settingsData, error) {
	threshold, err := merchant.LowBalance(ctx, s.deps.DB.Pool, caller(ctx).WalletID)
	if err != nil {
		return nil, err
	}
	return &settingsData{LowBalance: threshold}, nil
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
	if err := f.err(); err != nil {
		return nil, err
	}
	if given {
		if err := merchant.SetLowBalance(ctx, s.deps.DB.Pool, caller(ctx).WalletID, threshold, s.deps.Now()); err != nil {
			return nil, err
		}
	}
	return s.getSettings(ctx, nil)
}
