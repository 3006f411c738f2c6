package catalog

// WithoutPriceList forgets the price list that was put together.
func WithoutPriceList(c *Catalog) *Catalog {
	c.pricesMu.Lock()
	defer c.pricesMu.Unlock()
	c.prices = nil
	return c
}
