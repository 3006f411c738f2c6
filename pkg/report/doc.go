// Package report says what the business came to: orders, what they brought in and
// cost, money in and out, by day and by what they are divided by.
//
// Decisions that bind this package:
//
//   - Money is summed from ledger entries by the time of the entry, never from orders:
//     over any range a report's revenue, cost and losses are the ledger's, to the
//     rupiah. A refund counts on the day on which it was given, not on that of its order.
//   - Orders are counted by their changes of state. An order that failed yesterday and
//     turns out today to have been delivered is one completed more and one failed less
//     today: what was reported of yesterday stays.
//   - A range is of whole days in the brand's time zone, from the first to before the
//     last.
//   - [Close] adds what closed hours came to to rows by day; what came since is summed
//     when it is asked for. Without any closed hour a report is the same, and slow. Days
//     of another time zone are thrown away and closed anew when the brand's changes.
//   - The tier is the merchant's when the hour was closed. Costs and losses belong to
//     the upstream that took them, everything else to the one that the order went to
//     last; a premium product has none.
package report
