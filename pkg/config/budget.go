package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseBudget reads a budget as a flag has it, such as "5/10s".
func ParseBudget(text string) (Budget, error) {
	requests, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(requests)
	d, bad := time.ParseDuration(per)
	if err != nil || bad != nil {
		return Budget{}, fmt.Errorf("a budget is written as 5/10s, not %q", text)
	}
	b := Budget{Requests: n, Per: d}
	var errs errorList
	b.validate("budget", &errs)
	for _, err := range errs {
		return Budget{}, err
	}
	return b, nil
}

// String is what ParseBudget reads.
func (b Budget) String() string { return fmt.Sprintf("%d/%s", b.Requests, b.Per) }

func (b Budget) validate(path string, errs *errorList) {
	between(errs, path+".requests", b.Requests, 1, 100_000)
	duration(errs, path+".per", b.Per, time.Millisecond, 24*time.Hour)
}

// SetBudget takes b in the place of an upstream's budget in the file. There may be no
// upstream of that name: whoever needs one says so.
func (c *Config) SetBudget(name string, b Budget) {
	for i := range c.Upstreams {
		if c.Upstreams[i].Name == name {
			c.Upstreams[i].Budget = b
		}
	}
}
