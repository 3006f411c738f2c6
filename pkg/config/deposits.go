package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/qris"
	"github.com/muarahq/muara/pkg/upstream/drivers"
)

// Deposits is how money comes in, in whole rupiah.
type Deposits struct {
	Min int64 `yaml:"min"` // 10000
	Max int64 `yaml:"max"` // 10000000
	// Patience is how long a merchant is kept waiting for an invoice, over all gateways.
	Patience time.Duration `yaml:"patience"` // 12s
	// Gateways are asked in this order. Left out: every live upstream that makes invoices and provides deposit, then static_qris.
	Gateways   []DepositGateway `yaml:"gateways"`
	StaticQRIS StaticQRIS       `yaml:"static_qris"`
}

// DepositGateway is one way in.
type DepositGateway struct {
	Name string `yaml:"name"` // an upstream's name, or static_qris's
	// What the gateway takes of a payment: hundredths of a percent, and rupiah.
	FeeBP    int64 `yaml:"fee_bp"`
	FeeFixed int64 `yaml:"fee_fixed"`
	// FeeBy says who bears it: "merchant" (it is added to what is paid; the default) or "us". What a gateway adds by itself is
	// always the payer's.
	FeeBy string `yaml:"fee_by"`
}

// StaticQRIS is the operator's own static code, which becomes a code for each deposit. Payments to it are known from the
// acquirer's statement (muara deposit statement) or by an operator's word (muara deposit credit).
type StaticQRIS struct {
	Payload     string        `yaml:"payload"` // the text of the code; empty for none
	PayloadFile string        `yaml:"payload_file"`
	Name        string        `yaml:"name"`  // static-qris
	Codes       int64         `yaml:"codes"` // 999: by how many rupiah, at most, a total is made unique
	Life        time.Duration `yaml:"life"`  // 30m: how long a code may be paid
}

// Who bears a gateway's fee.
const (
	FeeByMerchant = "merchant"
	FeeByUs       = "us"
)

// Offers tells whether an upstream is to be used for something: by what it provides, or else by what its driver can do.
func (u Upstream) Offers(kind string) bool {
	if len(u.Provides) > 0 && !slices.Contains(u.Provides, kind) {
		return false
	}
	k, _ := drivers.ByName(u.Driver)
	does := k.Does
	switch kind {
	case ProvidesDeposit:
		return does.Deposits
	case ProvidesWithdraw:
		return does.Withdrawals
	case ProvidesCheck:
		return does.Checks
	}
	return true
}

func (c *Config) depositDefaults() {
	d := &c.Deposits
	or(&d.Min, 10_000)
	or(&d.Max, 10_000_000)
	or(&d.Patience, 12*time.Second)
	or(&d.StaticQRIS.Name, "static-qris")
	or(&d.StaticQRIS.Codes, 999)
	or(&d.StaticQRIS.Life, 30*time.Minute)
	if len(d.Gateways) == 0 {
		for _, u := range c.Upstreams {
			if u.Driver != DriverSandbox && u.Offers(ProvidesDeposit) {
				d.Gateways = append(d.Gateways, DepositGateway{Name: u.Name})
			}
		}
		if d.StaticQRIS.Payload != "" {
			d.Gateways = append(d.Gateways, DepositGateway{Name: d.StaticQRIS.Name})
		}
	}
	for i := range d.Gateways {
		or(&d.Gateways[i].FeeBy, FeeByMerchant)
	}
}

func (c *Config) validateDeposits(errs *errorList) {
	const (
		most    = 1_000_000_000 // rupiah; more is a slip of the finger
		longest = 15 * time.Second
		whole   = 10_000 // hundredths of a percent
	)
	d := &c.Deposits
	between(errs, "deposits.min", d.Min, 1, most)
	between(errs, "deposits.max", d.Max, d.Min, most)
	duration(errs, "deposits.patience", d.Patience, time.Second, longest)
	s := d.StaticQRIS
	if s.Payload != "" {
		if _, err := qris.Import(s.Payload); err != nil {
			errs.add("deposits.static_qris.payload", "%v", err)
		}
	}
	if !upstreamName.MatchString(s.Name) {
		errs.add("deposits.static_qris.name", "must be 1 to 31 of a-z, 0-9 and -, beginning with a letter or digit, not %q", s.Name)
	}
	between(errs, "deposits.static_qris.codes", s.Codes, 1, 9_999)
	duration(errs, "deposits.static_qris.life", s.Life, time.Minute, 24*time.Hour)
	seen := map[string]bool{}
	for i, g := range d.Gateways {
		path := fmt.Sprintf("deposits.gateways[%d]", i)
		switch at := slices.IndexFunc(c.Upstreams, func(u Upstream) bool { return u.Name == g.Name }); {
		case seen[g.Name]:
			errs.add(path+".name", "%q is there twice", g.Name)
		case at >= 0 && g.Name == s.Name && s.Payload != "":
			errs.add("deposits.static_qris.name", "%q is an upstream's already", s.Name)
		case at >= 0 && c.Upstreams[at].Driver == DriverSandbox:
			errs.add(path+".name", "%q is a source of the test mode, which has its gateway by itself", g.Name)
		case at >= 0 && !c.Upstreams[at].Offers(ProvidesDeposit):
			errs.add(path+".name", "upstream %q makes no invoices, or does not provide deposit", g.Name)
		case at < 0 && (g.Name != s.Name || s.Payload == ""):
			errs.add(path+".name", "%q is neither an upstream nor a static_qris with a payload", g.Name)
		}
		seen[g.Name] = true
		between(errs, path+".fee_bp", g.FeeBP, 0, whole)
		between(errs, path+".fee_fixed", g.FeeFixed, 0, most)
		oneOf(errs, path+".fee_by", g.FeeBy, []string{FeeByMerchant, FeeByUs})
	}
}

// textFile reads a value that may be in a file of its own.
func (d *decoder) textFile(src Source, path string, into *string, file string) {
	secret := Secret(*into)
	d.secretFile(src, path, &secret, file)
	*into = secret.Reveal()
}
