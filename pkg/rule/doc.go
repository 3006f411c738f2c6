// Package rule keeps what is set for what a wallet may spend: by its owner (the duplicate
// guard) and by operators (limits).
//
// Decisions that bind this package:
//
//   - Rules are changed and judged under the wallet's lock, so that no two orders or
//     withdrawals pass one together, and a change holds for everything after it in
//     every process. wallets.ruled says whether there is a row at all: a wallet for which
//     nothing is set costs one column of the row that is locked anyway.
//   - A limit of the day counts what was ordered (or withdrawn) on a day of the brand's
//     time zone and has not been given back: an order that fails tomorrow gives room
//     back on the day on which it was placed, which is over by then.
//   - Limits bind merchants, not operators: adjustments and late charges are beyond them.
package rule
