package smm

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Form is how a field is written.
type Form int

// The forms: one line of text, lines, a whole number, a day (dd/mm/yyyy).
const (
	Text Form = iota
	Lines
	Number
	Date
)

const (
	// MaxQuantity bounds what one order may ask for.
	MaxQuantity = 1_000_000_000
	maxPosts    = 10_000
	maxRuns     = 10_000
	maxInterval = 100_000
	// maxLine and maxList bound texts and lists, in characters and lines.
	maxLine = 1000
	maxList = 10_000
	dayForm = "02/01/2006"
)

// Field is a field of an order. Label and Example are for merchants.
type Field struct {
	Name, Label, Example string
	Form                 Form
	Required             bool
	// Least and Most bound a number; Allowed lists all that it may be.
	Least, Most int64
	Allowed     []string
	// When names another field: this one is required while that one is Is, and
	// foreign otherwise.
	When, Is string
}

// Fields are what an order of a service has, in the order in which to ask for them.
func (s Service) Fields() []Field {
	r, ok := ruleOf(s.Kind)
	if !ok {
		return nil
	}
	target := Field{Name: "target", Label: "Tautan (link)", Example: "https://instagram.com/p/AbCd123", Required: true}
	if s.Kind.Subscribes() {
		target.Label, target.Example = "Username", "contoh"
	}
	out := []Field{target}
	if r.counts == given {
		out = append(out, Field{Name: "quantity", Label: "Jumlah", Example: strconv.FormatInt(max(s.Min, 1), 10), Form: Number, Required: true, Least: 1, Most: MaxQuantity})
	}
	return append(out, s.fields(r)...)
}

// fields are a kind's own, with those of a drip feed where the service has one.
func (s Service) fields(r rule) []Field {
	if !r.drip || !s.Dripfeed {
		return r.fields
	}
	return append(slices.Clone(r.fields),
		Field{Name: "runs", Label: "Jumlah pengulangan (drip-feed)", Example: "2", Form: Number, Least: 1, Most: maxRuns},
		Field{Name: "interval", Label: "Jeda antar pengulangan dalam menit", Example: "60", Form: Number, Least: 1, Most: maxInterval})
}

// read brings a value into its one spelling, or says what is wrong with it.
func (f *Field) read(value string) (string, string) {
	switch f.Form {
	case Lines:
		return readLines(value)
	case Number:
		return f.readNumber(value)
	case Date:
		day, err := time.Parse(dayForm, value)
		if err != nil {
			return value, "must be a date as dd/mm/yyyy"
		}
		return day.Format(dayForm), ""
	case Text:
	}
	switch {
	case strings.Contains(value, "\n"):
		return value, "must be one line"
	case utf8.RuneCountInString(value) > maxLine:
		return value, "is too long"
	}
	return value, ""
}

func readLines(value string) (string, string) {
	lines := strings.Split(value, "\n")
	if len(lines) > maxList {
		return value, "has too many lines"
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > maxLine {
			return value, "has a line that is too long"
		}
	}
	return value, ""
}

func (f *Field) readNumber(value string) (string, string) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return value, "must be a whole number"
	}
	value = strconv.FormatInt(n, 10)
	switch {
	case n < f.Least || f.Most > 0 && n > f.Most:
		return value, "must be " + strconv.FormatInt(f.Least, 10) + " to " + strconv.FormatInt(f.Most, 10)
	case len(f.Allowed) > 0 && !slices.Contains(f.Allowed, value):
		return value, "must be one of " + strings.Join(f.Allowed, ", ")
	}
	return value, ""
}
