package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/withdraw"
)

type ledgerCmd struct {
	Verify    ledgerVerifyCmd    `cmd:"" help:"Prove the books: every check, one consistent snapshot."`
	Statement ledgerStatementCmd `cmd:"" help:"A wallet's mutations, oldest first."`
}

type ledgerVerifyCmd struct{}

// errDrift is the refusal of books that do not explain themselves.
type errDrift struct{ report *ledger.Report }

func (e errDrift) Error() string {
	p := e.report.Problems[0]
	return fmt.Sprintf("the books are not clean: %d problems, the first: %s: %s: %s", e.report.Count, p.Check, p.Subject, p.Detail)
}

func (ledgerVerifyCmd) Run(e *env) error {
	db, err := e.DB()
	if err != nil {
		return err
	}
	r, err := ledger.Verify(e.ctx, db.Pool, slices.Concat(order.Checks(), deposit.Checks(), withdraw.Checks())...)
	if err != nil {
		return err
	}
	out := struct {
		Clean bool `json:"clean"`
		*ledger.Report
	}{r.Clean(), r}
	err = e.Print(out, func(w io.Writer) {
		for _, p := range r.Problems {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", p.Check, p.Subject, p.Detail)
		}
		if r.Clean() {
			_, _ = fmt.Fprintf(w, "the books are clean: %d wallets, %d entries\n", r.Wallets, r.Entries)
		}
	})
	if err == nil && !r.Clean() {
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

// mutationRow is a mutation as operators see it; money is whole rupiah.
type mutationRow struct {
	ID        int64     `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Kind      string    `json:"kind"`
	Debit     int64     `json:"debit"`
	Credit    int64     `json:"credit"`
	Balance   int64     `json:"balance"`
	Ref       string    `json:"ref"`
	OrderID   string    `json:"order_id"`
	Notes     string    `json:"notes"`
}

type statement struct {
	MerchantID string        `json:"merchant_id"`
	Mode       string        `json:"mode"`
	Opening    int64         `json:"opening"`
	Debits     int64         `json:"debits"`
	Credits    int64         `json:"credits"`
	Closing    int64         `json:"closing"`
	Mutations  []mutationRow `json:"mutations"`
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
	s, err := c.read(e, from, to)
	if err != nil {
		return err
	}
	return e.Print(s, func(w io.Writer) { s.print(w, loc) })
}

func (c *ledgerStatementCmd) read(e *env, from, to *time.Time) (*statement, error) {
	store, err := e.merchants()
	if err != nil {
		return nil, err
	}
	wallet, err := store.Wallet(e.ctx, c.Merchant, merchant.Mode(c.Mode))
	if err != nil {
		return nil, err
	}
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	sum, err := ledger.StatementOf(e.ctx, db.Pool, wallet, from, to)
	if err != nil {
		return nil, err
	}
	ms, err := ledger.Mutations(e.ctx, db.Pool, wallet, sum.Mutations())
	if err != nil {
		return nil, err
	}
	ids := map[string][]int64{}
	for i := range ms {
		ids[ms[i].Subject] = append(ids[ms[i].Subject], ms[i].SubjectID)
	}
	names, err := order.NamesOf(e.ctx, db.Bun, ids[subjectOrder])
	if err != nil {
		return nil, err
	}
	deposits, err := deposit.NamesOf(e.ctx, db.Pool, e.cfg.Brand.IDPrefix, ids[subjectDeposit])
	if err != nil {
		return nil, err
	}
	withdrawals, err := withdraw.NamesOf(e.ctx, db.Pool, ids[subjectWithdraw])
	if err != nil {
		return nil, err
	}
	s := &statement{
		MerchantID: c.Merchant, Mode: c.Mode, Opening: sum.Opening, Debits: sum.Debits, Credits: sum.Credits, Closing: sum.Closing,
		Mutations: make([]mutationRow, 0, len(ms)),
	}
	for i := range ms {
		m := &ms[i]
		row := mutationRow{
			ID: m.ID, CreatedAt: m.CreatedAt.UTC(), Kind: m.Kind, Debit: m.Debit, Credit: m.Credit, Balance: m.Balance, Notes: m.Notes,
		}
		switch m.Subject {
		case subjectDeposit:
			row.Ref = deposits[m.SubjectID]
		case subjectWithdraw:
			row.Ref = withdrawals[m.SubjectID]
		case subjectOrder:
			row.Ref, row.OrderID = names[m.SubjectID].Ref, names[m.SubjectID].OrderID
		}
		s.Mutations = append(s.Mutations, row)
	}
	return s, nil
}

func (s *statement) print(w io.Writer, loc *time.Location) {
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
