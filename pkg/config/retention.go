package config

import (
	"strconv"
	"strings"
	"time"
)

// Days is a length of time in whole days, written as 90d.
type Days int64

// Duration is the days as so many times 24 hours.
func (d Days) Duration() time.Duration { return time.Duration(d) * 24 * time.Hour }

// String writes the days as they are read.
func (d Days) String() string { return strconv.FormatInt(int64(d), 10) + "d" }

// MarshalYAML writes the days as they are read.
func (d Days) MarshalYAML() (any, error) { return d.String(), nil }

func days(raw string) (Days, bool) {
	number, found := strings.CutSuffix(raw, "d")
	n, err := strconv.ParseInt(number, 10, 64)
	return Days(n), found && err == nil
}

// Retention is how long what is kept that is personal or bulky, from when the last thing happened to it. Below zero, such as -1d, it
// is kept for ever. Nothing that is still open, flagged or in suspense is touched, and money never is.
type Retention struct {
	// Payloads are sources' own words, kept as evidence: 90d.
	Payloads Days `yaml:"payloads"`
	// Deliveries are webhook events that were delivered or given up: 30d.
	Deliveries Days `yaml:"deliveries"`
	// Codes are the messages that came to rented numbers: 30d.
	Codes Days `yaml:"codes"`
	// Customers are the numbers, targets, accounts, names and serial numbers of merchants' customers, masked after: 400d.
	Customers Days `yaml:"customers"`
}

func (c *Config) retentionDefaults() {
	r := &c.Retention
	or(&r.Payloads, 90)
	or(&r.Deliveries, 30)
	or(&r.Codes, 30)
	or(&r.Customers, 400)
}

func (c *Config) validateRetention(errs *errorList) {
	const most = 36_500
	for _, use := range []struct {
		key   string
		value Days
		least Days
	}{
		// Comparisons with a source's books and doubts that are settled late need their evidence.
		{"payloads", c.Retention.Payloads, 14},
		{"deliveries", c.Retention.Deliveries, 7},
		{"codes", c.Retention.Codes, 1},
		{"customers", c.Retention.Customers, 30},
	} {
		if use.value >= 0 && (use.value < use.least || use.value > most) {
			errs.add("retention."+use.key, "must be from %s to %s, or below 0d for ever, not %s", use.least, Days(most), use.value)
		}
	}
}
