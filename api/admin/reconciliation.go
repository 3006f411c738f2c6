package admin

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/token"
)

const (
	tagReconciliation = "Reconciliation"
	cursorRuns        = rest.CursorKind('R')
)

type runsInput struct {
	rest.PageParams
	Upstream string `query:"upstream" doc:"Only of this upstream."`
}

// runsPage is a page of comparisons.
type runsPage struct {
	backoffice.RunList
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

type findingsInput struct {
	ID  int64 `path:"id" minimum:"1" doc:"The comparison's." example:"7"`
	All bool  `query:"all" doc:"What matched as well."`
}

type requestRunInput struct {
	Body struct {
		Upstream string `json:"upstream" minLength:"1" doc:"Its name in the configuration." example:"rumahotp-1"`
		Date     string `json:"date,omitempty" doc:"A day in the brand's time zone that is over; left out, yesterday." example:"2026-11-20"`
	}
}

// reconciliationRoutes compare our books of a day with an upstream's.
func (s *server) reconciliationRoutes() {
	read(s, rest.Operation{
		ID: "listReconciliations", Path: "/reconciliations", Tag: tagReconciliation, Summary: "Days that were compared", Refusals: []fault.Kind{fault.Invalid},
		Text: "The last that was asked for first.",
	}, s.runs)
	read(s, rest.Operation{
		ID: "showReconciliation", Path: "/reconciliations/{id}", Tag: tagReconciliation, Summary: "A comparison", Refusals: []fault.Kind{fault.Invalid, fault.NotFound},
		Text: "How far it is, and what it came to.",
	}, func(ctx context.Context, in *idInput) (*reconcile.Run, error) {
		return reconcile.Get(ctx, s.office.DB.Pool, in.ID)
	})
	read(s, rest.Operation{
		ID: "listFindings", Path: "/reconciliations/{id}/findings", Tag: tagReconciliation, Summary: "What a comparison found",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound}, Text: "At most 10,000 lines; the CSV has all.",
	}, func(ctx context.Context, in *findingsInput) (*backoffice.Findings, error) {
		out, err := backoffice.ListFindings(ctx, s.office.DB.Pool, in.ID, in.All, backoffice.MostRows)
		if err == nil && masked(ctx) {
			out.Mask()
		}
		return out, err
	})
	download(s, token.Operator, rest.Operation{
		ID: "listFindingsCSV", Path: "/reconciliations/{id}/findings.csv", Tag: tagReconciliation, Summary: "What a comparison found, as CSV",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound}, Text: "All lines. Customers' numbers are in it.",
	}, func(ctx context.Context, in *findingsInput) (string, table, error) {
		if _, err := reconcile.Get(ctx, s.office.DB.Pool, in.ID); err != nil {
			return "", nil, err
		}
		return "reconciliation-" + strconv.FormatInt(in.ID, 10), func(ctx context.Context, w io.Writer) error {
			return backoffice.FindingsCSV(ctx, s.office.DB.Pool, in.ID, in.All, w)
		}, nil
	})
	register(s, token.Operator, rest.Operation{
		ID: "requestReconciliation", Method: http.MethodPost, Path: "/reconciliations", Tag: tagReconciliation, Summary: "Compare a day, or compare it again",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound}, Text: "The upstream's worker does it; the answer is where it is watched.",
	}, func(ctx context.Context, in *requestRunInput) (*reconcile.Run, error) {
		id, err := backoffice.RequestRun(ctx, s.office.DB.Pool, in.Body.Upstream, in.Body.Date, s.loc, actor(ctx), s.deps.Now())
		if err != nil {
			return nil, err
		}
		return reconcile.Get(ctx, s.office.DB.Pool, id)
	})
}

func (s *server) runs(ctx context.Context, in *runsInput) (*runsPage, error) {
	limit, before, err := in.Parse(cursorRuns)
	if err != nil {
		return nil, err
	}
	list, err := backoffice.ListRuns(ctx, s.office.DB.Pool, in.Upstream, before, limit+1)
	if err != nil {
		return nil, err
	}
	out := &runsPage{RunList: *list}
	out.Runs, out.NextCursor = page(cursorRuns, list.Runs, limit, func(r **reconcile.Run) int64 { return (*r).ID })
	out.Count = len(out.Runs)
	return out, nil
}
