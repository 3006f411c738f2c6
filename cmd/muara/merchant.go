package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
)

type merchantCmd struct {
	Create  merchantCreateCmd  `cmd:"" help:"Create a merchant, and its first key."`
	List    merchantListCmd    `cmd:"" help:"List merchants."`
	Show    merchantShowCmd    `cmd:"" help:"Show a merchant."`
	Suspend merchantSuspendCmd `cmd:"" help:"Answer a merchant with 403 from now on."`
	Resume  merchantResumeCmd  `cmd:"" help:"Let a suspended merchant go on."`
	Tier    merchantTierCmd    `cmd:"" help:"Move a merchant to a tier."`
	Limit   merchantLimitCmd   `cmd:"" help:"Bound what a merchant may order and withdraw."`
	IP      merchantIPCmd      `cmd:"" name:"ip" help:"Replace the addresses that may call."`
	Credit  merchantCreditCmd  `cmd:"" help:"Add to a balance by hand."`
	Debit   merchantDebitCmd   `cmd:"" help:"Take from a balance by hand."`
}

type merchantCreateCmd struct {
	Name string `required:"" help:"What the merchant is called."`
	Tier int    `default:"1" help:"The tier it starts in."`
	IP   string `placeholder:"CIDR,…" help:"Addresses that may call; left out, any may."`
	Mode string `enum:"live,test" default:"live" help:"What its first key is for: live or test."`
}

func (c *merchantCreateCmd) Run(e *env) error {
	ips, err := merchant.ParseIPs(c.IP)
	if err != nil {
		return &usageError{err}
	}
	cfg, err := e.Config(config.NeedDatabase | config.NeedKey)
	if err != nil {
		return err
	}
	o, err := e.office()
	if err != nil {
		return err
	}
	if o.Sealer, err = (role.Deps{Config: cfg}).Sealer(); err != nil {
		return err
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	made, err := o.CreateMerchant(e.ctx, merchant.New{Name: c.Name, Tier: c.Tier, IPs: ips, Mode: merchant.Mode(c.Mode), Actor: by})
	if err != nil {
		return err
	}
	return e.Print(made, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "merchant\t%s\nkey\t%s\t(shown once)\nwebhook secret\t%s\t(shown once)\n", made.MerchantID, made.Key, made.WebhookSecret)
	})
}

type merchantListCmd struct{}

func (merchantListCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	list, err := o.ListMerchants(e.ctx)
	if err != nil {
		return err
	}
	return e.Print(list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATUS\tTIER\tBALANCE\tTEST")
		for _, r := range list.Merchants {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\n", r.ID, r.Name, r.Status, r.Tier, r.Balance, r.TestBalance)
		}
	})
}

type merchantShowCmd struct {
	ID string `arg:"" help:"Its id."`
}

func (c *merchantShowCmd) Run(e *env) error {
	return withMerchant(e, func(o *backoffice.Office) (*backoffice.MerchantRow, error) { return o.ShowMerchant(e.ctx, c.ID) })
}

// withMerchant reads or changes a merchant and prints how it stands then.
func withMerchant(e *env, do func(*backoffice.Office) (*backoffice.MerchantRow, error)) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	row, err := do(o)
	if err != nil {
		return err
	}
	return e.Print(row, func(w io.Writer) {
		ips := make([]string, len(row.IPs))
		for i, p := range row.IPs {
			ips[i] = p.String()
		}
		if len(ips) == 0 {
			ips = []string{"any"}
		}
		_, _ = fmt.Fprintf(w, "merchant\t%s\nname\t%s\nstatus\t%s\ntier\t%d (%s)\naddresses\t%s\nbalance\t%d\ntest balance\t%d\nsince\t%s\n",
			row.ID, row.Name, row.Status, row.Tier, row.TierName, strings.Join(ips, ", "), row.Balance, row.TestBalance, row.CreatedAt.Format(time.RFC3339))
	})
}

// changeMerchant changes a merchant on behalf of whoever runs the command, and shows it.
func changeMerchant(e *env, do func(o *backoffice.Office, by string) (*backoffice.MerchantRow, error)) error {
	by, err := e.Actor()
	if err != nil {
		return err
	}
	return withMerchant(e, func(o *backoffice.Office) (*backoffice.MerchantRow, error) { return do(o, by) })
}

type merchantSuspendCmd struct {
	ID string `arg:"" help:"Its id."`
}

func (c *merchantSuspendCmd) Run(e *env) error { return setStatus(e, c.ID, merchant.Suspended) }

type merchantResumeCmd struct {
	ID string `arg:"" help:"Its id."`
}

func (c *merchantResumeCmd) Run(e *env) error { return setStatus(e, c.ID, merchant.Active) }

func setStatus(e *env, id string, status merchant.Status) error {
	return changeMerchant(e, func(o *backoffice.Office, by string) (*backoffice.MerchantRow, error) {
		return o.SetStatus(e.ctx, id, status, by)
	})
}

type merchantTierCmd struct {
	ID   string `arg:"" help:"Its id."`
	Tier int    `arg:"" help:"The tier."`
	Hold bool   `help:"It stays there, whatever it orders; without this it rises from there by itself."`
}

func (c *merchantTierCmd) Run(e *env) error {
	return changeMerchant(e, func(o *backoffice.Office, by string) (*backoffice.MerchantRow, error) {
		return o.SetTier(e.ctx, c.ID, c.Tier, c.Hold, by)
	})
}

type merchantLimitCmd struct {
	ID             string `arg:"" help:"Its id."`
	PerOrder       *int64 `placeholder:"RUPIAH" help:"The most that an order may cost; 0 for no limit. Left out, it stays."`
	PerDay         *int64 `placeholder:"RUPIAH" help:"The most that the orders of a day may cost, less what was given back of them; 0 for no limit."`
	WithdrawPerDay *int64 `placeholder:"RUPIAH" help:"The most that may be paid out in a day; 0 for no limit."`
	Mode           string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantLimitCmd) Run(e *env) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	change := rule.Change{PerOrder: c.PerOrder, PerDay: c.PerDay, WithdrawPerDay: c.WithdrawPerDay}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	set, err := o.SetLimits(e.ctx, c.ID, merchant.Mode(c.Mode), change, by)
	if err != nil {
		return err
	}
	return e.Print(set, func(w io.Writer) {
		for _, l := range []struct {
			name string
			n    int64
		}{{"an order", set.Limits.PerOrder}, {"orders of a day", set.Limits.PerDay}, {"withdrawals of a day", set.Limits.WithdrawPerDay}} {
			text := "no limit"
			if l.n > 0 {
				text = strconv.FormatInt(l.n, 10)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\n", l.name, text)
		}
	})
}

type merchantIPCmd struct {
	ID string `arg:"" help:"Its id."`
	IP string `arg:"" optional:"" placeholder:"CIDR,…" help:"Addresses and networks; left out, any may call."`
}

func (c *merchantIPCmd) Run(e *env) error {
	ips, err := merchant.ParseIPs(c.IP)
	if err != nil {
		return &usageError{err}
	}
	return changeMerchant(e, func(o *backoffice.Office, by string) (*backoffice.MerchantRow, error) {
		return o.SetIPs(e.ctx, c.ID, ips, by)
	})
}

type merchantCreditCmd struct {
	ID     string `arg:"" help:"Its id."`
	Amount int64  `arg:"" help:"Rupiah."`
	Note   string `required:"" help:"Why; the merchant reads it."`
	Ref    string `help:"Your own name of it: asked for twice under it, it is done once. Left out, one is made."`
	Mode   string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantCreditCmd) Run(e *env) error {
	return adjust(e, c.ID, c.Mode, 1, ledger.ByHand{Amount: c.Amount, Ref: c.Ref, Note: c.Note})
}

type merchantDebitCmd struct {
	ID     string `arg:"" help:"Its id."`
	Amount int64  `arg:"" help:"Rupiah."`
	Note   string `required:"" help:"Why; the merchant reads it."`
	Ref    string `help:"Your own name of it: asked for twice under it, it is done once. Left out, one is made."`
	Mode   string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantDebitCmd) Run(e *env) error {
	return adjust(e, c.ID, c.Mode, -1, ledger.ByHand{Amount: c.Amount, Ref: c.Ref, Note: c.Note})
}

// adjust moves a balance by hand. What came of it is not always known, so that a ref which was
// made here is told with every failure that leaves it open.
func adjust(e *env, id, mode string, sign int64, a ledger.ByHand) error {
	o, err := e.office()
	if err != nil {
		return err
	}
	if a.Amount <= 0 {
		return wrongUsage("the amount is whole rupiah above zero")
	}
	if a.Ref == "" {
		a.Ref = "cli-" + rand.Text()
	}
	by, err := e.Actor()
	if err != nil {
		return err
	}
	a.Amount, a.Actor = sign*a.Amount, by
	done, err := o.Adjust(e.ctx, id, merchant.Mode(mode), a)
	switch {
	case err == nil:
	case errors.Is(err, ledger.ErrInsufficient), errors.Is(err, ledger.ErrRefTaken), errors.Is(err, merchant.ErrNotFound), errors.Is(err, merchant.ErrInvalid):
		return err
	default:
		return fmt.Errorf("%w (it may have been done all the same; the same again with --ref %s is done once)", err, a.Ref)
	}
	return e.Print(done, func(w io.Writer) { _, _ = fmt.Fprintf(w, "balance\t%d\nref\t%s\n", done.Balance, done.Ref) })
}
