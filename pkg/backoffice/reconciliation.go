package backoffice

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/sheet"
)

// RunList is comparisons of days, newest first.
type RunList struct {
	Count int              `json:"count"`
	Runs  []*reconcile.Run `json:"runs"`
}

// ListRuns gives comparisons of an upstream, or of all where it is empty.
func ListRuns(ctx context.Context, pool *pgxpool.Pool, upstream string, before int64, most int) (*RunList, error) {
	if err := limited(most); err != nil {
		return nil, err
	}
	runs, err := reconcile.List(ctx, pool, upstream, before, most)
	if err != nil {
		return nil, err
	}
	return &RunList{Count: len(runs), Runs: append([]*reconcile.Run{}, runs...)}, nil
}

// RequestRun asks for a comparison of a day (2006-01-02 in the zone; empty is yesterday),
// again if it was compared before, and gives the run; an upstream's worker does the rest.
func RequestRun(ctx context.Context, pool *pgxpool.Pool, upstream, day string, zone *time.Location, actor string, now time.Time) (int64, error) {
	if day == "" {
		day = now.In(zone).AddDate(0, 0, -1).Format(time.DateOnly)
	}
	id, err := reconcile.Request(ctx, pool, upstream, day, zone, actor, now)
	if errors.Is(err, reconcile.ErrNotFound) {
		return 0, fault.New(fault.NotFound, "no upstream is called "+strconv.Quote(upstream))
	}
	return id, err
}

// FindingRow is one purchase of a compared day.
type FindingRow struct {
	Kind        reconcile.Kind `json:"kind" enum:"matched,amount,only_ours,only_theirs,status"`
	OrderID     int64          `json:"order,string" doc:"Ours; 0 where only theirs."`
	Attempt     int            `json:"attempt"`
	OurRef      string         `json:"our_ref"`
	UpstreamRef string         `json:"upstream_ref"`
	Code        string         `json:"code"`
	Target      string         `json:"target"`
	Ours        string         `json:"ours" doc:"Our attempt's outcome."`
	Theirs      string         `json:"theirs" doc:"Their state; empty where they have no such purchase."`
	OursCost    *int64         `json:"ours_cost"`
	TheirsCost  *int64         `json:"theirs_cost"`
	At          *time.Time     `json:"at"`
	Note        string         `json:"note"`
}

// Findings are the lines of a comparison.
type Findings struct {
	Count    int          `json:"count"`
	More     bool         `json:"more" doc:"There are more: ask for CSV."`
	Findings []FindingRow `json:"findings"`
}

// errEnough ends a list whose limit is reached.
var errEnough = errors.New("enough")

// ListFindings gives the findings of a comparison, with what matched as well if all.
func ListFindings(ctx context.Context, pool *pgxpool.Pool, id int64, all bool, most int) (*Findings, error) {
	if err := limited(most); err != nil {
		return nil, err
	}
	if _, err := reconcile.Get(ctx, pool, id); err != nil {
		return nil, err
	}
	out := &Findings{Findings: []FindingRow{}}
	err := reconcile.Lines(ctx, pool, id, all, func(l reconcile.Line) error {
		if len(out.Findings) == most {
			out.More = true
			return errEnough
		}
		out.Findings = append(out.Findings, FindingRow(l))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	out.Count = len(out.Findings)
	return out, nil
}

// FindingsCSV writes the findings of a comparison, one at a time.
func FindingsCSV(ctx context.Context, pool *pgxpool.Pool, id int64, all bool, w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"kind", "order", "attempt", "our_ref", "upstream_ref", "code", "target", "ours", "theirs", "ours_cost", "theirs_cost", "at", "note"}
	if err := out.Write(head); err != nil {
		return err
	}
	err := reconcile.Lines(ctx, pool, id, all, func(l reconcile.Line) error { return out.Write(findingCells(&l)) })
	out.Flush()
	return errors.Join(err, out.Error())
}

func findingCells(l *reconcile.Line) []string {
	cells := []string{
		string(l.Kind), "", "", sheet.Text(l.OurRef), sheet.Text(l.UpstreamRef), sheet.Text(l.Code), sheet.Text(l.Target), l.Ours, l.Theirs, "", "", "", sheet.Text(l.Note),
	}
	if l.OrderID != 0 {
		cells[1], cells[2] = strconv.FormatInt(l.OrderID, 10), strconv.Itoa(l.Attempt)
	}
	if l.OursCost != nil {
		cells[9] = strconv.FormatInt(*l.OursCost, 10)
	}
	if l.TheirsCost != nil {
		cells[10] = strconv.FormatInt(*l.TheirsCost, 10)
	}
	if l.At != nil {
		cells[11] = l.At.UTC().Format(time.RFC3339)
	}
	return cells
}
