// Package smm is the driver for SMM panels that follow the v2 convention.
//
// Decisions that bind it:
//
//   - add carries no reference of ours and panels have no list of orders: a lost
//     answer can neither be asked about nor sent again. So the driver is
//     [upstream.Serial], and a lost add is settled by the balance before and after it
//     and by an operator; nothing ever comes back by itself.
//   - Only the texts and keys that the contract lists are definite refusals: our key,
//     our funds, the service's id, the link, the quantity, an active order on the link.
//     Every other text is Unknown, as are HTML, 5xx, 429, empty answers and timeouts.
//     A listed text that goes on in words of doubt is Unknown, too.
//   - A state that is not listed (fail and error among them) keeps the order pending,
//     with an alert: it is never taken for a failure.
//   - remains is passed on only where it is a number; Whole says that nothing was
//     delivered and nothing is charged.
//   - Money is an exact decimal in the account's currency. The offer carries the rate
//     and the exchange rate by which its cost was worked out, and an order carries
//     its offer: what a charge comes to in rupiah is worked out by the exchange rate
//     that the order was priced with, and rounded up. A charge that is further from
//     the rate than drift_percent raises an alert.
//   - Services of a type that cannot be ordered are not offered.
//
// The configuration: credentials.api_key; base_url with or without the path (it is
// /api/v2 when left out); options currency (IDR when left out), rate (rupiah for one
// of that currency, with decimals; needed for any other than IDR) and drift_percent
// (5 when left out).
package smm
