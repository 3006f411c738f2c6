package smm

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// address is what an offer carries to be bought by, and what an order is priced by.
type address struct {
	Kind smm.Kind `json:"kind"`
	// Rate is the panel's, for 1000 in its Currency; FX is rupiah for one of that.
	Rate     string `json:"rate"`
	Currency string `json:"currency"`
	FX       string `json:"fx"`
}

// terms are an order's: how much of the rate it takes, and what that comes to.
type terms struct {
	address
	units, total int64
	// expected is what the panel should charge, in its currency; nil when unknown.
	expected *big.Rat
	fx       *big.Rat
}

func (d *Driver) terms(p *upstream.Purchase) terms {
	t := terms{fx: d.rate}
	if json.Unmarshal(p.Extra, &t.address) != nil || t.Kind == "" {
		t.Kind = smm.Default
	}
	t.units, t.total = smm.Units(t.Kind, p.Quantity, p.Inputs), smm.Total(t.Kind, p.Quantity, p.Inputs)
	if t.Currency == "" || t.FX == "" {
		t.Currency, t.FX = d.currency, d.said
	}
	if fx, err := wire.ParseDecimal(t.FX); err == nil && fx.Sign() > 0 {
		t.fx = fx
	}
	if rate, err := wire.ParseDecimal(t.Rate); err == nil && rate.Sign() > 0 {
		t.expected = rate.Mul(rate, big.NewRat(t.units, 1000))
	}
	return t
}

// rupiah is an amount of the order's currency in whole rupiah, rounded up; nil when
// it is no amount.
func (t *terms) rupiah(amount *big.Rat) *int64 {
	if amount == nil || amount.Sign() < 0 {
		return nil
	}
	n, ok := ceil(new(big.Rat).Mul(amount, t.fx))
	if !ok {
		return nil
	}
	return &n
}

// drifted is what to tell an operator of a charge that is not what the rate comes
// to; empty when it is. A charge may be off by the rounding of one rupiah.
func (d *Driver) drifted(t *terms, charge, expected *big.Rat) string {
	if expected == nil || charge == nil {
		return ""
	}
	off := new(big.Rat).Sub(charge, expected)
	bound := new(big.Rat).Mul(expected, d.drift)
	if one := new(big.Rat).Inv(t.fx); bound.Cmp(one) < 0 {
		bound = one
	}
	if off.Abs(off).Cmp(bound) <= 0 {
		return ""
	}
	return "the source charged " + amount(charge) + " " + t.Currency + " where " + amount(expected) + " was expected"
}

// ours is whether a currency that an answer names is the configured one. Many name none.
func (d *Driver) ours(currency string) bool {
	currency = strings.ToUpper(strings.TrimSpace(currency))
	return currency == "" || currency == d.currency
}

// amount writes a decimal for people.
func amount(r *big.Rat) string { return wire.NewDecimal(r, 8).Said }

// ceil rounds up to a whole number; ok is false when it does not fit.
func ceil(r *big.Rat) (int64, bool) {
	n, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	return n.Int64(), n.IsInt64()
}

// floor rounds down, towards less.
func floor(r *big.Rat) (int64, bool) {
	n, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() < 0 {
		n.Sub(n, big.NewInt(1))
	}
	return n.Int64(), n.IsInt64()
}
