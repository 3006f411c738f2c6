package wire

import (
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/muarahq/muara/pkg/upstream/lenient"
)

// Money is an amount that we pay, in whole rupiah, rounded up. It is written as a
// number; text is accepted, and the empty text is nothing.
type Money int64

// UnmarshalJSON reads 5500, "5500", 5500.5 and "5500.50".
func (m *Money) UnmarshalJSON(b []byte) error {
	n, ok := amount(b, true)
	if !ok {
		return mistyped(m)
	}
	*m = Money(n)
	return nil
}

// Float is an amount that we have, in whole rupiah, rounded down. It is written as
// [Money] is.
type Float int64

// UnmarshalJSON reads what [Money] reads.
func (f *Float) UnmarshalJSON(b []byte) error {
	n, ok := amount(b, false)
	if !ok {
		return mistyped(f)
	}
	*f = Float(n)
	return nil
}

// Count is a number of things; what is no number counts as none.
type Count int64

// UnmarshalJSON reads 7, "7", "" and null.
func (c *Count) UnmarshalJSON(b []byte) error {
	n, ok := amount(b, false)
	if !ok {
		n = 0
	}
	*c = Count(n)
	return nil
}

// written is an amount as text: at most two digits after the point, since a point
// before three may as well divide thousands.
var written = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,2})?$`)

// amount reads a JSON number or text exactly.
func amount(b []byte, up bool) (int64, bool) {
	var s string
	switch {
	case len(b) == 0:
		return 0, false
	case b[0] == '"':
		if json.Unmarshal(b, &s) != nil {
			return 0, false
		}
		if s = strings.TrimSpace(s); s == "" {
			return 0, true
		}
		if !written.MatchString(s) {
			return 0, false
		}
	case b[0] == '-' || (b[0] >= '0' && b[0] <= '9'):
		s = string(b)
	default:
		return 0, false
	}
	return whole(s, up)
}

// whole rounds a decimal number to whole rupiah.
func whole(s string, up bool) (int64, bool) {
	const longest, largest = 40, 18 // digits, and power of ten
	if len(s) > longest {
		return 0, false
	}
	if _, e, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		if n, err := strconv.Atoi(e); err != nil || n > largest || n < -largest {
			return 0, false
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, false
	}
	// Div rounds down, for a positive divisor.
	n := new(big.Int)
	if up {
		n.Neg(n.Div(new(big.Int).Neg(r.Num()), r.Denom()))
	} else {
		n.Div(r.Num(), r.Denom())
	}
	return n.Int64(), n.IsInt64()
}

func mistyped[T any](*T) error {
	return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[T]()}
}

// RC is a result code of two digits; a number is accepted.
type RC string

// UnmarshalJSON reads "00", "0" and 0.
func (c *RC) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	s := strings.TrimSpace(string(t))
	if len(s) == 1 && s[0] >= '0' && s[0] <= '9' {
		s = "0" + s
	}
	*c = RC(s)
	return nil
}

// Minute is a time of day in minutes since midnight, WIB.
type Minute int

const day = 24 * 60

// clock is "23:45", "0:0" and with seconds.
var clock = regexp.MustCompile(`^([0-9]{1,2})[:.]([0-9]{1,2})(?::[0-9]{1,2})?$`)

// UnmarshalJSON reads "23:45" and "0:0"; the empty text and null are midnight.
func (m *Minute) UnmarshalJSON(b []byte) error {
	var t lenient.Text
	if err := t.UnmarshalJSON(b); err != nil {
		return mistyped(m)
	}
	if t == "" {
		*m = 0
		return nil
	}
	parts := clock.FindStringSubmatch(strings.TrimSpace(string(t)))
	if parts == nil {
		return mistyped(m)
	}
	hour, _ := strconv.Atoi(parts[1])   // two digits
	minute, _ := strconv.Atoi(parts[2]) // likewise
	if minute > 59 || hour > 24 || hour == 24 && minute > 0 {
		return mistyped(m)
	}
	*m = Minute((hour*60 + minute) % day)
	return nil
}

// MarshalJSON writes "23:45", and midnight as "0:0".
func (m Minute) MarshalJSON() ([]byte, error) {
	if m == 0 {
		return []byte(`"0:0"`), nil
	}
	pad := func(n int) string {
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
		return strconv.Itoa(n)
	}
	return []byte(`"` + pad(int(m)/60) + ":" + pad(int(m)%60) + `"`), nil
}
