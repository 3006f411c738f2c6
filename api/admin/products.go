package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/muarahq/muara/api/internal/rest"
	"github.com/muarahq/muara/pkg/backoffice"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/fault"
	"github.com/muarahq/muara/pkg/token"
)

// SKUInput names a product.
type SKUInput struct {
	SKU string `path:"sku" doc:"Our code for it." example:"NFLX1"`
}

type addProductInput struct {
	Body struct {
		SKU         string `json:"sku" minLength:"1" maxLength:"40" doc:"Letters, digits, dots, underscores, hyphens." example:"NFLX1"`
		Name        string `json:"name" minLength:"1" maxLength:"200" example:"Netflix - 1 Bulan"`
		Price       int64  `json:"price" minimum:"1" doc:"Rupiah, the same for every tier." example:"35000"`
		Product     string `json:"product,omitempty" maxLength:"200" doc:"The product whose variant it is; left out, what stands before \" - \" in the name."`
		Description string `json:"description,omitempty" maxLength:"2000" doc:"What merchants read about it."`
		Mode        string `json:"mode,omitempty" enum:"live,test" default:"live" doc:"Who sees it: live or test keys."`
	}
}

type addStockInput struct {
	SKUInput
	Body struct {
		Items []string `json:"items" minItems:"1" maxItems:"10000" nullable:"false" doc:"What is sold, one each: an account, a code. No answer ever has them again."`
	}
}

// productRoutes are premium products: ours, delivered from stock.
func (s *server) productRoutes() {
	register(s, token.Finance, rest.Operation{
		ID: "addProduct", Method: http.MethodPost, Path: "/products", Tag: tagCatalog, Summary: "Put a premium product on sale", Text: "It has no stock yet.",
		Refusals: []fault.Kind{fault.Invalid, fault.Conflict},
	}, func(ctx context.Context, in *addProductInput) (*backoffice.ProductAdded, error) {
		p := catalog.Premium{Mode: in.Body.Mode, SKU: in.Body.SKU, Name: in.Body.Name, Product: in.Body.Product, Description: in.Body.Description, Price: in.Body.Price}
		out, err := backoffice.AddProduct(ctx, s.office.DB.Pool, p, actor(ctx), s.deps.Now())
		if errors.Is(err, catalog.ErrExists) {
			return nil, fault.New(fault.Conflict, "there is a product with this SKU already").Because(err)
		}
		return out, err
	})
	register(s, token.Operator, rest.Operation{
		ID: "addStock", Method: http.MethodPost, Path: "/products/{sku}/stock", Tag: tagCatalog, Summary: "Add items to a premium product's stock",
		Text:     "They are sealed and sold in their order; those that the product had already are passed over. What they are is told to nobody but who buys them.",
		Refusals: []fault.Kind{fault.Invalid, fault.NotFound, fault.TooLarge},
	}, func(ctx context.Context, in *addStockInput) (*backoffice.StockAdded, error) {
		for i, item := range in.Body.Items {
			if strings.ContainsAny(item, "\r\n") || strings.TrimSpace(item) == "" {
				return nil, fault.Field("items["+strconv.Itoa(i)+"]", "must be one line that says something")
			}
		}
		return backoffice.AddStock(ctx, s.office.DB.Pool, s.office.Sealer, in.SKU, strings.NewReader(strings.Join(in.Body.Items, "\n")), actor(ctx), s.deps.Now())
	})
}
