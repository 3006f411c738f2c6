package role

import (
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/withdraw"
)

// CatalogSources are the upstreams whose lists operators have read: the built-in
// source changes with the program only.
func CatalogSources(c *config.Config) []string {
	names := []string{}
	for _, u := range c.Upstreams {
		kind, ok := drivers.ByName(u.Driver)
		if !u.BuiltIn && (!ok || !kind.NoGoods) {
			names = append(names, u.Name)
		}
	}
	return names
}

// Till is where operators look after money that comes in and goes out; told hears of
// webhook events after a commit, and may be nil.
func (d Deps) Till(told func(events []int64)) *backoffice.Till {
	accounts := ledger.NewAccounts(d.DB.Pool)
	return &backoffice.Till{
		Pool: d.DB.Pool, Bun: d.DB.Bun, Zone: d.Config.Brand.Location(), Now: d.Now,
		Deposits: deposit.New(deposit.Options{Pool: d.DB.Pool, Accounts: accounts, Now: d.Now, Log: d.Log, Links: DepositLinks(d.Config), Told: told}),
		Payouts: withdraw.New(withdraw.Options{
			Pool: d.DB.Pool, Accounts: accounts, Now: d.Now, Log: d.Log, IDPrefix: d.Config.Brand.IDPrefix, Policy: WithdrawPolicy(d.Config), Told: told,
		}),
	}
}
