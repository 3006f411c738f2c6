package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

const (
	// downloadTime bounds a table that is written while it is read.
	downloadTime = 10 * time.Minute
	// mostDownloads is how many tables are written at once, and downloadWait what whoever
	// comes then is asked to wait.
	mostDownloads = 3
	downloadWait  = 10 * time.Second
)

// table writes a CSV.
type table func(ctx context.Context, w io.Writer) error

// download adds a route that answers with a CSV, written while it is read: open refuses
// before the first byte, and gives the file's name. What fails later breaks the
// connection off, so that nobody takes a part for the whole.
func download[I any](s *server, needs token.Role, op rest.Operation, open func(context.Context, *I) (name string, write table, err error)) {
	op.Method = http.MethodGet
	s.needs[op.Method+" "+op.Path] = needs
	op.Text += "\n\nA text that a spreadsheet would take for a formula has an apostrophe in front.\n\nNeeds the role " + string(needs) + "."
	csv := func(h *huma.Operation) {
		h.Responses["200"].Content = map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}, Example: op.Gives}}
	}
	rest.RegisterStream[I, string](s.rest, op, csv, func(ctx context.Context, in *I) (func(huma.Context), error) {
		name, write, err := open(ctx, in)
		if err != nil {
			return nil, err
		}
		select {
		case s.downloads <- struct{}{}:
		default:
			return nil, fault.New(fault.RateLimited, fmt.Sprintf("%d tables are being downloaded already", cap(s.downloads))).After(downloadWait)
		}
		return func(hc huma.Context) {
			defer func() { <-s.downloads }()
			s.stream(hc, name, write)
		}, nil
	})
	rest.Operations(s.rest.Huma.OpenAPI().Paths[op.Path])[op.Method].Extensions = map[string]any{"x-role": needs}
	delete(s.rest.Huma.OpenAPI().Components.Schemas.Map(), "StringAnswer") // a table has no envelope
}

func (s *server) stream(hc huma.Context, name string, write table) {
	ctx, cancel := context.WithTimeout(hc.Context(), downloadTime)
	defer cancel()
	hc.SetHeader("Content-Type", "text/csv; charset=utf-8")
	hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	// A recorder has no deadlines, and does not need them.
	_ = http.NewResponseController(rest.CallOf(hc.Context()).W).SetWriteDeadline(time.Now().Add(downloadTime))
	if err := write(ctx, hc.BodyWriter()); err != nil {
		panic(fmt.Errorf("admin: %s: %w", name, err))
	}
}
