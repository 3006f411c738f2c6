package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/withdraw"
)

type mutationsInput struct {
	rest.PageParams
	rest.RangeParams
	Format string `query:"format" enum:"json,csv" default:"json" doc:"csv streams the whole range; limit and cursor do not apply."`
}

type mutationsData struct {
	Count      int        `json:"count" example:"1"`
	Mutations  []mutation `json:"mutations" nullable:"false"`
	NextCursor *string    `json:"next_cursor" doc:"Null at the end."`
}

type mutation struct {
	ID        int64     `json:"id" doc:"1, 2, 3 … of this balance, without a gap." example:"42"`
	Debit     int64     `json:"debit" doc:"Rupiah that went out." example:"2750"`
	Credit    int64     `json:"credit" doc:"Rupiah that came in." example:"0"`
	Balance   int64     `json:"balance" doc:"Rupiah after it." example:"247250"`
	Kind      string    `json:"kind" enum:"deposit,order,refund,withdraw,withdraw_refund,adjustment,late_charge"`
	Ref       *string   `json:"ref" doc:"Your ref of the order or withdrawal; of a deposit your ref, or else its deposit_id." example:"trx-0001"`
	OrderID   *string   `json:"order_id" example:"PPOB-0G3ZK4T8M1Q2R"`
	Notes     string    `json:"notes" example:"Mobile Legends 10 Diamond"`
	CreatedAt time.Time `json:"created_at"`
}

const (
	// csvBatch is how many rows of a statement are in memory at once.
	csvBatch = 500
	// csvWrite is how long a reader may take for one batch.
	csvWrite = time.Minute
)

func (s *server) mutationRoutes() {
	rest.RegisterStream[mutationsInput, mutationsData](s.rest, rest.Operation{
		ID: "mutations", Method: http.MethodGet, Path: "/mutations", Tag: tagAccount,
		Summary:  "List what moved the balance",
		Text:     "Newest first; the running `balance` is exact.",
		Refusals: []fault.Kind{fault.Invalid}, Gives: exampleMutations,
	}, func(h *huma.Operation) {
		h.Responses["200"].Content["text/csv"] = &huma.MediaType{
			Schema:  &huma.Schema{Type: huma.TypeString, Description: "Columns named as in JSON."},
			Example: "id,debit,credit,balance,kind,ref,order_id,notes,created_at\n42,2750,0,247250,order,trx-0001,PPOB-0G3ZK4T8M1Q2R,Mobile Legends 10 Diamond,2026-11-21T10:00:00Z\n",
		}
	}, s.mutations)
}

func (s *server) mutations(ctx context.Context, in *mutationsInput) (func(huma.Context), error) {
	limit, before, err := in.PageParams.Parse(cursorMutations)
	if err != nil {
		return nil, err
	}
	from, to, err := in.RangeParams.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	if in.Format == "csv" {
		return func(hc huma.Context) { s.streamMutations(hc, "mutations", ledger.Range{From: from, To: to}, nil, nil) }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, rest.AnswerTimeout)
	defer cancel()
	rows, err := ledger.Mutations(ctx, s.deps.DB.Pool, caller(ctx).WalletID, ledger.Range{From: from, To: to, Before: before, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	data := mutationsData{}
	if len(rows) > limit {
		rows = rows[:limit]
		next := rest.Cursor(cursorMutations, rows[limit-1].ID)
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
		_ = enc.Encode(rest.Success[mutationsData]{OK: true, Data: data}) // the caller may have hung up
	}, nil
}

// nameMutations adds what a merchant knows the orders behind entries as.
func (s *server) nameMutations(ctx context.Context, rows []ledger.Mutation) ([]mutation, error) {
	ids := map[string][]int64{}
	for _, m := range rows {
		ids[m.Subject] = append(ids[m.Subject], m.SubjectID)
	}
	names, err := order.NamesOf(ctx, s.deps.DB.Bun, ids["order"])
	if err != nil {
		return nil, err
	}
	deposits, err := deposit.NamesOf(ctx, s.deps.DB.Pool, s.deps.Brand.IDPrefix, ids["deposit"])
	if err != nil {
		return nil, err
	}
	withdrawals, err := withdraw.NamesOf(ctx, s.deps.DB.Pool, ids["withdraw"])
	if err != nil {
		return nil, err
	}
	out := make([]mutation, len(rows))
	for i, m := range rows {
		out[i] = mutation{
			ID: m.ID, Debit: m.Debit, Credit: m.Credit, Balance: m.Balance, Kind: m.Kind, Notes: m.Notes, CreatedAt: m.CreatedAt.UTC(),
		}
		if n, ok := names[m.SubjectID]; ok && m.Subject == "order" {
			out[i].Ref, out[i].OrderID = &n.Ref, &n.OrderID
		}
		if ref, ok := deposits[m.SubjectID]; ok && m.Subject == "deposit" {
			out[i].Ref = &ref
		}
		if ref, ok := withdrawals[m.SubjectID]; ok && m.Subject == "withdraw" {
			out[i].Ref = &ref
		}
	}
	return out, nil
}

// streamMutations writes a statement of any length in little memory, between a first
// and a last row where there are such. When it fails halfway the connection breaks
// off, so that no reader takes it for whole.
func (s *server) streamMutations(hc huma.Context, name string, r ledger.Range, first, last []string) {
	ctx := hc.Context()
	c := rest.CallOf(ctx)
	hc.SetHeader("Content-Type", "text/csv; charset=utf-8")
	hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	out := csv.NewWriter(hc.BodyWriter())
	conn := http.NewResponseController(c.W)
	batch := make([]ledger.Mutation, 0, csvBatch)
	flush := func() error {
		// A recorder has no deadlines, and does not need them.
		_ = conn.SetWriteDeadline(time.Now().Add(csvWrite))
		named, err := s.nameMutations(ctx, batch)
		if err != nil {
			return err
		}
		batch = batch[:0]
		for _, m := range named {
			if err := out.Write(csvRow(m)); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
	err := out.Write([]string{"id", "debit", "credit", "balance", "kind", "ref", "order_id", "notes", "created_at"})
	if err == nil && first != nil {
		err = out.Write(first)
	}
	if err == nil {
		err = ledger.EachMutation(ctx, s.deps.DB.Pool, caller(ctx).WalletID, r, func(m ledger.Mutation) error {
			if batch = append(batch, m); len(batch) < csvBatch {
				return nil
			}
			return flush()
		})
	}
	if err == nil && last != nil {
		err = errors.Join(flush(), out.Write(last))
	}
	if err == nil {
		err = flush()
	}
	if err != nil {
		panic(fmt.Errorf("api: statement: %w", err))
	}
}

func csvRow(m mutation) []string {
	return []string{
		strconv.FormatInt(m.ID, 10), strconv.FormatInt(m.Debit, 10), strconv.FormatInt(m.Credit, 10), strconv.FormatInt(m.Balance, 10),
		m.Kind, orEmpty(m.Ref), orEmpty(m.OrderID), m.Notes, m.CreatedAt.Format(time.RFC3339Nano),
	}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
