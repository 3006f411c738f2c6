package config

import "slices"

// Withdrawals is how merchants' money goes out, in whole rupiah.
type Withdrawals struct {
	Min int64 `yaml:"min"` // 10000
	Max int64 `yaml:"max"` // 10000000
	// What a merchant pays for one: hundredths of a percent, and rupiah. The gateway's own fee is our cost.
	FeeBP    int64 `yaml:"fee_bp"`
	FeeFixed int64 `yaml:"fee_fixed"`
	// Gateway is the upstream that pays out. Left out: the first live one that provides withdraw; "off": people do, by hand.
	Gateway string `yaml:"gateway"`
	// Checker is the upstream that looks an account up before it is approved. Left out: the first live one that provides check;
	// "off": none.
	Checker string `yaml:"checker"`
	// Approvals is how many different operators must approve one: 1, or 2 for four eyes.
	Approvals int `yaml:"approvals"`
}

func (c *Config) withdrawalDefaults() {
	w := &c.Withdrawals
	or(&w.Min, 10_000)
	or(&w.Max, 10_000_000)
	or(&w.Approvals, 1)
	for _, u := range c.Upstreams {
		if u.Driver == DriverSandbox {
			continue
		}
		if u.Offers(ProvidesWithdraw) {
			or(&w.Gateway, u.Name)
		}
		if u.Offers(ProvidesCheck) {
			or(&w.Checker, u.Name)
		}
	}
	or(&w.Gateway, Off)
	or(&w.Checker, Off)
}

func (c *Config) validateWithdrawals(errs *errorList) {
	const (
		most  = 1_000_000_000 // rupiah; more is a slip of the finger
		whole = 10_000        // hundredths of a percent
	)
	w := &c.Withdrawals
	between(errs, "withdrawals.min", w.Min, 1, most)
	between(errs, "withdrawals.max", w.Max, w.Min, most)
	between(errs, "withdrawals.fee_bp", w.FeeBP, 0, whole)
	between(errs, "withdrawals.fee_fixed", w.FeeFixed, 0, most)
	between(errs, "withdrawals.approvals", w.Approvals, 1, 9)
	for _, use := range []struct{ path, name, kind string }{
		{"withdrawals.gateway", w.Gateway, ProvidesWithdraw}, {"withdrawals.checker", w.Checker, ProvidesCheck},
	} {
		at := slices.IndexFunc(c.Upstreams, func(u Upstream) bool { return u.Name == use.name })
		switch {
		case use.name == Off:
		case at < 0:
			errs.add(use.path, "%q is no upstream", use.name)
		case c.Upstreams[at].Driver == DriverSandbox:
			errs.add(use.path, "%q is a source of the test mode", use.name)
		case !c.Upstreams[at].Offers(use.kind):
			errs.add(use.path, "upstream %q cannot, or does not provide %s", use.name, use.kind)
		}
	}
}
