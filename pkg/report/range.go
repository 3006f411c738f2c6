package report

import (
	"errors"
	"fmt"
	"time"
)

// ErrRange is the refusal of a range that is none.
var ErrRange = errors.New("report: no such range")

// longest is the longest range of a report, in days: rows by day stay countable.
const longest = 3 * 366

// Range is a run of whole days in the brand's time zone.
type Range struct {
	// From is the beginning of the first day, and To of the first day after.
	From, To time.Time
}

// Days reads a range of bare dates (2006-01-02) in a time zone: from is its first
// day, and to the first day that is no longer in it. Left out, from is the first of
// to's month, or of the month of the day before where to is a first; to is the day
// after now's. [ErrRange] says what is wrong.
func Days(from, to string, zone *time.Location, now time.Time) (Range, error) {
	var r Range
	var err error
	if to == "" {
		now = now.In(zone)
		r.To = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, zone)
	} else if r.To, err = time.ParseInLocation(time.DateOnly, to, zone); err != nil {
		return r, fmt.Errorf("%w: %q is no date (YYYY-MM-DD)", ErrRange, to)
	}
	if from == "" {
		last := r.To.AddDate(0, 0, -1)
		r.From = time.Date(last.Year(), last.Month(), 1, 0, 0, 0, 0, zone)
	} else if r.From, err = time.ParseInLocation(time.DateOnly, from, zone); err != nil {
		return r, fmt.Errorf("%w: %q is no date (YYYY-MM-DD)", ErrRange, from)
	}
	switch {
	case !r.From.Before(r.To):
		return r, fmt.Errorf("%w: %s is not before %s", ErrRange, r.first(), r.end())
	case r.From.AddDate(0, 0, longest).Before(r.To):
		return r, fmt.Errorf("%w: more than %d days", ErrRange, longest)
	}
	return r, nil
}

func (r Range) first() string { return r.From.Format(time.DateOnly) }
func (r Range) end() string   { return r.To.Format(time.DateOnly) }

// zone is what Postgres knows the range's time zone as.
func (r Range) zone() string { return r.From.Location().String() }
