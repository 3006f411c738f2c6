package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Int is a whole number, written as a number; text is accepted.
type Int int64

// UnmarshalJSON reads 5500 and "5500".
func (i *Int) UnmarshalJSON(b []byte) error { return readInt(b, i) }

// Rupiah is an amount in whole rupiah, written as text ("5500"); a number is
// accepted. Separators, fractions and signs other than a leading minus are not.
type Rupiah int64

// UnmarshalJSON reads "5500" and 5500.
func (m *Rupiah) UnmarshalJSON(b []byte) error { return readInt(b, m) }

// MarshalJSON writes text.
func (m Rupiah) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(m), 10)), nil
}

// Text is text; a number is accepted and kept as it was written. Null is the
// empty text. It holds valid UTF-8 without NUL, as a database wants it.
type Text string

// UnmarshalJSON reads "3837" and 3837.
func (t *Text) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = ""
		return nil
	}
	s, ok := scalar(b)
	if !ok {
		return mistyped(t)
	}
	*t = Text(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
	return nil
}

// Flag is a yes or no, written as true or false; 1, 0 and their texts are
// accepted, as are the words that stand in a provider's "status".
type Flag bool

// UnmarshalJSON reads true, 1, "true", "success" and their opposites.
func (f *Flag) UnmarshalJSON(b []byte) error {
	s, _ := scalar(b)
	if s == "" {
		s = string(b)
	}
	switch strings.ToLower(s) {
	case "true", "1", "success", "ok":
		*f = true
	case "false", "0", "error", "failed", "fail":
		*f = false
	default:
		return mistyped(f)
	}
	return nil
}

// Rate is a share in percent, for ranking only: it may have a fraction. Null is zero.
type Rate float64

// UnmarshalJSON reads 81, 81.5 and "81".
func (r *Rate) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*r = 0
		return nil
	}
	s, ok := scalar(b)
	if !ok {
		return mistyped(r)
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return mistyped(r)
	}
	*r = Rate(v)
	return nil
}

// Millis is a moment in Unix milliseconds, written as a number.
type Millis int64

// UnmarshalJSON reads 1762661992178 and its text.
func (m *Millis) UnmarshalJSON(b []byte) error { return readInt(b, m) }

// Time is the moment in UTC. What is not a moment of this century (zero, seconds
// taken for milliseconds, a value that overflows) was not said: the zero time.
func (m Millis) Time() time.Time {
	t := time.UnixMilli(int64(m)).UTC()
	if !plausible(t) {
		return time.Time{}
	}
	return t
}

// plausible is whether a provider can mean t: the years 2000 to 2100.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() <= 2100 }

// MillisOf is t in Unix milliseconds.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// localLayout is a local time without a zone.
const localLayout = "2006-01-02 15:04:05"

// Local is a moment written as a local time without a zone, which is WIB
// (UTC+7, no daylight saving). Null and the empty text are the zero time.
type Local struct{ time.Time }

// WIB is western Indonesian time.
func WIB() *time.Location { return time.FixedZone("WIB", 7*60*60) }

// LocalOf is t as a local time, to the second.
func LocalOf(t time.Time) Local { return Local{t.In(WIB()).Truncate(time.Second)} }

// UnmarshalJSON reads "2026-04-21 11:00:00", also with a T or with a zone, of the
// years 2000 to 2100.
func (l *Local) UnmarshalJSON(b []byte) error {
	if string(b) == "null" || string(b) == `""` {
		l.Time = time.Time{}
		return nil
	}
	s, ok := scalar(b)
	if !ok {
		return mistyped(l)
	}
	for _, layout := range []string{localLayout, "2006-01-02T15:04:05", time.RFC3339Nano} {
		if t, err := time.ParseInLocation(layout, s, WIB()); err == nil && plausible(t.UTC()) {
			l.Time = t
			return nil
		}
	}
	return mistyped(l)
}

// MarshalJSON writes the local time; the zero time is null.
func (l Local) MarshalJSON() ([]byte, error) {
	if l.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendQuote(nil, l.In(WIB()).Format(localLayout)), nil
}

// ParseInt reads a whole number as strictly as money has to be read: digits
// with an optional leading minus, no separator, no fraction, no leading zero.
func ParseInt(s string) (int64, error) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || (len(digits) > 1 && digits[0] == '0') {
		return 0, errNumber
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, errNumber
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errNumber
	}
	return n, nil
}

var errNumber = errors.New("not a whole number")

func readInt[T ~int64](b []byte, v *T) error {
	s, ok := scalar(b)
	if !ok {
		return mistyped(v)
	}
	n, err := ParseInt(s)
	if err != nil {
		return mistyped(v)
	}
	*v = T(n)
	return nil
}

// scalar gives the text of a JSON string or number.
func scalar(b []byte) (string, bool) {
	if len(b) == 0 {
		return "", false
	}
	switch c := b[0]; {
	case c == '"':
		if bytes.IndexByte(b, '\\') < 0 {
			return string(b[1 : len(b)-1]), true
		}
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return "", false
		}
		return s, true
	case c == '-' || (c >= '0' && c <= '9'):
		return string(b), true
	}
	return "", false
}

// mistyped is the error that encoding/json completes with the field's path.
func mistyped[T any](*T) error {
	return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[T]()}
}
