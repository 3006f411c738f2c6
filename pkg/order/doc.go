// Package order keeps orders: their states, the transitions between them, and
// the commits that move state, money, evidence and webhooks together.
//
// Decisions that bind this package:
//
//   - [Placer.Place] accepts: order row, debit and entry in one commit. [Writer.Do]
//     is the only way an order changes afterwards. Both collect concurrent calls
//     into common commits; a refused call never fails its neighbours.
//   - One order per (wallet, ref), for ever. The content hash tells a repetition from
//     a conflict; price and callback are no part of it.
//   - What is set for a wallet's orders (package rule) is judged in the common commit, under
//     the wallet's lock. What a day's orders came to is kept only where it is limited, by
//     Place and by what goes back; it can always be counted anew.
//   - A step is guarded by (state, attempt) under the row's lock. A step that does
//     not fit where the order stands is [ErrStale]: better news came first.
//   - Queued is reached only where nothing was bought, so an order whose merchant wants it
//     canceled ends there: a step back to the queue becomes its cancel, by what the row
//     says and not the step. It is never claimed again.
//   - Unknown is not failed. Nothing here ends an order because of its age.
//   - Lock order: Place locks wallets (by id) and then inserts orders that nobody
//     else can see; Writer locks orders (by id) and then wallets (by id). Neither
//     waits for a row that the other holds while waiting for it: orders that Place
//     inserts are new, and it locks no old ones.
//   - What a merchant sees is [View], an allow-list. Code, Extra, UpstreamRef and the
//     attempts' evidence never leave for a merchant.
//   - next_run_at says when to look again; null means that nothing more is to come.
//     Workers and scheduler work off it; queues are hints.
package order
