package wire

import (
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Decimal is a number with a fraction, kept exactly as it was written ("3.01000000");
// empty when it was not said. It never passes through a float.
type Decimal string

// decimal is what is taken for one: no sign but a minus, no exponent, no separators,
// and no more digits than any amount has.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?$`)

// UnmarshalJSON reads "3.01000000" and 3.01.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	if t != "" && !decimal.MatchString(string(t)) {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[Decimal]()}
	}
	*d = Decimal(t)
	return nil
}

// Rat is the number, exactly; ok is false when none was said.
func (d Decimal) Rat() (r *big.Rat, ok bool) {
	if !decimal.MatchString(string(d)) {
		return nil, false
	}
	return new(big.Rat).SetString(string(d))
}
