package upstream

import "context"

// SellsNothing is embedded by the driver of a provider from whom nothing is bought (a
// payment gateway), so that [Driver] stays what every caller may rely on: no order
// is ever routed there, since it lists no offers, and one that were would fail over
// as from any provider that does not have the product. Nothing leaves us.
type SellsNothing struct{}

// Submit refuses.
func (SellsNothing) Submit(context.Context, *Purchase) (*Result, error) { return nil, sellsNothing() }

// Status refuses: there is nothing that Submit answered.
func (SellsNothing) Status(context.Context, *Purchase) (*Result, error) { return nil, sellsNothing() }

func sellsNothing() *Error { return Reject(ReasonProduct, "", "this source sells nothing") }
