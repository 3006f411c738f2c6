// Command client is what a merchant would write in Go: a client generated from the
// document places an order, follows it to its end and reads a refusal.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"merchant.example/client/gateway"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Getenv("GATEWAY_URL"), os.Getenv("GATEWAY_KEY")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, key string) error {
	c, err := gateway.NewClientWithResponses(url, gateway.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
	if err != nil {
		return err
	}
	customer := "081234567801"
	placed, err := c.PlaceOrderWithResponse(ctx, gateway.PlaceOrderJSONRequestBody{
		Category: gateway.OrderBodyCategoryPpob, Ref: "go-1", Sku: "TESTPULSA5", CustomerNo: &customer,
	})
	if err != nil {
		return err
	}
	if placed.JSON200 == nil {
		return fmt.Errorf("not placed: %s", placed.Body)
	}
	order, err := placed.JSON200.Data.Order.AsPPOBView()
	if err != nil {
		return err
	}
	fmt.Println("placed", order.OrderId, order.Price, placed.JSON200.Data.Balance)
	for order.Status != gateway.PPOBViewStatusCompleted {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the order is %s", order.Status)
		case <-time.After(100 * time.Millisecond):
		}
		read, err := c.GetOrderWithResponse(ctx, "go-1")
		if err != nil {
			return err
		}
		if read.JSON200 == nil {
			return fmt.Errorf("not read: %s", read.Body)
		}
		if order, err = read.JSON200.Data.Order.AsPPOBView(); err != nil {
			return err
		}
	}
	fmt.Println("read", order.Status, *order.Data.Sn)
	refused, err := c.PlaceOrderWithResponse(ctx, gateway.PlaceOrderJSONRequestBody{Category: gateway.OrderBodyCategoryPpob, Ref: "go-2", Sku: "TESTPULSA5"})
	if err != nil {
		return err
	}
	if refused.JSON400 == nil || refused.JSON400.Details == nil || len(*refused.JSON400.Details) == 0 {
		return fmt.Errorf("not refused: %s", refused.Body)
	}
	fmt.Println("refused", refused.StatusCode(), refused.JSON400.Code, (*refused.JSON400.Details)[0].Field)
	unknown, err := c.GetOrderWithResponse(ctx, "nobody")
	if err != nil {
		return err
	}
	if unknown.JSON404 == nil {
		return fmt.Errorf("not refused: %s", unknown.Body)
	}
	fmt.Println("unknown", unknown.StatusCode(), unknown.JSON404.Code)
	return nil
}
