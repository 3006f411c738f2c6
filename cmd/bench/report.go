package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// figures are what .muara/bench.json holds.
type figures struct {
	// AcceptSpreadRatio and AcceptHotRatio compare accepted orders with pgbench's one commit an order.
	AcceptSpreadRatio float64 `json:"accept_spread_ratio"`
	AcceptHotRatio    float64 `json:"accept_hot_ratio"`
	// PipelinePerS counts orders that went the whole way; PipelineAsynqRatio compares them with bare tasks.
	PipelinePerS       float64 `json:"pipeline_per_s"`
	PipelineAsynqRatio float64 `json:"pipeline_asynq_ratio"`
	// DoorP50Ms and DoorP99Ms are from the order's request to the source's door, in milliseconds.
	DoorP50Ms float64 `json:"door_p50_ms"`
	DoorP99Ms float64 `json:"door_p99_ms"`
	// TickRatio compares a scheduler's tick with and without the final orders.
	TickRatio       float64 `json:"tick_ratio"`
	Catalogue200PS  float64 `json:"catalogue_200_per_s"`
	Catalogue304PS  float64 `json:"catalogue_304_per_s"`
	APIResidentMiBs float64 `json:"api_rss_mb"`
	// BookPageP99Ms is of the dearest page of a merchant with a long past, BookExportMiB what its exports took of memory.
	BookPageP99Ms float64 `json:"book_page_p99_ms"`
	BookExportMiB float64 `json:"book_export_mb"`
}

// line is a row of the table.
type line struct{ what, measured, target, verdict string }

// report collects what was measured.
type report struct {
	figures figures
	lines   []line
	notes   []string
}

// add adds a row; a target is reached when ok.
func (r *report) add(what, measured, target string, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "MISSED"
	}
	r.lines = append(r.lines, line{what, measured, target, verdict})
}

// tell adds a row without a target.
func (r *report) tell(what, measured string) {
	r.lines = append(r.lines, line{what: what, measured: measured})
}

// note adds a line below the table.
func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nfigure\tmeasured\ttarget\t")
	for _, l := range r.lines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.what, l.measured, l.target, l.verdict)
	}
	_ = t.Flush() // a terminal that went away
	fmt.Fprintln(w)
	for _, n := range r.notes {
		fmt.Fprintln(w, n)
	}
}

func (r *report) write(path string) error {
	f := r.figures
	for _, v := range []*float64{
		&f.AcceptSpreadRatio, &f.AcceptHotRatio, &f.PipelinePerS, &f.PipelineAsynqRatio, &f.DoorP50Ms, &f.DoorP99Ms,
		&f.TickRatio, &f.Catalogue200PS, &f.Catalogue304PS, &f.APIResidentMiBs, &f.BookPageP99Ms, &f.BookExportMiB,
	} {
		*v = math.Round(*v*1000) / 1000
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// quantile gives the q-th part of durations, which it sorts.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func perSecond(n float64) string { return fmt.Sprintf("%.0f/s", n) }
