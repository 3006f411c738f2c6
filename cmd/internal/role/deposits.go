package role

import (
	"fmt"
	"time"

	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/queue"
)

// gatewayShare is how long one gateway is waited for while another may follow.
const gatewayShare = 6 * time.Second

// deposits builds the keeper of deposits, and hints at the webhooks of each commit.
func (d Deps) deposits(told func(events []int64)) *deposit.Keeper {
	return deposit.New(deposit.Options{
		Pool: d.DB.Pool, Accounts: ledger.NewAccounts(d.DB.Pool), Now: d.Now, Log: d.Log, Links: DepositLinks(d.Config),
		Told: told, Metrics: deposit.NewMetrics(d.Registerer),
	})
}

// DepositLinks is what views of deposits need of the configuration.
func DepositLinks(c *config.Config) deposit.Links {
	return deposit.Links{IDPrefix: c.Brand.IDPrefix, PublicURL: c.API.PublicURL}
}

// opener builds what finds invoices for deposits.
func (d Deps) opener(k *deposit.Keeper, e *queue.Enqueuer) (*deposit.Opener, error) {
	policy, err := depositPolicy(d.Config)
	if err != nil {
		return nil, err
	}
	return &deposit.Opener{Keeper: k, Policy: policy, Ask: e, Log: d.Log}, nil
}

// depositPolicy is the configuration's in the deposits' own terms. The test mode's
// gateways are the sandboxes.
func depositPolicy(c *config.Config) (deposit.Policy, error) {
	s := c.Deposits.StaticQRIS
	p := deposit.Policy{Patience: c.Deposits.Patience, Share: min(gatewayShare, c.Deposits.Patience/2)}
	for _, g := range c.Deposits.Gateways {
		gateway := deposit.Gateway{Name: g.Name, Fee: deposit.Fee{PercentBP: g.FeeBP, Fixed: g.FeeFixed, Absorbed: g.FeeBy == config.FeeByUs}}
		if s.Payload != "" && g.Name == s.Name {
			code, err := qris.Import(s.Payload)
			if err != nil {
				return p, fmt.Errorf("deposits.static_qris.payload: %w", err)
			}
			gateway.Own = &deposit.OwnCode{QRIS: code, Codes: s.Codes, Life: s.Life}
		}
		p.Live = append(p.Live, gateway)
	}
	for _, u := range c.Upstreams {
		if u.Driver == config.DriverSandbox && u.Offers(config.ProvidesDeposit) {
			p.Test = append(p.Test, deposit.Gateway{Name: u.Name})
		}
	}
	return p, nil
}
