package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrMalformed is what every [Malformed] error wraps.
var ErrMalformed = errors.New("malformed answer")

// Flaw is why an answer was not understood. The set is closed, so that it can
// be a metric's label.
type Flaw string

// The flaws.
const (
	Empty     Flaw = "empty"
	HTML      Flaw = "html"
	Truncated Flaw = "truncated"
	Syntax    Flaw = "syntax"
	Mistyped  Flaw = "mistyped"
	Missing   Flaw = "missing"
)

// Malformed is an answer that follows neither the provider's form of success
// nor its form of failure. It says nothing about what the provider did.
type Malformed struct {
	Flaw  Flaw
	Field string // where, when it is known; never a value
}

// Error names the flaw and the field.
func (m *Malformed) Error() string {
	if m.Field == "" {
		return fmt.Sprintf("%v: %s", ErrMalformed, m.Flaw)
	}
	return fmt.Sprintf("%v: %s %s", ErrMalformed, m.Flaw, m.Field)
}

// Unwrap gives [ErrMalformed].
func (m *Malformed) Unwrap() error { return ErrMalformed }

// Lacks is the error for a field that has to be there and is not.
func Lacks(field string) error { return &Malformed{Flaw: Missing, Field: field} }

// Odd is the error for a field of a wrong type or meaning.
func Odd(field string) error { return &Malformed{Flaw: Mistyped, Field: field} }

// Decode reads one JSON value from body into v. Every error is [Malformed].
func Decode(body []byte, v any) error {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return &Malformed{Flaw: Empty}
	case body[0] == '<':
		return &Malformed{Flaw: HTML}
	}
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	var already *Malformed
	if errors.As(err, &already) {
		return already
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return Odd(typ.Field)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(err.Error(), "unexpected end of JSON") {
		return &Malformed{Flaw: Truncated}
	}
	return &Malformed{Flaw: Syntax}
}

// Null says whether a member was absent, null, or the empty array that some
// providers write for "no object".
func Null(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "[]", `""`:
		return true
	}
	return false
}

// Rows reads a list row by row. A row that check refuses, or that is mistyped,
// is left out and counted: one odd product must not stop a whole import. A list
// of which more than a tenth is odd is malformed as a whole.
//
// It is for catalogues only. Where a missing row is evidence, no row may be odd.
func Rows[T any](raw json.RawMessage, field string, check func(*T) error) ([]T, int, error) {
	rows, odd, err := each(raw, field, check)
	if odd*10 > len(rows)+odd {
		rows = nil
	}
	if rows == nil {
		return nil, odd, err
	}
	return rows, odd, nil
}

// Readable reads the rows that can be read, however few, of a list from which
// nothing is concluded about a row that is missing. Only a list without a single
// readable row, and not empty, is malformed.
func Readable[T any](raw json.RawMessage, field string, check func(*T) error) ([]T, int, error) {
	rows, odd, err := each(raw, field, check)
	if len(rows) == 0 && err != nil {
		return nil, odd, err
	}
	return rows, odd, nil
}

// each reads what it can; err is what was wrong with the last odd row, or with
// the list as a whole, and then there are no rows.
func each[T any](raw json.RawMessage, field string, check func(*T) error) (rows []T, odd int, err error) {
	var parts []json.RawMessage
	if err := Decode(raw, &parts); err != nil {
		return nil, 0, err
	}
	if parts == nil {
		return nil, 0, Odd(field)
	}
	rows = make([]T, 0, len(parts))
	for _, part := range parts {
		var row T
		flaw := Decode(part, &row)
		if flaw == nil {
			flaw = check(&row)
		}
		if flaw != nil {
			err = flaw
			odd++
			continue
		}
		rows = append(rows, row)
	}
	return rows, odd, err
}
