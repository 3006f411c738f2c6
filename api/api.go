package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/config"
	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/webhook"
	"github.com/muarahq/muara/pkg/withdraw"
)

// Deps is what the API stands on.
type Deps struct {
	Brand   config.Brand
	Listen  config.API
	DB      *pg.DB
	Auth    *merchant.Authenticator
	Limiter *merchant.Limiter
	Placer  *order.Placer
	// Deposits keeps deposits, Invoices finds invoices for them, and Money bounds them.
	Deposits *deposit.Keeper
	Invoices *deposit.Opener
	Money    config.Deposits
	// Inquiries keeps bills that are asked for before they are paid.
	Inquiries *inquiry.Keeper
	// Checks keeps accounts that are looked up, and Checkers are who does it.
	Checks   *check.Keeper
	Checkers Checkers
	// Pricers are who tells the price of one product.
	Pricers Pricers
	// Withdrawals keeps withdrawals, and MoneyOut bounds them.
	Withdrawals *withdraw.Keeper
	MoneyOut    config.Withdrawals
	Writer      *order.Writer
	Catalog     *catalog.Catalog
	// Opener opens the content of premium orders; nil where none is sold.
	Opener order.Opener
	Queue  Queue
	// Endpoints are the merchants' webhook endpoints.
	Endpoints *webhook.Endpoints
	// CheckURL refuses where webhooks may not go, with a *webhook.RefusedError.
	CheckURL func(ctx context.Context, url string) error
	// Callbacks takes what sources post; nil where none does.
	Callbacks *callback.Door
	// Now is the clock of what is decided here: ranges, ages, the time in ping.
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Tracer may be nil: then nothing is traced.
	Tracer oteltrace.Tracer
}

// Queue gets work to the workers, best effort: what is lost here is found by the scheduler.
type Queue interface {
	Buy(ctx context.Context, upstream string, orderID int64, attempts int, gen int64) error
	Act(ctx context.Context, upstream string, orderID, version int64) error
	Webhook(ctx context.Context, eventID int64, attempts int, gen int64) error
	Callback(ctx context.Context, upstream string, id int64, attempts int, gen int64) error
	// Ask waits for a worker's answer until ctx ends.
	Ask(ctx context.Context, upstream, kind string, offerID int64) (*queue.Answer, error)
	AskInquiry(ctx context.Context, upstream string, inquiryID int64) (verdict string, err error)
	AskCheck(ctx context.Context, upstream string, checkID int64) (verdict string, err error)
	AskTargets(ctx context.Context, upstream, kind string) (verdict string, err error)
	AskPrice(ctx context.Context, upstream string, offerID int64, n int) (verdict string, err error)
}

// Server is the merchant API and its public pages. It is an http.Handler.
type Server struct{ *server }

type server struct {
	deps   Deps
	loc    *time.Location
	rest   *rest.Service
	tell   *teller
	pages  func() map[string]*rest.Page
	prices *priceBoard
	quotes *quotes
}

// New builds the API. Close ends what runs behind it.
func New(deps Deps) *Server {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Tracer == nil {
		deps.Tracer = noop.NewTracerProvider().Tracer("")
	}
	s := &server{deps: deps, loc: deps.Brand.Location(), tell: newTeller(deps.Queue, deps.Log), prices: newPriceBoard(deps.Listen), quotes: newQuotes()}
	s.rest = rest.New(rest.Options{
		Config: humaConfig(deps), Refusals: refusals, Classify: classify, Everywhere: everywhere(), Headers: knownHeaders(), Example: exampleOf, Security: "key",
		Log: deps.Log, Metrics: rest.NewMetrics(deps.Metrics, "muara_http"), Tracer: deps.Tracer,
	})
	s.routes()
	s.pages = sync.OnceValue(s.newPages)
	return &Server{server: s}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.rest.Serve(w, r, s.serve) }

// Close tells the workers of what was accepted and not told yet, until ctx ends.
func (s *Server) Close(ctx context.Context) { s.tell.close(ctx) }

// routes registers everything; what it adds to the document is there afterwards.
func (s *server) routes() {
	s.accountRoutes()
	s.catalogRoutes()
	s.orderRoutes()
	s.inquiryRoutes()
	s.checkRoutes()
	s.depositRoutes()
	s.withdrawRoutes()
	s.mutationRoutes()
	s.statementRoutes()
	s.settingsRoutes()
	s.webhookRoutes()
	s.rest.Close(codes()...)
}
