package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
)

type statementInput struct {
	rest.PageParams
	Month  string `query:"month" doc:"The month (YYYY-MM), in the time zone of the answer; left out: this one so far." example:"2026-11"`
	Format string `query:"format" enum:"json,csv" default:"json" doc:"csv streams the whole month between an opening and a closing row; limit and cursor do not apply."`
}

type statementData struct {
	Month      string     `json:"month" example:"2026-11"`
	Timezone   string     `json:"timezone" example:"Asia/Jakarta"`
	From       time.Time  `json:"from" doc:"Inclusive."`
	To         time.Time  `json:"to" doc:"Exclusive."`
	Opening    int64      `json:"opening" doc:"Rupiah in the balance when the month began." example:"0"`
	Debit      int64      `json:"debit" doc:"Rupiah that went out in the month." example:"2750"`
	Credit     int64      `json:"credit" doc:"Rupiah that came in." example:"250000"`
	Closing    int64      `json:"closing" doc:"Rupiah when it ended, or now: opening + credit - debit." example:"247250"`
	Count      int        `json:"count" doc:"Mutations in this answer." example:"1"`
	Mutations  []mutation `json:"mutations" nullable:"false"`
	NextCursor *string    `json:"next_cursor" doc:"Null at the end."`
}

func (s *server) statementRoutes() {
	rest.RegisterStream[statementInput, statementData](s.rest, rest.Operation{
		ID: "statement", Method: http.MethodGet, Path: "/statement", Tag: tagAccount,
		Summary:  "A month's statement",
		Text:     "What the balance opened with, every mutation, oldest first, and what it closed with. What one month closes with, the next opens with.",
		Refusals: []fault.Kind{fault.Invalid}, Gives: exampleStatement(),
	}, func(h *huma.Operation) {
		h.Responses["200"].Content["text/csv"] = &huma.MediaType{
			Schema: &huma.Schema{Type: huma.TypeString, Description: "Columns named as in JSON; the first row is of kind opening, the last of kind closing, with the sums."},
		}
	}, s.statement)
}

func (s *server) statement(ctx context.Context, in *statementInput) (func(huma.Context), error) {
	limit, after, err := in.Parse(cursorStatement)
	if err != nil {
		return nil, err
	}
	now := s.deps.Now().In(s.loc)
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, s.loc)
	if in.Month != "" {
		if month, err = time.ParseInLocation("2006-01", in.Month, s.loc); err != nil || month.After(now) {
			return nil, fault.Field("month", "must be a month (YYYY-MM) that has begun")
		}
	}
	end := month.AddDate(0, 1, 0)
	ctx, cancel := context.WithTimeout(ctx, rest.AnswerTimeout)
	defer cancel()
	st, err := ledger.StatementOf(ctx, s.deps.DB.Pool, caller(ctx).WalletID, &month, &end)
	if err != nil {
		return nil, err
	}
	if in.Format == "csv" {
		first := []string{"", "0", "0", strconv.FormatInt(st.Opening, 10), "opening", "", "", "", month.Format(time.RFC3339)}
		last := []string{
			"", strconv.FormatInt(st.Debits, 10), strconv.FormatInt(st.Credits, 10), strconv.FormatInt(st.Closing, 10), "closing", "", "", "", end.Format(time.RFC3339),
		}
		return func(hc huma.Context) {
			s.streamMutations(hc, "statement-"+month.Format("2006-01"), st.Mutations(), first, last)
		}, nil
	}
	r := st.Mutations()
	r.After, r.Limit = max(r.After, after), limit+1
	rows, err := ledger.Mutations(ctx, s.deps.DB.Pool, caller(ctx).WalletID, r)
	if err != nil {
		return nil, err
	}
	data := statementData{
		Month: month.Format("2006-01"), Timezone: s.loc.String(), From: month, To: end, Opening: st.Opening, Debit: st.Debits, Credit: st.Credits, Closing: st.Closing,
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorStatement, rows[limit-1].ID)
		data.NextCursor = &next
	}
	if data.Mutations, err = s.nameMutations(ctx, rows); err != nil {
		return nil, err
	}
	data.Count = len(data.Mutations)
	return func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		enc := json.NewEncoder(hc.BodyWriter())
		enc.SetEscapeHTML(false)
		_ = enc.Encode(rest.Success[statementData]{OK: true, Data: data}) // the caller may have hung up
	}, nil
}

func exampleStatement() statementData {
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("", 7*60*60))
	return statementData{
		Month: "2026-11", Timezone: "Asia/Jakarta", From: month, To: month.AddDate(0, 1, 0), Credit: 250_000, Debit: 2_750, Closing: 247_250,
		Count: exampleMutations.Count, Mutations: exampleMutations.Mutations,
	}
}
