// Package catalog holds what is for sale: products with SKUs of ours, the offers
// of upstreams behind them, prices by tier, and which offer an order goes to.
//
// Decisions that bind this package:
//
//   - Readers work from memory. A [Snapshot] never changes; a newer one takes its
//     place when catalog_version moves, which is looked at every second. What is
//     loaded is only what changed since.
//   - A change bumps catalog_version last in its transaction and stamps the
//     products it touched ([Bump]). The row lock orders versions as they commit,
//     so a reader that has seen version n has seen everything up to n.
//   - What moves by itself (an upstream's breaker and balance, the stock of premium
//     products) has no version. It is read beside it every second, and routing looks
//     at it at the moment of the order.
//   - Lists show what holds for minutes: closed, out of stock, trouble, cut off,
//     paused by an operator. A breaker that is open or a float that is empty refuses
//     orders (503) and does not change a list.
//   - An order goes to the cheapest open offer (or by priority, or by weight) whose source is
//     not paused, behind a breaker or short of float, within the order's bound. Sources that
//     do badly by what was observed of late come last, and are not left out: where nothing
//     else is to be had they are better than none. What was observed fades, so that they are
//     tried again. It changes no price.
//   - The price at a tier is the cost with the tier's markup, rounded up to the step,
//     and never under cost + floor. The cost is that of the offer which an order
//     would go to; under the policy "weight" the dearest of those.
//   - A cost that jumped further than the bound waits for an operator. The old cost
//     stays in the price; but where the new one is above what the lowest tier pays
//     less the floor, the offer is closed until an operator has looked, since every
//     order through it would lose money.
//   - Only what is listed here by name reaches a merchant: no code, name, picture
//     or text of an upstream does. A premium product's price is one for all tiers.
//   - A SKU once given stays, whatever is imported later: merchants have it in
//     their systems. New SKUs avoid every code of every upstream (package intake).
package catalog
