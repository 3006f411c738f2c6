package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/api/pages"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

// Deps is what the admin API stands on.
type Deps struct {
	Brand  config.Brand
	Listen config.API
	Office *backoffice.Office
	// Till is where deposits and withdrawals are looked after.
	Till *backoffice.Till
	// Catalog is what is for sale, and Sources the upstreams whose lists can be read.
	Catalog *catalog.Catalog
	Sources []string
	Now     func() time.Time
	Log     *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Tracer may be nil: then nothing is traced.
	Tracer oteltrace.Tracer
}

// Server is the admin API and its pages. It is an http.Handler.
type Server struct{ *server }

type server struct {
	deps   Deps
	office *backoffice.Office
	loc    *time.Location
	rest   *rest.Service
	door   *door
	// needs is the role that a route needs, by "METHOD /path".
	needs map[string]token.Role
	pages func() map[string]*rest.Page
	// downloads are the tables that are being written: each keeps one of the connections
	// to the database by which orders are placed, for as long as its reader likes.
	downloads chan struct{}
}

// Base is where the routes are.
const Base = "/admin/v1"

// security is what the document calls the tokens.
const security = "token"

// New builds the API.
func New(deps Deps) *Server {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Tracer == nil {
		deps.Tracer = noop.NewTracerProvider().Tracer("")
	}
	s := &server{deps: deps, office: deps.Office, loc: deps.Brand.Location(), needs: map[string]token.Role{}, downloads: make(chan struct{}, mostDownloads)}
	s.door = newDoor(deps)
	s.rest = rest.New(rest.Options{
		Config: describe(deps), Refusals: refusals, Classify: classify, Example: exampleOf, Security: security, Strict: true,
		Everywhere: []fault.Kind{fault.Unauthorized, fault.Forbidden, fault.IPNotAllowed, fault.RateLimited, fault.Upstream, fault.Internal},
		Headers:    map[string]string{"X-Request-Id": "RequestId"},
		Log:        deps.Log, Metrics: rest.NewMetrics(deps.Metrics, "muara_admin"), Tracer: deps.Tracer,
	})
	s.routes()
	s.pages = sync.OnceValue(func() map[string]*rest.Page {
		return s.rest.Pages(pages.Reference(s.rest.Huma.OpenAPI(), deps.Brand.Name))
	})
	return &Server{server: s}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.rest.Serve(w, r, s.serve) }

// routes registers everything, one line a resource.
func (s *server) routes() {
	s.orderRoutes()
	s.merchantRoutes()
	s.upstreamRoutes()
	s.ledgerRoutes()
	s.tokenRoutes()
	s.auditRoutes()
	s.priceRoutes()
	s.depositRoutes()
	s.withdrawalRoutes()
	s.webhookRoutes()
	s.reconciliationRoutes()
	s.catalogRoutes()
	s.productRoutes()
	s.reportRoutes()
	s.rest.Close(codes()...)
}

// Document gives the OpenAPI document of the admin API as JSON, in the OpenAPI version 3.1 or 3.0.
func Document(brand config.Brand, listen config.API, openapi string) ([]byte, error) {
	return New(Deps{Brand: brand, Listen: listen}).rest.Document(openapi)
}

// register adds a route that needs a role. What handle gives is the answer's data.
func register[I, O any](s *server, needs token.Role, op rest.Operation, handle func(context.Context, *I) (*O, error)) {
	s.needs[op.Method+" "+op.Path] = needs
	op.Text += "\n\nNeeds the role " + string(needs) + "."
	rest.Register(s.rest, op, handle)
	rest.Operations(s.rest.Huma.OpenAPI().Paths[op.Path])[op.Method].Extensions = map[string]any{"x-role": needs}
}

// read adds a route that changes nothing: any token may use it.
func read[I, O any](s *server, op rest.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Method = http.MethodGet
	register(s, token.Viewer, op, handle)
}

// apiVersion is the contract's, not the program's: it moves when the contract does.
const apiVersion = "1.0.0"

// The document's sections.
const (
	tagOrders    = "Orders"
	tagMerchants = "Merchants"
	tagUpstreams = "Upstreams"
	tagLedger    = "Ledger"
	tagAccess    = "Access"
)

// describe says what the API is called, where it is and how one is let in.
func describe(deps Deps) huma.Config {
	out := rest.Config()
	out.Info = &huma.Info{Title: deps.Brand.Name + " admin API", Version: apiVersion, Description: textIntroduction(deps.Brand)}
	out.Servers = []*huma.Server{{URL: Base, Description: "The API, on a port of its own."}}
	out.Tags = []*huma.Tag{
		{Name: tagOrders, Description: "Every merchant's orders, with all that is known of them."},
		{Name: tagMerchants, Description: "Merchants, their keys, tiers, limits and balances."},
		{Name: tagUpstreams, Description: "Where orders go: how each source is, pause and resume."},
		{Name: tagLedger, Description: "The books: proof and statements."},
		{Name: tagAccess, Description: "Who may call, and who changed what."},
		{Name: tagPrices, Description: "What tiers take and pay, and where merchants' events go."},
		{Name: tagDeposits, Description: "Money that comes in, and payments that wait for a person."},
		{Name: tagWithdrawals, Description: "Money that goes out, after as many different people said yes as are asked for."},
		{Name: tagWebhooks, Description: "What merchants are told."},
		{Name: tagReconciliation, Description: "Our books of a day beside an upstream's."},
		{Name: tagCatalog, Description: "What is for sale, from whom, and for how much."},
		{Name: tagReports, Description: "What the business came to; the money is the ledger's."},
	}
	out.Components.Headers = map[string]*huma.Header{
		"RequestId":    rest.TextHeader("The caller's X-Request-Id if it is 1 to 128 of A-Z a-z 0-9 . _ -, else ours.", "req-81f3"),
		"RetryAfter":   rest.NumberHeader("Seconds to wait before asking again.", 5),
		"Authenticate": rest.TextHeader("Always Bearer.", "Bearer"),
	}
	out.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		security: {Type: "http", Scheme: "bearer", Description: "`Authorization: Bearer " + deps.Brand.KeyPrefix + "_admin_…`, as `muara token create` prints it once."},
	}
	return out
}

func textIntroduction(brand config.Brand) string {
	return "What operators see and do, for programs of theirs. It has a port of its own, which is no merchant's business and no internet's.\n\n" +
		"Every answer is JSON in one envelope: `{\"ok\":true,\"data\":{…}}`, or `{\"ok\":false,\"error\":\"…\",\"code\":\"…\"}`. Act on `code`; `error` is for people. " +
		"`data` is what the command of the same name prints under `--json`.\n\n" +
		"A token has a role. A *viewer* reads; what belongs to merchants' customers is masked for it, and goods are left out. An *operator* reads in full and runs the place: " +
		"orders, upstreams, catalogue, webhooks, merchants. *Finance* may do all that, move money, and set what makes prices or lets more money out: tiers, markups, live keys, higher limits. Each route names what it needs.\n\n" +
		"What is changed is in the audit log as `token:NAME`. Where two change one thing at once one wins; the other reads `conflict`, and in `details` what is so now.\n\n" +
		"Money is whole rupiah. Times are RFC 3339; a bare date is a day in " + brand.Timezone + ". Lists that are paged take `limit` and `cursor` and give `next_cursor`."
}
