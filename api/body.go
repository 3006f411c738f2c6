package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
)

const (
	maxBody = 1 << 20
	// bodyTimeout bounds how long a body may take to arrive.
	bodyTimeout = 10 * time.Second
)

// readBody gives the whole body of the call that ctx belongs to.
func readBody(ctx context.Context) ([]byte, error) {
	c := rest.CallOf(ctx)
	tooLarge := fault.New(fault.TooLarge, "the body is larger than 1 MiB")
	if c.R.ContentLength > maxBody {
		return nil, tooLarge
	}
	// A recorder has no deadlines, and does not need them. The deadline must go once
	// the body is here: when it passed later, net/http would take the caller for gone
	// and end the request's context.
	conn := http.NewResponseController(c.W)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = conn.SetReadDeadline(time.Time{}) }()
	var b bytes.Buffer
	if c.R.ContentLength > 0 {
		b.Grow(int(c.R.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(c.W.ResponseWriter, c.R.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return b.Bytes(), nil
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fault.New(fault.SlowBody, "the body did not arrive in time")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, malformed("ends early")
	}
	return nil, err
}

func malformed(why string) error {
	f := fault.Field("body", why)
	f.Message = "the body is not valid JSON: " + why
	return f
}

// fields is a JSON object on its way to be a request, and what is wrong with it.
type fields struct {
	values   map[string]json.RawMessage
	problems []fault.Detail
}

// decodeObject reads a JSON object. Names count exactly as they are written, null
// is absent, and nothing is asked of names nobody takes.
func decodeObject(body []byte) (*fields, error) {
	if !utf8.Valid(body) {
		return nil, malformed("it is not UTF-8")
	}
	f := &fields{}
	err := json.Unmarshal(body, &f.values)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, malformed(syntax.Error())
	case err != nil || f.values == nil:
		return nil, malformed("it must be an object")
	}
	for name, raw := range f.values {
		if string(raw) == "null" {
			delete(f.values, name)
		}
	}
	return f, nil
}

func (f *fields) wrong(field, message string) {
	f.problems = append(f.problems, fault.Detail{Field: field, Message: message})
}

// err refuses when anything was wrong.
func (f *fields) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	first := f.problems[0]
	e := fault.New(fault.Invalid, first.Field+": "+first.Message)
	e.Details = f.problems
	return e
}

// has tells whether a field is there, whatever it holds.
func (f *fields) has(name string) bool { return f.values[name] != nil }

// text takes a text of one line of at most most characters, without the spaces
// around it; an empty one counts as absent.
func (f *fields) text(name string, most int) string {
	raw := f.values[name]
	if raw == nil {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		f.wrong(name, "must be a string")
		return ""
	}
	s = strings.TrimSpace(s)
	switch {
	case utf8.RuneCountInString(s) > most:
		f.wrong(name, "must be at most "+strconv.Itoa(most)+" characters")
	case hasControl(s):
		f.wrong(name, "must not have control characters")
	default:
		return s
	}
	return ""
}

// required is text that must be there.
func (f *fields) required(name string, most int) string {
	before := len(f.problems)
	s := f.text(name, most)
	if s == "" && len(f.problems) == before {
		f.wrong(name, "is required")
	}
	return s
}

// integer takes a whole number of at least least.
func (f *fields) integer(name string, least int64) (n int64, given bool) {
	raw := f.values[name]
	if raw == nil {
		return 0, false
	}
	if json.Unmarshal(raw, &n) != nil {
		f.wrong(name, "must be a whole number")
		return 0, true
	}
	if n < least {
		f.wrong(name, "must be at least "+strconv.FormatInt(least, 10))
	}
	return n, true
}

// flag takes true or false; false when it is absent.
func (f *fields) flag(name string) (on bool) {
	if raw := f.values[name]; raw != nil && json.Unmarshal(raw, &on) != nil {
		f.wrong(name, "must be true or false")
	}
	return on
}

// lines takes a list, given as an array of texts or as one text with newlines,
// and a number where a list has one. The result is one text in one form: lines
// without spaces around them, and no empty ones.
func (f *fields) lines(name string) string {
	raw := f.values[name]
	if raw == nil {
		return ""
	}
	var one any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&one) != nil {
		f.wrong(name, "must be a string or a list of strings")
		return ""
	}
	many, ok := one.([]any)
	if !ok {
		many = []any{one}
	}
	var out []string
	for _, item := range many {
		s, ok := textOf(item)
		if !ok {
			f.wrong(name, "must be a string or a list of strings")
			return ""
		}
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	joined := strings.Join(out, "\n")
	if hasControl(strings.ReplaceAll(joined, "\n", "")) {
		f.wrong(name, "must not have control characters")
		return ""
	}
	return joined
}

func textOf(item any) (string, bool) {
	switch v := item.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
