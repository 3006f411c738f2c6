package rqid

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/lenient"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// StatementPage reads one page of the history of the days around from and to; what
// was not begun between them is left out, what does not say when it was is not. A row
// that is not understood is given without a state: that it is there is evidence.
func (d *Driver) StatementPage(ctx context.Context, from, to time.Time, page int) (lines []upstream.StatementLine, next int, err error) {
	page = max(page, 1)
	first, last := days(from, to)
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathHistory, wire.HistoryRequest{
		MMID: d.mmid(), StartDate: first, EndDate: last, Page: page, PerPage: wire.MaxPerPage,
	})
	if err != nil {
		return nil, 0, err
	}
	r, err := wire.DecodeStatement(resp.Body)
	if err != nil {
		return nil, 0, d.explain(resp, err)
	}
	if broken(resp, int(r.Code)) {
		return nil, 0, brokenAnswer(resp)
	}
	if meta := r.Data.Meta; meta != nil && int(meta.CurrentPage) != page || meta == nil && page > 1 {
		return nil, 0, upstream.Malformed(resp.Code(), errors.New("another page than was asked for"))
	}
	if r.Data.Odd > 0 && d.cfg.Log != nil {
		d.cfg.Log.WarnContext(ctx, "history rows not understood", "upstream", d.cfg.Name, "rows", r.Data.Odd)
	}
	for i := range r.Data.Rows {
		if line := statementLine(&r.Data.Rows[i]); line.At.IsZero() || !line.At.Before(from) && line.At.Before(to) {
			lines = append(lines, line)
		}
	}
	if !r.Data.Last() {
		next = page + 1
	}
	return lines, next, nil
}

func statementLine(row *wire.HistoryRow) upstream.StatementLine {
	line := upstream.StatementLine{Ref: string(row.Ref1), Code: string(row.ProductCode), Target: string(row.CustomerID), At: row.CreatedAt.UTC()}
	if row.TotalPrice != nil {
		line.Cost = int64(*row.TotalPrice)
	}
	switch state := row.State(); {
	case state == wire.StateSuccess && !wire.OfInquiry(row.Msg):
		line.State = upstream.Succeeded
	case state == wire.StateFailed:
		line.State = upstream.Failed
	case state.Pending():
		line.State = upstream.Pending
	}
	return line
}

// days are the days in WIB that lie between two moments, the second one exclusive.
func days(from, to time.Time) (first, last string) {
	day := func(t time.Time) string { return t.In(lenient.WIB()).Format(wire.DateLayout) }
	return day(from), day(to.Add(-time.Nanosecond))
}

// Movements reads the mutations of the days around from and to. Which of debit and
// credit left us, and whether the newest stands first, the rows say themselves: by the
// balance that each leaves behind.
func (d *Driver) Movements(ctx context.Context, from, to time.Time) ([]upstream.Movement, error) {
	first, last := days(from, to)
	resp, err := d.ask(ctx, d.cfg.HTTP.Read, wire.PathMutations, wire.MutationsRequest{MMID: d.mmid(), StartDate: first, EndDate: last})
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeMutations(resp.Body)
	if err != nil {
		return nil, d.explain(resp, err)
	}
	if broken(resp, int(r.Code)) {
		return nil, brokenAnswer(resp)
	}
	if !r.Data.Last() {
		return nil, upstream.Malformed(resp.Code(), errors.New("one page of several"))
	}
	all := inOrder(r.Data.Rows)
	return slices.DeleteFunc(all, func(m upstream.Movement) bool {
		return !m.At.IsZero() && (m.At.Before(from) || !m.At.Before(to))
	}), nil
}

// inOrder gives movements oldest first, as their times say, with the sides turned so
// that as many as possible lead from one balance to the next. Backwards, the other
// side would lead there as well: where the times do not say which came first, the
// document's example decides (a purchase is a credit).
func inOrder(rows []wire.Mutation) []upstream.Movement {
	var best []upstream.Movement
	links := -1
	for _, turned := range []bool{true, false} {
		for _, reversed := range directions(rows) {
			all := movements(rows, reversed, turned)
			if n := linked(all); n > links {
				best, links = all, n
			}
		}
	}
	return best
}

// directions are those in which the rows may be read: newest first, as they stand, or
// both where their times do not say.
func directions(rows []wire.Mutation) []bool {
	if len(rows) == 0 {
		return []bool{false}
	}
	switch rows[0].CreatedAt.Compare(rows[len(rows)-1].CreatedAt.Time) {
	case -1:
		return []bool{false}
	case 1:
		return []bool{true}
	}
	return []bool{false, true}
}

func movements(rows []wire.Mutation, reversed, turned bool) []upstream.Movement {
	out := make([]upstream.Movement, len(rows))
	for i := range rows {
		m := &rows[i]
		out[i] = upstream.Movement{
			UpstreamRef: string(m.TrxNo), Debit: int64(m.Debit), Credit: int64(m.Credit), Balance: int64(*m.Balance), Notes: string(m.Notes), At: m.CreatedAt.UTC(),
		}
		if turned {
			out[i].Debit, out[i].Credit = out[i].Credit, out[i].Debit
		}
	}
	if reversed {
		slices.Reverse(out)
	}
	return out
}

// linked counts the movements that lead from the balance before them to their own.
func linked(all []upstream.Movement) int {
	n := 0
	for i := 1; i < len(all); i++ {
		if all[i-1].Balance-all[i].Debit+all[i].Credit == all[i].Balance {
			n++
		}
	}
	return n
}
