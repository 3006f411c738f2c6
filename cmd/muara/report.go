package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/report"
)

type reportCmd struct {
	Summary  reportSummaryCmd  `cmd:"" help:"A range in one page: orders, margin, deposits, withdrawals, and what is left."`
	Orders   reportOrdersCmd   `cmd:"" help:"Volume, count, success rate, cost, margin and refunds, by what you like."`
	Losses   reportLossesCmd   `cmd:"" help:"Orders that cost more than they brought in."`
	Money    reportMoneyCmd    `cmd:"" help:"Deposits and withdrawals by gateway and day, and whose the fees are."`
	Balances reportBalancesCmd `cmd:"" help:"Where all money lies now: wallets, floats, clearing."`
}

// reportRange are the flags of every report over a time.
type reportRange struct {
	From string `placeholder:"YYYY-MM-DD" help:"The first day, in the brand's time zone; left out, the first of the last day's month."`
	To   string `placeholder:"YYYY-MM-DD" help:"The day after the last; left out, tomorrow."`
	Mode string `enum:"live,test" default:"live" help:"live or test."`
}

// open reads the range and opens the database.
func (c *reportRange) open(e *env) (report.Range, *pgxpool.Pool, error) {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return report.Range{}, nil, err
	}
	r, err := report.Days(c.From, c.To, cfg.Brand.Location(), e.now())
	if err != nil {
		return r, nil, &usageError{err}
	}
	db, err := e.DB()
	if err != nil {
		return r, nil, err
	}
	return r, db.Pool, nil
}

// CSV writes a file for spreadsheets; - is standard output. Nobody else reads it.
func (e *env) CSV(path string, write func(w io.Writer) error) (err error) {
	if path == "-" {
		if e.json {
			return wrongUsage("standard output is for the JSON object or for the CSV, not for both")
		}
		return write(e.stdout)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

type reportOrdersCmd struct {
	reportRange
	By       []string `placeholder:"DIMENSION,…" enum:"day,merchant,tier,category,sku,upstream" help:"Divide by these: day, merchant, tier, category, sku, upstream."`
	Merchant string   `placeholder:"ID" help:"Only this merchant's."`
	Tier     int      `placeholder:"N" help:"Only of merchants who were of this tier."`
	Category string   `enum:",ppob,smm,otp,product" default:"" help:"Only this: ppob, smm, otp or product."`
	SKU      string   `name:"sku" placeholder:"S" help:"Only this product."`
	Upstream string   `placeholder:"NAME" help:"Only what went to this upstream."`
	CSV      string   `placeholder:"FILE" help:"Write all rows there; - is standard output."`
	Limit    int      `default:"1000" help:"At most so many rows, but for --csv."`
}

func (c *reportOrdersCmd) Run(e *env) error {
	if c.Limit <= 0 || c.Limit > 100_000 {
		return wrongUsage("--limit: 1 to 100000")
	}
	r, pool, err := c.open(e)
	if err != nil {
		return err
	}
	q := report.Query{Range: r, Mode: c.Mode, Merchant: c.Merchant, Tier: c.Tier, Category: c.Category, SKU: c.SKU, Upstream: c.Upstream}
	for _, d := range c.By {
		q.By = append(q.By, report.Dimension(d))
	}
	if c.CSV != "" {
		return e.CSV(c.CSV, func(w io.Writer) error { return report.OrdersCSV(e.ctx, pool, &q, w) })
	}
	out, err := report.ReadOrders(e.ctx, pool, &q, c.Limit)
	if err != nil {
		return err
	}
	return e.Print(out, func(w io.Writer) {
		for _, d := range q.By {
			_, _ = fmt.Fprint(w, strings.ToUpper(string(d)), "\t")
		}
		_, _ = fmt.Fprintln(w, "PLACED\tCOMPLETED\tPARTIAL\tFAILED\tCANCELED\tEXPIRED\tSUCCESS\tVOLUME\tREFUNDS\tREVENUE\tCOST\tLOSSES\tMARGIN")
		for i := range out.Rows {
			printOrders(w, q.By, &out.Rows[i])
		}
		if out.More {
			_, _ = fmt.Fprintf(w, "more than %d rows: --csv has all\n", c.Limit)
		}
		if len(q.By) > 0 {
			_, _ = fmt.Fprintf(w, "total%s", strings.Repeat("\t", len(q.By)))
		}
		printOrders(w, nil, &report.Row{Figures: out.Total})
	})
}

func printOrders(w io.Writer, by []report.Dimension, r *report.Row) {
	for _, d := range by {
		var cell *string
		switch d {
		case report.Day:
			cell = r.Day
		case report.Merchant:
			cell = r.Merchant
		case report.Tier:
			n := strconv.FormatInt(*r.Tier, 10)
			cell = &n
		case report.Category:
			cell = r.Category
		case report.SKU:
			cell = r.SKU
		case report.Upstream:
			cell = r.Upstream
		}
		_, _ = fmt.Fprintf(w, "%s\t", dash(*cell))
	}
	_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Placed, r.Completed, r.Partial, r.Failed, r.Canceled, r.Expired,
		rate(r.SuccessRate), r.Volume, r.Refunds, r.Revenue, r.Cost, r.Losses, r.Margin)
}

func rate(r *float64) string {
	if r == nil {
		return "-"
	}
	return strconv.FormatFloat(*r*100, 'f', 2, 64) + "%"
}

type reportLossesCmd struct {
	reportRange
	Before string `placeholder:"ID" help:"Older than this order: the next page."`
	Limit  int    `default:"50" help:"How many."`
	CSV    string `placeholder:"FILE" help:"Write all of them there; - is standard output."`
}

func (c *reportLossesCmd) Run(e *env) error {
	if c.Limit <= 0 || c.Limit > 10_000 {
		return wrongUsage("--limit: 1 to 10000")
	}
	before := int64(0)
	if c.Before != "" {
		var err error
		if before, err = backoffice.OrderID(c.Before); err != nil {
			return asked(err)
		}
	}
	r, pool, err := c.open(e)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		return e.CSV(c.CSV, func(w io.Writer) error { return report.BelowCSV(e.ctx, pool, r, c.Mode, w) })
	}
	total, page, err := report.BelowCost(e.ctx, pool, r, c.Mode, before, c.Limit)
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"total": total, "count": len(page), "orders": page}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ORDER\tLAST ENTRY\tMERCHANT\tSKU\tUPSTREAM\tSTATE\tREVENUE\tCOST\tLOSSES\tMARGIN")
		for i := range page {
			b := &page[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\n", b.OrderID, b.At.Format(time.RFC3339), b.Merchant, b.SKU, dash(b.Upstream), b.State,
				b.Revenue, b.Cost, b.Losses, b.Margin)
		}
		_, _ = fmt.Fprintf(w, "%d orders in all\t\t\t\t\t\t\t\t\t%d\n", total.Count, total.Margin)
	})
}

type reportMoneyCmd struct {
	reportRange
	CSV string `placeholder:"FILE" help:"Write the rows there; - is standard output."`
}

func (c *reportMoneyCmd) Run(e *env) error {
	r, pool, err := c.open(e)
	if err != nil {
		return err
	}
	f, err := report.ReadFlows(e.ctx, pool, r, c.Mode)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		return e.CSV(c.CSV, f.WriteCSV)
	}
	return e.Print(f, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "DEPOSITS\tDAY\tGATEWAY\tCOUNT\tAMOUNT\tFEES\tCHARGES\tSUSPENDED\tRETURNED")
		for _, d := range append(f.Deposits, f.DepositsTotal) {
			_, _ = fmt.Fprintf(w, "\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", total(d.Day), dash(d.Gateway), d.Count, d.Amount, d.Fees, d.Charges, d.Suspended, d.Returned)
		}
		_, _ = fmt.Fprintln(w, "WITHDRAWALS\tDAY\tGATEWAY\tCOUNT\tAMOUNT\tFEES\tCHARGES\tTAKEN\tREFUNDS\tLOSSES")
		for _, d := range append(f.Withdrawals, f.WithdrawalsTotal) {
			_, _ = fmt.Fprintf(w, "\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", total(d.Day), dash(d.Gateway), d.Count, d.Amount, d.Fees, d.Charges, d.Taken, d.Refunds, d.Losses)
		}
		_, _ = fmt.Fprintf(w, "BY HAND\tcredited %d\tdebited %d\n", f.Credited, f.Debited)
	})
}

// total is what stands where a row of all days has no day.
func total(day string) string {
	if day == "" {
		return "total"
	}
	return day
}

type reportSummaryCmd struct{ reportRange }

func (c *reportSummaryCmd) Run(e *env) error {
	r, pool, err := c.open(e)
	if err != nil {
		return err
	}
	s, err := report.Summarize(e.ctx, pool, r, c.Mode)
	if err != nil {
		return err
	}
	return e.Print(s, func(w io.Writer) {
		o := &s.Orders
		_, _ = fmt.Fprintf(w, "orders\t%d placed, %d completed, %d partial, %d failed, %d canceled, %d expired (success %s)\nvolume\t%d\nrefunds\t%d\nrevenue\t%d\ncost\t%d\nlosses\t%d\nmargin\t%d\nunder cost\t%d orders, %d\n",
			o.Placed, o.Completed, o.Partial, o.Failed, o.Canceled, o.Expired, rate(o.SuccessRate), o.Volume, o.Refunds, o.Revenue, o.Cost, o.Losses, o.Margin, s.BelowCost.Count, s.BelowCost.Margin)
		_, _ = fmt.Fprintf(w, "deposits\t%d, %d; our fees %d, charges of gateways %d\nwithdrawals\t%d, %d; our fees %d, charges of gateways %d, losses %d\nby hand\tcredited %d, debited %d\nleft\t%d\n",
			s.Deposits.Count, s.Deposits.Amount, s.Deposits.Fees, s.Deposits.Charges, s.Withdrawals.Count, s.Withdrawals.Amount, s.Withdrawals.Fees, s.Withdrawals.Charges, s.Withdrawals.Losses,
			s.Credited, s.Debited, s.Result)
	})
}

type reportBalancesCmd struct {
	Mode string `enum:",live,test" default:"" help:"Only of this mode."`
}

func (c *reportBalancesCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	b, err := report.ReadBalances(e.ctx, db.Pool, c.Mode)
	if err != nil {
		return err
	}
	return e.Print(b, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "MODE\tACCOUNT\tBALANCE")
		for _, m := range b.Wallets {
			_, _ = fmt.Fprintf(w, "%s\t%d wallets\t%d\n", m.Mode, m.Count, m.Balance)
		}
		for _, a := range b.Accounts {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\n", a.Mode, a.Code, a.Balance)
		}
	})
}
