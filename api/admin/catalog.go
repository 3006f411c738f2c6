package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/edit"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

const tagCatalog = "Catalogue"

// productsMost bounds a page of products.
const productsMost = 500

type productsInput struct {
	Mode     string `query:"mode" enum:"live,test" default:"live"`
	Category string `query:"category" enum:"ppob,smm,otp,product" doc:"Only this category."`
	Upstream string `query:"upstream" doc:"Only what this upstream offers."`
	Search   string `query:"search" doc:"Only what has this text in its SKU, name or brand."`
	Closed   bool   `query:"closed" doc:"Only what cannot be ordered now."`
	After    string `query:"after" doc:"The SKU that the page begins after: the last answer's next_after."`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// productsPage is a page of products.
type productsPage struct {
	backoffice.ProductList
	NextAfter *string `json:"next_after" doc:"Null at the end."`
}

type exportInput struct {
	Mode     string `query:"mode" enum:"live,test" doc:"Only of this mode."`
	Category string `query:"category" enum:"ppob,smm,otp,product" doc:"Only this category."`
	Upstream string `query:"upstream" doc:"Only what this upstream offers."`
}

type applyInput struct {
	DryRun  bool   `query:"dry_run" doc:"Only tell what would change."`
	RawBody []byte `contentType:"text/csv" doc:"As the export gives it, edited; lines and columns may be left out."`
}

type importInput struct {
	Body struct {
		Upstream string `json:"upstream,omitempty" doc:"Only this upstream; left out, all that are configured and have a catalogue." example:"rumahotp-1"`
	}
}

type importsInput struct {
	Run []string `query:"run" doc:"The runs that are watched, as the request for them gave them." example:"[\"4\"]"`
}

// catalogRoutes are what is for sale.
func (s *server) catalogRoutes() {
	read(s, rest.Operation{
		ID: "listProducts", Path: "/products", Tag: tagCatalog, Summary: "Products with their offers", Refusals: []fault.Kind{fault.Invalid},
		Text: "By SKU, with prices at every tier, and what each upstream asks for it.",
	}, s.products)
	closing := func(id, verb, summary string, closed bool) {
		register(s, token.Operator, rest.Operation{
			ID: id + "Product", Method: http.MethodPost, Path: "/products/{sku}/" + verb, Tag: tagCatalog, Summary: summary, Text: "Of whatever kind it is.",
			Refusals: []fault.Kind{fault.NotFound},
		}, func(ctx context.Context, in *SKUInput) (*backoffice.ProductChanged, error) {
			return backoffice.SetProductClosed(ctx, s.office.DB.Pool, in.SKU, closed, actor(ctx), s.deps.Now())
		})
		register(s, token.Operator, rest.Operation{
			ID: id + "Offer", Method: http.MethodPost, Path: "/offers/{id}/" + verb, Tag: tagCatalog, Summary: summary + ": one offer of it", Text: "Other offers of the product stay as they are.",
			Refusals: []fault.Kind{fault.Invalid, fault.NotFound},
		}, func(ctx context.Context, in *idInput) (*backoffice.OfferChanged, error) {
			return backoffice.SetOfferClosed(ctx, s.office.DB.Pool, in.ID, closed, actor(ctx), s.deps.Now())
		})
	}
	closing("close", "close", "Take a product off sale", true)
	closing("open", "open", "Put a product on sale again", false)
	s.choiceRoutes()
	s.reviewRoutes()
	s.tableRoutes()
	register(s, token.Operator, rest.Operation{
		ID: "requestImport", Method: http.MethodPost, Path: "/imports", Tag: tagCatalog, Summary: "Read what upstreams list", Refusals: []fault.Kind{fault.Invalid, fault.NotFound},
		Text: "Their workers do it; the answer's runs are watched at `GET /imports?run=…`.",
	}, s.requestImport)
	read(s, rest.Operation{
		ID: "watchImports", Path: "/imports", Tag: tagCatalog, Summary: "How imports go", Refusals: []fault.Kind{fault.Invalid, fault.NotFound}, Text: "Of the runs that are named.",
	}, s.imports)
}

// reviewRoutes are costs that jumped.
func (s *server) reviewRoutes() {
	read(s, rest.Operation{
		ID: "listPendingCosts", Path: "/review", Tag: tagCatalog, Summary: "Costs that jumped", Text: "They wait for a decision, the oldest first; until then the old cost holds.",
	}, func(ctx context.Context, _ *none) (*backoffice.PendingList, error) {
		return backoffice.ListPending(ctx, s.office.DB.Pool)
	})
	decide := func(verb, summary, text string, accept bool) {
		register(s, token.Finance, rest.Operation{
			ID: verb + "Cost", Method: http.MethodPost, Path: "/review/{id}/" + verb, Tag: tagCatalog, Summary: summary, Text: text + " The id is the offer's. Where another operator was faster nothing waits any more.",
			Refusals: []fault.Kind{fault.Invalid, fault.Conflict},
		}, func(ctx context.Context, in *idInput) (*backoffice.CostDecided, error) {
			out, err := backoffice.DecideCost(ctx, s.office.DB.Pool, in.ID, accept, actor(ctx), s.deps.Now())
			var f *fault.Error
			if errors.As(err, &f) && f.Kind == fault.NotFound {
				return nil, fault.New(fault.Conflict, f.Message)
			}
			return out, err
		})
	}
	decide("accept", "Take a new cost", "Prices move with it at once.", true)
	decide("reject", "Refuse a new cost", "The offer is closed until it is opened again.", false)
}

// tableRoutes are the catalogue as a table.
func (s *server) tableRoutes() {
	download(s, token.Operator, rest.Operation{
		ID: "exportCatalog", Path: "/catalog.csv", Tag: tagCatalog, Summary: "The catalogue as a table",
		Text: "A line an offer, or a line a product where it has none. Edit it and send it to `POST /catalog`.",
	}, func(_ context.Context, in *exportInput) (string, table, error) {
		return "catalogue", func(ctx context.Context, w io.Writer) error {
			return edit.Export(ctx, s.office.DB.Pool, edit.Filter{Mode: in.Mode, Category: in.Category, Upstream: in.Upstream}, w)
		}, nil
	})
	register(s, token.Finance, rest.Operation{
		ID: "applyCatalog", Method: http.MethodPost, Path: "/catalog", Tag: tagCatalog, Summary: "Change the catalogue by a table", Refusals: []fault.Kind{fault.Invalid, fault.TooLarge, fault.SlowBody},
		Text: "All of it or nothing: every mistake is named with its line. Another `sku` beside an `offer_id` moves the offer to that product, `new_sku` renames a product, `price` is a premium " +
			"product's; `closed`, `offer_closed`, `priority`, `weight`, `name`, `brand`, `group` and `description` are as they say. What is empty stays. Up to 32 MiB.",
		MaxBody: maxTable,
	}, s.apply)
}

// maxTable bounds a catalogue that is sent, in bytes.
const maxTable = 32 << 20

func (s *server) apply(ctx context.Context, in *applyInput) (*edit.Changed, error) {
	out, err := edit.Apply(ctx, s.office.DB.Pool, bytes.NewReader(in.RawBody), "admin API", in.DryRun, actor(ctx), s.deps.Now())
	var wrong *edit.Problems
	if !errors.As(err, &wrong) {
		return out, err
	}
	f := fault.New(fault.Invalid, "nothing was changed: the table has mistakes")
	for _, p := range wrong.List {
		f.Details = append(f.Details, fault.Detail{Field: "line " + strconv.Itoa(p.Line), Message: p.Message})
	}
	return nil, f
}

func (s *server) products(_ context.Context, in *productsInput) (*productsPage, error) {
	list := backoffice.ListProducts(s.deps.Catalog.Snapshot(), &backoffice.ProductFilter{
		Mode: in.Mode, Category: in.Category, Upstream: in.Upstream, Search: in.Search, Closed: in.Closed, After: strings.ToUpper(in.After), Limit: min(in.Limit, productsMost) + 1,
	})
	out := &productsPage{ProductList: *list}
	if len(out.Products) > in.Limit {
		out.Products = out.Products[:in.Limit]
		out.NextAfter = &out.Products[in.Limit-1].SKU
	}
	out.Count = len(out.Products)
	return out, nil
}

func (s *server) requestImport(ctx context.Context, in *importInput) (*backoffice.ImportList, error) {
	names := s.deps.Sources
	if in.Body.Upstream != "" {
		if !slices.Contains(names, in.Body.Upstream) {
			return nil, fault.New(fault.NotFound, "no upstream of the configuration is called "+strconv.Quote(in.Body.Upstream)+" and has a catalogue")
		}
		names = []string{in.Body.Upstream}
	}
	runs, err := backoffice.RequestImports(ctx, s.office.DB.Pool, names, actor(ctx), s.deps.Now())
	if err != nil {
		return nil, err
	}
	return backoffice.Imports(ctx, s.office.DB.Pool, runs, s.deps.Now())
}

func (s *server) imports(ctx context.Context, in *importsInput) (*backoffice.ImportList, error) {
	runs := make([]int64, 0, len(in.Run))
	for _, text := range in.Run {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || len(in.Run) > productsMost {
			return nil, fault.Field("run", "must be ids of runs, "+strconv.Itoa(productsMost)+" at most")
		}
		runs = append(runs, n)
	}
	out, err := backoffice.Imports(ctx, s.office.DB.Pool, runs, s.deps.Now())
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no such run")
	}
	return out, err
}
