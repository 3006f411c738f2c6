package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
)

type noInput struct{}

type pingData struct {
	Merchant pingMerchant `json:"merchant"`
	Tier     int          `json:"tier" example:"1"`
	TierName string       `json:"tier_name" example:"Bronze"`
	Time     time.Time    `json:"time" doc:"Our clock."`
	Timezone string       `json:"timezone" doc:"Where a bare date is a day." example:"Asia/Jakarta"`
}

type pingMerchant struct {
	ID     string          `json:"id" example:"MRA-M-7K2Q9XW4TB"`
	Name   string          `json:"name" example:"Toko Pulsa"`
	Status merchant.Status `json:"status" enum:"active,suspended"`
	Mode   merchant.Mode   `json:"mode" enum:"live,test"`
}

type profileData struct {
	Balance     int64          `json:"balance" doc:"Rupiah that can be spent." example:"250000"`
	Held        int64          `json:"held" doc:"Prices of orders that are not final, in rupiah." example:"2750"`
	Tier        int            `json:"tier" example:"1"`
	TierName    string         `json:"tier_name" example:"Bronze"`
	Markup      profileMarkups `json:"markup" doc:"What this tier pays on top of the cost, by category."`
	Stats       profileStats   `json:"stats"`
	NextTier    *nextTier      `json:"next_tier" doc:"The next tier and what it takes; null at the top."`
	IPWhitelist []string       `json:"ip_whitelist" nullable:"false" doc:"Addresses that may call; empty means any."`
	WebhookURL  *string        `json:"webhook_url" doc:"Where events go, if anywhere."`
}

type profileMarkups struct {
	PPOB markup `json:"ppob"`
	SMM  markup `json:"smm"`
	OTP  markup `json:"otp"`
}

type markup struct {
	Percent float64 `json:"percent" example:"2.5"`
	Fixed   int64   `json:"fixed" doc:"Rupiah." example:"100"`
}

type profileStats struct {
	Orders      int64 `json:"orders" example:"120"`
	Completed   int64 `json:"completed" example:"118"`
	Volume      int64 `json:"volume" doc:"Rupiah taken and not given back." example:"1250000"`
	MonthOrders int64 `json:"month_orders" doc:"This calendar month." example:"40"`
	MonthVolume int64 `json:"month_volume" example:"400000"`
}

type nextTier struct {
	Tier         int    `json:"tier" example:"2"`
	Name         string `json:"name" example:"Silver"`
	OrdersNeeded int64  `json:"orders_needed" doc:"Completed orders still missing." example:"382"`
	VolumeNeeded int64  `json:"volume_needed" doc:"Rupiah still missing." example:"8750000"`
	Progress     int    `json:"progress" minimum:"0" maximum:"100" example:"12"`
}

// TransformSchema lets next_tier be null, which Huma cannot say of an object by a tag.
func (profileData) TransformSchema(_ registry, s *schema) *schema {
	return nullable(s, "next_tier")
}

type tiersData struct {
	Count int       `json:"count" example:"4"`
	Tiers []tierRow `json:"tiers" nullable:"false"`
}

type tierRow struct {
	Tier      int    `json:"tier" example:"2"`
	Name      string `json:"name" example:"Silver"`
	MinOrders int64  `json:"min_orders" example:"500"`
	MinVolume int64  `json:"min_volume" doc:"Rupiah." example:"10000000"`
}

const tagAccount = "Account"

func (s *server) accountRoutes() {
	rest.Register(s.rest, rest.Operation{
		ID: "ping", Method: http.MethodGet, Path: "/ping", Tag: tagAccount,
		Summary: "Check the connection and the key", Text: "Tells whose key it is.", Gives: examplePing,
	}, s.ping)
	rest.Register(s.rest, rest.Operation{
		ID: "profile", Method: http.MethodGet, Path: "/profile", Tag: tagAccount,
		Summary: "Balance, tier and statistics",
		Text:    "`balance` can be spent; `held` is out of it until the orders in question are final.", Gives: exampleProfile,
	}, s.profile)
	rest.Register(s.rest, rest.Operation{
		ID: "tiers", Method: http.MethodGet, Path: "/tiers", Tag: tagAccount,
		Summary: "List the tiers", Text: "A merchant rises by itself once both the orders and the volume are reached.", Gives: exampleTiers,
	}, s.tiers)
}

func (s *server) ping(ctx context.Context, _ *noInput) (*pingData, error) {
	who := caller(ctx)
	return &pingData{
		Merchant: pingMerchant{ID: who.MerchantID, Name: who.Name, Status: who.Status, Mode: who.Mode},
		Tier:     who.Tier, TierName: who.TierName, Time: s.deps.Now().In(s.loc).Truncate(time.Millisecond), Timezone: s.deps.Brand.Timezone,
	}, nil
}

func (s *server) profile(ctx context.Context, _ *noInput) (*profileData, error) {
	who := caller(ctx)
	now := s.deps.Now().In(s.loc)
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, s.loc)
	balance, err := ledger.Balance(ctx, s.deps.DB.Bun, who.WalletID)
	if err != nil {
		return nil, err
	}
	held, err := order.Held(ctx, s.deps.DB.Bun, who.WalletID)
	if err != nil {
		return nil, err
	}
	stats, err := order.CountStats(ctx, s.deps.DB.Bun, who.WalletID, month)
	if err != nil {
		return nil, err
	}
	tiers, err := merchant.Tiers(ctx, s.deps.DB.Pool)
	if err != nil {
		return nil, err
	}
	url, err := s.webhookURL(ctx, who.MerchantID)
	if err != nil {
		return nil, err
	}
	snapshot := s.deps.Catalog.Snapshot()
	return &profileData{
		Balance: balance, Held: held, Tier: who.Tier, TierName: who.TierName,
		Markup: profileMarkups{
			PPOB: toMarkup(snapshot.CategoryMarkup(who.Tier, order.PPOB)),
			SMM:  toMarkup(snapshot.CategoryMarkup(who.Tier, order.SMM)),
			OTP:  toMarkup(snapshot.CategoryMarkup(who.Tier, order.OTP)),
		},
		Stats: profileStats{
			Orders: stats.Orders, Completed: stats.Completed, Volume: stats.Volume,
			MonthOrders: stats.MonthOrders, MonthVolume: stats.MonthVolume,
		},
		NextTier: toNextTier(tiers, who.Tier, stats), IPWhitelist: ipTexts(who.IPs), WebhookURL: url,
	}, nil
}

func toMarkup(m catalog.Markup) markup {
	return markup{Percent: float64(m.PercentBP) / 100, Fixed: m.Fixed}
}

// toNextTier tells how far the next tier is. Progress is that of the condition
// which is further away.
func toNextTier(tiers []merchant.Tier, tier int, stats order.Stats) *nextTier {
	for _, t := range tiers {
		if t.Tier <= tier {
			continue
		}
		return &nextTier{
			Tier: t.Tier, Name: t.Name,
			OrdersNeeded: max(t.MinOrders-stats.Completed, 0), VolumeNeeded: max(t.MinVolume-stats.Volume, 0),
			Progress: min(percent(stats.Completed, t.MinOrders), percent(stats.Volume, t.MinVolume)),
		}
	}
	return nil
}

func percent(have, need int64) int {
	if have >= need {
		return 100
	}
	return int(max(have, 0) * 100 / need)
}

// ipTexts shows a network of one address as that address.
func ipTexts(ips []netip.Prefix) []string {
	out := make([]string, len(ips))
	for i, p := range ips {
		out[i] = p.String()
		if p.IsSingleIP() {
			out[i] = p.Addr().String()
		}
	}
	return out
}

// webhookURL is the merchant's endpoint; nil when it has none.
func (s *server) webhookURL(ctx context.Context, merchantID string) (*string, error) {
	var url *string
	err := s.deps.DB.Pool.QueryRow(ctx, `SELECT nullif(url, '') FROM webhook_endpoints WHERE merchant_id = $1`, merchantID).Scan(&url)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no endpoint is no error
	}
	return url, err
}

func (s *server) tiers(ctx context.Context, _ *noInput) (*tiersData, error) {
	tiers, err := merchant.Tiers(ctx, s.deps.DB.Pool)
	if err != nil {
		return nil, err
	}
	out := &tiersData{Count: len(tiers), Tiers: make([]tierRow, len(tiers))}
	for i, t := range tiers {
		out.Tiers[i] = tierRow(t)
	}
	return out, nil
}
