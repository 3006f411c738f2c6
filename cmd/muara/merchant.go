package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/cmd/internal/role"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/rule"
	"github.com/muarahq/muara/pkg/webhook"
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

// merchants opens the store that operator commands change merchants through.
func (e *env) merchants(with ...func(*merchant.Options)) (*merchant.Store, error) {
	db, err := e.DB()
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(config.NeedDatabase)
	if err != nil {
		return nil, err
	}
	opts := merchant.Options{IDPrefix: cfg.Brand.IDPrefix, KeyPrefix: cfg.Brand.KeyPrefix, Now: e.now}
	for _, w := range with {
		w(&opts)
	}
	return merchant.NewStore(db, ledger.NewAccounts(db.Pool), opts), nil
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
	sealer, err := role.Deps{Config: cfg}.Sealer()
	if err != nil {
		return err
	}
	var secret string
	store, err := e.merchants(func(o *merchant.Options) {
		o.OnCreate = func(ctx context.Context, tx pgx.Tx, merchantID string) (err error) {
			secret, err = webhook.CreateEndpoint(ctx, tx, merchantID, sealer, e.now())
			return err
		}
	})
	if err != nil {
		return err
	}
	m, key, err := store.Create(e.ctx, merchant.New{Name: c.Name, Tier: c.Tier, IPs: ips, Mode: merchant.Mode(c.Mode), Actor: e.Actor()})
	if err != nil {
		return err
	}
	return e.Print(map[string]any{
		"merchant_id": m.ID, "key_id": key.ID, "key": key.Secret, "mode": key.Mode, "webhook_secret": secret,
	}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "merchant\t%s\nkey\t%s\t(shown once)\nwebhook secret\t%s\t(shown once)\n", m.ID, key.Secret, secret)
	})
}

type merchantListCmd struct{}

func (merchantListCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	list, err := store.List(e.ctx)
	if err != nil {
		return err
	}
	rows := make([]merchantRow, len(list))
	for i := range list {
		rows[i] = toMerchantRow(&list[i])
	}
	return e.Print(map[string]any{"count": len(rows), "merchants": rows}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATUS\tTIER\tBALANCE\tTEST")
		for _, r := range rows {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\n", r.ID, r.Name, r.Status, r.Tier, r.Balance, r.TestBalance)
		}
	})
}

// merchantRow is a merchant as operators see it; money is whole rupiah.
type merchantRow struct {
	ID          string          `json:"merchant_id"`
	Name        string          `json:"name"`
	Status      merchant.Status `json:"status"`
	Tier        int             `json:"tier"`
	IPs         []netip.Prefix  `json:"ip_whitelist"`
	Balance     int64           `json:"balance"`
	TestBalance int64           `json:"test_balance"`
	CreatedAt   time.Time       `json:"created_at"`
}

func toMerchantRow(m *merchant.Merchant) merchantRow {
	return merchantRow{
		ID: m.ID, Name: m.Name, Status: m.Status, Tier: m.Tier, IPs: m.IPs, Balance: m.LiveBalance,
		TestBalance: m.TestBalance, CreatedAt: m.CreatedAt,
	}
}

type merchantShowCmd struct {
	ID string `arg:"" help:"Its id."`
}

func (c *merchantShowCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	return showMerchant(e, store, c.ID)
}

// showMerchant prints a merchant as it stands now.
func showMerchant(e *env, store *merchant.Store, id string) error {
	m, err := store.Get(e.ctx, id)
	if err != nil {
		return err
	}
	row := toMerchantRow(m)
	return e.Print(row, func(w io.Writer) {
		ips := make([]string, len(row.IPs))
		for i, p := range row.IPs {
			ips[i] = p.String()
		}
		if len(ips) == 0 {
			ips = []string{"any"}
		}
		_, _ = fmt.Fprintf(w, "merchant\t%s\nname\t%s\nstatus\t%s\ntier\t%d (%s)\naddresses\t%s\nbalance\t%d\ntest balance\t%d\nsince\t%s\n",
			row.ID, row.Name, row.Status, row.Tier, m.TierName, strings.Join(ips, ", "), row.Balance, row.TestBalance, row.CreatedAt.Format(time.RFC3339))
	})
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
	store, err := e.merchants()
	if err != nil {
		return err
	}
	if err := store.SetStatus(e.ctx, id, status, e.Actor()); err != nil {
		return err
	}
	return showMerchant(e, store, id)
}

type merchantTierCmd struct {
	ID   string `arg:"" help:"Its id."`
	Tier int    `arg:"" help:"The tier."`
	Hold bool   `help:"It stays there, whatever it orders; without this it rises from there by itself."`
}

func (c *merchantTierCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	if err := store.SetTier(e.ctx, c.ID, c.Tier, c.Hold, e.Actor()); err != nil {
		return err
	}
	return showMerchant(e, store, c.ID)
}

type merchantLimitCmd struct {
	ID             string `arg:"" help:"Its id."`
	PerOrder       *int64 `placeholder:"RUPIAH" help:"The most that an order may cost; 0 for no limit. Left out, it stays."`
	PerDay         *int64 `placeholder:"RUPIAH" help:"The most that the orders of a day may cost, less what was given back of them; 0 for no limit."`
	WithdrawPerDay *int64 `placeholder:"RUPIAH" help:"The most that may be paid out in a day; 0 for no limit."`
	Mode           string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantLimitCmd) Run(e *env) error {
	store, err := e.merchants()
	if err != nil {
		return err
	}
	wallet, err := store.Wallet(e.ctx, c.ID, merchant.Mode(c.Mode))
	if err != nil {
		return err
	}
	db, err := e.DB()
	if err != nil {
		return err
	}
	if c.PerOrder != nil || c.PerDay != nil || c.WithdrawPerDay != nil {
		change := rule.Change{PerOrder: c.PerOrder, PerDay: c.PerDay, WithdrawPerDay: c.WithdrawPerDay}
		if _, err := store.SetLimits(e.ctx, c.ID, merchant.Mode(c.Mode), change, e.Actor()); err != nil {
			return err
		}
	}
	set, err := rule.Read(e.ctx, db.Pool, wallet)
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"merchant_id": c.ID, "mode": c.Mode, "limits": set.Limits}, func(w io.Writer) {
		for _, l := range []struct {
			name string
			n    int64
		}{{"an order", set.PerOrder}, {"orders of a day", set.PerDay}, {"withdrawals of a day", set.WithdrawPerDay}} {
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
	store, err := e.merchants()
	if err != nil {
		return err
	}
	if err := store.SetIPs(e.ctx, c.ID, ips, e.Actor()); err != nil {
		return err
	}
	return showMerchant(e, store, c.ID)
}

type merchantCreditCmd struct {
	ID     string `arg:"" help:"Its id."`
	Amount int64  `arg:"" help:"Rupiah."`
	Note   string `required:"" help:"Why; the merchant reads it."`
	Mode   string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantCreditCmd) Run(e *env) error { return adjust(e, c.ID, c.Mode, c.Amount, 1, c.Note) }

type merchantDebitCmd struct {
	ID     string `arg:"" help:"Its id."`
	Amount int64  `arg:"" help:"Rupiah."`
	Note   string `required:"" help:"Why; the merchant reads it."`
	Mode   string `enum:"live,test" default:"live" help:"Which wallet: live or test."`
}

func (c *merchantDebitCmd) Run(e *env) error { return adjust(e, c.ID, c.Mode, c.Amount, -1, c.Note) }

func adjust(e *env, id, mode string, amount, sign int64, note string) error {
	if amount <= 0 {
		return wrongUsage("the amount is whole rupiah above zero")
	}
	store, err := e.merchants()
	if err != nil {
		return err
	}
	balance, err := store.Adjust(e.ctx, id, merchant.Mode(mode), sign*amount, note, e.Actor())
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"merchant_id": id, "mode": mode, "amount": sign * amount, "balance": balance}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "balance\t%d\n", balance)
	})
}
