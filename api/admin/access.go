package admin

import (
	"context"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/audit"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

// none is a request without parameters.
type none struct{}

type idInput struct {
	ID int64 `path:"id" minimum:"1" doc:"Its id." example:"7"`
}

// tokenRoutes tells of tokens. They are made by `muara token create` only: whoever got hold
// of one must not make himself another.
func (s *server) tokenRoutes() {
	read(s, rest.Operation{
		ID: "me", Path: "/me", Tag: tagAccess, Summary: "The token in use", Text: "Whose it is and what it may do.",
	}, s.me)
	read(s, rest.Operation{
		ID: "listTokens", Path: "/tokens", Tag: tagAccess, Summary: "Tokens", Text: "All of them, oldest first, revoked ones too. `muara token create` makes them; this API does not.",
	}, s.tokens)
	register(s, token.Finance, rest.Operation{
		ID: "revokeToken", Method: http.MethodPost, Path: "/tokens/{id}/revoke", Tag: tagAccess, Summary: "Revoke a token",
		Text:     "It ends for ever and at once, the one in use too.",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict},
	}, s.revokeToken)
}

func (s *server) me(ctx context.Context, _ *none) (*backoffice.TokenRow, error) {
	row := backoffice.NewTokenRow(caller(ctx))
	return &row, nil
}

func (s *server) tokens(ctx context.Context, _ *none) (*backoffice.TokenList, error) {
	tokens, err := s.office.Tokens().List(ctx)
	if err != nil {
		return nil, err
	}
	list := backoffice.NewTokenList(tokens)
	return &list, nil
}

func (s *server) revokeToken(ctx context.Context, in *idInput) (*backoffice.TokenRow, error) {
	t, err := s.office.Tokens().Revoke(ctx, in.ID, actor(ctx))
	if err != nil {
		return nil, standing(err, func() (string, error) { return "revoked", nil })
	}
	row := backoffice.NewTokenRow(t)
	return &row, nil
}

// cursorAudit marks the cursors of the audit log.
const cursorAudit rest.CursorKind = 'a'

type auditInput struct {
	rest.PageParams
	rest.RangeParams
	Actor   string `query:"actor" doc:"Only by this actor." example:"token:desk"`
	Action  string `query:"action" doc:"Only this action." example:"order.resolve"`
	Subject string `query:"subject" doc:"Only on this thing, by its id." example:"MRA-M-0G3ZK4T8M1"`
}

// auditPage is a page of the audit log.
type auditPage struct {
	Count      int                     `json:"count"`
	Entries    []backoffice.AuditEntry `json:"entries" nullable:"false"`
	NextCursor *string                 `json:"next_cursor" doc:"Null at the end."`
}

func (s *server) auditRoutes() {
	read(s, rest.Operation{
		ID: "listAudit", Path: "/audit", Tag: tagAccess, Summary: "The audit log", Text: "Every change that an operator made, newest first. A viewer reads who did what to what, without the details.",
		Refusals: []fault.Kind{fault.Invalid},
	}, s.audit)
}

func (s *server) audit(ctx context.Context, in *auditInput) (*auditPage, error) {
	limit, before, err := in.PageParams.Parse(cursorAudit)
	if err != nil {
		return nil, err
	}
	from, to, err := in.RangeParams.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	rows, err := audit.Search(ctx, s.office.DB.Pool, audit.Filter{
		Actor: in.Actor, Action: in.Action, Subject: in.Subject, From: from, To: to, Before: before, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &auditPage{Entries: []backoffice.AuditEntry{}}
	rows, out.NextCursor = page(cursorAudit, rows, limit, func(e *audit.Entry) int64 { return e.ID })
	for i := range rows {
		entry := backoffice.NewAuditEntry(&rows[i])
		if masked(ctx) {
			entry.Mask()
		}
		out.Entries = append(out.Entries, entry)
	}
	out.Count = len(out.Entries)
	return out, nil
}

// page cuts what was read, one row more than asked for, to the page, and gives the cursor
// of the next one; nil at the end.
func page[T any](kind rest.CursorKind, rows []T, limit int, key func(*T) int64) ([]T, *string) {
	if len(rows) <= limit {
		return rows, nil
	}
	next := rest.Cursor(kind, key(&rows[limit-1]))
	return rows[:limit], &next
}
