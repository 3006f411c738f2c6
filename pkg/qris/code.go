package qris

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Code is what a code says.
type Code struct {
	// Dynamic: made for one payment.
	Dynamic bool
	// Amount is what the payer is asked for, in rupiah; zero when the payer is to
	// enter it.
	Amount int64
	// Name and City are the payee's, NMID its national number; empty where missing.
	Name, City, NMID string
	// Summed: the sum at the end is right.
	Summed bool
}

// ErrAmount: the amount is no whole number of rupiah.
var ErrAmount = errors.New("qris: the amount is no whole number of rupiah")

// Read takes a code apart and gives what it says, tolerantly: see the package's
// decisions.
func Read(text string) (*Code, error) {
	text = strings.TrimSpace(text)
	p, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if p[0] != (Field{Tag: TagVersion, Value: "01"}) {
		return nil, fmt.Errorf("%w: it does not begin with its version", ErrMalformed)
	}
	c := &Code{Summed: summed(text)}
	how, _ := p.Get(TagInitiation)
	if raw, ok := p.Get(TagAmount); ok {
		if c.Amount, err = rupiah(raw); err != nil {
			return nil, err
		}
	}
	c.Dynamic = how == "12" || how == "" && c.Amount > 0
	c.Name, _ = p.Get(TagName)
	c.City, _ = p.Get(TagCity)
	if national, ok := p.Get(tagNational); ok {
		if sub, err := Parse(national); err == nil {
			c.NMID, _ = sub.Get(subNMID)
		}
	}
	return c, nil
}

// maxDigits bounds an amount's whole part: EMVCo allows 13 characters.
const maxDigits = 13

// rupiah reads an amount: digits, and after a dot nothing but zeros.
func rupiah(raw string) (int64, error) {
	whole, fraction, _ := strings.Cut(raw, ".")
	if !digits(whole) || len(whole) > maxDigits || strings.Trim(fraction, "0") != "" {
		return 0, ErrAmount
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n <= 0 {
		return 0, ErrAmount
	}
	return n, nil
}

// Static is an own static code, found to be sound.
type Static struct {
	payload Payload
	Code
}

// Import reads an own static code, strictly. The error says what is wrong with it.
func Import(text string) (*Static, error) {
	text = strings.TrimSpace(text)
	p, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if err := p.check(text); err != nil {
		return nil, err
	}
	c, err := Read(text)
	if err != nil {
		return nil, err
	}
	return &Static{payload: p, Code: *c}, nil
}

// check holds a static code to everything that can be known of it.
func (p Payload) check(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("qris: it has characters beside plain ASCII")
	}
	if last := p[len(p)-1]; last.Tag != TagSum || len(last.Value) != 4 {
		return errors.New("qris: it does not end with its sum (tag 63)")
	}
	if want := Sum(text[:len(text)-4]); text[len(text)-4:] != want {
		return fmt.Errorf("qris: its sum is %s and should be %s: a character was lost or changed on the way", text[len(text)-4:], want)
	}
	seen := map[string]bool{}
	payee := false
	for _, f := range p {
		if seen[f.Tag] {
			return fmt.Errorf("qris: tag %s is there twice", f.Tag)
		}
		seen[f.Tag] = true
		if f.Tag >= "26" && f.Tag <= "51" {
			if _, err := Parse(f.Value); err != nil {
				return fmt.Errorf("qris: the payee's account in tag %s cannot be read", f.Tag)
			}
			payee = true
		}
	}
	if !payee {
		return errors.New("qris: it names no payee's account (tags 26 to 51)")
	}
	for _, want := range []Field{{TagVersion, "01"}, {TagInitiation, "11"}, {TagCurrency, "360"}, {TagCountry, "ID"}} {
		if got, _ := p.Get(want.Tag); got != want.Value {
			return fmt.Errorf("qris: tag %s is %q and must be %q in a static QRIS", want.Tag, got, want.Value)
		}
	}
	if p[0].Tag != TagVersion {
		return errors.New("qris: it does not begin with its version (tag 00)")
	}
	if seen[TagAmount] {
		return errors.New("qris: it has an amount already (tag 54)")
	}
	if mcc, _ := p.Get(TagMCC); len(mcc) != 4 || !digits(mcc) {
		return errors.New("qris: its category (tag 52) is not four digits")
	}
	for _, tag := range []string{TagName, TagCity} {
		if v, _ := p.Get(tag); strings.TrimSpace(v) == "" {
			return fmt.Errorf("qris: tag %s is missing", tag)
		}
	}
	return nil
}

// Dynamic gives the code for one payment of amount rupiah. Whatever it asked for
// as a tip is left out: what is paid would differ from what is asked.
func (s *Static) Dynamic(amount int64) (string, error) {
	raw := strconv.FormatInt(amount, 10)
	if amount <= 0 || len(raw) > maxDigits {
		return "", ErrAmount
	}
	p := s.payload.without(TagInitiation, TagAmount, TagTip, "56", "57", TagSum)
	return p.with(Field{TagInitiation, "12"}).with(Field{TagAmount, raw}).Text()
}
