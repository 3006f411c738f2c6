package wire

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// ErrMalformed is an answer in none of the known forms.
var ErrMalformed = lenient.ErrMalformed

// ID is an identifier. Panels write it as a number or as text; Bare tells which.
type ID struct {
	Text string
	Bare bool
}

// NewID makes an id that is written as a number when bare.
func NewID(n int64, bare bool) ID { return ID{Text: strconv.FormatInt(n, 10), Bare: bare} }

// UnmarshalJSON reads 151 and "151".
func (i *ID) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	text := strings.TrimSpace(string(t))
	i.Text, i.Bare = text, len(b) > 0 && b[0] != '"' && text != ""
	return nil
}

// MarshalJSON writes it as it came.
func (i ID) MarshalJSON() ([]byte, error) {
	if i.Bare {
		return []byte(i.Text), nil
	}
	return json.Marshal(i.Text)
}

// Count is a number of things. Known is false where the panel did not say one.
type Count struct {
	N     int64
	Known bool
	Said  string
	bare  bool
}

// NewCount is a count that is known.
func NewCount(n int64) Count { return Count{N: n, Known: true, Said: strconv.FormatInt(n, 10)} }

var wholeNumber = regexp.MustCompile(`^(-?\d{1,18})(?:\.0{1,18})?$`)

// UnmarshalJSON reads 157, "157", "157.00", and what says no number.
func (c *Count) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*c = Count{Said: string(t), bare: len(b) > 0 && b[0] != '"'}
	if m := wholeNumber.FindStringSubmatch(strings.TrimSpace(c.Said)); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return err
		}
		c.N, c.Known = n, true
	}
	return nil
}

// MarshalJSON writes it as it came; text where it was made here.
func (c Count) MarshalJSON() ([]byte, error) {
	switch {
	case c.bare && c.Said == "":
		return []byte("null"), nil
	case c.bare:
		return []byte(c.Said), nil
	}
	return json.Marshal(c.Said)
}

// Decimal is an exact amount or rate. Known is false where the panel wrote none.
type Decimal struct {
	Rat   *big.Rat
	Known bool
	Said  string
	bare  bool
}

var decimal = regexp.MustCompile(`^-?\d{1,18}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?$`)

var errDecimal = errors.New("not a decimal")

// ParseDecimal reads a decimal strictly: digits with an optional point and
// exponent, no separators.
func ParseDecimal(s string) (*big.Rat, error) {
	if !decimal.MatchString(s) {
		return nil, errDecimal
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, errDecimal
	}
	return r, nil
}

// NewDecimal writes an amount with as many places as it takes, at most places.
func NewDecimal(r *big.Rat, places int) Decimal {
	text := r.FloatString(places)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	exact, _ := new(big.Rat).SetString(text)
	return Decimal{Rat: exact, Known: true, Said: text}
}

// UnmarshalJSON reads "0.27819" and 0.27819; empty and null say nothing.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*d = Decimal{Said: string(t), bare: len(b) > 0 && b[0] != '"'}
	text := strings.TrimSpace(d.Said)
	if text == "" {
		return nil
	}
	r, err := ParseDecimal(text)
	if err != nil {
		return lenient.Odd("decimal")
	}
	d.Rat, d.Known = r, true
	return nil
}

// MarshalJSON writes it as it came; text where it was made here.
func (d Decimal) MarshalJSON() ([]byte, error) {
	switch {
	case d.bare && d.Said == "":
		return []byte("null"), nil
	case d.bare:
		return []byte(d.Said), nil
	}
	return json.Marshal(d.Said)
}
