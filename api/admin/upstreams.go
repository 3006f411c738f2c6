package admin

import (
	"context"
	"net/http"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/token"
)

func (s *server) upstreamRoutes() {
	read(s, rest.Operation{
		ID: "listUpstreams", Path: "/upstreams", Tag: tagUpstreams, Summary: "Upstreams", Text: "How each of them is: paused, breaker, health, balance and for how long it lasts.",
	}, s.listUpstreams)
	read(s, rest.Operation{
		ID: "showUpstream", Path: "/upstreams/{name}", Tag: tagUpstreams, Summary: "An upstream", Text: "With its request budget, its open orders and what its account owes an explanation for.",
		Refusals: lookup(),
	}, s.showUpstream)
	register(s, token.Operator, rest.Operation{
		ID: "pauseUpstream", Method: http.MethodPost, Path: "/upstreams/{name}/pause", Tag: tagUpstreams, Summary: "Pause an upstream",
		Text: "No order goes to it from now on; those on their way are still asked about. Doing it again gives it another reason.", Refusals: lookup(),
	}, s.pauseUpstream)
	register(s, token.Operator, rest.Operation{
		ID: "resumeUpstream", Method: http.MethodPost, Path: "/upstreams/{name}/resume", Tag: tagUpstreams, Summary: "Resume an upstream",
		Text: "It ends a pause, an operator's or the upstream's own.", Refusals: lookup(),
	}, s.resumeUpstream)
}

func (s *server) listUpstreams(ctx context.Context, _ *none) (*backoffice.UpstreamList, error) {
	return s.office.ListUpstreams(ctx)
}

// UpstreamParams name an upstream.
type UpstreamParams struct {
	Name string `path:"name" doc:"Its name in the configuration." example:"rumahotp-1"`
}

func (s *server) showUpstream(ctx context.Context, in *UpstreamParams) (*backoffice.UpstreamPage, error) {
	return s.office.ShowUpstream(ctx, in.Name)
}

type pauseInput struct {
	UpstreamParams
	Body whyBody
}

func (s *server) pauseUpstream(ctx context.Context, in *pauseInput) (*backoffice.UpstreamRow, error) {
	return s.office.PauseUpstream(ctx, in.Name, in.Body.Why, actor(ctx))
}

func (s *server) resumeUpstream(ctx context.Context, in *UpstreamParams) (*backoffice.UpstreamRow, error) {
	return s.office.ResumeUpstream(ctx, in.Name, actor(ctx))
}

func (s *server) ledgerRoutes() {
	register(s, token.Operator, rest.Operation{
		ID: "verifyLedger", Method: http.MethodGet, Path: "/ledger/verify", Tag: tagLedger, Summary: "Prove the books",
		Text: "Every check, over one consistent snapshot. It reads all of them: over large books use the command, or the report of the scheduler's own run in the metrics.",
	}, s.verifyLedger)
	read(s, rest.Operation{
		ID: "statement", Path: "/merchants/{id}/statement", Tag: tagLedger, Summary: "A wallet's statement", Text: "What moved it, oldest first, with what it held before and after. " +
			"A span of more than 10000 mutations is refused.",
		Refusals: lookup(),
	}, s.walletStatement)
}

func (s *server) verifyLedger(ctx context.Context, _ *none) (*backoffice.Verified, error) {
	return s.office.VerifyBooks(ctx)
}

type walletInput struct {
	MerchantParams
	ModeParams
	rest.RangeParams
}

func (s *server) walletStatement(ctx context.Context, in *walletInput) (*backoffice.Statement, error) {
	from, to, err := in.Parse(s.loc)
	if err != nil {
		return nil, err
	}
	out, err := s.office.Statement(ctx, in.ID, in.Mode, from, to, backoffice.MostRows)
	if err == nil && masked(ctx) {
		out.Mask()
	}
	return out, err
}
