package admin

import (
	"context"
	"io"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/report"
	"github.com/muarahq/muara/pkg/token"
)

const tagReports = "Reports"

// reportRows bounds a report that is not written as CSV.
const reportRows = 10_000

// RangeInput is what every report over a time is asked for.
type RangeInput struct {
	From string `query:"from" doc:"The first day, YYYY-MM-DD in the brand's time zone; left out, the first of the last day's month." example:"2026-11-01"`
	To   string `query:"to" doc:"The day after the last; left out, tomorrow." example:"2026-12-01"`
	Mode string `query:"mode" enum:"live,test" default:"live"`
}

func (s *server) days(in *RangeInput) (report.Range, error) {
	r, err := report.Days(in.From, in.To, s.loc, s.deps.Now())
	if err != nil {
		return r, fault.New(fault.Invalid, strings.TrimPrefix(err.Error(), "report: "))
	}
	return r, nil
}

type ordersInput struct {
	RangeInput
	By       []string `query:"by" enum:"day,merchant,tier,category,sku,upstream" doc:"What it is divided by." example:"[\"day\",\"upstream\"]"`
	Merchant string   `query:"merchant" doc:"Only this merchant's."`
	Tier     int      `query:"tier" minimum:"0" doc:"Only of merchants who were of this tier."`
	Category string   `query:"category" enum:"ppob,smm,otp,product" doc:"Only this category."`
	SKU      string   `query:"sku" doc:"Only this product."`
	Upstream string   `query:"upstream" doc:"Only what went to this upstream."`
}

func (s *server) ordersQuery(in *ordersInput) (*report.Query, error) {
	r, err := s.days(&in.RangeInput)
	if err != nil {
		return nil, err
	}
	q := &report.Query{Range: r, Mode: in.Mode, Merchant: in.Merchant, Tier: in.Tier, Category: in.Category, SKU: in.SKU, Upstream: in.Upstream}
	for _, d := range in.By {
		q.By = append(q.By, report.Dimension(d))
	}
	return q, nil
}

type lossesInput struct {
	RangeInput
	rest.PageParams
}

// lossesPage is a page of orders that cost more than they brought in.
type lossesPage struct {
	Total      report.BelowTotal `json:"total" doc:"Of all of the range."`
	Count      int               `json:"count"`
	Orders     []report.Below    `json:"orders" nullable:"false"`
	NextCursor *string           `json:"next_cursor" doc:"Null at the end."`
}

const cursorLosses rest.CursorKind = 'L'

type balancesInput struct {
	Mode string `query:"mode" enum:"live,test" doc:"Only of this mode."`
}

// reportRoutes tell what the business came to.
func (s *server) reportRoutes() {
	wrong := []fault.Kind{fault.Invalid}
	read(s, rest.Operation{
		ID: "reportSummary", Path: "/reports/summary", Tag: tagReports, Summary: "A range in one page", Refusals: wrong,
		Text: "Orders, margin, deposits, withdrawals, and what is left. The money is the ledger's, by the day of each entry.",
	}, func(ctx context.Context, in *RangeInput) (*report.Summary, error) {
		r, err := s.days(in)
		if err != nil {
			return nil, err
		}
		return report.Summarize(ctx, s.office.DB.Pool, r, in.Mode)
	})
	read(s, rest.Operation{
		ID: "reportOrders", Path: "/reports/orders", Tag: tagReports, Summary: "Orders, by what you like", Refusals: wrong,
		Text: "Volume, count, success rate, cost, margin and refunds, divided by day, merchant, tier, category, SKU and upstream. At most 10,000 rows; the CSV has all.",
	}, func(ctx context.Context, in *ordersInput) (*report.OrdersReport, error) {
		q, err := s.ordersQuery(in)
		if err != nil {
			return nil, err
		}
		return report.ReadOrders(ctx, s.office.DB.Pool, q, reportRows)
	})
	download(s, token.Viewer, rest.Operation{
		ID: "reportOrdersCSV", Path: "/reports/orders.csv", Tag: tagReports, Summary: "Orders, by what you like, as CSV", Refusals: wrong,
		Text: "All rows, however many. A dimension that was not asked for is empty.",
	}, func(_ context.Context, in *ordersInput) (string, table, error) {
		q, err := s.ordersQuery(in)
		if err != nil {
			return "", nil, err
		}
		return "orders", func(ctx context.Context, w io.Writer) error { return report.OrdersCSV(ctx, s.office.DB.Pool, q, w) }, nil
	})
	read(s, rest.Operation{
		ID: "reportLosses", Path: "/reports/losses", Tag: tagReports, Summary: "Orders under their cost", Refusals: wrong,
		Text: "Orders that cost more than they brought in, losses included, by all their entries until now; the newest first. Of a range are those whose last entry is.",
	}, s.losses)
	download(s, token.Viewer, rest.Operation{
		ID: "reportLossesCSV", Path: "/reports/losses.csv", Tag: tagReports, Summary: "Orders under their cost, as CSV", Refusals: wrong, Text: "All of them.",
	}, func(_ context.Context, in *RangeInput) (string, table, error) {
		r, err := s.days(in)
		if err != nil {
			return "", nil, err
		}
		return "losses", func(ctx context.Context, w io.Writer) error {
			return report.BelowCSV(ctx, s.office.DB.Pool, r, in.Mode, w)
		}, nil
	})
	s.moneyReports(wrong)
}

func (s *server) moneyReports(wrong []fault.Kind) {
	flows := func(ctx context.Context, in *RangeInput) (*report.Flows, error) {
		r, err := s.days(in)
		if err != nil {
			return nil, err
		}
		return report.ReadFlows(ctx, s.office.DB.Pool, r, in.Mode)
	}
	read(s, rest.Operation{
		ID: "reportMoney", Path: "/reports/money", Tag: tagReports, Summary: "Deposits and withdrawals", Refusals: wrong,
		Text: "By gateway and day: amounts, our fees and what gateways took; and what was adjusted by hand.",
	}, flows)
	download(s, token.Viewer, rest.Operation{
		ID: "reportMoneyCSV", Path: "/reports/money.csv", Tag: tagReports, Summary: "Deposits and withdrawals, as CSV", Refusals: wrong, Text: "A line a day and gateway.",
	}, func(ctx context.Context, in *RangeInput) (string, table, error) {
		f, err := flows(ctx, in)
		if err != nil {
			return "", nil, err
		}
		return "money", func(_ context.Context, w io.Writer) error { return f.WriteCSV(w) }, nil
	})
	read(s, rest.Operation{
		ID: "reportBalances", Path: "/reports/balances", Tag: tagReports, Summary: "Where all money lies now", Refusals: wrong,
		Text: "Wallets, floats at upstreams, clearing, suspense, revenue, costs and losses.",
	}, func(ctx context.Context, in *balancesInput) (*report.Balances, error) {
		return report.ReadBalances(ctx, s.office.DB.Pool, in.Mode)
	})
}

func (s *server) losses(ctx context.Context, in *lossesInput) (*lossesPage, error) {
	limit, before, err := in.Parse(cursorLosses)
	if err != nil {
		return nil, err
	}
	r, err := s.days(&in.RangeInput)
	if err != nil {
		return nil, err
	}
	total, rows, err := report.BelowCost(ctx, s.office.DB.Pool, r, in.Mode, before, limit+1)
	if err != nil {
		return nil, err
	}
	out := &lossesPage{Total: total}
	out.Orders, out.NextCursor = page(cursorLosses, rows, limit, func(b *report.Below) int64 { return b.ID })
	out.Count = len(out.Orders)
	return out, nil
}
