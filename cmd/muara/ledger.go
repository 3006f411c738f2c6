package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/merchant"
)

type ledgerCmd struct {
	Verify    ledgerVerifyCmd    `cmd:"" help:"Prove the books: every check, one consistent snapshot."`
	Statement ledgerStatementCmd `cmd:"" help:"A wallet's mutations, oldest first."`
}

type ledgerVerifyCmd struct{}

// errDrift is the refusal of books that do not explain themselves.
type errDrift struct{ report *backoffice.Verified }

func (e errDrift) Error() string {
	p := e.report.Problems[0]
	return fmt.Sprintf("the books are not clean: %d problems, the first: %s: %s: %s", e.report.Count, p.Check, p.Subject, p.Detail)
}

func (ledgerVerifyCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	r, err := o.VerifyBooks(e.ctx)
	if err != nil {
		return err
	}
	err = e.Print(r, func(w io.Writer) {
		for _, p := range r.Problems {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", p.Check, p.Subject, p.Detail)
		}
		if r.Clean {
			_, _ = fmt.Fprintf(w, "the books are clean: %d wallets, %d entries\n", r.Wallets, r.Entries)
		}
	})
	if err == nil && !r.Clean {
		err = errDrift{r}
	}
	return err
}

type ledgerStatementCmd struct {
	Merchant string `arg:"" help:"The merchant's id."`
	Mode     string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
	From     string `placeholder:"DAY|TIME" help:"From this time on (RFC 3339), or from the start of this day (YYYY-MM-DD, in the brand's time zone)."`
	To       string `placeholder:"DAY|TIME" help:"Before this time, or up to the end of this day."`
	Month    string `placeholder:"YYYY-MM" help:"This month, in the brand's time zone."`
}

func (c *ledgerStatementCmd) Run(e *env) error {
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return err
	}
	loc := cfg.Brand.Location()
	from, err := day(c.From, loc, 0)
	if err != nil {
		return wrongUsage("--from: %w", err)
	}
	to, err := day(c.To, loc, 1)
	if err != nil {
		return wrongUsage("--to: %w", err)
	}
	if c.Month != "" {
		month, err := time.ParseInLocation("2006-01", c.Month, loc)
		if err != nil || from != nil || to != nil {
			return wrongUsage("--month: one month (YYYY-MM), without --from and --to")
		}
		end := month.AddDate(0, 1, 0)
		from, to = &month, &end
	}
	o, err := e.office()
	if err != nil {
		return err
	}
	s, err := o.Statement(e.ctx, c.Merchant, merchant.Mode(c.Mode), from, to, 0)
	if err != nil {
		return err
	}
	return e.Print(s, func(w io.Writer) { printStatement(w, s, loc) })
}

func printStatement(w io.Writer, s *backoffice.Statement, loc *time.Location) {
	_, _ = fmt.Fprintf(w, "NO\tAT\tKIND\tDEBIT\tCREDIT\tBALANCE\tREF\tORDER\tNOTES\n\t\topening\t\t\t%d\n", s.Opening)
	for i := range s.Mutations {
		m := &s.Mutations[i]
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.ID, m.CreatedAt.In(loc).Format(time.RFC3339), m.Kind,
			amount(m.Debit), amount(m.Credit), m.Balance, dash(m.Ref), dash(m.OrderID), m.Notes)
	}
	_, _ = fmt.Fprintf(w, "\t\tclosing\t%d\t%d\t%d\n", s.Debits, s.Credits, s.Closing)
}

// amount is empty where nothing was moved.
func amount(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// day reads a time, or a day in the brand's time zone: its start, or so many days later.
func day(text string, loc *time.Location, add int) (*time.Time, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no bound is no error
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		t = t.AddDate(0, 0, add)
		return &t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a time (RFC 3339) nor a day (YYYY-MM-DD)", text)
	}
	return &t, nil
}
