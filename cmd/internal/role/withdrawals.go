package role

import (
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/withdraw"
)

// withdrawals builds the keeper of withdrawals, and hints at the webhooks of each
// commit.
func (d Deps) withdrawals(told func(events []int64)) *withdraw.Keeper {
	return withdraw.New(withdraw.Options{
		Pool: d.DB.Pool, Accounts: ledger.NewAccounts(d.DB.Pool), Now: d.Now, Log: d.Log, IDPrefix: d.Config.Brand.IDPrefix,
		Policy: WithdrawPolicy(d.Config), Location: d.Config.Brand.Location(), Told: told, Metrics: withdraw.NewMetrics(d.Registerer),
	})
}

// WithdrawPolicy is the configuration's in the withdrawals' own terms. In test mode a
// sandbox pays out, and nobody has to approve.
func WithdrawPolicy(c *config.Config) withdraw.Policy {
	w := c.Withdrawals
	use := func(name string) string {
		if name == config.Off {
			return ""
		}
		return name
	}
	p := withdraw.Policy{
		FeeBP: w.FeeBP, FeeFixed: w.FeeFixed, Live: withdraw.Way{Gateway: use(w.Gateway), Checker: use(w.Checker), Approvals: w.Approvals},
		Test: withdraw.Way{Approvals: 1},
	}
	for _, u := range c.Upstreams {
		if u.Driver == config.DriverSandbox && u.Offers(config.ProvidesWithdraw) {
			p.Test = withdraw.Way{Gateway: u.Name}
		}
	}
	return p
}
